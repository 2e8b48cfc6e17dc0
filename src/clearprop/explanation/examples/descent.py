"""Many steps of plain gradient descent on a small network, with the way it took.

The equations run directly, without keeping a Trace of each step, so that ten thousand updates of a
worked example take a second.

Public names: `Descent`, `descend`.
May import: `clearprop.equations`, `clearprop.network`, `clearprop.training`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop import equations as eq
from clearprop.network import Network, Parameters
from clearprop.training import Recording


@dataclass(frozen=True, eq=False)
class Descent:
    """Where gradient descent came by.

    Attributes
    ----------
    network : Network
    steps : (k,) int array
        Updates made; 0 is the start.
    losses : (k,) array
        E of the whole batch then.
    vectors : (k, network.size) array
        The parameters then.
    """

    network: Network
    steps: np.ndarray
    losses: np.ndarray
    vectors: np.ndarray

    @property
    def recording(self) -> Recording:
        """The way as explanations read it."""
        nothing = np.empty(0, dtype=np.int64)
        return Recording(nothing, nothing, np.empty((0, 0)), self.steps, self.vectors)

    @property
    def parameters(self) -> Parameters:
        """The parameters after the last update."""
        return Parameters(self.network, self.vectors[-1])


def descend(
    start: Parameters,
    x: np.ndarray,
    y: np.ndarray,
    rate: float,
    updates: int,
    *,
    carrier: str = "exact",
    kept: int = 80,
) -> Descent:
    """Make updates on the whole batch, θ ← θ - η ∂E/∂θ with E the mean loss.

    Parameters
    ----------
    start : Parameters
        In float64.
    x, y : (n, inputs) and (n, outputs) arrays
    rate : float
        η; layers' factors on it are heeded.
    updates : int
        At least 1.
    carrier : str
        How errors are carried back; a name of `clearprop.equations.CARRIERS`.
    kept : int
        About how many points of the way are kept, spaced by equal ratios, start and end included.
    """
    network, vector = start.network, start.vector.copy()
    rates = [np.full(s.stop - s.start, rate * s.rate) for s in network.segments]
    factors, c = np.concatenate(rates), np.full(len(x), 1 / len(x))
    spaced = np.geomspace(1, updates, kept).round().astype(np.int64)
    steps = np.unique([0, *spaced, updates])
    losses, vectors, wanted = [], [], set(steps.tolist())
    way_back = eq.carrier_for(carrier, network)
    for step in range(updates + 1):
        saved = eq.forward(np, network, vector, x)
        if step in wanted:
            f = network.operations[-1].activation
            values = network.objective.value(np, f, y, saved.z[-1], saved.a[-1])
            losses.append(float(c @ values))
            vectors.append(vector.copy())
        vector -= factors * eq.backward(np, network, vector, y, c, saved, None, way_back).vector
    return Descent(network, steps, np.array(losses), np.array(vectors))
