"""`python -m benchmarks.evidence`: fit what the file of rows lacks, then draw the page."""

from __future__ import annotations

import argparse
import datetime
import sys
from importlib import util
from pathlib import Path

from benchmarks import evidence
from benchmarks.evidence import fitting, rows
from benchmarks.evidence.data import TABLES, Table, load
from benchmarks.evidence.methods import METHODS

ROWS = Path("benchmarks/results/tables.jsonl")
PAGE = Path("docs/tables-evidence.md")
# fitted before the first fit of a method that is timed
WARMING = "iris"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.evidence",
        description=evidence.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tables", default=",".join(TABLES), help="names, by commas")
    parser.add_argument("--methods", default="; ".join(METHODS), help="names, by semicolons")
    parser.add_argument("--splits", type=int, default=5, help="how many splits, from 0 on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--timed", action="store_true",
        help="mark the fits' times as measured with nothing beside them on the machine",
    )  # fmt: skip
    parser.add_argument("--rows", type=Path, default=ROWS, metavar="FILE.jsonl")
    parser.add_argument("--page", type=Path, default=None, metavar="FILE.md",
                        help=f"where to write the page, such as {PAGE}")  # fmt: skip
    given = parser.parse_args(arguments)
    given.tables = [name.strip() for name in given.tables.split(",") if name.strip()]
    given.methods = [name.strip() for name in given.methods.split(";") if name.strip()]
    if unknown := set(given.tables) - set(TABLES):
        parser.error(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    if unknown := set(given.methods) - set(METHODS):
        parser.error(f"no method {', '.join(unknown)}; there are {'; '.join(METHODS)}")
    return given


def say(text: str) -> None:
    """Tell of progress."""
    print(f"{datetime.datetime.now():%H:%M:%S}  {text}", file=sys.stderr, flush=True)


def run(given: argparse.Namespace) -> None:
    """Fit what is missing: the first split of every table before any table's second."""
    methods = [METHODS[name] for name in given.methods if METHODS[name].installed]
    for name in given.methods:
        if not METHODS[name].installed:
            say(f"{name} is left out: the module {METHODS[name].module} is not installed here")
    done = {rows.key_of(row) for row in rows.read(given.rows)}
    tables: dict[str, Table] = {}
    warm: set[str] = set()
    for split in range(given.splits):
        for name in given.tables:
            for method in methods:
                row = fitting.planned(name, split, method, given.threads, given.timed)
                if rows.key_of(row) in done:
                    continue
                if name not in tables:
                    tables[name] = load(name)
                if given.timed and method.name not in warm:
                    # a library's first fit loads and compiles things, which no later one does
                    fitting.fit(load(WARMING), split, method, given.threads)
                    warm.add(method.name)
                row.update(fitting.fit(tables[name], split, method, given.threads))
                rows.append(given.rows, row)
                errors = ", ".join(f"{key} {value:.4f}" for key, value in row["errors"].items())
                say(f"{name}, split {split}, {method.name}: {row['seconds']:.2f} s, {errors}")


def draw(given: argparse.Namespace) -> None:
    """Print the tables of all rows, and write the page where one was asked for."""
    from rich.console import Console

    from benchmarks.evidence import page

    known = rows.read(given.rows)
    tables = page.tables(known, given.methods)
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    for table in tables:
        console.print(table.rich())
    if given.page:
        fitted = {row["method"] for row in known}
        page.write(given.page, tables, [name for name in given.methods if name not in fitted])


def main() -> int:
    """Fit and draw."""
    given = parse()
    run(given)
    # an environment made for the peers may have nothing to draw with
    if util.find_spec("rich"):
        draw(given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
