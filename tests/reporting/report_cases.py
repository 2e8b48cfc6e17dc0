"""Small tables of every task, models of a moment on them, and their reports; each is made once."""

from functools import cache

import numpy as np
import polars as pl

from clearprop import TabularClassifier, TabularRegressor, report

ROWS, HELD = 160, 60


@cache
def table(kind):
    """A table of numbers, text with gaps, booleans and a constant; (inputs, targets)."""
    draw = np.random.default_rng(0)
    rows = ROWS + HELD
    length = draw.normal(size=rows)
    colour = draw.choice(["red", "blue", "white"], rows).tolist()
    colour[3] = None
    colour[-1] = "never seen"
    width = draw.normal(size=rows)
    width[5::20] = np.nan
    inputs = pl.DataFrame(
        {
            "length": length,
            "colour": colour,
            "wild": draw.random(rows) > 0.5,
            "width": width,
            "same": np.ones(rows),
        }
    )
    red = np.array([one == "red" for one in colour])
    score = 2 * length + red + 0.5 * draw.normal(size=rows)
    if kind == "binary":
        return inputs, pl.DataFrame({"kind": np.where(score > 0.3, "rose", "lily")})
    if kind == "several":
        return inputs, pl.DataFrame({"kind": np.digitize(score, [-1, 1]).astype(str)})
    if kind == "labels":
        return inputs, pl.DataFrame({"tall": (score > 0).astype(int), "red": red.astype(int)})
    return inputs, pl.DataFrame({"price": 100_000 + 20_000 * score})


@cache
def parts(kind):
    """((X, y) to learn from, (X, y) held out)."""
    X, y = table(kind)
    return (X[:ROWS], y[:ROWS]), (X[ROWS:], y[ROWS:])


@cache
def model(kind, n_cv=1):
    """A fitted estimator."""
    cls = TabularRegressor if kind == "numbers" else TabularClassifier
    made = cls((8,), max_epochs=30, engine="reference", n_cv=n_cv, random_state=0)
    return made.fit(*parts(kind)[0])


@cache
def reported(kind, n_cv=1):
    """Its report on the rows that were held out."""
    training, held = parts(kind)
    return report(model(kind, n_cv), *held, training=training, name=f"{kind}.csv")


KINDS = ("binary", "several", "labels", "numbers")
