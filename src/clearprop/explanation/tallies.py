"""Three ways to the gradient of one sample, each run with every multiplication counted.

The ways are those of `counting`. All multiplications go through a `Tally`; sums are plain. They run
on a stand-in: a network of the given shape with random weights, signals, slopes and ∇_a E, since
what is counted depends on the shape alone. That the three are the same gradient is tested.

Public names: `StandIn`, `Tally`, `by_chain`, `by_deltas`, `by_paths`, `stand_in`.
May import: NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np


@dataclass
class Tally:
    """Multiplies, and counts how many numbers came out."""

    count: int = field(default=0)

    def times(self, left: Any, right: Any) -> Any:
        """Return left · right, one multiplication a number of the result."""
        result = left * right
        self.count += result.size if isinstance(result, np.ndarray) else 1
        return result


@dataclass(frozen=True, eq=False)
class StandIn:
    """What the backward pass of one sample starts from, in a network of L layers.

    Attributes
    ----------
    weights : list of (units, fan_in) arrays
        W^1 … W^L.
    signals : list of (fan_in,) arrays
        a^0 … a^(L-1).
    slopes : list of (units,) arrays
        f'(z^1) … f'(z^L).
    loss_slopes : (outputs,) array
        ∇_a E.
    """

    weights: list[np.ndarray]
    signals: list[np.ndarray]
    slopes: list[np.ndarray]
    loss_slopes: np.ndarray

    @property
    def depth(self) -> int:
        """L."""
        return len(self.weights)

    def parameters(self) -> Iterator[tuple[int, int, int | None]]:
        """Yield (layer from 0, unit, source) of W1, b1, W2, b2, …; source is None for a bias."""
        for layer, weights in enumerate(self.weights):
            units, fan_in = weights.shape
            yield from product([layer], range(units), range(fan_in))
            yield from product([layer], range(units), [None])


def stand_in(shape: Sequence[int], seed: int = 0) -> StandIn:
    """Return random numbers for a network with these units, the input first."""
    draw = np.random.Generator(np.random.Philox(seed))
    pairs = list(zip(shape[1:], shape[:-1], strict=True))
    return StandIn(
        weights=[draw.standard_normal(pair) for pair in pairs],
        signals=[draw.standard_normal(fan_in) for _, fan_in in pairs],
        slopes=[draw.uniform(0.1, 1.0, units) for units, _ in pairs],
        loss_slopes=draw.standard_normal(shape[-1]),
    )


def by_paths(case: StandIn) -> tuple[int, np.ndarray]:
    """Write out every path of every parameter; return the count and the gradient, flat.

    The gradient is W1 row by row, b1, W2, b2, …
    """
    tally = Tally()
    gradient = [
        sum(_product(tally, factors) for factors in _paths(case, *parameter))
        for parameter in case.parameters()
    ]
    return tally.count, np.array(gradient)


def _paths(case: StandIn, layer: int, unit: int, source: int | None) -> Iterator[list[float]]:
    """Yield the factors of each path from a parameter to the loss."""
    first = [] if source is None else [float(case.signals[layer][source])]
    later = range(layer + 1, case.depth)
    for units in product(*(range(len(case.slopes[m])) for m in later)):
        factors, here = [*first, float(case.slopes[layer][unit])], unit
        for m, there in zip(later, units, strict=True):
            factors += [float(case.weights[m][there, here]), float(case.slopes[m][there])]
            here = there
        yield [*factors, float(case.loss_slopes[here])]


def _product(tally: Tally, factors: list[float]) -> float:
    result = factors[0]
    for factor in factors[1:]:
        result = tally.times(result, factor)
    return result


def by_chain(case: StandIn) -> tuple[int, np.ndarray]:
    """Go back from the loss to each parameter anew; return the count and the gradient, flat."""
    tally = Tally()
    gradient = []
    for layer, unit, source in case.parameters():
        delta = _delta_of_one(tally, case, layer, unit)
        gradient.append(
            delta if source is None else tally.times(case.signals[layer][source], delta)
        )
    return tally.count, np.array(gradient)


def _delta_of_one(tally: Tally, case: StandIn, layer: int, unit: int) -> float:
    """Return δ of one unit, from the δs of all units of the layers behind it."""
    units = [slice(None)] * case.depth
    # in its own layer, the recursion needs no other unit
    units[layer] = slice(unit, unit + 1)
    last = case.depth - 1
    delta = tally.times(case.loss_slopes[units[last]], case.slopes[last][units[last]])
    for m in range(last, layer, -1):
        weights, slopes = case.weights[m][:, units[m - 1]], case.slopes[m - 1][units[m - 1]]
        delta = _one_back(tally, weights, delta, slopes)
    return float(delta[0])


def _one_back(
    tally: Tally, weights: np.ndarray, delta: np.ndarray, slopes: np.ndarray
) -> np.ndarray:
    """Return (Wᵀ δ) ⊙ f'(z): BP2."""
    carried = tally.times(weights, delta[:, None]).sum(axis=0)
    return np.asarray(tally.times(carried, slopes))


def by_deltas(case: StandIn) -> tuple[int, np.ndarray]:
    """Run BP1 to BP4; return the count and the gradient, flat."""
    tally = Tally()
    delta = tally.times(case.loss_slopes, case.slopes[-1])
    pieces: list[np.ndarray] = []
    for m in range(case.depth - 1, -1, -1):
        weights = tally.times(delta[:, None], case.signals[m][None, :])
        pieces = [weights.ravel(), delta, *pieces]
        if m:
            delta = _one_back(tally, case.weights[m], delta, case.slopes[m - 1])
    return tally.count, np.concatenate(pieces)
