"""What the kernel reads and writes, as records of arrays and numbers, and what their columns mean.

The kernel sees a network, a block and a job only as these; `layout` fills them in. The names of
columns and phases are whole numbers that the compiler takes as constants.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# what a call of the kernel does; a sum of these
GATHER, FORWARD, DROPOUT, LOSS, BACKWARD, UPDATE, PREDICT = (1 << place for place in range(7))
TRAIN = GATHER | FORWARD | DROPOUT | LOSS | BACKWARD | UPDATE

# what a layer does, in the column KIND
DENSE, SCALING, PERIODIC = range(3)
# columns of Tables.layers: sizes, codes, places in the vector, places in the workspace; those of
# periodic layers; what says how a layer is one of a network with members or has a learnt shape
(
    KIND, FAN_IN, UNITS, ACTIVATION, BLAS, WEIGHT, BIAS,
    INPUT, Z_PLACE, A_PLACE, MASK, OUTPUT, DELTA, ERROR, ROWS,
    COLUMNS, FREQUENCIES, FEATURES, FREQUENCY, PHASE, ORDER, COSINES, SINES,
    OWNERS, SHAPE, CURVE, LAYER_COLUMNS,
) = range(27)  # fmt: skip
# columns of Tables.reals
ALPHA, SCALE, REAL_COLUMNS = range(3)
# columns of Tables.segments
START, STOP, PENALISED, SEGMENT_COLUMNS = range(4)
# columns of Memory.partial: what each thread adds to a sum, a cache line for each thread; no plain
# whole numbers, since Numba compiles a function anew for each of those that it is called with
PART_LOSS, PART_NORM, PART_SIZE, PART_SQUARE, PART_SUM = (np.int64(column) for column in range(5))
PART_COLUMNS = 8


class Tables(NamedTuple):
    """The network as numbers.

    layers (L, LAYER_COLUMNS) int64, reals (L, REAL_COLUMNS), segments (S, SEGMENT_COLUMNS) int64,
    rates (S,); runs (R, SEGMENT_COLUMNS) and run_rates (R,) are the same with neighbours of one
    rate put together, for rules that treat weights and biases alike. A MASK of -1 says that the
    layer has no dropout. ERROR is where carriers without f' keep what they carry; of the last layer
    it is DELTA where its delta is one piece. ROWS is where steps of one sample keep the layer's
    parameters and slots (see `sample_rows`).

    WEIGHT is the place of W, in a scaling that of g. OWNERS is how many members have parameters of
    their own in a layer, one behind another; 1 where all share them. SHAPE is the place of t where
    a dense layer is parametric, else -1, and CURVE that of f(z) in the workspace. A periodic layer
    makes FEATURES units of each of its COLUMNS, by the waves at FREQUENCY and PHASE; which inputs
    they are, and then which the others, stands from ORDER on in `order`. COSINES and SINES are
    those of its waves.

    thresholds and keeps, (steps or 1, L): the bits below which a unit is dropped, and
    1 / (1 - rate), for each step or for all of them.
    """

    layers: Any
    reals: Any
    segments: Any
    rates: Any
    runs: Any
    run_rates: Any
    order: Any
    thresholds: Any
    keeps: Any


class Data(NamedTuple):
    """The block.

    Dense x (rows, inputs), or CSR as data, indices (int32) and indptr (int64) where x has no
    columns; y (rows, outputs), or codes (rows,) where y has no columns; weights and order, of no
    length where absent.
    """

    x: Any
    data: Any
    indices: Any
    indptr: Any
    y: Any
    codes: Any
    weights: Any
    order: Any


class Memory(NamedTuple):
    """What the kernel writes to.

    theta (P,), feedback (P,) whose matrices carry errors back and which is theta apart from random
    feedback, slots (2, P), gradients (copies, P), work (copies, places), partial
    (threads, PART_COLUMNS) float64, numbers (copies, capacity) int64, the rows of the block that
    the columns of a workspace are, samples (copies, capacity) uint32, their numbers in the whole
    data; control.
    """

    theta: Any
    feedback: Any
    slots: Any
    gradients: Any
    work: Any
    partial: Any
    numbers: Any
    samples: Any
    control: Any


class Results(NamedTuple):
    """What a job leaves beside the parameters.

    losses and penalties (steps,) float64; outputs (rows, outputs) for the PREDICT phase; watched
    (k, m), the parameters at the places entries (m,) int64 after each of the k steps whose number
    `Job.every` divides, of no length where nothing is watched; stamps (threads, 2 places of
    `timing`) int64 where a step is timed, else (threads, 0).
    """

    losses: Any
    penalties: Any
    outputs: Any
    entries: Any
    watched: Any
    stamps: Any


class Job(NamedTuple):
    """What to do: whole numbers.

    A step goes over its `batch` samples in pieces of up to `piece`, whose gradients are added up;
    each sample is `members` rows of the workspace.
    """

    phases: int
    threads: int
    team: int
    steps: int
    batch: int
    piece: int
    members: int
    start: int
    visits: int
    first_row: int
    step: int
    seed: int
    loss: int
    matched: int
    rule: int
    accumulate: int
    sgemm: int
    input: int
    target: int
    coefficient: int
    value: int
    top: int
    total: int
    late: int
    proportional: int
    shares: int
    sums: int
    turned: int
    spare: int
    waves: int
    panel: int
    band: int
    rows: int
    every: int


class Numbers(NamedTuple):
    """What to do: real numbers, in the network's precision apart from `normaliser`."""

    loss: Any
    tiny: Any
    smoothing: Any
    floor: Any
    l1: Any
    l2: Any
    per_sample: Any
    clip_value: Any
    clip_norm: Any
    share: Any
    normaliser: Any
