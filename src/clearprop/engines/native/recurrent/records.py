"""What the kernel for sequences reads and writes, and what its columns mean.

Phases, columns of segments and of the threads' sums, and real numbers are those of the kernel for
rows (`native.records`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

# kinds of layers
DENSE, ELMAN, GRU, LSTM = range(4)
# what is read out of the last recurrent layer
LAST, EVERY, MEAN = range(3)

# columns of Tables.layers: what the layer is; places in the vector; places in the workspace
(
    KIND, FAN_IN, UNITS, SIZE, GATES, WAYS, FIRST_WAY, ACTIVATION, BLAS, THRESHOLD,
    WEIGHT, BIAS, INPUT, Z_PLACE, A_PLACE, MASK, OUTPUT, ERROR, TURNED, LAYER_COLUMNS,
) = range(20)  # fmt: skip
# columns of Tables.ways
(
    REVERSE, W_PLACE, U_PLACE, B_PLACE, C_PLACE, X_ROWS, Z_ROWS, DELTA_ROWS, H_ROWS, CELL_ROWS,
    SQUASHED_ROWS, Q_ROWS, RESET_ROWS, CELL_ERROR, ERROR_ROWS, BEFORE_ROWS, PANELS, INNER_PANELS,
    TURNED_U, TURNED_W, CARRIED, WAY_COLUMNS,
) = range(22)  # fmt: skip
# columns of Tables.reals
ALPHA, KEEP, SCALE, REAL_COLUMNS = range(4)

# the first numbers of a thread's whole numbers: sequences, rows and steps of its part of the batch,
# and how many sequences the whole batch has
SEQUENCES, ROWS, STEPS, KEPT, HEAD = range(5)


class Tables(NamedTuple):
    """The network as numbers.

    layers (L, LAYER_COLUMNS) and ways (ways of all layers, WAY_COLUMNS) int64; reals
    (L, REAL_COLUMNS); segments, rates, runs and run_rates as in `native.records.Tables`. A place of
    -1 says that there is no such array.
    """

    layers: Any
    ways: Any
    reals: Any
    segments: Any
    rates: Any
    runs: Any
    run_rates: Any


class Data(NamedTuple):
    """The block: values (steps, inputs), starts (n + 1,), and the rest as for rows.

    y (outputs' rows, outputs), or codes (outputs' rows,) where y has no columns; weights and order,
    of no length where absent.
    """

    values: Any
    starts: Any
    y: Any
    codes: Any
    weights: Any
    order: Any


class Memory(NamedTuple):
    """What the kernel writes to.

    theta (P,), slots (2, P), gradients (threads, P), work (threads, places), whole
    (threads, places) int64, carried (sequences of a batch, sizes of all states), partial
    (threads, PART_COLUMNS) float64, control.
    """

    theta: Any
    slots: Any
    gradients: Any
    work: Any
    whole: Any
    carried: Any
    partial: Any
    control: Any


class Results(NamedTuple):
    """What a job leaves beside the parameters.

    losses and penalties (steps,) float64; rows (steps,) int64, the sequences of each step; outputs
    (outputs' rows, outputs) of the PREDICT phase; entries, watched and stamps as for rows.
    """

    losses: Any
    penalties: Any
    rows: Any
    outputs: Any
    entries: Any
    watched: Any
    stamps: Any


class Job(NamedTuple):
    """What to do: whole numbers.

    `window` is the number of steps that a piece has at most, 0 for all; `cut` that behind which no
    error goes back, 0 for none; `pieces` says that states are carried over, `keeps` that z of gates
    is wanted afterwards, whose place their values and δ take else. Behind them: places of whole
    numbers, then of real numbers that belong to no layer.
    """

    phases: int
    threads: int
    first_row: int
    step: int
    seed: int
    loss: int
    matched: int
    rule: int
    accumulate: int
    every: int
    sgemm: int
    readout: int
    read_behind: int
    window: int
    cut: int
    pieces: int
    keeps: int
    sequence: int
    place: int
    length: int
    offset: int
    mirror: int
    counts: int
    read: int
    read_error: int
    target: int
    coefficient: int
    value: int
    top: int
    total: int
    z_turned: int
    a_turned: int
    delta_turned: int
