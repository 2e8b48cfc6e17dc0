"""What is learned from the validation rows once the runs are over: a temperature, or errors.

Public names: `Aftermath`.
May import: the other modules of this room, `clearprop.engines`, `clearprop.network`,
`clearprop.tables`, `clearprop.training`; NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearprop.engines import Block
from clearprop.estimators.calibration import Answers, calibrates, cooled, temperature_of
from clearprop.estimators.stream_fitting import PreparedStream
from clearprop.estimators.tabular_fitting import Prepared
from clearprop.network import Parameters
from clearprop.tables import NumberTarget, Target
from clearprop.training import Outcome


@dataclass(frozen=True)
class Aftermath:
    """What the runs left, calibrated.

    Attributes
    ----------
    parameters : tuple of Parameters
        Of each run, with the temperature in its output layer.
    temperature : float or None
        One number for all of them; None where there are no validation rows, or no probabilities.
    errors : tuple of (n, targets) float64 arrays
        For each run |y - ŷ| on its validation rows in the target's own units, every column in
        rising order. Empty for classes, and where a run has no validation rows.
    """

    parameters: tuple[Parameters, ...]
    temperature: float | None
    errors: tuple[np.ndarray, ...]

    @classmethod
    def of(
        cls, prepared: Prepared | PreparedStream, outcomes: Sequence[Outcome], *, calibrate: bool
    ) -> Aftermath:
        """Let the networks answer on the rows that each had not seen."""
        parameters = tuple(outcome.parameters for outcome in outcomes)
        numbers = isinstance(prepared.target, NumberTarget)
        if not numbers and not (calibrate and calibrates(prepared.network)):
            return cls(parameters, None, ())
        held = [_counted(prepared.held_out(k)) for k in range(len(outcomes))]
        blocks = [block for block in held if block is not None]
        if len(blocks) < len(held):
            return cls(parameters, None, ())
        outputs = [
            outcome.engine.predict(outcome.parameters.vector, block.x)
            for outcome, block in zip(outcomes, blocks, strict=True)
        ]
        if numbers:
            return cls(parameters, None, _errors(prepared.target, blocks, outputs))
        temperature = temperature_of(_answers(blocks, outputs))
        return cls(tuple(cooled(p, temperature) for p in parameters), temperature, ())


def _counted(block: Block | None) -> Block | None:
    """Return the rows of weight above 0."""
    if block is None or block.weights is None or block.weights.all():
        return block
    rows = np.flatnonzero(block.weights)
    return Block(block.x[rows], block.y[rows], block.weights[rows])


def _answers(blocks: Sequence[Block], outputs: Sequence[np.ndarray]) -> Answers:
    weighted = blocks[0].weights is not None
    weights = np.concatenate([block.weights for block in blocks]) if weighted else None
    targets = np.concatenate([block.y for block in blocks])
    return Answers.of(np.concatenate(outputs), targets, weights)


def _errors(
    target: Target, blocks: Sequence[Block], outputs: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    found = []
    for block, a in zip(blocks, outputs, strict=True):
        truth, predicted = (np.asarray(target.decode(v)).reshape(len(a), -1) for v in (block.y, a))
        found.append(np.sort(np.abs(truth.astype(np.float64) - predicted), axis=0))
    return tuple(found)
