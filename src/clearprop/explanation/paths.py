"""The chain rule of one parameter: from the loss back to it, factor by factor, on every path.

A weight w from unit k into unit j of layer l moves z_j, which moves every unit of the layers after
it, and at last the loss. A path picks one unit in each of them,

    ∂E/∂a_p · ∂a_p/∂z_o · s w_om · f'(z_m) · … · s w_.j · f'(z_j) · s a_k

and ∂E/∂w is the sum over all paths. With softmax, z_o moves every output a_p, and so several paths
end behind z_o; with other activations p = o. Where the sample's coefficient c is not 1 it is the
first factor; dropout masks are factors of their own. Penalties are no part of it.

A scaling before the dense layers adds a gain to every path that goes on through it, a periodic
layer ∂v/∂x. Parameters other than W and b end a path otherwise (see `reach`): a gain with its
input, a learnt part of an activation with f(z) - z in the place of the slope, a frequency with the
derivative of its cosine, on a path for each unit that its column is made into.

All factors are read from a Trace (`jacobians`); the sum over all paths and the largest of them are
found without walking along each (`best_paths`).

Public names: `Chain`, `ChainPath`, `Factor`, `Term`, `chain_of`.
May import: `best_paths`, `jacobians`, `names`, `places`, `neurons`, `reach`, `waves`,
`clearprop.engines`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.explanation.best_paths import count_of, largest, sum_of
from clearprop.explanation.jacobians import (
    Collapsed,
    Ends,
    ends_of,
    is_front,
    jacobian_of,
    joins,
    passes,
    slopes_of,
)
from clearprop.explanation.names import Names
from clearprop.explanation.neurons import tolerance
from clearprop.explanation.places import Place
from clearprop.explanation.reach import Reach, reach_of
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


@dataclass(frozen=True)
class Term:
    """What one unit of the next layer hands back: w_mj δ_m.

    Attributes
    ----------
    unit : int
        m, counted from 0.
    weight : float
        w_mj, with the layer's forward scale.
    delta : float
        δ_m, as the engine computed it.
    """

    unit: int
    weight: float
    delta: float

    @property
    def product(self) -> float:
        """w_mj δ_m."""
        return self.weight * self.delta


@dataclass(frozen=True)
class Chain:
    """∂E/∂θ of one parameter and one sample, taken apart.

    Attributes
    ----------
    place : Place
    sample : int
        The row of the trace, counted from 0.
    samples : int
        Rows of the trace.
    coefficient : float
        c of the sample in E = Σ c_i E_i; 1 for a sample on its own.
    signal : float
        ∂z_j/∂θ: a_k as the layer received it, times its forward scale; 1 for a bias. This and the
        next three are those of the unit j that it moves, of a frequency the one it moves most.
    slope : float or None
        ∂a_j/∂z_j, times the dropout mask; None at the output, where δ comes from BP1.
    delta : float
        δ_j as the engine computed it.
    gradient : float
        What this sample adds to the gradient that training used: δ_j ∂z_j/∂θ.
    batch_gradient : float
        The gradient that training used: the sum over all samples of the trace.
    batch_sum, batch_size : float
        Σ_i and Σ_i |…| of what each sample adds.
    terms : tuple of Term
        One layer ahead, w_mj δ_m, largest first; empty at the output.
    paths : tuple of ChainPath
        The largest by absolute product, largest first.
    count_of_paths : int
        How many there are.
    total, size : float
        Σ paths and Σ |paths|, over all of them.
    collapsed : {"", "saturated", "custom"}
        Why paths begin with ∂E/∂z and not with ∂E/∂a · ∂a/∂z; empty where they do not.
    carrier : str
        How training carried errors back. `"exact"` unless said: then `gradient` is not `total`.
    tolerance : float
        How far `total` may be from `gradient`, relative to `size`.
    smallest : float
        The smallest normal number of the trace's precision; the engine rounds what is below to 0.
    """

    place: Place
    sample: int
    samples: int
    coefficient: float
    signal: float
    slope: float | None
    delta: float
    gradient: float
    batch_gradient: float
    batch_sum: float
    batch_size: float
    terms: tuple[Term, ...]
    paths: tuple[ChainPath, ...]
    count_of_paths: int
    total: float
    size: float
    collapsed: Collapsed
    carrier: str
    tolerance: float
    smallest: float

    @property
    def remaining(self) -> int:
        """How many paths are not written out."""
        return self.count_of_paths - len(self.paths)

    @property
    def remainder(self) -> float:
        """The sum of the paths that are not written out."""
        if not self.remaining:
            return 0.0
        return self.total - sum(path.product for path in self.paths)

    @property
    def error(self) -> float:
        """|total - gradient| relative to `size`; 0 where it is below the trace's precision."""
        apart = abs(self.total - self.gradient)
        if apart <= self.smallest:
            return 0.0
        return apart / self.size if self.size else apart

    @property
    def agrees(self) -> bool:
        """Whether the sum of all paths is the gradient that training used."""
        return self.error <= self.tolerance

    @property
    def batch_agrees(self) -> bool:
        """Whether what the samples add is the gradient that training used."""
        apart = abs(self.batch_sum - self.batch_gradient)
        return apart <= self.tolerance * self.batch_size + self.smallest


