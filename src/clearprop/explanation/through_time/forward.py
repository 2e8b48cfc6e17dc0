"""The forward pass of one sequence step by step, read from a trace.

Public names: `StepByStep`, `step_by_step`.
May import: `clearprop.engines`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.engines.trace import SequenceTrace


@dataclass(frozen=True, eq=False)
class StepByStep:
    """One sequence of T steps; arrays are in the order of time.

    Attributes
    ----------
    sequence : int
    x : (T, inputs) array
    z, a, delta : lists of arrays, one a layer
        Of a recurrent layer z and δ are those of all gates, a is h; one row behind the readout.
    targets, losses, coefficients : (1 or T, outputs), (1 or T,), (1 or T,) arrays
        One row for each output that is read.
    """

    sequence: int
    x: np.ndarray
    z: list[np.ndarray]
    a: list[np.ndarray]
    delta: list[np.ndarray]
    targets: np.ndarray
    losses: np.ndarray
    coefficients: np.ndarray

    @property
    def steps(self) -> int:
        """T."""
        return len(self.x)


def step_by_step(trace: SequenceTrace, sequence: int) -> StepByStep:
    """Return the forward pass of one sequence."""
    network, rows = trace.network, trace.packing.of(sequence)
    read = rows if network.readout == "every" else np.array([sequence])

    def own(arrays: list[np.ndarray]) -> list[np.ndarray]:
        before = [array[rows] for array in arrays[: network.read_behind]]
        return before + [array[read] for array in arrays[network.read_behind :]]

    return StepByStep(
        sequence,
        trace.x[rows],
        own(trace.z),
        own(trace.a),
        own(trace.delta),
        trace.y[read],
        trace.losses[read],
        trace.coefficients[read],
    )
