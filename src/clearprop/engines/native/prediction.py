"""a^L of any number of rows, with what does not change from call to call prepared once.

One row of a plain network has a kernel of its own (`sample.predict_row`), whose forward phase for a
small network takes a fraction of a microsecond; so few and plain arguments, since each array of a
record takes Python some 50 ns to hand over. More rows go through `kernel.run` in chunks that a
core's cache holds beside the layer's weights. Threads share out the rows, and never wait for each
other; too few rows to fill the lanes of each leave them the neurons to share. Products are the
tiles' own, which need no BLAS at such sizes.

Public names: `Predictor`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.engines.contracts import Block, Plan, Recipe
from clearprop.engines.native import layout, records
from clearprop.engines.native.call import Call, run_kernel, run_row
from clearprop.engines.native.places import places_for
from clearprop.engines.native.plans import products
from clearprop.network import Network

# rows of a chunk that falls to one thread; where each sample is a row for each member, enough for
# the products that each has of its own
ROWS, ROWS_OF_MEMBERS = 128, 512
# rows for each thread below which they do not fill its lanes
FEW = 64
# multiplications below which a second thread takes longer to wake up than to help
SHARED_FROM = 8_000_000

PHASES = records.GATHER | records.FORWARD | records.PREDICT


@dataclass(frozen=True)
class _Setting:
    """What a call reads of an engine."""

    network: Network
    recipe: Recipe
    plan: Plan


def _plan(network: Network, threads: int, split: str = "none") -> Plan:
    return Plan("native", threads, split, (False,) * len(network.layers))


class _OneRow:
    """The prediction of one dense row."""

    def __init__(self, network: Network) -> None:
        self._dtype, self._shape = np.dtype(network.dtype), (1, network.outputs)
        places = places_for(network, 1)
        tables = layout.tables_for(network, _plan(network, 1), places)
        work = np.zeros(places.size, dtype=self._dtype)
        self._rest = work, tables.layers, tables.reals

    def predict(self, vector: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return a^L, (1, outputs)."""
        outputs = np.empty(self._shape, self._dtype)
        vector = layout.of_one_type(vector, self._dtype)
        run_row(self._dtype.name, vector, layout.of_one_type(x, self._dtype), outputs, *self._rest)
        return outputs


class _ManyRows:
    """The prediction of several rows on so many threads."""

    def __init__(self, network: Network, recipe: Recipe, threads: int, split: str) -> None:
        self._network, self._threads = network, threads
        rows = ROWS if network.members == 1 else max(1, ROWS_OF_MEMBERS // network.members)
        self._batch = rows * threads if split == "batch" else rows
        self._dtype = np.dtype(network.dtype)
        setting = _Setting(network, recipe, _plan(network, threads, split))
        space = layout.Workspace.allocate(network, setting.plan, self._batch)
        nothing = np.empty((0, network.inputs), self._dtype)
        block = Block(nothing, np.empty((0, network.outputs), self._dtype))
        call = Call(setting, space, np.zeros(network.size, self._dtype), block, self._batch)
        memory, self._tables, data, self._job, self._numbers, results, self._table = call.arguments(
            PHASES, 0, normaliser=1.0
        )
        losses, penalties, _, *self._rest = results
        self._sums, self._memory, self._data = (losses, penalties), memory[2:], data[1:]

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Return a^L, (rows, outputs)."""
        rows = x.shape[0]
        outputs = np.empty((rows, self._network.outputs), self._dtype)
        vector = layout.of_one_type(vector, self._dtype)
        if hasattr(x, "indptr"):
            data = layout.data_for(self._network, Block(x, outputs))
        else:
            data = records.Data(layout.of_one_type(x, self._dtype), *self._data)
        arguments = (
            records.Memory(vector, vector, *self._memory),
            self._tables,
            data,
            self._job_for(rows),
            self._numbers,
            records.Results(*self._sums, outputs, *self._rest),
            self._table,
        )
        run_kernel(self._dtype.name, arguments, self._threads)
        return outputs

    def _job_for(self, rows: int) -> records.Job:
        """Return the job for so many rows, which is made anew only where their number changes."""
        if self._job.visits != rows:
            steps, batch = -(-rows // self._batch), min(rows, self._batch)
            self._job = self._job._replace(steps=steps, batch=batch, piece=batch, visits=rows)
        return self._job


class Predictor:
    """Predicts with a network, for any parameters.

    Parameters
    ----------
    threads : int
        How many threads it may use.
    """

    def __init__(self, network: Network, recipe: Recipe, threads: int) -> None:
        self._network, self._recipe, self._threads = network, recipe, threads
        self._products = sum(products(network, 1))
        self._one_row: _OneRow | None = None
        self._many_rows: dict[str, _ManyRows] = {}

    def predict(self, vector: np.ndarray, x: Any) -> np.ndarray:
        """Return a^L of every row of x, (rows, outputs); x is dense or CSR."""
        rows = x.shape[0]
        if rows == 0:
            return np.empty((0, self._network.outputs), dtype=self._network.dtype)
        if rows == 1 and self._network.plain and not hasattr(x, "indptr"):
            if self._one_row is None:
                self._one_row = _OneRow(self._network)
            return self._one_row.predict(vector, x)
        split = self._split(rows)
        if split not in self._many_rows:
            threads = 1 if split == "none" else self._threads
            self._many_rows[split] = _ManyRows(self._network, self._recipe, threads, split)
        return self._many_rows[split].predict(vector, x)

    def _split(self, rows: int) -> str:
        """Return what threads share out, `"none"` where one is enough."""
        if self._threads == 1 or rows * self._products < SHARED_FROM:
            return "none"
        filled = rows * self._network.members >= FEW * self._threads
        return "batch" if filled and rows >= self._threads else "neurons"
