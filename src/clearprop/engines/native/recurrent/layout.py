"""A network of sequences as the kernel's arrays, laid out for batches of some size.

Every array begins on a cache line. Arrays of rows are as long as the largest part of a batch that a
thread has met; the states of a way have room for as many rows as there are sequences before them,
where the states before the first step stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from clearprop.engines.contracts import Block, Plan, Recipe, goes_by_pieces
from clearprop.engines.native import layout as of_rows
from clearprop.engines.native import losses, pointwise, updates
from clearprop.engines.native.blas import gemm_address
from clearprop.engines.native.low_level import CONTROL_SIZE
from clearprop.engines.native.records import PART_COLUMNS
from clearprop.engines.native.recurrent import records
from clearprop.engines.native.vectors import BYTES
from clearprop.equations import CELLS
from clearprop.equations.chance import drop_threshold
from clearprop.functions import CustomLoss
from clearprop.network import Network, Operation, Recurrence, Way

KINDS = {"elman": records.ELMAN, "gru": records.GRU, "lstm": records.LSTM}
READOUTS = {"last": records.LAST, "every": records.EVERY, "mean": records.MEAN}
# numbers of a cache line in float32, bytes of one
_LINE, _LINE_BYTES = 16, 64


class Room(NamedTuple):
    """The largest part of a batch that falls to a thread, and the largest batch of all.

    Attributes
    ----------
    sequences, rows, steps : int
        Of a thread's part.
    batch : int
        Sequences of the batch.
    """

    sequences: int
    rows: int
    steps: int
    batch: int

    def holds(self, other: Room) -> bool:
        """Return whether another one fits."""
        return all(mine >= theirs for mine, theirs in zip(self, other, strict=True))

    def joined(self, other: Room) -> Room:
        """Return room for both."""
        return Room(*map(max, self, other))


class _Taking:
    """Hands out places of a flat array, one array behind another, each on a line of its own."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.end = 0

    def take(self, count: int) -> int:
        """Return the place of so many numbers."""
        start = self.end
        self.end += -(-count // _LINE) * _LINE
        return start

    def rows(self, width: int) -> int:
        """Return the place of an array with a row for each step of each sequence."""
        return self.take(self.room.rows * width)

    def states(self, width: int) -> int:
        """Return the place of the rows of states, those before the first step in front of it."""
        before = -(-self.room.sequences * width // _LINE) * _LINE
        return self.take(before + self.room.rows * width) + before


@dataclass(frozen=True)
class Places:
    """Where the arrays of a workspace start; what belongs to no layer by the names of `Job`."""

    room: Room
    layers: np.ndarray
    ways: np.ndarray
    others: dict[str, int]
    size: int
    whole: dict[str, int]
    whole_size: int


def _panels(depth: int, columns: int, lanes: int) -> int:
    """Return how many numbers a matrix of these sizes takes up in panels."""
    return depth * -(-columns // lanes) * lanes


def places_for(network: Network, plan: Plan, room: Room) -> Places:
    """Lay out a workspace."""
    taking = _Taking(room)
    layers = np.full((len(network.operations), records.LAYER_COLUMNS), -1, dtype=np.int64)
    ways: list[np.ndarray] = []
    read, read_error = -1, -1
    source = taking.rows(network.inputs)
    carried = 0
    for index, operation in enumerate(network.operations):
        behind = index >= network.read_behind and network.readout != "every"
        count = room.sequences if behind else room.rows
        row = layers[index]
        row[[records.FAN_IN, records.UNITS]] = operation.fan_in, operation.units
        row[records.ACTIVATION] = pointwise.CODES[operation.activation.name]
        row[records.BLAS] = plan.blas[index]
        row[records.INPUT], row[records.WAYS] = source, 0
        row[records.ERROR] = taking.take(count * operation.units)
        if isinstance(operation, Recurrence):
            row[records.FIRST_WAY] = len(ways)
            _place_recurrent(taking, network, operation, row)
            for number, way in enumerate(operation.ways):
                ways.append(_place_way(taking, network, operation, way, row, number))
                ways[-1][records.CARRIED] = carried
                carried += len(CELLS[operation.cell].states) * operation.size
            _hand_on_states(taking, operation, row, ways[row[records.FIRST_WAY] :])
        else:
            _place_dense(taking, network, operation, row, count)
        source = row[records.OUTPUT] = row[records.A_PLACE]
        if operation.dropout:
            row[records.THRESHOLD] = drop_threshold(operation.dropout)
            row[records.MASK] = taking.take(room.sequences * operation.units)
            source = row[records.OUTPUT] = taking.take(count * operation.units)
        if index + 1 == network.read_behind and network.readout != "every":
            read, read_error = (taking.take(room.sequences * operation.units) for _ in range(2))
            source = read
    count = room.rows if network.readout == "every" else room.sequences
    others = {"read": read, "read_error": read_error}
    for name in ("coefficient", "value", "top", "total"):
        others[name] = taking.take(count)
    for name in ("target", "z_turned", "a_turned", "delta_turned"):
        others[name] = taking.take(count * network.outputs)
    whole, whole_size = _whole_places(room)
    return Places(room, layers, np.array(ways), others, taking.end, whole, whole_size)


def _lanes(network: Network) -> int:
    return 2 * BYTES // np.dtype(network.dtype).itemsize


def _place_dense(
    taking: _Taking, network: Network, operation: Operation, row: np.ndarray, count: int
) -> None:
    row[records.KIND] = records.DENSE
    row[[records.WEIGHT, records.BIAS]] = operation.weight.start, operation.bias.start
    row[records.Z_PLACE], row[records.A_PLACE] = (
        taking.take(count * operation.units) for _ in range(2)
    )
    row[records.TURNED] = taking.take(_panels(operation.units, operation.fan_in, _lanes(network)))


def _place_recurrent(
    taking: _Taking, network: Network, operation: Recurrence, row: np.ndarray
) -> None:
    row[records.KIND], row[records.SIZE] = KINDS[operation.cell], operation.size
    row[records.GATES] = len(CELLS[operation.cell].gates)


def _hand_on_states(
    taking: _Taking, operation: Recurrence, row: np.ndarray, ways: list[np.ndarray]
) -> None:
    """What a layer hands on is a forward way's states where it has no other way."""
    row[records.WAYS] = len(ways)
    if len(ways) == 1 and not ways[0][records.REVERSE]:
        row[records.A_PLACE] = ways[0][records.H_ROWS]
    else:
        row[records.A_PLACE] = taking.rows(operation.units)


def _place_way(
    taking: _Taking,
    network: Network,
    operation: Recurrence,
    way: Way,
    layer: np.ndarray,
    number: int,
) -> np.ndarray:
    size, lanes = operation.size, _lanes(network)
    tall = len(CELLS[operation.cell].gates) * size
    row = np.full(records.WAY_COLUMNS, -1, dtype=np.int64)
    row[records.REVERSE] = way.reverse
    row[records.W_PLACE], row[records.U_PLACE] = way.weight.start, way.recurrent.start
    row[records.B_PLACE] = way.bias.start
    alone = len(operation.ways) == 1 and not way.reverse
    row[records.X_ROWS] = taking.rows(operation.fan_in) if way.reverse else layer[records.INPUT]
    row[records.ERROR_ROWS] = layer[records.ERROR] if alone else taking.rows(size)
    row[records.Z_ROWS], row[records.H_ROWS] = taking.rows(tall), taking.states(size)
    # an Elman layer's errors become its δ where they lie
    elman = operation.cell == "elman"
    row[records.DELTA_ROWS] = row[records.ERROR_ROWS] if elman else taking.rows(tall)
    gated = tall if way.inner is None else 2 * size
    row[records.PANELS] = taking.take(_panels(size, gated, lanes))
    row[records.TURNED_U] = taking.take(_panels(tall, size, lanes))
    row[records.TURNED_W] = taking.take(_panels(tall, operation.fan_in, lanes))
    row[records.BEFORE_ROWS] = taking.rows(size)
    if operation.cell == "lstm":
        row[records.CELL_ROWS] = taking.states(size)
        row[records.SQUASHED_ROWS] = taking.rows(size)
        row[records.CELL_ERROR] = taking.take(taking.room.sequences * size)
    if way.inner is not None:
        row[records.C_PLACE] = way.inner.start
        row[records.Q_ROWS], row[records.RESET_ROWS] = (taking.rows(size) for _ in range(2))
        row[records.INNER_PANELS] = taking.take(_panels(size, size, lanes))
    return row


def _whole_places(room: Room) -> tuple[dict[str, int], int]:
    """Return where row numbers stand in a thread's whole numbers."""
    lengths = {
        "sequence": room.sequences, "place": room.sequences, "length": room.sequences,
        "offset": room.steps + 2, "mirror": room.rows, "counts": room.steps + 2,
    }  # fmt: skip
    places, end = {}, -(-records.HEAD // 8) * 8
    for name, length in lengths.items():
        places[name] = end
        end += -(-length // 8) * 8
    return places, end


def tables_for(network: Network, places: Places) -> records.Tables:
    """Return the network as numbers."""
    reals = np.zeros((len(network.operations), records.REAL_COLUMNS), dtype=network.dtype)
    for row, o in enumerate(network.operations):
        reals[row] = o.activation.alpha or 0.0, 1 / (1 - o.dropout), o.scale
    segments = np.array([(s.start, s.stop, s.penalised) for s in network.segments], dtype=np.int64)
    rates = np.array([s.rate for s in network.segments], dtype=network.dtype)
    return records.Tables(
        places.layers, places.ways, reals, segments, rates, *of_rows.runs_of(network)
    )


def data_for(network: Network, block: Block) -> records.Data:
    """Return a block as the kernel reads it; absent arrays have no length."""
    real, whole = np.dtype(network.dtype), np.dtype(np.int64)
    codes, of_one_type = block.y.ndim == 1, of_rows.of_one_type
    return records.Data(
        values=of_one_type(block.x.values, real),
        starts=of_one_type(block.x.starts, whole),
        y=np.empty((0, 0), real) if codes else of_one_type(block.y, real),
        codes=of_one_type(block.y, whole) if codes else np.empty(0, whole),
        weights=np.empty(0, real) if block.weights is None else of_one_type(block.weights, real),
        order=np.empty(0, whole) if block.order is None else of_one_type(block.order, whole),
    )


def job_for(
    network: Network, recipe: Recipe, plan: Plan, places: Places, **changes: int
) -> records.Job:
    """Return a job over these places; `changes` gives what differs from one call to the next."""
    loss, last = network.objective, network.operations[-1].activation
    custom = isinstance(loss, CustomLoss)
    pieces = goes_by_pieces(network, recipe)
    fields = {
        "threads": plan.threads,
        "loss": 0 if custom else losses.CODES[loss.name],
        "matched": int(loss.is_match(last)),
        "rule": updates.CODES[recipe.rule.name],
        "accumulate": 0,
        "every": 1,
        "sgemm": gemm_address(network.dtype, plan.library) if any(plan.blas) else 0,
        "readout": READOUTS[network.readout or "last"],
        "read_behind": network.read_behind,
        "window": 0,
        "cut": 0,
        "pieces": int(pieces),
        "keeps": 0,
        **places.whole,
        **places.others,
    }
    return records.Job(**{**fields, **changes})


@dataclass(frozen=True)
class Workspace:
    """The buffers of an engine: a workspace, whole numbers and a gradient for each thread.

    `tables` is the network as it is laid out in them.
    """

    places: Places
    tables: records.Tables
    work: np.ndarray
    whole: np.ndarray
    gradients: np.ndarray
    carried: np.ndarray
    partial: np.ndarray
    control: np.ndarray

    @classmethod
    def allocate(cls, network: Network, plan: Plan, room: Room) -> Workspace:
        """Allocate for batches of this size."""
        places = places_for(network, plan, room)
        states = sum(o.size * len(CELLS[o.cell].states) * len(o.ways) for o in network.recurrences)
        return cls(
            places,
            tables_for(network, places),
            _on_lines(plan.threads, places.size, network.dtype),
            np.zeros((plan.threads, places.whole_size), dtype=np.int64),
            _on_lines(plan.threads, network.size, network.dtype),
            np.zeros((room.batch, states), dtype=network.dtype),
            np.zeros((plan.threads, PART_COLUMNS)),
            np.zeros(CONTROL_SIZE, dtype=np.int64),
        )


def _on_lines(rows: int, columns: int, dtype: Any) -> np.ndarray:
    """Return zeros that begin on a cache line: vectors read across two lines take twice as long."""
    item = np.dtype(dtype).itemsize
    memory = np.zeros(rows * columns * item + _LINE_BYTES, dtype=np.uint8)
    begin = -memory.ctypes.data % _LINE_BYTES
    return memory[begin : begin + rows * columns * item].view(dtype).reshape(rows, columns)
