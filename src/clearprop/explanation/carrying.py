"""Errors carried back four ways, and the update that each leads to beside the true gradient.

All carriers (`clearprop.equations.carriers`) give the last layer the same δ^L; before it they
differ. For each layer the update's direction, BP4 and BP3 of what was carried, is held against the
gradient's: by the angle between the two, and by the ratio of their lengths, since an angle alone
hides a first layer whose step is twenty times too long.

    angle = ∠(carried, gradient)        ratio = ‖carried‖ / ‖gradient‖

Both are taken over the layer's weights and biases together, without those that are held fixed.
Errors are in the package's sign, a - y; the second origin text has target - out.

Public names: `Carried`, `CarrierComparison`, `apart`, `compare_carriers`.
May import: `clearprop.engines`, `clearprop.equations`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.network import Network, Operation

# in the order in which the origin texts come upon them
ORDER = ("proportional", "transposed", "exact", "random")


@dataclass(frozen=True, eq=False)
class Carried:
    """The errors of a batch, carried back in one way; one entry a layer, first layer first.

    An entry is None in layers that no error reached, because a sum of weights vanished on the way.

    Attributes
    ----------
    name : str
        A name of `clearprop.equations.CARRIERS`.
    late : bool
        f'(z) is no part of what is carried and enters only at the update.
    matrices : tuple of (units, fan_in) arrays
        C, through which a layer's errors go to the layer before; None for the first layer. Rows of
        units whose error cannot be shared out are 0.
    errors : tuple of (n, units) arrays
        What is carried: e^l, or δ^l where f' is part of it. With the sample's coefficient c_i.
    deltas : tuple of (n, units) arrays
        What BP3 and BP4 take.
    weights, biases : tuples of (units, fan_in) and (units,) arrays
        BP4 and BP3 of `deltas`: what stands in the gradient's place.
    angles : tuple of float
        Degrees between these and the gradient, 0 to 180; None where either is zero.
    ratios : tuple of float
        Their length over the gradient's; None where that is zero.
    """

    name: str
    late: bool
    matrices: tuple[np.ndarray | None, ...]
    errors: tuple[np.ndarray | None, ...]
    deltas: tuple[np.ndarray | None, ...]
    weights: tuple[np.ndarray | None, ...]
    biases: tuple[np.ndarray | None, ...]
    angles: tuple[float | None, ...]
    ratios: tuple[float | None, ...]

    @property
    def reached(self) -> int:
        """The first layer that an error came to, 1 if all; one more than there are if none."""
        return 1 + sum(error is None for error in self.errors)


@dataclass(frozen=True, eq=False)
class CarrierComparison:
    """Carriers side by side on one batch.

    Attributes
    ----------
    carriers : dict of str to Carried
        By name, in the order in which the origin texts come upon them, random feedback last;
        without random feedback where it cannot be drawn, for weights that start at zero.
    separable : bool
        Whether errors without f' start as c ∇_a E; otherwise they start as δ^L, since the output's
        delta is one piece.
    vanishing : tuple of VanishingSum
        Units whose error cannot be shared in proportion, since the weights into them add up to
        nothing.
    weakest : VanishingSum or None
        Of the other units, the one whose sum is smallest beside Σ|w|: its shares are the largest.
        None in a network of one layer.
    seed : int
        What random feedback was drawn with.
    """

    carriers: dict[str, Carried]
    separable: bool
    vanishing: tuple[eq.VanishingSum, ...]
    weakest: eq.VanishingSum | None
    seed: int


def compare_carriers(trace: Trace, seed: int = 0) -> CarrierComparison:
    """Carry the errors of a trace's batch back in all ways there are.

    Parameters
    ----------
    trace : Trace
        Its δ and gradient are the exact carrier's, unless its recipe carries in another way.
    seed : int
        Of the random feedback.
    """
    drawn = [_carrier(trace.network, name, seed) for name in ORDER]
    found = [(carrier, _gradients(trace, carrier)) for carrier in drawn if carrier]
    true = next(gradients for carrier, gradients in found if carrier.name == "exact")
    vanishing = tuple(eq.vanishing_sums(trace.network, trace.vector))
    return CarrierComparison(
        carriers={
            carrier.name: _carried(trace, carrier, gradients, true.vector)
            for carrier, gradients in found
        },
        separable=eq.separable(trace.network),
        vanishing=vanishing,
        weakest=_weakest(trace, vanishing),
        seed=seed,
    )


def _carrier(network: Network, name: str, seed: int) -> eq.Carrier | None:
    try:
        return eq.carrier_for(name, network, seed)
    except SettingError:
        return None


def _gradients(trace: Trace, carrier: eq.Carrier) -> eq.Gradients:
    """Return what a carrier leads to, in float64."""
    if carrier.name == trace.recipe.carrier == "exact":
        deltas = [delta.astype(np.float64) for delta in trace.delta]
        return eq.Gradients(deltas, trace.gradient.astype(np.float64), deltas)
    saved = eq.Pass(_double(trace.inputs), _double(trace.z), _double(trace.a))
    y, c = _double([trace.y, trace.coefficients])
    masks = [None if mask is None else mask.astype(np.float64) for mask in trace.masks]
    # an error that cannot be shared out is NaN, and so is all that it goes into
    with np.errstate(invalid="ignore"):
        return eq.backward(np, trace.network, trace.vector, y, c, saved, masks, carrier)


def _double(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [array.astype(np.float64) for array in arrays]


def _carried(
    trace: Trace, carrier: eq.Carrier, gradients: eq.Gradients, true: np.ndarray
) -> Carried:
    operations = trace.network.operations
    sound = [bool(np.isfinite(delta).all()) for delta in gradients.delta]

    def reached(arrays: Iterable[np.ndarray]) -> tuple[np.ndarray | None, ...]:
        return tuple(a if ok else None for a, ok in zip(arrays, sound, strict=True))

    turned = [
        apart(operation, gradients.vector, true) if ok else (None, None)
        for operation, ok in zip(operations, sound, strict=True)
    ]
    return Carried(
        name=carrier.name,
        late=carrier.late,
        matrices=(None, *(_matrix(carrier, o, trace.vector) for o in operations[1:])),
        errors=reached(gradients.error),
        deltas=reached(gradients.delta),
        weights=reached(o.weight.view(gradients.vector) for o in operations),
        biases=reached(o.bias.view(gradients.vector) for o in operations),
        angles=tuple(angle for angle, _ in turned),
        ratios=tuple(ratio for _, ratio in turned),
    )


def _matrix(carrier: eq.Carrier, operation: Operation, vector: np.ndarray) -> np.ndarray:
    """Return C in float64, (units, fan_in), 0 in the rows that cannot be shared out."""
    matrix = np.asarray(carrier.matrix(np, operation, vector), dtype=np.float64)
    return np.nan_to_num(matrix, nan=0.0)


def apart(
    operation: Operation, vector: np.ndarray, true: np.ndarray
) -> tuple[float | None, float | None]:
    """Return the angle in degrees and the ratio of lengths of one layer's update."""
    segments = operation.segments
    moving = [segment for segment in segments if segment.rate] or segments
    here, there = (
        np.concatenate([v[segment.start : segment.stop] for segment in moving])
        for v in (vector, true)
    )
    length, wanted = float(np.linalg.norm(here)), float(np.linalg.norm(there))
    if not wanted:
        return None, None
    if not length:
        return None, 0.0
    # the arc cosine would lose angles below 10⁻⁶ degrees
    here, there = here / length, there / wanted
    angle = 2 * np.arctan2(np.linalg.norm(here - there), np.linalg.norm(here + there))
    return float(np.degrees(angle)), length / wanted


def _weakest(trace: Trace, vanishing: Iterable[eq.VanishingSum]) -> eq.VanishingSum | None:
    """Return the unit whose sum of weights is smallest beside their sizes, of those that count."""
    passed_over = {(unit.layer, unit.unit) for unit in vanishing}
    found = []
    for operation in trace.network.operations[1:]:
        W = operation.weight.view(trace.vector).astype(np.float64)
        pairs = zip(W.sum(axis=1), np.abs(W).sum(axis=1), strict=True)
        for unit, (total, size) in enumerate(pairs):
            if (operation.layer, unit) not in passed_over:
                found.append(eq.VanishingSum(operation.layer, unit, float(total), float(size)))
    return min(found, key=lambda unit: abs(unit.total) / unit.size, default=None)
