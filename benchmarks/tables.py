"""Figures as tables: one description, printed on the terminal by Rich and on a page as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table as RichTable


@dataclass
class Table:
    """A title, the columns' heads, and rows of texts; the first column is left-aligned.

    `about` is a sentence that stands below the title.
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    about: str = ""

    def add(self, *cells: Any) -> None:
        """Add a row; it must have as many cells as there are columns."""
        if len(cells) != len(self.columns):
            raise ValueError(
                f"A row of {self.title!r} has {len(cells)} cells for {len(self.columns)} columns."
            )
        self.rows.append([str(cell) for cell in cells])

    def rich(self) -> RichTable:
        """Return it for the terminal."""
        table = RichTable(title=self.title, title_justify="left", caption=self.about or None,
                          caption_justify="left")  # fmt: skip
        for place, column in enumerate(self.columns):
            table.add_column(column, justify="right" if place else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return it for a page."""

        def line(cells: Sequence[str]) -> str:
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

        rule = line([":--", *["--:"] * (len(self.columns) - 1)])
        lines = [f"## {self.title}", "", *([self.about, ""] if self.about else [])]
        return "\n".join([*lines, line(self.columns), rule, *map(line, self.rows), ""])


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, no exponent, thousands apart.

    >>> significant(1234.5), significant(0.23456), significant(12.0)
    ('1,230', '0.235', '12.0')
    """
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = int(f"{abs(rounded):e}".split("e")[1])
    return f"{rounded:,.{max(0, digits - 1 - exponent)}f}"


def microseconds(seconds: float) -> str:
    """Return seconds as microseconds."""
    return significant(1e6 * seconds)


def times(ratio: float) -> str:
    """Return a ratio, such as `"12.5×"`."""
    return significant(ratio) + "×"
