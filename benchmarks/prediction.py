"""Prediction: batches of 1, 32 and 10,000 rows through each network, arrays in, arrays out.

Ours is timed twice: `MLPClassifier.predict_proba`, which checks its input as scikit-learn does, and
`engine.predict` underneath, which is what stands beside PyTorch's and JAX's bare functions.
"""

from __future__ import annotations

import numpy as np

from benchmarks import same_work
from benchmarks.crew import Crew, best_of_families, calibrated, crew, rounds, row_of
from benchmarks.options import Options
from benchmarks.peers import PREDICTORS
from benchmarks.problems import CASES, PREDICTION_ROWS, Case, forward_multiplications

ENGINE = "clearprop engine"


def run(options: Options) -> dict:
    """Measure all networks at all batches."""
    cases = options.chosen(CASES)
    if options.quick and not options.cases:
        cases = [cases[1], cases[4]]
    with crew(PREDICTORS, options.thread_counts) as members:
        rows = []
        for case in cases:
            for count in PREDICTION_ROWS:
                options.say(f"prediction {case.network}, {count:,} rows, all peers in turn")
                rows.append(_case(options, members, case, count))
    return {"cases": rows, "left_out": members.left_out}


def _case(options: Options, members: Crew, case: Case, count: int) -> dict:
    where = f" on {case.network}, {count} rows"
    made = members.each(
        lambda worker, entry: (
            "make", "benchmarks.worker:Predicting", entry, case, worker.threads, count
        ),
        list(members.members), where,
    )  # fmt: skip
    samples = members.each(lambda *_: ("call", "sample"), list(made), where)
    difference = same_work.check(
        {
            f"{members.members[w].family} ({members.members[w].way})": np.ravel(sample)
            for w, sample in samples.items()
            if sample is not None
        },
        case.network,
    )
    calls = calibrated(members, list(samples), where, options.turn_seconds / 2)
    times = rounds(members, calls, options.repeats, where)
    ways = [row_of(members.members[w], w, taken, calls[w]) for w, taken in times.items()]
    families = best_of_families(ways)
    engine = families[ENGINE]["seconds"]
    for figures in families.values():
        figures["ratio_to_engine"] = figures["seconds"] / engine
    return {
        "network": case.network, "rows": count, "ways": ways, "families": families,
        "multiplications": forward_multiplications(case, count),
        "outputs_differ_by": difference,
    }  # fmt: skip
