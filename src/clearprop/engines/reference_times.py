"""How long each equation of a step takes on NumPy: the step taken apart, with a clock between.

`equations.forward` and `equations.backward` walk through the layers in one go; here the same
equations are called one by one. The numbers are thrown away.

Of sequences, the way forward through all layers, the way back, and the update are timed as wholes:
`engines.unrolled` goes through each layer's time in one piece.

Public names: `timed_sequences`, `timed_step`.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines import unrolled
from clearprop.engines.batches import dense_inputs, dense_targets, row_coefficients
from clearprop.engines.contracts import Block, Engine, TrainState
from clearprop.engines.ledger import dropout_masks, update_terms
from clearprop.engines.sequence_batches import sequence_batch
from clearprop.engines.timing import PartTime
from clearprop.network import Operation


class _Clock:
    """Collects the time since the last part ended."""

    def __init__(self) -> None:
        self.times: list[PartTime] = []
        self._before = time.perf_counter()

    def ended(self, part: str, layer: int = 0) -> None:
        now = time.perf_counter()
        self.times.append(PartTime(part, layer, now - self._before))
        self._before = now


def timed_step(engine: Engine, state: TrainState, block: Block, rows: np.ndarray) -> list[PartTime]:
    """Take the step on these rows and return how long each part took, in the order of the step."""
    network, recipe = engine.network, engine.recipe
    constants, carrier = engine.step_constants(state, block, 1)[0], engine.carrier(state)
    clock = _Clock()
    x, y = dense_inputs(block, rows, network.members), dense_targets(network, block, rows)
    c = row_coefficients(network, block, rows)
    masks = dropout_masks(network, state, block, rows, constants[5])
    clock.ended("gather")
    saved = _forward(engine, state.vector, x, masks, clock)
    gradient = _backward(engine, state.vector, (y, c, masks), saved, carrier, clock)
    update_terms(network, recipe, state, gradient, constants, 1.0)
    clock.ended("update")
    return clock.times


def timed_sequences(
    engine: Engine, state: TrainState, block: Block, rows: np.ndarray
) -> list[PartTime]:
    """Take the step on these sequences and return how long each part took."""
    network, recipe, vector = engine.network, engine.recipe, state.vector
    constants = engine.step_constants(state, block, 1)[0]
    clock = _Clock()
    batch = sequence_batch(network, block, rows)
    masks = dropout_masks(network, state, block, rows, constants[5])
    clock.ended("gather")
    saved = unrolled.forward(np, network, vector, batch.x, batch.packing, masks)
    clock.ended("forward")
    f = network.operations[-1].activation
    eq.total_loss(np, network.objective.value(np, f, batch.y, saved.z[-1], saved.a[-1]), batch.c)
    clock.ended("loss")
    given = (batch.y, batch.c, saved, batch.packing, masks, recipe.truncate)
    gradient = unrolled.backward(np, network, vector, *given).vector
    clock.ended("backward")
    update_terms(network, recipe, state, gradient, constants, 1.0)
    clock.ended("update")
    return clock.times


def _forward(engine: Engine, vector: Any, x: Any, masks: list[Any], clock: _Clock) -> eq.Pass:
    saved = eq.Pass([], [], [])
    for operation, mask in zip(engine.network.operations, masks, strict=True):
        saved.inputs.append(x)
        saved.z.append(eq.weighted_input(np, operation, vector, x))
        clock.ended("z", operation.layer)
        saved.a.append(eq.activated(np, operation, vector, saved.z[-1]))
        x = saved.a[-1] if mask is None else saved.a[-1] * mask
        clock.ended("a", operation.layer)
    return saved


def _backward(
    engine: Engine, vector: Any, given: tuple[Any, ...], saved: eq.Pass, carrier: Any, clock: _Clock
) -> np.ndarray:
    """Run BP1 to BP4 and return the gradient."""
    network, (y, c, masks) = engine.network, given
    loss, operations = network.objective, network.operations
    f, z, a = operations[-1].activation, saved.z[-1], saved.a[-1]
    eq.total_loss(np, loss.value(np, f, y, z, a), c)
    error = delta = eq.bp1(np, loss, f, y, z, a, c)
    if carrier.late:
        error = eq.output_error(np, network, y, a, c, delta)
    clock.ended("loss")
    gradient = np.empty_like(vector)
    for operation in reversed(operations):
        before = operation.layer - 2
        received = saved.inputs[before + 1]
        _own_gradients(operation, vector, received, delta, gradient, clock)
        if before < 0:
            break
        layer = operations[before]
        slope = layer.slope(np, vector, saved.z[before], saved.a[before])
        mask = 1 if masks[before] is None else masks[before]
        if network.plain:
            C = carrier.matrix(np, operation, vector)
            error, delta = eq.carry(carrier, C, error, slope, mask)
        else:
            arrived = eq.sent_back(np, operation, vector, received, delta) * mask
            eq.learnt_gradient(np, layer, saved.z[before], arrived)
            delta = arrived * slope
        clock.ended("delta", operation.layer - 1)
    return gradient


def has_two_parts(operation: Operation) -> bool:
    """Whether a layer's gradients are timed as BP3 and BP4, and not together as BP4."""
    return operation.kind == "dense" and not operation.own


def _own_gradients(
    operation: Operation, vector: Any, x: Any, delta: Any, gradient: Any, clock: _Clock
) -> None:
    """Compute BP3 and BP4 of a layer; of front layers, whose parts they are, both together."""
    if not has_two_parts(operation):
        eq.own_gradients(np, operation, vector, x, delta)
        clock.ended("bp4", operation.layer)
        return
    operation.bias.view(gradient)[...] = eq.bp3(np, delta)
    clock.ended("bp3", operation.layer)
    operation.weight.view(gradient)[...] = eq.bp4(x, delta, operation.scale)
    clock.ended("bp4", operation.layer)
