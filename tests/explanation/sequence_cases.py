"""Networks of sequences that the tests of several analyses read, and scalar work beside them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from clearprop import Dense, Network, Parameters
from clearprop.engines import Recipe
from clearprop.equations import GradientDescent
from clearprop.explanation import Names, explain
from clearprop.network import GRU, LSTM, Recurrent

LENGTHS = (5, 1, 7)
CELLS = {
    "elman": (Recurrent(3),),
    "both": (Recurrent(3, direction="both"),),
    "backward": (GRU(3, direction="backward"),),
    "gru": (GRU(3, direction="both"),),
    "lstm": (LSTM(3),),
    "stacked": (Dense(4, "tanh"), Recurrent(3, direction="both"), LSTM(2)),
    "dropped": (LSTM(4, dropout=0.3), Dense(3, "relu")),
}


def explained(cells="elman", readout="last", dtype="float64", **options):
    """Three sequences of different lengths through a network of one kind of cell."""
    rng = np.random.default_rng(3)
    network = Network(3, (*CELLS[cells], Dense(2, "softmax")), "cross_entropy", dtype, readout)
    X = [rng.normal(size=(steps, 3)) for steps in LENGTHS]
    y = rng.integers(0, 2, 3)
    if readout == "every":
        y = [rng.integers(0, 2, steps) for steps in LENGTHS]
    return explain(Parameters.initial(network, 1), X, y, dropout=cells == "dropped", **options)


def truncated(steps=3):
    """The same with errors that are cut off every few steps."""
    recipe = Recipe(rule=GradientDescent(0.5), batch_size=3, truncate=steps)
    return explained("elman", "last", recipe=recipe)


def named():
    """A network whose inputs and outputs have names of their own."""
    found = explained("gru")
    names = Names(found.trace.network, ("age", "weight", "h1.1"), ("no", "yes"))
    return replace(found, names=names)


class Echo:
    """The worked example by scalar arithmetic, written out from the equations alone."""

    x = (1.0, 0.5, 0.25, 0.125)
    w = (0.5, -0.3)
    u = ((0.4, 0.2), (-0.5, 0.6))
    v = (0.8, -0.7)
    target = 1.0

    def __init__(self, w=None):
        w = w or self.w
        before = (0.0, 0.0)
        self.z, self.h, self.before = [], [], []
        for x in self.x:
            z = tuple(
                w[j] * x + self.u[j][0] * before[0] + self.u[j][1] * before[1] for j in (0, 1)
            )
            self.before.append(before)
            before = tuple(math.tanh(value) for value in z)
            self.z.append(z)
            self.h.append(before)
        self.output = self.v[0] * before[0] + self.v[1] * before[1]
        self.error = self.output - self.target
        self.loss = 0.5 * self.error**2
        self._go_back()

    def _go_back(self):
        self.delta = [None] * 4
        handed = tuple(self.v[j] * self.error for j in (0, 1))
        for t in (3, 2, 1, 0):
            own = tuple(handed[j] * (1 - self.h[t][j] ** 2) for j in (0, 1))
            self.delta[t] = own
            handed = tuple(own[0] * self.u[0][j] + own[1] * self.u[1][j] for j in (0, 1))

    def paths(self, unit=0):
        """Return (units, product) of every path back to the weight into a unit."""
        found = []

        def walk(units, product, t):
            j = units[-1]
            product = product * (1 - self.h[t][j] ** 2)
            if j == unit:
                found.append((units, product * self.x[t]))
            if t:
                for i in (0, 1):
                    walk((*units, i), product * self.u[j][i], t - 1)

        for j in (0, 1):
            walk((j,), self.v[j] * self.error, 3)
        return found
