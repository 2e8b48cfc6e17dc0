"""The chain rule of one parameter: from the loss back to it, factor by factor, on every path.

A weight w from unit k into unit j of layer l moves z_j, which moves every unit of the layers after
it, and at last the loss. A path picks one unit in each of them,

    ∂E/∂a_p · ∂a_p/∂z_o · s w_om · f'(z_m) · … · s w_.j · f'(z_j) · s a_k

and ∂E/∂w is the sum over all paths. With softmax, z_o moves every output a_p, and so several paths
end behind z_o; with other activations p = o. Where the sample's coefficient c is not 1 it is the
first factor; dropout masks are factors of their own. Penalties are no part of it.

All factors are read from a Trace (`jacobians`); the sum over all paths and the largest of them are
found without walking along each (`best_paths`).

Public names: `Chain`, `ChainPath`, `Factor`, `Term`, `chain_of`.
May import: `best_paths`, `jacobians`, `names`, `neurons`, `clearprop.engines`, `clearprop.errors`,
NumPy.
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
    slopes_of,
    weights_of,
)
from clearprop.explanation.names import Names, Place
from clearprop.explanation.neurons import tolerance

FactorKind = Literal[
    "coefficient", "loss", "output", "error", "scale", "weight", "mask", "slope", "signal", "one"
]


@dataclass(frozen=True)
class Factor:
    """One factor of a chain.

    Attributes
    ----------
    kind : str
        `"coefficient"` c, `"loss"` ∂E/∂a_p, `"output"` ∂a_p/∂z_o, `"error"` ∂E/∂z_o (the two before
        in one), `"scale"` s, `"weight"` w, `"mask"` of dropout, `"slope"` f'(z), `"signal"` a_k as
        the layer received it, `"one"` ∂z/∂b.
    layer : int
        The layer that it belongs to, 1 for the first; that of the unit for a signal, so 0 for an
        input.
    units : tuple of int
        Counted from 0: (into, from) for a weight, (p, o) for `"output"`, else the one unit; none
        for a coefficient and a scale.
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
        ∂z_j/∂θ: a_k as the layer received it, times its forward scale; 1 for a bias.
    slope : float or None
        f'(z_j), times the dropout mask; None at the output, where δ comes from BP1.
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
    route = _route(trace, place, sample)
    common = route.coefficient * route.signal
    slope, terms = _one_layer_ahead(trace, route)
    pushes = trace.delta[place.layer - 1][:, place.unit] * _signals(trace, place)
    found = largest(route.products, route.links, count)
    return Chain(
        place=place,
        sample=sample,
        samples=len(trace.rows),
        coefficient=route.coefficient,
        signal=route.signal,
        slope=slope,
        delta=float(trace.delta[place.layer - 1][sample, place.unit]),
        gradient=float(pushes[sample]),
        batch_gradient=float(trace.gradient[place.entry(trace.network)]),
        batch_sum=float(pushes.sum()),
        batch_size=float(np.abs(pushes).sum()),
        terms=terms,
        paths=tuple(_path(trace, route, end, (*units, place.unit)) for end, units in found),
        count_of_paths=count_of(route.products, route.links),
        total=common * sum_of(route.products, route.links),
        size=abs(common * sum_of(np.abs(route.products), [np.abs(link) for link in route.links])),
        collapsed=route.ends.collapsed,
        carrier=trace.recipe.carrier,
        tolerance=tolerance(trace),
        smallest=float(np.finfo(trace.network.dtype).tiny),
    )


def _signals(trace: Trace, place: Place) -> np.ndarray:
    """Return ∂z_j/∂θ of every sample, (n,), in float64."""
    if place.source is None:
        return np.ones(len(trace.rows))
    scale = trace.network.operations[place.layer - 1].scale
    return scale * trace.inputs[place.layer - 1][:, place.source].astype(np.float64)


