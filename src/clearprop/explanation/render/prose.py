"""Running text for the terminal, broken where its language allows it.

Between Chinese characters a line may end anywhere, except before closing marks and after opening
ones; elsewhere it ends at a space. (Rich ends lines at spaces only.)

Public names: `Prose`.
May import: Rich.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.text import Text

_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_OPENING = "“‘（《〈「『【"
_CLOSING = "，。、；：！？”’）》〉」』】…·"
# what stays together: a character with the marks around it, or a word, and the spaces after it
_UNIT = re.compile(
    rf"[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_OPENING}{_CLOSING}]+|(?=[{_CLOSING}]))"
    rf"[{_CLOSING}]*\s*|[{_OPENING}]+\s*|\s+"
)


@dataclass(frozen=True)
class Prose:
    """A text that breaks itself into lines of the width that there is."""

    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield from self.lines(options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        limit = options.max_width
        return Measurement(min(self.least, limit), min(self.text.cell_len, limit))

    @property
    def least(self) -> int:
        """Places that the longest word takes."""
        return max((cell_len(unit.rstrip()) for unit in self._units()), default=0)

    def lines(self, width: int) -> Iterator[Text]:
        """Yield the lines of a width."""
        for line in self.text.divide(self._ends(width)):
            line.rstrip()
            yield line

    def _units(self) -> list[str]:
        return _UNIT.findall(self.text.plain)

    def _ends(self, width: int) -> list[int]:
        """Return where lines end, as places in the text."""
        ends, at, used = [], 0, 0
        for unit in self._units():
            if used and used + cell_len(unit.rstrip()) > width:
                ends.append(at)
                used = 0
            used += cell_len(unit)
            at += len(unit)
        return ends
