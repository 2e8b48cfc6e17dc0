"""Where the time of a step goes: gathering, each product, each pass over vectors, the update.

`engine.measure` lets the engine stamp the end of each part, and its parts are held against whole
steps that nobody stamped, in turns. They add up to somewhat more or less than the whole: a stamp
takes as long as a part of a network of a few units; a stamped step is a call of its own, for which
a second thread has to be woken, where unstamped steps follow each other in one call; and parts are
medians, each by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks import pictures, pool
from benchmarks.options import Options
from benchmarks.peers import TRAINERS
from benchmarks.problems import CASES, Case, products
from benchmarks.statistics import Spread
from benchmarks.tables import Table, microseconds, significant
from benchmarks.worker import Training

# parts as this page calls them: (name, what it is, kind)
PARTS = {
    "gather": ("gather", "the batch brought into place"),
    "z": ("product", "z = a W + b"),
    "a": ("pointwise", "a = f(z)"),
    "loss": ("pointwise", "loss and δ of the output, BP1"),
    "bp3": ("pointwise", "BP3, the gradient of b"),
    "bp4": ("product", "BP4, the gradient of W"),
    "delta": ("product", "BP2, the δ before"),
    "update": ("update", "the update"),
}
KINDS = {"gather": "#777777", "product": "#0072B2", "pointwise": "#E69F00", "update": "#009E73"}
STAMPED = 15  # steps with stamps in a turn


class Profiled:
    """The subject: whole steps and stamped ones, in one process."""

    def __init__(self, case: Case) -> None:
        self.training = Training(TRAINERS[0], case, None)
        self.rows = np.arange(case.batch)

    def calibrate(self, seconds: float) -> int:
        """Warm up; return how many steps take about so long."""
        return self.training.calibrate(seconds)

    def run(self, steps: int) -> tuple[float, list[tuple[str, int, float]]]:
        """Return the seconds of an unstamped step, and of each part of a stamped one."""
        whole = self.training.run(steps)[0] / steps
        trainer: Any = self.training.trainer
        state = trainer.state.copy()
        state.position = 0
        found = trainer.engine.measure(state, trainer.block, self.rows, STAMPED)
        return whole, [(time.part, time.layer, time.seconds) for time in found]

    def note(self) -> str:
        """Return the engine's plan."""
        return self.training.note()


def run(options: Options) -> dict:
    """Measure every network of the table."""
    rows = []
    with pool.closing([pool.Worker("profile")]) as (worker,):
        for case in options.chosen(CASES):
            options.say(f"profile {case.name}")
            worker.send("make", "benchmarks.profile:Profiled", case)
            worker.receive()
            steps = worker.ask("calibrate", options.turn_seconds)
            turns = [worker.ask("run", steps) for _ in range(options.repeats)]
            rows.append(_record(case, turns, worker.ask("note")))
    return {"cases": rows}


def _record(case: Case, turns: list[tuple], plan: str) -> dict:
    """Return medians of the turns, with the multiplications of each part that is a product."""
    work = {(p.kind, p.layer): p.multiplications for p in products(case)}
    kinds = {"z": "z", "bp4": "BP4"}
    parts = []
    for times in zip(*(found for _, found in turns), strict=True):
        part, layer, _ = times[0]
        # the part named delta of a layer is the product with the weights of the one behind it
        key = ("BP2", layer + 1) if part == "delta" else (kinds.get(part, ""), layer)
        parts.append({
            "part": part, "layer": layer, "kind": PARTS[part][0],
            "seconds": Spread.of([seconds for _, _, seconds in times]).median,
            "multiplications": work.get(key, 0),
        })  # fmt: skip
    return {
        "name": case.name, "network": case.network, "batch": case.batch, "plan": plan,
        "step": Spread.of([whole for whole, _ in turns]).median,
        "sum": sum(part["seconds"] for part in parts), "parts": parts,
    }  # fmt: skip


def tables(section: dict) -> list[Table]:
    """Return the parts of each network, and the sums beside the steps."""
    sums = Table(
        "Profile: parts beside the whole",
        ["case", *KINDS, "sum of parts, µs", "a step unstamped, µs", "sum / step"],
        about="A step's parts by their kind, in µs, as the engine stamped them, and whole steps "
        "that nobody stamped. On several threads it is the first one's time; waiting for the "
        "others is in the part that is waited for.",
    )
    found = []
    for case in section["cases"]:
        by_kind = _by_kind(case)
        sums.add(
            case["name"], *(microseconds(by_kind[kind]) for kind in KINDS),
            microseconds(case["sum"]), microseconds(case["step"]),
            f"{case['sum'] / case['step']:.2f}",
        )  # fmt: skip
        found.append(_parts(case))
    return [sums, *found]


def _by_kind(case: dict) -> dict[str, float]:
    total = dict.fromkeys(KINDS, 0.0)
    for part in case["parts"]:
        total[part["kind"]] += part["seconds"]
    return total


def _parts(case: dict) -> Table:
    table = Table(
        f"Profile of a step: {case['name']}",
        ["part", "layer", "µs", "% of the sum", "GFLOP/s"],
        about=case["plan"],
    )
    for part in case["parts"]:
        work = part["multiplications"]
        rate = significant(2e-9 * work / part["seconds"]) if work and part["seconds"] else "–"
        table.add(
            PARTS[part["part"]][1], part["layer"] or "–", microseconds(part["seconds"]),
            f"{100 * part['seconds'] / case['sum']:.0f} %", rate,
        )  # fmt: skip
    table.add("sum", "", microseconds(case["sum"]), "100 %", "")
    return table


def figures(section: dict) -> dict[str, Figure]:
    """Return the shares of the kinds, a bar a network."""
    cases = section["cases"]
    shares = [{k: v / case["sum"] for k, v in _by_kind(case).items()} for case in cases]
    figure = Figure(figsize=(7.2, 1.5 + 0.42 * len(cases)))
    axes = figure.subplots()
    left = np.zeros(len(cases))
    places = -np.arange(len(cases))
    for kind, colour in KINDS.items():
        widths = np.array([100 * share[kind] for share in shares])
        axes.barh(places, widths, 0.62, left=left, color=colour, label=kind)
        left += widths
    axes.set_yticks(places, [case["name"] for case in cases])
    axes.set_xlim(0, 100)
    axes.grid(False, axis="y")
    axes.set_axisbelow(True)
    axes.set_xlabel("% of the sum of a step's parts")
    most = shares[-1]["product"]
    pictures.title(
        figure, f"Where a step goes: products are {100 * shares[0]['product']:.0f} % of the "
        f"smallest network's and {100 * most:.0f} % of the largest's",
    )  # fmt: skip
    figure.legend(loc="outside lower center", ncols=len(KINDS), fontsize=9)
    return {"profile": figure}