@dataclass(frozen=True, eq=False)
class _Route:
    """All that paths into one parameter are made of.

    `slopes` holds f'(z) and the dropout mask of the hidden layers from the parameter's own on;
    `products` and `links` are the arguments of `best_paths`.
    """

    place: Place
    sample: int
    coefficient: float
    signal: float
    ends: Ends
    slopes: dict[int, tuple[np.ndarray, np.ndarray | None]]
    products: np.ndarray
    links: list[np.ndarray]


def _route(trace: Trace, place: Place, sample: int) -> _Route:
    last = len(trace.network.operations)
    ends = ends_of(trace, sample)
    slopes = {layer: slopes_of(trace, sample, layer) for layer in range(place.layer, last)}
    links = []
    for layer in range(last, place.layer, -1):
        f, mask = slopes[layer - 1]
        scale = trace.network.operations[layer - 1].scale
        through = scale * (f if mask is None else f * mask)
        # all paths lead to one unit
        only = [place.unit] if layer - 1 == place.layer else slice(None)
        links.append(weights_of(trace, layer)[:, only] * through[only])
    return _Route(
        place=place,
        sample=sample,
        coefficient=float(trace.coefficients[sample]),
        signal=float(_signals(trace, place)[sample]),
        ends=ends,
        slopes=slopes,
        products=ends.errors if links else ends.errors[[place.unit]],
        links=links,
    )


def _one_layer_ahead(trace: Trace, route: _Route) -> tuple[float | None, tuple[Term, ...]]:
    """Return f'(z_j) with the dropout mask, and the terms w_mj δ_m, largest first."""
    layer, unit = route.place.layer, route.place.unit
    if layer not in route.slopes:
        return None, ()
    f, mask = route.slopes[layer]
    slope = float(f[unit] if mask is None else f[unit] * mask[unit])
    weights = trace.network.operations[layer].scale * weights_of(trace, layer + 1)[:, unit]
    pairs = zip(weights.tolist(), trace.delta[layer][route.sample].tolist(), strict=True)
    terms = [Term(m, weight, delta) for m, (weight, delta) in enumerate(pairs)]
    return slope, tuple(sorted(terms, key=lambda term: -abs(term.product)))


def _path(trace: Trace, route: _Route, end: int, units: tuple[int, ...]) -> ChainPath:
    """Return a path with its factors; `units` from the output layer backwards."""
    p = route.ends.unit(units[0], end)
    factors = [*_from_the_loss(trace, route, end, units[0])]
    layer = len(trace.network.operations)
    for after, unit in pairwise(units):
        factors += [*_scale(trace, layer), _weight(trace, Place(layer, after, unit))]
        layer -= 1
        factors += _through(route, layer, unit)
    return ChainPath(p, units, (*factors, *_parameter(trace, route)))


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


def _scale(trace: Trace, layer: int) -> list[Factor]:
    """Return the forward scale of a layer, unless it is 1."""
    scale = trace.network.operations[layer - 1].scale
    return [] if scale == 1 else [Factor("scale", layer, (), scale)]


def _weight(trace: Trace, place: Place) -> Factor:
    assert place.source is not None
    value = float(trace.vector[place.entry(trace.network)])
    return Factor("weight", place.layer, (place.unit, place.source), value, place.key)


def _through(route: _Route, layer: int, unit: int) -> list[Factor]:
    """Return the dropout mask of a hidden unit, where there is one, and f'(z)."""
    f, mask = route.slopes[layer]
    slope = Factor("slope", layer, (unit,), float(f[unit]), f"f{layer}.{unit}")
    return [slope] if mask is None else [Factor("mask", layer, (unit,), float(mask[unit])), slope]


def _parameter(trace: Trace, route: _Route) -> list[Factor]:
    """Return ∂z_j/∂θ as factors."""
    place = route.place
    if place.source is None:
        return [Factor("one", place.layer, (place.unit,), 1.0)]
    signal = float(trace.inputs[place.layer - 1][route.sample, place.source])
    key = f"a{place.layer - 1}.{place.source}"
    own = Factor("signal", place.layer - 1, (place.source,), signal, key)
    return [*_scale(trace, place.layer), own]
