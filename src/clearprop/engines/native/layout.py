"""A network, a plan and a block as the arrays and numbers that the kernel reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.engines.contracts import Block, Plan, Recipe
from clearprop.engines.native import losses, pointwise, records, updates
from clearprop.engines.native.blas import gemm_address
from clearprop.engines.native.low_level import CONTROL_SIZE
from clearprop.engines.native.tiles import TALLEST
from clearprop.engines.native.vectors import BYTES
from clearprop.equations import Carrier, Proportional, separable
from clearprop.equations.carriers import share_threshold
from clearprop.equations.chance import drop_threshold
from clearprop.functions import CustomLoss
from clearprop.network import Network

# slots of the rules that remember most
SLOTS = 2


@dataclass(frozen=True)
class Places:
    """Where the arrays of a workspace start, for batches of up to `capacity` samples.

    `layers` holds, layer by layer, the places of input, z, a, mask (-1 without), output, δ and what
    carriers without f' carry. `turned` holds one layer's δ at a time, sample by sample; `panel` is
    room for a band of weights of `band` numbers (see `tiles.multiply`), one for each member of a
    team that shares the workspace; `shares` and `sums` are for sharing errors
    out in proportion; the last place of a layer and `rows`, how many numbers there are of a kind,
    are those of `sample_rows`.
    """

    capacity: int
    layers: tuple[tuple[int, int, int, int, int, int, int, int], ...]
    input: int
    target: int
    coefficient: int
    value: int
    top: int
    total: int
    shares: int
    sums: int
    turned: int
    panel: int
    band: int
    rows: int
    size: int


def places_for(network: Network, capacity: int, team: int = 1, *, singles: bool = False) -> Places:
    """Lay out a workspace. Every array starts on a cache line (16 float32 numbers).

    `singles` says that steps of one sample will be taken, which hold the parameters row by row.
    What only some carriers need comes last: memory that nobody writes to takes up none.
    """
    end = 0

    def take(rows: int, columns: int = capacity) -> int:
        nonlocal end
        start = end
        end += -(-rows * columns // 16) * 16
        return start

    first = source = take(network.inputs)
    layers = []
    for operation in network.operations:
        z, a, delta = (take(operation.units) for _ in range(3))
        mask, output = -1, a
        if operation.dropout:
            mask, output = take(operation.units), take(operation.units)
        layers.append((source, z, a, mask, output, delta))
        source = output
    target, coefficient = take(network.outputs), take(1)
    value, top, total = take(1), take(1), take(1)
    widest = max(network.shape[1:])
    # each member of a team packs bands of its own, on cache lines of its own
    band = -(-max(o.fan_in for o in network.operations) * int(TALLEST) // 16) * 16
    turned, panel = take(widest), take(team, band)
    errors = [take(operation.units) for operation in network.operations]
    if not separable(network):
        errors[-1] = layers[-1][-1]
    shares, sums = take(widest), take(2, widest)
    padded = [(o.fan_in + 1) * padded_units(network, o.units) for o in network.operations]
    parameters = take(SLOTS + 1, sum(padded)) if singles else end
    rows = [parameters + sum(padded[:index]) for index in range(len(padded))]
    return Places(
        capacity,
        tuple((*p, error, row) for p, error, row in zip(layers, errors, rows, strict=True)),
        first,
        target,
        coefficient,
        value,
        top,
        total,
        shares,
        sums,
        turned,
        panel,
        band,
        sum(padded),
        end,
    )


def padded_units(network: Network, units: int) -> int:
    """Return the numbers of the registers that hold a row of W."""
    lanes = BYTES // np.dtype(network.dtype).itemsize
    return -(-units // lanes) * lanes


def tables_for(network: Network, plan: Plan, places: Places) -> records.Tables:
    """Return the network as numbers."""
    operations = network.operations
    layers = np.zeros((len(operations), records.LAYER_COLUMNS), dtype=np.int64)
    reals = np.zeros((len(operations), records.REAL_COLUMNS), dtype=network.dtype)
    for row, o in enumerate(operations):
        layers[row] = (
            o.fan_in, o.units, pointwise.CODES[o.activation.name], plan.blas[row],
            o.weight.start, o.bias.start, drop_threshold(o.dropout), *places.layers[row],
        )  # fmt: skip
        reals[row] = o.activation.alpha or 0.0, 1 / (1 - o.dropout), o.scale
    segments = np.array([(s.start, s.stop, s.penalised) for s in network.segments], dtype=np.int64)
    rates = np.array([s.rate for s in network.segments], dtype=network.dtype)
    runs, run_rates = runs_of(network)
    return records.Tables(layers, reals, segments, rates, runs, run_rates)


def runs_of(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Return the segments with neighbours of one learning-rate factor put together."""
    runs: list[tuple[int, int, bool]] = []
    rates: list[float] = []
    for s in network.segments:
        if rates and rates[-1] == s.rate:
            runs[-1] = (runs[-1][0], s.stop, False)
        else:
            runs.append((s.start, s.stop, False))
            rates.append(s.rate)
    return np.array(runs, dtype=np.int64), np.array(rates, dtype=network.dtype)


