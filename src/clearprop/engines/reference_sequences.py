"""The reference engine for networks with recurrent layers: the oracle of what happens in time.

It differs from the engine for rows in how a batch is brought together and gone through, and in
nothing else.

Public names: `SequenceReferenceEngine`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines import unrolled
from clearprop.engines.contracts import Block, TrainState, goes_by_pieces
from clearprop.engines.ledger import dropout_masks
from clearprop.engines.reference import ReferenceEngine
from clearprop.engines.reference_times import timed_sequences
from clearprop.engines.sequence_batches import (
    SequenceBatch,
    carried_over,
    sequence_batch,
    states_from,
    sum_of_weights,
)
from clearprop.engines.timing import PartTime, median_times
from clearprop.engines.trace import SequenceTrace
from clearprop.engines.unrolled import SequenceGradients, SequencePass, in_time
from clearprop.network import Operation, Recurrence

# sequences of a chunk where all are wanted and no batch size is given
CHUNK = 256


class SequenceReferenceEngine(ReferenceEngine):
    """Runs `equations/` on NumPy, one batch of sequences at a time."""

    _trace_kind = SequenceTrace
    _chunk = CHUNK
    # states at the end of the piece that was gone through last
    _ends: np.ndarray | None = None

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Run the forward pass on chunks of sequences; see `Engine.predict`."""
        every = self.network.readout == "every"
        count = len(x.values) if every else len(x)
        result = np.empty((count, self.network.outputs), dtype=self.network.dtype)
        for rows in self._chunks(Block(x, result)):
            window = x.window(rows, 0, None)
            inputs = x.values[window.places]
            saved = unrolled.forward(np, self.network, vector, inputs, window.packing)
            result[window.places if every else rows] = saved.output
        return result

    def measure(
        self, state: TrainState, block: Block, rows: np.ndarray, repeats: int = 9
    ) -> tuple[PartTime, ...]:
        """Time the equations layer by layer; see `Engine.measure`."""
        rows = np.asarray(rows)
        runs = [timed_sequences(self, state, block, rows) for _ in range(repeats + 1)]
        return median_times(runs[1:])

    def piece(self, state: TrainState, block: Block, rows: np.ndarray) -> SequenceBatch:
        """Return what the state's next step reads of these sequences."""
        if not goes_by_pieces(self.network, self.recipe):
            return sequence_batch(self.network, block, rows)
        count = int(self.recipe.truncate or 1)
        return sequence_batch(self.network, block, rows, begin=state.piece * count, count=count)

    def _arrays(
        self, state: TrainState, block: Block, rows: np.ndarray, dropout: float | None
    ) -> tuple[dict[str, Any], float]:
        network, vector = self.network, state.vector
        batch = self.piece(state, block, rows)
        masks = dropout_masks(network, state, block, batch.rows, dropout)
        start, cut = states_from(network, state, batch), self.recipe.truncate
        saved, gradients = self._sequence_passes(vector, batch, masks, start)
        if goes_by_pieces(network, self.recipe):
            self._ends = carried_over(state, batch, saved, len(rows))
        operations = list(enumerate(network.operations))
        arrays = {
            "rows": batch.rows + block.first_row,
            "x": batch.x,
            "y": batch.y,
            "coefficients": batch.c,
            "inputs": saved.inputs,
            "z": saved.z,
            "a": saved.a,
            "delta": gradients.delta,
            "masks": masks,
            "losses": self._losses(batch.y, saved),
            "gradient": gradients.vector,
            "packing": batch.packing,
            "states": [_kept_states(saved, k, o, batch) for k, o in operations],
            "fed_back": gradients.fed_back,
            "before": [_states_before(saved, k, o, batch) for k, o in operations],
            "begin": batch.begin,
            "cut": cut,
        }
        return arrays, batch.normaliser

    def _sequence_passes(
        self, vector: np.ndarray, batch: SequenceBatch, masks: list[Any], start: Any
    ) -> tuple[SequencePass, SequenceGradients]:
        """Go forward and back; an engine that does so otherwise traces through here."""
        given = (batch.packing, masks)
        saved = unrolled.forward(np, self.network, vector, batch.x, *given, start)
        outputs = (batch.y, batch.c, saved, *given, self.recipe.truncate)
        return saved, unrolled.backward(np, self.network, vector, *outputs)

    def _sum_of_weights(self, block: Block) -> float:
        return sum_of_weights(self.network, block)

    def _loss_and_slope(
        self, vector: np.ndarray, block: Block, rows: np.ndarray, normaliser: float
    ) -> tuple[float, Callable[[], np.ndarray]]:
        network = self.network
        batch = sequence_batch(network, block, rows, normaliser=normaliser)
        saved = unrolled.forward(np, network, vector, batch.x, batch.packing)
        loss = float(eq.total_loss(np, self._losses(batch.y, saved), batch.c))
        arguments = (np, network, vector, batch.y, batch.c, saved, batch.packing)
        return loss, lambda: unrolled.backward(*arguments).vector

    def _move_on(self, state: TrainState, block: Block, rows: np.ndarray) -> None:
        if goes_by_pieces(self.network, self.recipe):
            state.piece += 1
            state.carried = self._ends
            if state.piece * int(self.recipe.truncate or 1) < block.x.lengths[rows].max():
                return
            state.piece, state.carried = 0, None
        state.position += len(rows)


def _kept_states(
    saved: SequencePass, index: int, operation: Operation, batch: SequenceBatch
) -> dict[str, np.ndarray]:
    """Return what a layer's cell keeps besides h, by name."""
    if not isinstance(operation, Recurrence):
        return {}
    pairs = list(zip(operation.ways, saved.ways[index], strict=True))
    found: dict[str, list[np.ndarray]] = {}
    for way, one in pairs:
        extra = dict(zip(eq.CELLS[operation.cell].states[1:], one.state[1:], strict=True))
        if one.inner is not None:
            extra["q"] = one.inner
        for name, rows in extra.items():
            found.setdefault(name, []).append(in_time(way, rows, batch.packing))
    return {name: np.concatenate(parts, axis=1) for name, parts in found.items()}


def _states_before(
    saved: SequencePass, index: int, operation: Operation, batch: SequenceBatch
) -> np.ndarray | None:
    if not isinstance(operation, Recurrence):
        return None
    pairs = zip(operation.ways, saved.ways[index], strict=True)
    parts = [in_time(way, one.before[0], batch.packing) for way, one in pairs]
    return np.concatenate(parts, axis=1)
