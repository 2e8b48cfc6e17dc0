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

All factors are read from a Trace (`path_factors`); the sum over all paths and the largest of them
are found without walking along each (`best_paths`).

Public names: `Chain`, `Term`, `chain_of`.
May import: `best_paths`, `jacobians`, `neurons`, `path_factors`, `places`, `reach`,
`clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.explanation.best_paths import sum_of
from clearprop.explanation.jacobians import Collapsed, joins
from clearprop.explanation.neurons import tolerance
from clearprop.explanation.path_factors import ChainPath, Route, largest_of, path_of, route_of
from clearprop.explanation.places import Place
from clearprop.explanation.reach import reach_of


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
    place = place.checked(trace.network)
    if count < 1:
        raise SettingError(f"At least 1 path can be written out, but paths={count} came.")
    reach = reach_of(trace, place)
    route = route_of(trace, place, sample, reach)
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
        paths=tuple(path_of(trace, route, end, units) for end, units in largest_of(route, count)),
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


def _one_layer_ahead(
    trace: Trace, route: Route, unit: int
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
