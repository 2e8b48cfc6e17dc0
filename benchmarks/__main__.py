"""`python -m benchmarks`: run the sections, print the tables, keep the file of results."""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from pathlib import Path

from rich.console import Console

import benchmarks
from benchmarks import keeping, machine, report
from benchmarks.options import Options
from benchmarks.problems import CASES, PER_SAMPLE
from benchmarks.same_work import DifferentWorkError
from benchmarks.sections import SECTIONS

FOLDER = Path("benchmarks/results")


def parse(arguments: list[str] | None = None) -> Options:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description=benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", default=",".join(SECTIONS),
        help="sections, by commas; '' draws page and pictures of --into anew",
    )  # fmt: skip
    parser.add_argument("--cases", default="", help="networks, by commas, such as 2-2-2,4-10-3")
    parser.add_argument("--repeats", type=int, default=None, help="rounds; 5, or 3 with --quick")
    parser.add_argument("--quick", action="store_true", help="fewer cases and shorter turns")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--out", type=Path, help="a folder; the file is named by the day")
    place.add_argument(
        "--into", type=Path, metavar="FILE.json",
        help="a file of results to put the figures into; made where there is none",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    sections = tuple(filter(None, given.only.split(",")))
    cases = tuple(filter(None, given.cases.split(",")))
    known = {case.network for case in (*CASES, *PER_SAMPLE)}
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if unknown := set(cases) - known:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    if given.into and given.into.suffix != ".json":
        parser.error(f"--into takes a file whose name ends with .json, but {given.into} came")
    into = given.into or (given.out or FOLDER) / f"{datetime.date.today().isoformat()}.json"
    console = Console(stderr=True)
    return Options(
        sections, cases, given.repeats or (3 if given.quick else 5), given.quick, into,
        lambda line: console.print(f"{datetime.datetime.now():%H:%M:%S}  {line}", style="dim"),
        merges=given.into is not None,
    )  # fmt: skip


def measure(options: Options, command: str) -> dict:
    """Run the sections that were asked for; return them with what the file held before."""
    here = machine.describe()
    results = keeping.read(options.into) if options.merges else None
    if results is None:
        today = datetime.date.today().isoformat()
        results = keeping.started(today, options.into.stem, here)
    keeping.check_machine(results, here)
    for section in options.sections:
        began = time.time()
        run = SECTIONS[section].load("run")
        assert run is not None
        results[section] = keeping.merged(results.get(section), run(options))
        results["runs"].append({
            "section": section, "command": command, "minutes": (time.time() - began) / 60,
            "repeats": options.repeats, "quick": options.quick,
            "date": datetime.date.today().isoformat(),
        })  # fmt: skip
        # what is measured is not lost if a later section fails
        keeping.keep_figures(results, options.into.parent)
    return results


def main() -> int:
    """Measure, print, keep."""
    options = parse()
    try:
        results = measure(options, " ".join(["python -m benchmarks", *sys.argv[1:]]).strip())
    except (DifferentWorkError, keeping.OtherMachineError) as error:
        print(error, file=sys.stderr)
        return 1
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    for table in report.tables(results):
        console.print(table.rich())
    for path in keeping.keep(results, options.into.parent):
        console.print(f"written: {path.name}", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
