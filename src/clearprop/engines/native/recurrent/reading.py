"""What the kernel has left of one batch, put together from its threads' workspaces.

A thread's arrays hold its own sequences by rank, step by step in the way's own time; here they
become the arrays of a `SequenceTrace`, in the order of the whole batch's `Packing`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.engines.native.recurrent import records
from clearprop.engines.native.recurrent.call import SequenceCall
from clearprop.engines.sequences import Window
from clearprop.network import Recurrence


class Reading:
    """The workspaces of a call that has run one step.

    Parameters
    ----------
    call : SequenceCall
    window : Window
        The batch's sequences and the steps of them that were gone through.
    """

    def __init__(self, call: SequenceCall, window: Window) -> None:
        self._space = call.space
        self._network = call.engine.network
        self._packing = packing = window.packing
        self._threads = threads = len(call.space.work)
        every = self._network.readout == "every"
        # thread and place within its part, of each rank, then of each row
        ranks = np.arange(len(packing.lengths))
        self._of_rank = ranks % threads, ranks // threads
        rank_of_row = np.arange(packing.rows) - packing.offsets[:-1][packing.step]
        owner, own = rank_of_row % threads, rank_of_row // threads
        sizes = [(packing.sizes - k + threads - 1) // threads for k in range(threads)]
        self._starts = np.array([np.concatenate([[0], np.cumsum(part)]) for part in sizes])
        self._of_row = owner, self._starts[owner, packing.step] + own
        self._counts = [(len(ranks) - k + threads - 1) // threads for k in range(threads)]
        self._of_place = tuple(part[packing.rank] for part in self._of_rank)
        self._of_output = self._of_row if every else self._of_place
        self._outputs = [int(s[-1]) for s in self._starts] if every else self._counts

    def _read(self, place: int, width: int, which: Any) -> np.ndarray:
        """Return rows of an array that each thread has, given thread and row of each."""
        owner, own = which
        found = np.empty((len(owner), width), dtype=self._network.dtype)
        for thread, work in enumerate(self._space.work):
            mine = owner == thread
            at = place + width * own[mine]
            found[mine] = work[at[:, None] + np.arange(width)]
        return found

    def by_rows(self, place: int, width: int) -> np.ndarray:
        """Return an array of a row for each step of each sequence, (N, width)."""
        return self._read(place, width, self._of_row)

    def by_sequences(self, place: int, width: int) -> np.ndarray:
        """Return an array of a row for each sequence, in the batch's order, (n, width)."""
        return self._read(place, width, self._of_place)

    def by_outputs(self, name: str, width: int) -> np.ndarray:
        """Return what lies unit by unit, as a row for each output, (outputs' rows, width)."""
        owner, own = self._of_output
        found = np.empty((len(owner), width), dtype=self._network.dtype)
        for thread, work in enumerate(self._space.work):
            mine, count = owner == thread, self._outputs[thread]
            place = self._space.places.others[name]
            found[mine] = work[place : place + width * count].reshape(width, count).T[own[mine]]
        return found

    def put_output_delta(self, delta: np.ndarray) -> None:
        """Write δ^L, a row an output, to where BP3 and BP4 read it."""
        place, width = self._space.places.layers[-1, records.ERROR], delta.shape[1]
        owner, own = self._of_output
        for thread, work in enumerate(self._space.work):
            mine = owner == thread
            at = place + width * own[mine]
            work[at[:, None] + np.arange(width)] = delta[mine]

    def layers(self) -> dict[str, list[Any]]:
        """Return the layers' arrays by their names in a `SequenceTrace`."""
        found: dict[str, list[Any]] = {
            name: []
            for name in ("inputs", "z", "a", "delta", "masks", "states", "fed_back", "before")
        }
        for index, layer in enumerate(self._space.places.layers):
            operation = self._network.operations[index]
            behind = index >= self._network.read_behind and self._network.readout != "every"
            read = self.by_sequences if behind else self.by_rows
            found["inputs"].append(read(layer[records.INPUT], operation.fan_in))
            masked = bool(operation.dropout)
            found["masks"].append(
                self.by_sequences(layer[records.MASK], operation.units) if masked else None
            )
            if isinstance(operation, Recurrence):
                parts = self._recurrent(layer, operation)
                parts["a"] = self.by_rows(layer[records.A_PLACE], operation.units)
            else:
                parts = {"states": {}, "fed_back": None, "before": None}
                parts["z"] = read(layer[records.Z_PLACE], operation.units)
                parts["delta"] = read(layer[records.ERROR], operation.units)
                parts["a"] = read(layer[records.A_PLACE], operation.units)
            for name, array in parts.items():
                found[name].append(array)
        found["a"][-1] = self.by_outputs("a_turned", self._network.outputs)
        return found

    def _recurrent(self, layer: np.ndarray, operation: Recurrence) -> dict[str, Any]:
        size, tall = operation.size, layer[records.GATES] * operation.size
        parts: dict[str, list[np.ndarray]] = {}
        for number in range(len(operation.ways)):
            way = self._space.places.ways[layer[records.FIRST_WAY] + number]
            delta = self.by_rows(way[records.DELTA_ROWS], tall)
            arrays = {
                "z": self.by_rows(way[records.Z_ROWS], tall),
                "delta": delta,
                "fed_back": delta,
                "before": self._before(way[records.H_ROWS], size),
            }
            if operation.cell == "lstm":
                arrays["c"] = self.by_rows(way[records.CELL_ROWS], size)
            if operation.cell == "gru":
                arrays["q"] = self.by_rows(way[records.Q_ROWS], size)
                reset = self.by_rows(way[records.RESET_ROWS], size)
                arrays["fed_back"] = np.concatenate([delta[:, : 2 * size], reset], axis=1)
            for name, array in arrays.items():
                in_time = array[self._packing.mirror] if way[records.REVERSE] else array
                parts.setdefault(name, []).append(in_time)
        whole = {name: np.concatenate(arrays, axis=1) for name, arrays in parts.items()}
        kept = {name: whole.pop(name) for name in ("c", "q") if name in whole}
        return {**whole, "states": kept}

    def _before(self, place: int, size: int) -> np.ndarray:
        """Return the states before each row: those of the step before, or the first ones."""
        owner, own = self._of_rank
        starts = np.array(self._counts)[owner]
        first = self._read(place, size, (owner, own - starts))
        states, step = self.by_rows(place, size), self._packing.step
        rank = np.arange(self._packing.rows) - self._packing.offsets[:-1][step]
        found = first[rank]
        later = step > 0
        found[later] = states[(self._packing.offsets[step - 1] + rank)[later]]
        return found
