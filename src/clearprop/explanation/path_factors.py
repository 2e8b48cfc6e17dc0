"""What the paths of one parameter are made of, factor by factor.

A Route holds all that its paths share: where they begin, ∂z/∂(input) of every layer between, the
slopes and masks on the way, and what the parameter moves. One path picks a unit of each layer on
it, and is a product of factors that a Trace holds.

Public names: `ChainPath`, `Factor`, `Route`, `largest_of`, `path_of`, `route_of`.
May import: `best_paths`, `jacobians`, `places`, `reach`, `waves`, `clearprop.engines`,
`clearprop.network`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.best_paths import count_of, largest
from clearprop.explanation.jacobians import (
    Ends,
    ends_of,
    is_front,
    jacobian_of,
    joins,
    passes,
    slopes_of,
)
from clearprop.explanation.places import Place
from clearprop.explanation.reach import Reach
from clearprop.explanation.waves import TURN, waves_of
from clearprop.network import Waves

FactorKind = Literal[
    "coefficient",
    "loss",
    "output",
    "error",
    "scale",
    "weight",
    "gain",
    "wave",
    "mask",
    "slope",
    "signal",
    "one",
    "bent",
    "cosine",
    "sine",
    "turn",
]


@dataclass(frozen=True)
class Factor:
    """One factor of a chain.

    Attributes
    ----------
    kind : str
        `"coefficient"` c, `"loss"` ∂E/∂a_p, `"output"` ∂a_p/∂z_o, `"error"` ∂E/∂z_o (the two before
        in one), `"scale"` s, `"weight"` w, `"gain"` g, `"wave"` ∂v/∂x of a periodic layer,
        `"mask"` of dropout, `"slope"` ∂a/∂z, `"signal"` a_k as the layer received it, `"one"`
        ∂z/∂b, `"bent"` f(z) - z, `"cosine"` cos θ, `"sine"` -sin θ, `"turn"` ∂θ/∂f or ∂θ/∂p.
    layer : int
        The layer that it belongs to, 1 for the first; that of the unit for a signal, so 0 for an
        input.
    units : tuple of int
        Counted from 0: (into, from) for a weight and a wave, (p, o) for `"output"`, (column,
        frequency) for a cosine, a sine and a turn, else the one unit; none for a coefficient and a
        scale. Of a weight within a periodic layer (row, frequency).
    value : float
    key : str
        The number of the network that it is, as in `formulas`; empty for one that no picture shows.
    """

    kind: FactorKind
    layer: int
    units: tuple[int, ...]
    value: float
    key: str = ""


@dataclass(frozen=True)
class ChainPath:
    """One path from the loss to a parameter.

    Attributes
    ----------
    end : int
        p, the output whose ∂E/∂a_p it begins with; o where ∂E/∂z_o is one factor.
    units : tuple of int
        A unit of each layer, from the output layer backwards to the one the parameter leads into.
    factors : tuple of Factor
        From the loss to the parameter.
    """

    end: int
    units: tuple[int, ...]
    factors: tuple[Factor, ...]

    @property
    def product(self) -> float:
        """The product of the factors."""
        return math.prod(factor.value for factor in self.factors)


@dataclass(frozen=True, eq=False)
class Route:
    """All that paths into one parameter are made of.

    `slopes` holds ∂a/∂z and the dropout mask of the hidden layers from the parameter's own on, and
    `jacobians` ∂z/∂(input) of those behind. `products` and the first of each pair of `linked` are
    the arguments of `best_paths`; the last link leads to the parameter. The second says that a link
    leaves units unjoined. `common` is what all paths end with, where they lead into one unit.
    """

    place: Place
    sample: int
    reach: Reach
    coefficient: float
    ends: Ends
    slopes: dict[int, tuple[np.ndarray, np.ndarray | None]]
    jacobians: dict[int, np.ndarray]
    products: np.ndarray
    linked: list[tuple[np.ndarray, bool]]
    common: float
    count: int


def route_of(trace: Trace, place: Place, sample: int, reach: Reach) -> Route:
    """Return what the paths of one sample into a parameter are made of."""
    network, last = trace.network, len(trace.network.operations)
    ends = ends_of(trace, sample)
    layers = range(place.layer, last)
    slopes = {layer: slopes_of(trace, sample, layer) for layer in layers}
    jacobians = {layer + 1: jacobian_of(trace, sample, layer + 1) for layer in layers}
    linked: list[tuple[np.ndarray, bool]] = []
    pairs: list[np.ndarray | tuple[int, int]] = []
    units = list(reach.units)
    for layer in range(last, place.layer, -1):
        f, mask = slopes[layer - 1]
        through = f if mask is None else f * mask
        link, edges = jacobians[layer], joins(network, layer)
        if layer - 1 == place.layer:
            # what t moves is behind the slope, and has the mask in it
            through = np.ones_like(f) if reach.behind else through
            link, through = link[:, units], through[units]
            edges = None if edges is None else edges[:, units]
        link = link * through
        linked.append((link if edges is None else np.where(edges, link, np.nan), edges is not None))
        pairs.append(link.shape if edges is None else edges)
    moved = reach.moved[sample][:, None]
    alone = len(moved) == 1
    return Route(
        place=place,
        sample=sample,
        reach=reach,
        coefficient=float(trace.coefficients[sample]),
        ends=ends,
        slopes=slopes,
        jacobians=jacobians,
        products=ends.errors if linked else ends.errors[units],
        # paths are ranked where what all of them end with is 0 as well
        linked=[*linked, (np.ones((1, 1)) if alone else moved, False)],
        common=float(moved[0, 0]) if alone else 1.0,
        count=count_of(ends.errors if linked else ends.errors[units], [*pairs, moved.shape]),
    )


def largest_of(route: Route, count: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return the largest paths: the end, and the units from the output layer backwards."""
    found = largest(route.products, [link for link, _ in route.linked], min(count, route.count))
    units = route.reach.units
    return [
        (end, (*before, units[place]))
        for end, (*before, place) in found
        if _runs(route, (*before, place))
    ]


