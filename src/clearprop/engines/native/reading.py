"""What a piece of a batch left in the workspace, as arrays for a Trace and for losses in Python.

The kernel's arrays are unit by unit, in one workspace for each thread that has samples of its own;
here they are rows, samples of all threads one behind another, and member after member.

Public names: `Left`, `joined_arrays`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop.engines.native import records
from clearprop.engines.native.layout import Workspace
from clearprop.network import Network

Arrays = dict[str, Any]


class Left:
    """The arrays that n samples left in a workspace, each (members · n, …)."""

    def __init__(self, network: Network, space: Workspace, n: int) -> None:
        self._network = network
        self._space = space
        copies = len(space.work)
        self._counts = [n * (copy + 1) // copies - n * copy // copies for copy in range(copies)]

    def targets(self) -> np.ndarray:
        """Return the targets after label smoothing, (rows, outputs)."""
        return self._read(self._space.places.target, self._network.outputs)

    def coefficients(self) -> np.ndarray:
        """Return c_i of each row."""
        return self._read(self._space.places.coefficient, 1)[:, 0]

    def output(self) -> tuple[np.ndarray, np.ndarray]:
        """Return z^L and a^L, each (rows, outputs)."""
        last = self._space.places.layers[-1]
        z, a = (self._read(place, self._network.outputs) for place in (last.z, last.a))
        return z, a

    def arrays(self) -> Arrays:
        """Return copies of what a Trace shows of each row, by its names for them."""
        places = self._space.places
        layers = list(zip(self._network.operations, places.layers, strict=True))
        by_rows = bool(self._space.tables.layers[0, records.BLAS])
        return {
            "y": self.targets(),
            "coefficients": self.coefficients(),
            "losses": self._read(places.value, 1)[:, 0],
            "inputs": [
                self._read(p.input, o.fan_in, by_rows=by_rows and index == 0)
                for index, (o, p) in enumerate(layers)
            ],
            "z": [self._read(p.z, o.units) for o, p in layers],
            "a": [self._read(p.a, o.units) for o, p in layers],
            "delta": [self._read(p.delta, o.units) for o, p in layers],
            "masks": [self._read(p.mask, o.units) if o.dropout else None for o, p in layers],
        }

    def put(self, losses: np.ndarray, delta: np.ndarray) -> None:
        """Write E of each row and δ^L, (rows, outputs), to the workspaces."""
        places = self._space.places
        self._write(places.value, losses[:, None])
        self._write(places.layers[-1].delta, delta)

    def _write(self, place: int, array: np.ndarray) -> None:
        first, units = 0, array.shape[1]
        by_member = array.reshape(self._network.members, -1, units)
        for work, n in zip(self._space.work, self._counts, strict=True):
            part = by_member[:, first : first + n].reshape(-1, units).T
            work[place : place + part.size] = part.reshape(-1)
            first += n

    def _read(self, place: int, units: int, *, by_rows: bool = False) -> np.ndarray:
        members, parts = self._network.members, []
        for work, n in zip(self._space.work, self._counts, strict=True):
            flat = work[place : place + units * members * n]
            shape = (members * n, units) if by_rows else (units, members * n)
            parts.append(flat.reshape(shape) if by_rows else flat.reshape(shape).T)
        return _joined(parts, members)


def joined_arrays(pieces: Sequence[Arrays], members: int) -> Arrays:
    """Return the arrays of a batch's pieces, from `Left.arrays`, as those of the whole batch."""
    found: Arrays = {}
    for name, first in pieces[0].items():
        if isinstance(first, list):
            found[name] = [
                None if each[0] is None else _joined(each, members)
                for each in zip(*(piece[name] for piece in pieces), strict=True)
            ]
        else:
            found[name] = _joined([piece[name] for piece in pieces], members)
    return found


def _joined(parts: Sequence[np.ndarray], members: int) -> np.ndarray:
    """Return rows of parts of a batch as those of the whole, member after member.

    Each part is (members · its samples,) or (members · its samples, units).
    """
    by_member = [part.reshape(members, len(part) // members, *part.shape[1:]) for part in parts]
    together = np.concatenate(by_member, axis=1)
    return together.reshape(-1, *together.shape[2:])
