"""`python -m benchmarks`: run the sections, print the tables, keep the file of results."""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import sys
import time
from pathlib import Path

from rich.console import Console

import benchmarks
from benchmarks import machine, pictures, report
from benchmarks.options import SECTIONS, Options
from benchmarks.problems import CASES, PER_SAMPLE
from benchmarks.same_work import DifferentWorkError

# section: module and function
RUNS = {
    "training": ("training", "run"),
    "per-sample": ("training", "run_per_sample"),
    "prediction": ("prediction", "run"),
    "variants": ("variants", "run"),
    "threads": ("threads", "run"),
    "growth": ("growth", "run"),
    "memory": ("memory", "run"),
    "cold": ("cold", "run"),
    "recurrent": ("recurrent", "run"),
}


def parse(arguments: list[str] | None = None) -> Options:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description=benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, by commas")
    parser.add_argument("--cases", default="", help="networks, by commas, such as 2-2-2,4-10-3")
    parser.add_argument("--repeats", type=int, default=None, help="rounds; 5, or 3 with --quick")
    parser.add_argument("--quick", action="store_true", help="fewer cases and shorter turns")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args(arguments)
    sections = tuple(filter(None, given.only.split(",")))
    cases = tuple(filter(None, given.cases.split(",")))
    known = {case.network for case in (*CASES, *PER_SAMPLE)}
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if unknown := set(cases) - known:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    repeats = given.repeats or (3 if given.quick else 5)
    console = Console(stderr=True)
    return Options(
        sections, cases, repeats, given.quick, given.out,
        lambda line: console.print(f"{datetime.datetime.now():%H:%M:%S}  {line}", style="dim"),
    )  # fmt: skip


def measure(options: Options) -> dict:
    """Run the sections that were asked for."""
    began = time.time()
    date = datetime.date.today().isoformat()
    results = {
        "date": date, "stem": date, "command": "python -m benchmarks " + " ".join(sys.argv[1:]),
        "repeats": options.repeats, "quick": options.quick, "machine": machine.describe(),
    }  # fmt: skip
    for section in options.sections:
        module, name = RUNS[section]
        results[section] = getattr(importlib.import_module(f"benchmarks.{module}"), name)(options)
        results["minutes"] = (time.time() - began) / 60
        keep_figures(results, options.out)  # what is measured is not lost if a later section fails
    return results


def keep_figures(results: dict, folder: Path) -> Path:
    """Write the figures alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results['stem']}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path


def keep(results: dict, folder: Path) -> list[Path]:
    """Write figures, page and pictures of a run; return the files."""
    figures = keep_figures(results, folder)
    names = pictures.draw(results, folder)
    text = folder / f"{results['stem']}.md"
    text.write_text(report.page(results, names))
    return [figures, text, *(folder / name for name in names)]


def main() -> int:
    """Measure, print, keep."""
    options = parse()
    try:
        results = measure(options)
    except DifferentWorkError as error:
        print(error, file=sys.stderr)
        return 1
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    for table in report.tables(results):
        console.print(table.rich())
    for path in keep(results, options.out):
        console.print(f"written: {path.name}", style="dim")
    return 0


if __name__ == "__main__":
    sys.exit(main())
