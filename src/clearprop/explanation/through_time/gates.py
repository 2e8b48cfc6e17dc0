"""The gates of one unit of an LSTM or GRU over the steps, read from a trace.

Public names: `Gates`, `gates_of`.
May import: `run`, `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.equations.cells import split
from clearprop.errors import SettingError
from clearprop.explanation.through_time.run import run_of, way_steps
from clearprop.functions.activations import sigmoid

# gates that are a value between -1 and 1, and not a share
CANDIDATES = ("g", "n", "h")


@dataclass(frozen=True, eq=False)
class Gates:
    """One unit of one sequence, in the order of the way's own time.

    Attributes
    ----------
    layer, unit, way : int
        The unit counts within its way, from 0.
    cell : str
    times : (T,) int array
    values : dict of (T,) arrays
        Of each gate by its name: σ(z), and tanh(z) of the candidate g or n.
    states : dict of (T,) arrays
        `"h"`, and `"c"` of an LSTM.
    before : dict of (T,) arrays
        The same one step earlier.
    deltas : dict of (T,) arrays
        δ of each gate, from the trace.
    """

    layer: int
    unit: int
    way: int
    cell: str
    times: np.ndarray
    values: dict[str, np.ndarray]
    states: dict[str, np.ndarray]
    before: dict[str, np.ndarray]
    deltas: dict[str, np.ndarray]

    @property
    def kept(self) -> np.ndarray:
        """The gate that keeps the state: f of an LSTM, u of a GRU, (T,)."""
        return self.values["f" if self.cell == "lstm" else "u"]


def gates_of(trace: SequenceTrace, sequence: int, layer: int, unit: int = 0, way: int = 0) -> Gates:
    """Return the gates of one unit over a sequence.

    Raises
    ------
    SettingError
        If the layer has no gates.
    """
    cell = getattr(trace.network.operations[layer - 1], "cell", "")
    if cell not in ("lstm", "gru"):
        raise SettingError(
            f"Layer {layer} is {trace.network.layers[layer - 1]}, which has no gates."
        )
    ways = way_steps(run_of(trace, sequence), layer, way)
    names, size = ways.cell.gates, ways.operation.size
    rows = trace.packing.of(sequence)[ways.times]
    tall = len(names) * size
    errors = trace.delta[layer - 1][rows, way * tall : (way + 1) * tall].astype(np.float64)
    z = dict(zip(names, split(ways.saved.z, len(names)), strict=True))
    delta = dict(zip(names, split(errors, len(names)), strict=True))
    return Gates(
        layer,
        unit,
        way,
        cell,
        ways.times,
        {name: _value(name, z[name][:, unit]) for name in names},
        {name: s[:, unit] for name, s in zip(ways.cell.states, ways.saved.state, strict=True)},
        {name: s[:, unit] for name, s in zip(ways.cell.states, ways.saved.before, strict=True)},
        {name: delta[name][:, unit] for name in names},
    )


def _value(name: str, z: np.ndarray) -> np.ndarray:
    return np.asarray(np.tanh(z) if name in CANDIDATES else sigmoid(np, z))
