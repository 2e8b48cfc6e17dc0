"""What an estimator calls its units, and which parameters it records by their names.

Public names: `UnitNames`, `unit_names`, `watch_for`.
May import: `clearprop.explanation.names`, `clearprop.training`, `clearprop.network`,
`clearprop.errors`, NumPy. The first is imported where a name is made or looked up: a fit that
records nothing does without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

import numpy as np

from clearprop.errors import SettingError
from clearprop.network import Network
from clearprop.training import Watch

# whole parameter vectors that a recording keeps: so many, in so many bytes
SNAPSHOTS, SNAPSHOT_BYTES = 200, 2**26


class UnitNames(TypedDict, total=False):
    """Names of the network's inputs and outputs, where it has any."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def unit_names(inputs: Iterable[Any] | None, outputs: Iterable[Any] | None) -> UnitNames:
    """Return the names of inputs and outputs as keyword arguments of `Names`.

    A side is left out where it has no names, or where they could not tell units apart: two alike,
    or one with the arrow of `h1.2<-x3` in it.
    """
    found = UnitNames()
    if names := _clear(inputs):
        found["inputs"] = names
    if names := _clear(outputs):
        found["outputs"] = names
    return found


def _clear(given: Iterable[Any] | None) -> tuple[str, ...]:
    names = () if given is None else tuple(str(name) for name in given)
    from clearprop.explanation.names import ARROW

    alike = len(set(names)) < len(names)
    return () if alike or any(ARROW in name for name in names) else names


def watch_for(record: Any, network: Network, names: UnitNames) -> Watch:
    """Return what the parameter `record` asks for.

    Parameters
    ----------
    record : None, "path" or sequence of str
        Nothing; whole vectors from epoch to epoch; these as well as single parameters at each step.

    Raises
    ------
    SettingError
        If it is none of these, or the network has no parameter of a name.
    """
    if record is None:
        return Watch()
    from clearprop.explanation.names import Names

    size = np.dtype(network.dtype).itemsize * network.size
    snapshots = max(2, min(SNAPSHOTS, SNAPSHOT_BYTES // size))
    if isinstance(record, str) and record == "path":
        return Watch(snapshots=snapshots)
    if not isinstance(record, list | tuple) or not all(isinstance(name, str) for name in record):
        raise SettingError(
            f"record must be None, 'path' or a list of names of parameters, such as "
            f"{Names(network, **names).entry(0)!r}, but {record!r} came."
        )
    known = Names(network, **names)
    entries = tuple(known.find(name).entry(network) for name in record)
    return Watch(entries, snapshots=snapshots)
