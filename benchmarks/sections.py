"""The sections of the benchmark: who measures each, and what a reader sees of it.

To add one write a module with `run(options)`, which returns plain data for the file of results, and
a row here. Where its dictionary has a list `cases`, single cases can be measured apart and put into
the same file (`--cases`, `--into`); what tells two cases apart is in `KEYS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# what names a case, in whichever section: those of these that it has
KEYS = ("name", "network", "rows", "base", "group", "variant")


@dataclass(frozen=True)
class Section:
    """A section; each function is named as `module:function` below `benchmarks`.

    Attributes
    ----------
    run : str
        Takes `Options`, returns the section's figures.
    tables : str
        Takes the figures, returns a list of `Table`.
    ways : str
        The same, for tables that stand at the end of the page.
    verdicts : str
        Takes the figures, returns a list of `Verdict`: what was to be reached, and was it.
    pictures : str
        Takes the figures, returns Matplotlib's figures by name.
    """

    run: str
    tables: str
    ways: str = ""
    verdicts: str = ""
    pictures: str = ""

    def load(self, what: str) -> Callable[[Any], Any] | None:
        """Return one of the functions by its attribute's name; None where there is none."""
        target = getattr(self, what)
        if not target:
            return None
        module, name = target.split(":")
        return getattr(importlib.import_module(f"benchmarks.{module}"), name)


# in the order in which they are measured and told
SECTIONS = {
    "training": Section(
        "training:run", "report:training", "report:ways", "targets:training", "pictures:training"
    ),
    "per-sample": Section(
        "training:run_per_sample", "report:per_sample", "report:ways", "targets:per_sample",
        "pictures:per_sample",
    ),
    "recurrent": Section("recurrent:run", "recurrent:tables", "", "recurrent:verdicts"),
    "profile": Section("profile:run", "profile:tables", pictures="profile:figures"),
    "prediction": Section(
        "prediction:run", "report:prediction", "", "targets:prediction", "pictures:prediction"
    ),
    "variants": Section("variants:run", "report:variants", "", "targets:variants"),
    "threads": Section("threads:run", "report:threads"),
    "growth": Section("growth:run", "report:growth", pictures="pictures:growth"),
    "memory": Section("memory:run", "report:memory", "", "targets:memory"),
    "cold": Section("cold:run", "report:cold", "", "targets:cold"),
    "accelerator": Section("accelerator:run", "accelerator:tables"),
}  # fmt: skip
