"""A network, a plan and a block as the arrays and numbers that the kernel reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.engines.contracts import Block, Plan, Recipe
from clearprop.engines.native import losses, pointwise, records, updates
from clearprop.engines.native.blas import gemm_address
from clearprop.engines.native.low_level import CONTROL_SIZE
from clearprop.engines.native.places import LayerPlaces, Places, places_for
from clearprop.equations import Carrier, Proportional
from clearprop.equations.carriers import share_threshold
from clearprop.equations.chance import drop_threshold
from clearprop.functions import CustomLoss
from clearprop.network import Network, Operation, Waves

KINDS = {"dense": records.DENSE, "scaling": records.SCALING, "periodic": records.PERIODIC}


def tables_for(network: Network, plan: Plan, places: Places) -> records.Tables:
    """Return the network as numbers."""
    operations = network.operations
    layers = np.full((len(operations), records.LAYER_COLUMNS), -1, dtype=np.int64)
    reals = np.zeros((len(operations), records.REAL_COLUMNS), dtype=network.dtype)
    order: list[int] = []
    for row, operation, place, blas in zip(
        layers, operations, places.layers, plan.blas, strict=True
    ):
        _fill_row(row, network, operation, place)
        row[records.BLAS] = blas and operation.kind == "dense"
        if isinstance(operation, Waves):
            _fill_waves(row, operation, len(order))
            order += [*operation.columns, *operation.others]
    for real, o in zip(reals, operations, strict=True):
        real[:] = o.activation.alpha or 0.0, o.scale
    segments = np.array([(s.start, s.stop, s.penalised) for s in network.segments], dtype=np.int64)
    rates = np.array([s.rate for s in network.segments], dtype=network.dtype)
    return records.Tables(
        layers,
        reals,
        segments,
        rates,
        *runs_of(network),
        np.array(order, dtype=np.int64),
        *dropping(network, np.ones(1)),
    )


def _fill_row(row: np.ndarray, network: Network, operation: Operation, place: LayerPlaces) -> None:
    """Write what layers of all kinds have."""
    values = {
        "KIND": KINDS[operation.kind],
        "FAN_IN": operation.fan_in,
        "UNITS": operation.units,
        "ACTIVATION": pointwise.CODES[operation.activation.name],
        "WEIGHT": operation.named("g" if operation.kind == "scaling" else "W").start,
        "INPUT": place.input,
        "Z_PLACE": place.z,
        "A_PLACE": place.a,
        "MASK": place.mask,
        "OUTPUT": place.output,
        "DELTA": place.delta,
        "ERROR": place.error,
        "ROWS": place.row,
        "OWNERS": network.members if operation.own else 1,
        "CURVE": place.curve,
        "COSINES": place.cosines,
        "SINES": place.sines,
    }
    if operation.kind != "scaling":
        values["BIAS"] = operation.bias.start
    if operation.parametric:
        values["SHAPE"] = operation.named("t").start
    for name, value in values.items():
        row[getattr(records, name)] = value


def _fill_waves(row: np.ndarray, operation: Waves, order: int) -> None:
    """Write what periodic layers have; `order` is where their inputs stand in `Tables.order`."""
    row[records.COLUMNS] = len(operation.columns)
    row[records.FREQUENCIES] = operation.frequencies
    row[records.FEATURES] = operation.features
    row[records.FREQUENCY] = operation.named("f").start
    row[records.PHASE] = operation.named("p").start
    row[records.ORDER] = order


def dropping(network: Network, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the thresholds and the 1 / (1 - rate) of all layers, a row for each factor."""
    rates = np.outer(factors, [operation.dropout for operation in network.operations])
    thresholds = np.array([[drop_threshold(rate) for rate in row] for row in rates], dtype=np.int64)
    return thresholds, (1 / (1 - rates)).astype(network.dtype)


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
        "spare": places.spare,
        "waves": places.waves,
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
    row_numbers: np.ndarray
    control: np.ndarray
    members: int = 1
    singles: bool = False

    @property
    def samples(self) -> int:
        """The largest piece of a batch that fits."""
        return self.places.capacity // self.members * len(self.work)

    @classmethod
    def allocate(
        cls, network: Network, plan: Plan, samples: int, *, singles: bool = False
    ) -> Workspace:
        """Allocate for so many samples at a time; see `places_for`."""
        copies = plan.threads if plan.split == "batch" else 1
        capacity = -(-samples // copies) * network.members
        team = plan.threads if plan.split == "neurons" else 1
        places = places_for(network, capacity, team, singles=singles)
        return cls(
            places,
            tables_for(network, plan, places),
            np.zeros((copies, places.size), dtype=network.dtype),
            np.zeros((copies, network.size), dtype=network.dtype),
            np.zeros((plan.threads, records.PART_COLUMNS)),
            np.zeros((copies, capacity), dtype=np.int64),
            np.zeros((copies, capacity), dtype=np.uint32),
            np.zeros(CONTROL_SIZE, dtype=np.int64),
            network.members,
            singles,
        )
