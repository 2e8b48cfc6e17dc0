"""Both passes of a batch inside a program: forward, backward, dropout, on the devices of a `Site`.

`equations/` and `engines.unrolled` do them; here is what a program wants besides: the precision of
products, neurons that devices share out, and a loss of the user's own that is called back.

Public names: `Drops`, `Kind`, `backward`, `both_ways`, `forward`, `loss_of`, `masks_of`, `one_way`,
`traceable`.
May import: the other modules of `clearprop.engines`, `clearprop.equations`; JAX, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from clearprop import equations as eq
from clearprop.engines import unrolled
from clearprop.engines.contracts import Recipe
from clearprop.engines.xla.batches import Batch
from clearprop.engines.xla.grid import PerLayer
from clearprop.engines.xla.products import in_precision
from clearprop.engines.xla.site import Site
from clearprop.functions import CustomLoss
from clearprop.network import Network


@dataclass(frozen=True)
class Kind:
    """What a program is compiled for, besides the shapes of its arrays.

    Attributes
    ----------
    network : Network
    recipe : Recipe
        Without what goes in as numbers; a penalty is 1 where there is one.
    seed : int
        Of random feedback; 0 where there is none.
    steps : int
        Steps of the grid of sequences; 0 for rows.
    times : tuple of ((cell, units), way)
        How errors go back through the time of each kind of layer: names of `grid.TIMES`.
    site : Site
        The devices it runs on.
    """

    network: Network
    recipe: Recipe
    site: Site
    seed: int = 0
    steps: int = 0
    times: tuple[tuple[tuple[str, int], str], ...] = ()


class Drops(NamedTuple):
    """What dropout goes by, an entry a step and layer that drops.

    Attributes
    ----------
    words : (n, layers, 3) uint32 array
        The two words of `equations.key_of`, and the threshold of `equations.chance`.
    kept : (n, layers) array
        What kept units are multiplied by.
    """

    words: Any
    kept: Any

    def of(self, step: Any, lead: tuple[int, ...] = ()) -> Drops:
        """Return those of one step, without the axis of steps; `lead` are axes before it."""
        at = (*(slice(None),) * len(lead), step)
        return Drops(self.words[at], self.kept[at])


def traceable(network: Network) -> Network:
    """Return the network with a loss that XLA can run: a user's own is called back on the host."""
    loss = network.objective
    if not isinstance(loss, CustomLoss):
        return network
    dtype = np.dtype(network.dtype)

    def called(function: Callable[..., Any], shape: tuple[int, ...], *arrays: Any) -> Any:
        def on_host(*given: Any) -> np.ndarray:
            return np.asarray(function(*map(np.asarray, given)), dtype=dtype)

        return jax.pure_callback(on_host, jax.ShapeDtypeStruct(shape, dtype), *arrays)

    value = lambda y, a: called(loss.value_function, y.shape[:1], y, a)  # noqa: E731
    delta = lambda y, z, a: called(loss.delta_function, y.shape, y, z, a)  # noqa: E731
    return replace(network, loss=CustomLoss(value, delta, loss.name))


def forward(kind: Kind, vector: Any, batch: Batch, masks: Any = None, start: Any = None) -> Any:
    """Return the Pass or SequencePass of a batch."""
    if batch.grid is not None:
        time = PerLayer(dict(kind.times))
        given = (jnp, kind.network, vector, batch.x, batch.grid, masks, start, time)
        return unrolled.forward(*given)
    if kind.site.neurons > 1:
        return _forward_across(kind, vector, batch.x, masks)
    return eq.forward(jnp, kind.network, vector, batch.x, masks)


def _forward_across(kind: Kind, vector: Any, x: Any, masks: Any) -> eq.Pass:
    """Go forward with each layer's neurons shared out; XLA shares out the way back accordingly."""
    saved = eq.Pass([], [], [])
    for k, operation in enumerate(kind.network.operations):
        z = kind.site.across_neurons(eq.weighted_input(jnp, operation, vector, x))
        a = eq.activated(jnp, operation, vector, z)
        for kept, array in zip(saved, (x, z, a), strict=True):
            kept.append(array)
        x = a if masks is None or masks[k] is None else a * masks[k]
    return saved


def backward(
    kind: Kind, network: Network, vector: Any, batch: Batch, saved: Any, masks: Any = None
) -> Any:
    """Return the Gradients or SequenceGradients of a batch; `network` is a `traceable` one."""
    recipe, y, c = kind.recipe, batch.y, batch.c
    if batch.grid is None:
        carrier = eq.carrier_for(recipe.carrier, kind.network, kind.seed)
        return eq.backward(jnp, network, vector, y, c, saved, masks, carrier)
    time, cut = PerLayer(dict(kind.times)), recipe.truncate
    return unrolled.backward(jnp, network, vector, y, c, saved, batch.grid, masks, cut, time=time)


def both_ways(kind: Kind, network: Network) -> Any:
    """Return the function of both passes, whose products are in the site's precision."""

    def go(vector: Any, batch: Batch, masks: Any, start: Any) -> Any:
        saved = forward(kind, vector, batch, masks, start)
        return saved, backward(kind, network, vector, batch, saved, masks)

    return in_precision(kind.site.platform, kind.site.precision, go)


def one_way(kind: Kind) -> Any:
    """Return the function of the pass forward, in the site's precision."""

    def go(vector: Any, batch: Batch) -> Any:
        return forward(kind, vector, batch)

    return in_precision(kind.site.platform, kind.site.precision, go)


def loss_of(network: Network, batch: Batch, saved: Any) -> Any:
    """Return Σ c_i E_i."""
    last = network.operations[-1].activation
    losses = network.objective.value(jnp, last, batch.y, saved.z[-1], saved.a[-1])
    return eq.total_loss(jnp, losses, batch.c)


def masks_of(network: Network, drops: Drops, numbers: Any) -> list[Any]:
    """Return the dropout mask of each layer in a step, for rows of these numbers."""
    found: list[Any] = []
    left = iter(range(drops.words.shape[0]))
    for operation in network.operations:
        if not operation.dropout:
            found.append(None)
            continue
        place = next(left)
        k0, k1, threshold = drops.words[place]
        given = (numbers, operation.units, threshold, drops.kept[place], network.members)
        found.append(eq.chance.mask_from(jnp, (k0, k1), *given))
    return found
