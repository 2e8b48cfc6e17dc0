"""Heights of the loss's landscape: the loss of a trace's rows at any point of parameter space.

Computed by the equations in float64 with the Trace's targets, coefficients and dropout masks. Where
that would take too long, fewer rows stand for all of them, evenly chosen.

Public names: `Ground`, `one_thread`.
May import: `clearprop.engines`, `clearprop.equations`, `clearprop.network`, NumPy, threadpoolctl.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.network import Network

# multiplications that a picture may take: about a second
BUDGET = 5e9
# in multiplications: an activation, and for each parameter the making of a point
ACTIVATION, POINT = 20, 8


def one_thread() -> AbstractContextManager[Any]:
    """Hold NumPy's BLAS at one thread: products this small lose more by sharing than they gain."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


@dataclass(frozen=True, eq=False)
class Ground:
    """What heights are computed on: a network in float64 and the rows of a trace, or some of them.

    `c` are the rows' coefficients, scaled up so that some rows stand for all.
    """

    network: Network
    trace: Trace
    vector: np.ndarray
    rows: np.ndarray
    x: np.ndarray
    y: np.ndarray
    c: np.ndarray
    masks: list[np.ndarray | None]

    @classmethod
    def of(cls, trace: Trace, points: int) -> Ground:
        """Take as many rows as can be computed at so many points."""
        network = replace(trace.network, dtype="float64")
        cost = network.size + ACTIVATION * sum(network.shape)
        most = max(1, int((BUDGET / points - POINT * network.size) / cost))
        rows = np.arange(len(trace.rows))
        if most < len(rows):
            rows = np.linspace(0, len(rows) - 1, most).round().astype(int)
        c = trace.coefficients.astype(np.float64)
        kept = c[rows].sum()
        return cls(
            network=network,
            trace=trace,
            vector=trace.vector.astype(np.float64),
            rows=rows,
            x=trace.x[rows].astype(np.float64),
            y=trace.y[rows].astype(np.float64),
            c=c[rows] * (c.sum() / kept if kept else 1.0),
            masks=[None if m is None else m[rows].astype(np.float64) for m in trace.masks],
        )

    @property
    def penalised(self) -> bool:
        """Whether there is a penalty."""
        return bool(self.trace.recipe.penalty.l1 or self.trace.recipe.penalty.l2)

    @property
    def whole(self) -> bool:
        """Whether no row is left out."""
        return len(self.rows) == len(self.trace.rows)

    def height(self, vector: np.ndarray) -> tuple[float, float]:
        """Return loss and penalty at a point."""
        network, last = self.network, self.network.operations[-1].activation
        with np.errstate(over="ignore", invalid="ignore"):
            saved = eq.forward(np, network, vector, self.x, self.masks)
            losses = network.objective.value(np, last, self.y, saved.z[-1], saved.a[-1])
            loss = float(eq.total_loss(np, losses, self.c))
        if not self.penalised:
            return loss, 0.0
        penalty = eq.penalty_value(np, network, vector, self.trace.recipe.penalty)
        return loss, self.trace.penalty_factor * float(penalty)