def chain_of(trace: Trace, place: Place, sample: int, count: int) -> Chain:
    """Take the gradient of one parameter and one sample apart.

    Parameters
    ----------
    trace : Trace
    place : Place
    sample : int
        The row of the trace, 0 ≤ sample < n.
    count : int
        How many paths are written out; more than there are is fine.

    Raises
    ------
    SettingError
        If there is no such parameter, or no path is asked for.
    """
    place = Names(trace.network).find(place)
    if count < 1:
        raise SettingError(f"At least 1 path can be written out, but paths={count} came.")
    reach = reach_of(trace, place)
    route = _route(trace, place, sample, reach)
    most = int(np.argmax(np.abs(reach.moved[sample] * reach.errors[sample])))
    slope, terms = _one_layer_ahead(trace, route, reach.units[most])
    pushes = reach.pushes
    links = [np.nan_to_num(link, nan=0.0) if sparse else link for link, sparse in route.linked]
    total, size = sum_of(route.products, links), sum_of(*_absolute(route.products, links))
    common = route.coefficient * route.common
    return Chain(
        place=place,
        sample=sample,
        samples=len(trace.rows),
        coefficient=route.coefficient,
        signal=float(reach.moved[sample, most]),
        slope=slope,
        delta=float(trace.delta[place.layer - 1][sample, reach.units[most]]),
        gradient=float(pushes[sample]),
        batch_gradient=float(trace.gradient[place.entry(trace.network)]),
        batch_sum=float(pushes.sum()),
        batch_size=float(reach.sizes.sum()),
        terms=terms,
        paths=tuple(_path(trace, route, end, units) for end, units in _largest(route, count)),
        count_of_paths=route.count,
        total=common * total,
        size=abs(common) * size,
        collapsed=route.ends.collapsed,
        carrier=trace.recipe.carrier,
        tolerance=tolerance(trace),
        smallest=float(np.finfo(trace.network.dtype).tiny),
    )


def _absolute(ends: np.ndarray, links: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    return np.abs(ends), [np.abs(link) for link in links]


@dataclass(frozen=True, eq=False)
class _Route:
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


def _route(trace: Trace, place: Place, sample: int, reach: Reach) -> _Route:
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
    return _Route(
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


def _largest(route: _Route, count: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return the largest paths: the end, and the units from the output layer backwards."""
    found = largest(route.products, [link for link, _ in route.linked], min(count, route.count))
    units = route.reach.units
    return [
        (end, (*before, units[place]))
        for end, (*before, place) in found
        if _runs(route, (*before, place))
    ]


def _runs(route: _Route, units: tuple[int, ...]) -> bool:
    """Whether all units of a path are joined; they may not be where numbers are not finite."""
    pairs = zip(route.linked, pairwise(units), strict=False)
    return not any(sparse and np.isnan(link[pair]) for (link, sparse), pair in pairs)


def _one_layer_ahead(
    trace: Trace, route: _Route, unit: int
) -> tuple[float | None, tuple[Term, ...]]:
    """Return ∂a/∂z of a unit with the dropout mask, and the terms w_mj δ_m, largest first."""
    layer = route.place.layer
    if layer not in route.slopes:
        return None, ()
    f, mask = route.slopes[layer]
    slope = float(f[unit] if mask is None else f[unit] * mask[unit])
    edges, weights = joins(trace.network, layer + 1), route.jacobians[layer + 1][:, unit]
    deltas = trace.delta[layer][route.sample]
    units = range(len(weights)) if edges is None else np.flatnonzero(edges[:, unit]).tolist()
    terms = [Term(m, float(weights[m]), float(deltas[m])) for m in units]
    return slope, tuple(sorted(terms, key=lambda term: -abs(term.product)))


def _path(trace: Trace, route: _Route, end: int, units: tuple[int, ...]) -> ChainPath:
    """Return a path with its factors; `units` from the output layer backwards."""
    p = route.ends.unit(units[0], end)
    factors = [*_from_the_loss(trace, route, end, units[0])]
    layer = len(trace.network.operations)
    for after, unit in pairwise(units):
        factors += _along(trace, route, layer, (after, unit))
        layer -= 1
        factors += _through(trace, route, layer, unit)
    return ChainPath(p, units, (*factors, *_parameter(trace, route, units[-1])))


def _from_the_loss(trace: Trace, route: _Route, end: int, output: int) -> list[Factor]:
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


def _along(trace: Trace, route: _Route, layer: int, edge: tuple[int, int]) -> list[Factor]:
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


def _through(trace: Trace, route: _Route, layer: int, unit: int) -> list[Factor]:
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


def _parameter(trace: Trace, route: _Route, unit: int) -> list[Factor]:
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


def _inside_waves(trace: Trace, route: _Route, waves: Waves, unit: int) -> list[Factor]:
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
