"""Where the arrays of a workspace lie.

Public names: `Places`, `LayerPlaces`, `places_for`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from clearprop.engines.native.tiles import TALLEST
from clearprop.engines.native.vectors import BYTES
from clearprop.equations import separable
from clearprop.network import Network, Operation, Waves

# slots of the rules that remember most
SLOTS = 2


class LayerPlaces(NamedTuple):
    """Where a layer's arrays start; -1 where it has none of a kind.

    `error` is for what carriers without f' carry, `row` that of `sample_rows`, `curve` f(z) of a
    parametric layer; `cosines` and `sines` are those of a periodic one's waves. What is handed on,
    `output`, is a where nothing is dropped, and a of a front layer is z.
    """

    input: int
    z: int
    a: int
    mask: int
    output: int
    delta: int
    error: int
    row: int
    curve: int
    cosines: int
    sines: int


@dataclass(frozen=True)
class Places:
    """Where the arrays of a workspace start, for batches of up to `capacity` rows.

    `turned` holds one layer's δ at a time, sample by sample; `spare` and `waves` are a row and a
    periodic column's arrays to work in, and `panel` is room for a band of weights of `band` numbers
    (see `tiles.multiply`), one for each member of a team that shares the workspace; `shares` and
    `sums` are for sharing errors out in proportion; `rows` is how many numbers there are of a kind
    in `sample_rows`.
    """

    capacity: int
    layers: tuple[LayerPlaces, ...]
    input: int
    target: int
    coefficient: int
    value: int
    top: int
    total: int
    shares: int
    sums: int
    turned: int
    spare: int
    waves: int
    panel: int
    band: int
    rows: int
    size: int


class _Taking:
    """Hands out places one behind another, each on a cache line (16 float32 numbers)."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.end = capacity, 0

    def take(self, rows: int, columns: int | None = None) -> int:
        """Return the place of so many rows, each as long as the batch unless said."""
        start = self.end
        columns = self.capacity if columns is None else columns
        self.end += -(-rows * columns // 16) * 16
        return start

    def layer(self, operation: Operation, source: int) -> LayerPlaces:
        """Return the places of a layer that reads at `source`; those of `error` and `row` later."""
        units = operation.units
        z = self.take(units)
        a = self.take(units) if operation.kind == "dense" else z
        delta, mask, output = self.take(units), -1, a
        if operation.dropout:
            mask, output = self.take(units), self.take(units)
        curve = self.take(units) if operation.parametric else -1
        waves = (-1, -1)
        if isinstance(operation, Waves):
            count = len(operation.columns) * operation.frequencies
            waves = self.take(count), self.take(count)
        return LayerPlaces(source, z, a, mask, output, delta, -1, -1, curve, *waves)


def places_for(network: Network, capacity: int, team: int = 1, *, singles: bool = False) -> Places:
    """Lay out a workspace for so many rows, which are samples times members.

    `singles` says that steps of one sample will be taken, which hold the parameters row by row.
    What only some carriers need comes last: memory that nobody writes to takes up none.
    """
    taking, operations = _Taking(capacity), network.operations
    take = taking.take
    first = source = take(network.inputs)
    layers: list[LayerPlaces] = []
    for operation in operations:
        layers.append(taking.layer(operation, source))
        source = layers[-1].output
    target, coefficient = take(network.outputs), take(1)
    value, top, total = take(1), take(1), take(1)
    widest = max(network.shape[1:])
    # each member of a team packs bands of its own, on cache lines of its own
    band = -(-max(o.fan_in for o in operations) * int(TALLEST) // 16) * 16
    turned, panel = take(widest), take(team, band)
    spare = take(team, -(-capacity // 16) * 16)
    waves = take(team * max((o.frequencies for o in operations if isinstance(o, Waves)), default=0))
    errors = [take(operation.units) for operation in operations]
    if not separable(network):
        errors[-1] = layers[-1].delta
    shares, sums = take(widest), take(2, widest)
    padded = [(o.fan_in + 1) * padded_units(network, o.units) for o in operations]
    parameters = take(SLOTS + 1, sum(padded)) if singles else taking.end
    rows = [parameters + sum(padded[:index]) for index in range(len(padded))]
    return Places(
        capacity,
        tuple(
            p._replace(error=error, row=row)
            for p, error, row in zip(layers, errors, rows, strict=True)
        ),
        first,
        target,
        coefficient,
        value,
        top,
        total,
        shares,
        sums,
        turned,
        spare,
        waves,
        panel,
        band,
        sum(padded),
        taking.end,
    )


def padded_units(network: Network, units: int) -> int:
    """Return the numbers of the registers that hold a row of W."""
    lanes = BYTES // np.dtype(network.dtype).itemsize
    return -(-units // lanes) * lanes