class _Writable:
    """Hands an array's memory to NumPy as if it could be written to."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface


def of_one_type(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return an array as the one type that the kernel is compiled for, without copying it.

    To Numba a read-only array (a memory map, what joblib hands to its workers) has a type of its
    own, and each new type of an argument would compile the kernel anew. The kernel only reads what
    comes through here.
    """
    array = np.ascontiguousarray(array, dtype=dtype)
    return array if array.flags.writeable else np.asarray(_Writable(array))


def data_for(network: Network, block: Block) -> records.Data:
    """Return a block as the kernel reads it; absent arrays have no length."""
    real, whole, index = np.dtype(network.dtype), np.dtype(np.int64), np.dtype(np.int32)
    x: Any = block.x
    sparse = hasattr(x, "indptr")
    codes = block.y.ndim == 1
    return records.Data(
        x=np.empty((0, 0), real) if sparse else of_one_type(x, real),
        data=of_one_type(x.data, real) if sparse else np.empty(0, real),
        indices=of_one_type(x.indices, index) if sparse else np.empty(0, index),
        indptr=of_one_type(x.indptr, whole) if sparse else np.empty(0, whole),
        y=np.empty((0, 0), real) if codes else of_one_type(block.y, real),
        codes=of_one_type(block.y, whole) if codes else np.empty(0, whole),
        weights=np.empty(0, real) if block.weights is None else of_one_type(block.weights, real),
        order=np.empty(0, whole) if block.order is None else of_one_type(block.order, whole),
    )


def numbers_for(network: Network, recipe: Recipe, normaliser: float) -> records.Numbers:
    """Return the real numbers of a job; bounds that are not set are infinite."""
    real: Any = np.dtype(network.dtype).type
    loss, penalty = network.objective, recipe.penalty
    smoothing = loss.label_smoothing
    share = 2 if loss.name == "binary_cross_entropy" else network.outputs
    infinite = float("inf")
    return records.Numbers(
        loss=real(loss.parameter or 0.0),
        tiny=np.finfo(real).tiny,
        smoothing=real(smoothing),
        floor=real(smoothing / share),
        l1=real(penalty.l1),
        l2=real(penalty.l2),
        per_sample=real(penalty.per_sample),
        clip_value=real(infinite if recipe.clip_value is None else recipe.clip_value),
        clip_norm=real(infinite if recipe.clip_norm is None else recipe.clip_norm),
        share=real(share_threshold(real)),
        normaliser=float(normaliser),
    )


def signed(number: int) -> int:
    """Return the whole number of 64 bits and a sign that has the same lowest 64 bits."""
    return (int(number) + 2**63) % 2**64 - 2**63


def job_for(
    network: Network,
    recipe: Recipe,
    plan: Plan,
    places: Places,
    carrier: Carrier,
    **changes: int,
) -> records.Job:
    """Return a job over these places; `changes` gives what differs from one call to the next."""
    loss, last = network.objective, network.operations[-1].activation
    custom = isinstance(loss, CustomLoss)
    fields = {
        "threads": plan.threads,
        "team": plan.threads if plan.split == "neurons" else 1,
        "loss": 0 if custom else losses.CODES[loss.name],
        "matched": int(loss.is_match(last)),
        "rule": updates.CODES[recipe.rule.name],
        "accumulate": 0,
        "sgemm": gemm_address(network.dtype, plan.library) if any(plan.blas) else 0,
        "input": places.input,
        "target": places.target,
        "coefficient": places.coefficient,
        "value": places.value,
        "top": places.top,
        "total": places.total,
        "late": int(carrier.late),
        "proportional": int(isinstance(carrier, Proportional)),
        "shares": places.shares,
        "sums": places.sums,
        "turned": places.turned,
        "panel": places.panel,
        "band": places.band,
        "rows": places.rows,
        "every": 1,
    }
    return records.Job(**{**fields, **changes})


@dataclass(frozen=True)
class Workspace:
    """The buffers of an engine, allocated once: workspaces and gradients, one or one a thread.

    `tables` is the network as it is laid out in them.
    """

    places: Places
    tables: records.Tables
    work: np.ndarray
    gradients: np.ndarray
    partial: np.ndarray
    numbers: np.ndarray
    control: np.ndarray
    singles: bool = False

    @property
    def rows(self) -> int:
        """The largest batch that fits."""
        return self.places.capacity * len(self.work)

    @classmethod
    def allocate(
        cls, network: Network, plan: Plan, batch: int, *, singles: bool = False
    ) -> Workspace:
        """Allocate for batches of this many rows; see `places_for`."""
        copies = plan.threads if plan.split == "batch" else 1
        capacity = -(-batch // copies)
        team = plan.threads if plan.split == "neurons" else 1
        places = places_for(network, capacity, team, singles=singles)
        return cls(
            places,
            tables_for(network, plan, places),
            np.zeros((copies, places.size), dtype=network.dtype),
            np.zeros((copies, network.size), dtype=network.dtype),
            np.zeros((plan.threads, records.PART_COLUMNS)),
            np.zeros((copies, capacity), dtype=np.int64),
            np.zeros(CONTROL_SIZE, dtype=np.int64),
            singles,
        )
