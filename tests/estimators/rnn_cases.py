"""Small sequences that the tests of RNNClassifier and RNNRegressor share."""

from __future__ import annotations

import numpy as np
import polars as pl

from clearprop import GRU, Dense, Network, RNNClassifier, RNNRegressor
from clearprop.engines import Recipe, build
from clearprop.errors import ClearpropError

SMALL = {"units": 5, "max_iter": 4, "random_state": 0, "engine": "reference"}


def _native() -> list[str]:
    network = Network(2, (GRU(3), Dense(1, "identity")))
    try:
        engine = build("auto", network, Recipe())
        engine.predict(np.zeros(network.size, network.dtype), _sequences_of_two(network))
    except (ClearpropError, AttributeError, TypeError, ValueError):
        return []
    return ["auto"]


def _sequences_of_two(network):
    from clearprop.engines import check_inputs

    return check_inputs(network, [np.zeros((3, 2)), np.zeros((1, 2))])


# engines that run networks of sequences
ENGINES = ["reference", *_native()]


def sequences(count=24, features=3, seed=0, longest=7):
    """Sequences of 1 to `longest` steps, in odd units."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, longest + 1, count)
    return [100 + 20 * draw.normal(size=(steps, features)) for steps in lengths]


def labels(X):
    """Three classes that can be seen in the first feature's mean."""
    means = np.array([x[:, 0].mean() for x in X])
    thirds = np.digitize(means, np.quantile(means, [1 / 3, 2 / 3]))
    return np.array(["low", "middle", "top"])[thirds]


def step_labels(X):
    """A label a step: whether the first feature has risen since the step before."""
    return [np.where(np.diff(x[:, 0], prepend=x[0, 0]) > 0, "up", "down") for x in X]


def long_table(X, **targets):
    """Sequences as a table whose rows are mixed by step; targets one a sequence or one a step."""
    rows = []
    for number, x in enumerate(X):
        for step, values in enumerate(x):
            row = {"who": f"s{number}", "at": step * 2 + 1}
            row |= {f"f{k}": float(v) for k, v in enumerate(values)}
            for name, target in targets.items():
                entry = target[number]
                row[name] = entry[step] if np.ndim(entry) else entry
            rows.append(row)
    # series are in the order of their first rows, which stand at the top
    return pl.DataFrame(rows, infer_schema_length=None).sort("at", maintain_order=True)


def classifier(**parameters):
    return RNNClassifier(**{**SMALL, **parameters})


def regressor(**parameters):
    return RNNRegressor(**{**SMALL, **parameters})


def of_table(**parameters):
    return {"sequence_id": "who", "order_by": "at", **parameters}
