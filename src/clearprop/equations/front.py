"""The equations of layers that are not plain dense ones, each beside its backward ones.

    scaling     z_j = g_j a_j
                ∂E/∂g_j = Σ_i δ_ij a_ij                 error before it: g_j δ_j
    periodic    v = B cos φ + b,  φ = 2π (f x + p)      of each column; z holds x, v and the others
                ∂E/∂b = Σ_i δ_v                         ∂E/∂B = Σ_i δ_v cos φᵀ
                ψ = (Bᵀ δ_v) ⊙ (-2π sin φ)              the error at f x + p, in turns
                ∂E/∂p = Σ_i ψ,  ∂E/∂f = Σ_i ψ x         error before it: δ_x + Σ_k ψ_k f_k
    parametric  a = z + t (f(z) - z)                    ∂a/∂z = 1 + t (f'(z) - 1)
                ∂E/∂t = Σ_i (∂E/∂a) (f(z) - z)

(Holzmüller, Grinsztajn and Steinwart 2024; Gorishniy, Rubachev and Babenko 2022 for the periodic
features.) They follow from BP1 to BP4 of `backward` by the chain rule: a scaling is a dense layer
whose matrix is diagonal, and a periodic one is two small dense layers for each column, with a
cosine between. ∂a/∂z is `Operation.slope`.

In a network of k members the batch has k · n rows, member after member (Gorishniy, Kotelnikov and
Babenko 2025). A layer of which each member has its own is given rows as (k, n, units) by
`by_member`; the other layers do not see that there are members.

Public names: `Waved`, `by_member`, `error_before_waves`, `gain_gradient`, `scaled`,
`shape_gradient`, `shaped`, `waved`, `wave_errors`, `wave_gradients`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from clearprop.functions import waves
from clearprop.network import Operation, Waves


def by_member(operation: Operation, rows: Any) -> Any:
    """Return rows (k · n, units) as (k, n, units) where each member has its own parameters."""
    if not operation.own:
        return rows
    return rows.reshape(operation.segments[0].shape[0], -1, rows.shape[-1])


def scaled(g: Any, a: Any) -> Any:
    """z_j = g_j a_j, and with δ for a the error before the layer: (n, units) → (n, units)."""
    return g[..., None, :] * a


def gain_gradient(xp: Any, a: Any, delta: Any) -> Any:
    """∂E/∂g_j = Σ_i δ_ij a_ij: (n, units), (n, units) → (units,)."""
    return xp.sum(delta * a, axis=-2)


def shaped(t: Any, z: Any, f_of_z: Any) -> Any:
    """a = z + t (f(z) - z): (n, units) → (n, units)."""
    return z + t * (f_of_z - z)


def shape_gradient(xp: Any, z: Any, f_of_z: Any, error: Any) -> Any:
    """∂E/∂t = Σ_i (∂E/∂a) (f(z) - z): three (n, units) → (units,)."""
    return xp.sum(error * (f_of_z - z), axis=0)


def waved(xp: Any, operation: Waves, vector: Any, x: Any) -> Any:
    """z of a periodic layer: each column's x and v = B cos φ + b, then the others.

    (n, fan_in) → (n, units).
    """
    f, p, W, b = (segment.view(vector) for segment in operation.segments)
    cosines = waves.value(xp, waves.angles(x[:, list(operation.columns)], f, p))
    return operation.gathered(xp, x, waves.mixed(xp, cosines, W, b))


class Waved(NamedTuple):
    """The errors inside a periodic layer.

    Attributes
    ----------
    x : (n, columns) array
        What came in by the columns.
    cosines : (n, columns, frequencies) array
    v : (n, columns, features - 1) array
        δ_v = ∂E/∂v.
    turns : (n, columns, frequencies) array
        ψ = ∂E/∂(f x + p).
    """

    x: Any
    cosines: Any
    v: Any
    turns: Any


def wave_errors(xp: Any, operation: Waves, vector: Any, x: Any, delta: Any) -> Waved:
    """ψ = (Bᵀ δ_v) ⊙ (-2π sin φ), with what BP3 and BP4 want besides."""
    f, p, W, _ = (segment.view(vector) for segment in operation.segments)
    columns = x[:, list(operation.columns)]
    phi = waves.angles(columns, f, p)
    v = _blocks(operation, delta)[:, :, 1:]
    B = W.reshape(len(operation.columns), -1, operation.frequencies)
    turns = xp.einsum("ncm,cmf->ncf", v, B) * (2 * math.pi * waves.derivative(xp, phi))
    return Waved(columns, waves.value(xp, phi), v, turns)


def wave_gradients(xp: Any, errors: Waved) -> list[Any]:
    """∂E/∂f, ∂E/∂p, ∂E/∂B and ∂E/∂b, in the order of the layer's segments."""
    W = xp.einsum("ncm,ncf->cmf", errors.v, errors.cosines)
    return [
        xp.einsum("ncf,nc->cf", errors.turns, errors.x),
        xp.sum(errors.turns, axis=0),
        W.reshape(-1, W.shape[-1]),
        xp.sum(errors.v, axis=0).reshape(-1),
    ]


def error_before_waves(xp: Any, operation: Waves, vector: Any, errors: Waved, delta: Any) -> Any:
    """δ_x + Σ_k ψ_k f_k for the columns, δ itself for the others: (n, units) → (n, fan_in)."""
    f = operation.named("f").view(vector)
    blocks = _blocks(operation, delta)
    of_columns = blocks[:, :, 0] + xp.einsum("ncf,cf->nc", errors.turns, f)
    rest = delta[:, len(operation.columns) * operation.features :]
    # from the columns and then the others to the places at which the layer received them
    order = [*operation.columns, *operation.others]
    places = [order.index(place) for place in range(operation.fan_in)]
    return xp.concatenate([of_columns, rest], axis=1)[:, places]


def _blocks(operation: Waves, units: Any) -> Any:
    """Return what stands in the columns' units, (n, columns, features)."""
    shape = len(operation.columns), operation.features
    return units[:, : shape[0] * shape[1]].reshape(units.shape[0], *shape)
