"""The file of results: figures of one or several runs, put together section by section.

A machine that others use as well is free for some minutes at a time. So a run may measure some
sections, or some cases of one, and put them into the file of an earlier run on the same machine.
Every run is in the file with its command and its minutes.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import pictures, report
from benchmarks.problems import CASES, PER_SAMPLE
from benchmarks.sections import KEYS

# what must be the same for figures to stand in one file
SAME_MACHINE = ("processor", "cores", "vectors", "memory_gib", "system", "python", "libraries")


class OtherMachineError(Exception):
    """Figures of two machines were to go into one file; the message says what differs."""


def read(path: Path) -> dict | None:
    """Return what a file of results holds, None where there is no file."""
    return json.loads(path.read_text()) if path.exists() else None


def started(date: str, stem: str, machine: dict) -> dict:
    """Return results without figures."""
    return {"date": date, "stem": stem, "machine": machine, "runs": []}


def check_machine(results: dict, machine: dict) -> None:
    """Raise OtherMachineError where the file's figures come from another machine."""
    apart = [key for key in SAME_MACHINE if results["machine"].get(key) != machine.get(key)]
    if apart:
        was = "; ".join(f"{key} was {results['machine'].get(key)}" for key in apart)
        now = "; ".join(f"{key} is {machine.get(key)}" for key in apart)
        raise OtherMachineError(
            f"{results['stem']}.json was measured on another machine or with other libraries: "
            f"{was}. Here {now}. Give another file to --into."
        )


def key_of(case: dict) -> tuple:
    """Return what tells a case from the others of its section."""
    return tuple(str(case[key]) for key in KEYS if key in case)


def merged(before: dict | None, found: dict) -> dict:
    """Return a section's figures with newly measured ones in the place of those of the same name.

    Sections without cases are replaced whole; lists of peers that were left out are put together.
    """
    if before is None:
        return found
    if "series" in found:
        return {**before, **found, "series": {**before["series"], **found["series"]}}
    if "cases" not in found:
        return found
    cases = {key_of(case): case for case in (*before["cases"], *found["cases"])}
    left_out = {**before.get("left_out", {}), **found.get("left_out", {})}
    return {**before, **found, "cases": sorted(cases.values(), key=_place), "left_out": left_out}


def _place(case: dict) -> tuple[int, int]:
    """Return where a case stands among others: by its network, as the table of targets has them."""
    networks = list(dict.fromkeys(case.network for case in (*CASES, *PER_SAMPLE)))
    network = case.get("network")
    place = networks.index(network) if network in networks else len(networks)
    return place, case.get("rows", 0)


def keep_figures(results: dict, folder: Path) -> Path:
    """Write the figures alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results['stem']}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path


def keep(results: dict, folder: Path) -> list[Path]:
    """Write figures, page and pictures; return the files."""
    figures = keep_figures(results, folder)
    names = pictures.draw(results, folder)
    text = folder / f"{results['stem']}.md"
    text.write_text(report.page(results, names))
    return [figures, text, *(folder / name for name in names)]