def _runs(route: Route, units: tuple[int, ...]) -> bool:
    """Whether all units of a path are joined; they may not be where numbers are not finite."""
    pairs = zip(route.linked, pairwise(units), strict=False)
    return not any(sparse and np.isnan(link[pair]) for (link, sparse), pair in pairs)


def path_of(trace: Trace, route: Route, end: int, units: tuple[int, ...]) -> ChainPath:
    """Return a path with its factors; `units` from the output layer backwards."""
    p = route.ends.unit(units[0], end)
    factors = [*_from_the_loss(trace, route, end, units[0])]
    layer = len(trace.network.operations)
    for after, unit in pairwise(units):
        factors += _along(trace, route, layer, (after, unit))
        layer -= 1
        factors += _through(trace, route, layer, unit)
    return ChainPath(p, units, (*factors, *_parameter(trace, route, units[-1])))


def _from_the_loss(trace: Trace, route: Route, end: int, output: int) -> list[Factor]:
    ends, last = route.ends, len(trace.network.operations)
    factors = []
    if route.coefficient != 1:
        factors.append(Factor("coefficient", last, (), route.coefficient))
    if ends.collapsed:
        # δ holds the coefficient
        key = "" if factors else f"d{last}.{output}"
        return [*factors, Factor("error", last, (output,), float(ends.errors[output, 0]), key)]
    p = ends.unit(output, end)
    key = f"f{last}.{p}" if p == output else f"f{last}.{p}.{output}"
    return [
        *factors,
        Factor("loss", last, (p,), float(ends.loss_slopes[p]), f"e{p}"),
        Factor("output", last, (p, output), float(ends.jacobian[output, end]), key),
    ]


def _along(trace: Trace, route: Route, layer: int, edge: tuple[int, int]) -> list[Factor]:
    """Return ∂z/∂(input) of a layer between two units; nothing where an input passes unchanged."""
    operation, (into, source) = trace.network.operations[layer - 1], edge
    if operation.kind == "dense":
        return [*_scale(trace, layer), _weight(trace, Place(layer, into, source))]
    if operation.kind == "scaling":
        place = Place(layer, into, None, "g")
        return [Factor("gain", layer, (into,), _value(trace, place), place.key)]
    if passes(operation, into):
        return []
    return [Factor("wave", layer, edge, float(route.jacobians[layer][edge]))]


def _scale(trace: Trace, layer: int) -> list[Factor]:
    """Return the forward scale of a layer, unless it is 1."""
    scale = trace.network.operations[layer - 1].scale
    return [] if scale == 1 else [Factor("scale", layer, (), scale)]


def _value(trace: Trace, place: Place) -> float:
    return float(trace.vector[place.entry(trace.network)])


def _weight(trace: Trace, place: Place) -> Factor:
    assert place.source is not None
    return Factor(
        "weight", place.layer, (place.unit, place.source), _value(trace, place), place.key
    )


def _through(trace: Trace, route: Route, layer: int, unit: int) -> list[Factor]:
    """Return the dropout mask of a hidden unit, where there is one, and ∂a/∂z.

    A layer that prepares inputs hands on z itself; and before t there is no slope.
    """
    f, mask = route.slopes[layer]
    if is_front(trace.network.operations[layer - 1]):
        return []
    masks = [] if mask is None else [Factor("mask", layer, (unit,), float(mask[unit]))]
    if layer == route.place.layer and route.reach.behind:
        return masks
    return [*masks, Factor("slope", layer, (unit,), float(f[unit]), f"f{layer}.{unit}")]


def _parameter(trace: Trace, route: Route, unit: int) -> list[Factor]:
    """Return what the parameter moves of a unit, as factors."""
    place, layer = route.place, route.place.layer
    operation = trace.network.operations[layer - 1]
    if route.reach.behind:
        z = trace.z[layer - 1][route.sample].astype(np.float64)[unit]
        return [Factor("bent", layer, (unit,), float(operation.activation.value(np, z) - z))]
    if place.is_bias:
        return [Factor("one", layer, (unit,), 1.0)]
    if isinstance(operation, Waves):
        return _inside_waves(trace, route, operation, unit)
    source = place.unit if place.source is None else place.source
    signal = float(trace.inputs[layer - 1][route.sample, source])
    own = Factor("signal", layer - 1, (source,), signal, f"a{layer - 1}.{source}")
    return [*_scale(trace, layer), own]


def _inside_waves(trace: Trace, route: Route, waves: Waves, unit: int) -> list[Factor]:
    """Return cos θ for a weight; w, -sin θ and ∂θ/∂f or ∂θ/∂p for what is inside a cosine."""
    place, numbers = route.place, waves_of(trace, waves.layer)
    frequency, made = place.source, waves.features - 1
    assert frequency is not None
    column = place.unit if place.array else place.unit // made
    at = (column, frequency)
    angle = float(numbers.angles[route.sample][at])
    if not place.array:
        return [Factor("cosine", waves.layer, at, math.cos(angle))]
    x = float(numbers.x[route.sample, column]) if place.array == "f" else 1.0
    row = column * made + unit % waves.features - 1
    return [
        _weight(trace, Place(waves.layer, row, frequency)),
        Factor("sine", waves.layer, at, -math.sin(angle)),
        Factor("turn", waves.layer, at, TURN * x),
    ]
