"""How long each part of a step takes on the device: each compiled on its own, with a clock between.

Rows go through the parts of `engines.timing` layer by layer. Sequences have the way forward and the
way back of all layers as one part each, as on the reference engine.

Public names: `timed_parts`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from clearprop import equations as eq
from clearprop.engines.contracts import Block, TrainState
from clearprop.engines.ledger import terms_and_slots
from clearprop.engines.reference_times import has_two_parts
from clearprop.engines.timing import PartTime
from clearprop.engines.xla import passes
from clearprop.engines.xla.batches import Batch, Data, dense_batch, sequence_batch
from clearprop.engines.xla.programs import Drops, Kind
from clearprop.network import Operation


class _Clock:
    """Runs parts to their end and notes how long each took."""

    def __init__(self) -> None:
        self.times: list[PartTime] = []

    def __call__(self, part: str, layer: int, program: Any, *arguments: Any) -> Any:
        began = time.perf_counter()
        found = jax.block_until_ready(program(*arguments))
        self.times.append(PartTime(part, layer, time.perf_counter() - began))
        return found


def timed_parts(
    engine: Any, state: TrainState, block: Block, data: Data, drops: Drops
) -> list[PartTime]:
    """Take the step on the rows of the data's order part by part; return how long each took."""
    rows = np.asarray(data.order)
    steps = int(block.x.lengths[rows].max()) if engine.network.recurrent else 0
    kind, clock = engine.kind(state, steps, len(rows)), _Clock()
    parts = _parts(kind)
    vector = jnp.array(state.vector)
    batch, masks = clock("gather", 0, parts["gather"], data, drops)
    walk = _sequences if steps else _layers
    gradient = walk(kind, parts, clock, vector, batch, masks)
    constants = engine.step_constants(state, block, 1)[0].astype(engine.network.dtype)
    clock("update", 0, parts["update"], vector, jnp.array(state.slots), gradient, constants)
    return clock.times


def _sequences(kind: Kind, parts: Any, clock: _Clock, vector: Any, batch: Any, masks: Any) -> Any:
    saved = clock("forward", 0, parts["forward"], vector, batch, masks)
    clock("loss", 0, parts["loss"], batch, saved)
    return clock("backward", 0, parts["backward"], vector, batch, saved, masks)


def _layers(kind: Kind, parts: Any, clock: _Clock, vector: Any, batch: Any, masks: Any) -> Any:
    operations, saved, x = kind.network.operations, eq.Pass([], [], []), batch.x
    for k, operation in enumerate(operations):
        saved.inputs.append(x)
        saved.z.append(clock("z", operation.layer, parts[f"z{k}"], vector, x))
        found = clock("a", operation.layer, parts[f"a{k}"], vector, saved.z[-1], masks[k])
        saved.a.append(found[0])
        x = found[1]
    delta = error = clock("loss", 0, parts["loss"], batch, saved)[1]
    for k in reversed(range(len(operations))):
        layer = operations[k].layer
        if has_two_parts(operations[k]):
            clock("bp3", layer, parts["bp3"], delta)
            clock("bp4", layer, parts["bp4"], saved.inputs[k], delta)
        else:
            clock("bp4", layer, parts[f"own{k}"], vector, saved.inputs[k], delta)
        if k:
            before = saved.z[k - 1], saved.a[k - 1], masks[k - 1]
            given = (vector, saved.inputs[k], error, *before)
            error, delta = clock("delta", layer - 1, parts[f"delta{k}"], *given)[:2]
    return jnp.zeros_like(vector)


@lru_cache(maxsize=16)
def _parts(kind: Kind) -> dict[str, Callable[..., Any]]:
    """Return each part as a program of its own."""
    network = passes.traceable(kind.network)
    last = network.operations[-1].activation

    def gather(data: Any, drops: Drops) -> tuple[Batch, list[Any]]:
        size = data.order.shape[0]
        if kind.steps:
            batch = sequence_batch(network, data, 0, size, kind.steps)
        else:
            batch = dense_batch(network, data, 0, size)
        numbers = batch.rows.astype(jnp.uint32) + data.first_row
        return batch, passes.masks_of(network, drops, numbers)

    def loss(batch: Batch, saved: Any) -> tuple[Any, Any]:
        given = batch.y, saved.z[-1], saved.a[-1], batch.c
        delta = eq.bp1(jnp, network.objective, last, *given)
        return passes.loss_of(network, batch, saved), delta

    def update(vector: Any, slots: Any, gradient: Any, constants: Any) -> Any:
        given = network, kind.recipe, vector, tuple(slots), gradient, constants, 1.0
        return terms_and_slots(jnp, *given)

    found: dict[str, Callable[..., Any]] = {
        "gather": gather,
        "loss": loss,
        "update": update,
        "bp3": lambda delta: eq.bp3(jnp, delta),
        "bp4": eq.bp4,
        "forward": lambda *given: passes.forward(kind, *given),
        "backward": lambda *given: passes.backward(kind, network, *given).vector,
    }
    if not kind.steps:
        for k, operation in enumerate(network.operations):
            found |= _layer_parts(kind, k, operation)
    return {name: jax.jit(function) for name, function in found.items()}


def _layer_parts(kind: Kind, k: int, operation: Operation) -> dict[str, Callable[..., Any]]:
    carrier = eq.carrier_for(kind.recipe.carrier, kind.network, kind.seed)

    def z(vector: Any, x: Any) -> Any:
        return eq.weighted_input(jnp, operation, vector, x)

    def a(vector: Any, z: Any, mask: Any) -> tuple[Any, Any]:
        value = eq.activated(jnp, operation, vector, z)
        return value, value if mask is None else value * mask

    def own(vector: Any, x: Any, delta: Any) -> list[Any]:
        return eq.own_gradients(jnp, operation, vector, x, delta)

    def delta(vector: Any, x: Any, error: Any, z: Any, a: Any, mask: Any) -> Any:
        layer = kind.network.operations[k - 1]
        slope, mask = layer.slope(jnp, vector, z, a), 1 if mask is None else mask
        if kind.network.plain:
            C = carrier.matrix(jnp, operation, vector)
            return eq.carry(carrier, C, error, slope, mask)
        arrived = eq.sent_back(jnp, operation, vector, x, error) * mask
        # ∂E/∂t belongs to this part, and is handed out so that it is computed
        return arrived * slope, arrived * slope, eq.learnt_gradient(jnp, layer, z, arrived)

    return {f"z{k}": z, f"a{k}": a, f"own{k}": own, f"delta{k}": delta}
