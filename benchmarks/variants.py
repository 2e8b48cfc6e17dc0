"""Variants: what another loss, rule, activation, precision or dropout costs beside the base case.

One process holds the base case and one variant at a time and runs them by turns, so that a busy
machine slows both alike; what counts is the median of the rounds' ratios.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks import pool
from benchmarks.options import Options
from benchmarks.peers import TRAINERS
from benchmarks.problems import CASES, Case
from benchmarks.statistics import Spread
from benchmarks.worker import Training

NETWORKS = ("64-100-10", "54-128-128-7")
STEPS = 100


class Pair:
    """The base case and a variant of it, in one process; ours only."""

    def __init__(self, base: Case, variant: Case) -> None:
        self.pair = [Training(TRAINERS[0], case, None) for case in (base, variant)]
        self.steps = 1

    def calibrate(self, seconds: float) -> int:
        """Warm both up; return the steps of a turn."""
        self.steps = min(training.calibrate(seconds) for training in self.pair)
        return self.steps

    def run(self) -> tuple[float, float]:
        """Return the seconds a step of both, one after the other."""
        first, second = (training.run(self.steps)[0] / self.steps for training in self.pair)
        return first, second


def variants(base: Case) -> list[tuple[str, str, Case, bool]]:
    """Return (group, name, case, whether the bound of 1.3 holds for it)."""
    from clearprop.equations import RULES
    from clearprop.functions import ACTIVATIONS, LOSSES

    rows = [("precision", "float64", replace(base, dtype="float64"), False)]
    for name, kind in LOSSES.items():
        if name != base.loss:
            other = replace(base, loss=name, output=kind.match or "identity")
            rows.append(("loss", f"{name}, {other.output}", other, True))
    rows += [("rule", name, replace(base, rule=name), True) for name in RULES if name != base.rule]
    rows += [
        ("activation", name, replace(base, activation=name), False)
        for name, kind in ACTIVATIONS.items()
        if name != base.activation and kind.derivative is not None
    ]
    rows += [
        ("dropout", "dropout 0.2", replace(base, dropout=0.2), True),
        ("penalty", "L2 1e-4", replace(base, l2=1e-4), False),
        ("clipping", "clip_norm 1", replace(base, clip_norm=1.0), False),
    ]
    return rows


def run(options: Options) -> dict:
    """Measure every variant on the two networks."""
    rows = []
    with pool.closing([pool.Worker("variants")]) as (worker,):
        for base in CASES:
            if base.network not in NETWORKS or base not in options.chosen(CASES):
                continue
            base = base.with_steps(STEPS)
            for group, name, case, bounded in variants(base):
                options.say(f"variants {base.name}: {name}")
                worker.send("make", "benchmarks.variants:Pair", base, case)
                worker.receive()
                worker.ask("calibrate", options.turn_seconds / 4)
                times = [worker.ask("run") for _ in range(3 * options.repeats)]
                ratio = Spread.of([second / first for first, second in times])
                rows.append({
                    "base": base.name, "group": group, "variant": name, "bounded": bounded,
                    "ratio": ratio.median, "low": ratio.low, "high": ratio.high,
                    "base_seconds": Spread.of([first for first, _ in times]).median,
                    "seconds": Spread.of([second for _, second in times]).median,
                })  # fmt: skip
    return {"cases": rows}
