"""What a trained recurrent network's gradient looks like: its parameters' health, and a check.

Public names: `SequenceAccount`, `sequence_account`.
May import: `clearprop.engines`, `clearprop.estimators` and what they may import.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from clearprop.engines import Block, Recipe, build
from clearprop.network import Dense

# sequences of the batch whose gradients are shown
SHOWN = 32
STEP = 1e-5
TOLERANCE = 1e-6


@dataclass(frozen=True)
class ParameterHealth:
    """One array of parameters on one batch.

    Attributes
    ----------
    layer : str
        `"1 LSTM"`.
    name : str
        `"W1"`, `"U1"`, …
    shape : tuple of int
    norm, gradient_norm : float
        ‖θ‖ and ‖∂E/∂θ‖.
    """

    layer: str
    name: str
    shape: tuple[int, ...]
    norm: float
    gradient_norm: float


@dataclass(frozen=True)
class SequenceAccount:
    """The health of every array of parameters, and the gradient held against differences.

    Attributes
    ----------
    parameters : list of ParameterHealth
    sequences : int
        Sequences of the batch.
    worst : str
        The array whose entry of largest gradient differs most from its central difference.
    error : float
        That difference, relative to the largest entry of the gradient.
    checked : int
        Entries that were checked: the largest of each array.
    """

    parameters: list[ParameterHealth]
    sequences: int
    worst: str
    error: float
    checked: int

    def to_document(self) -> dict[str, Any]:
        """Return the account as plain data."""
        return {**asdict(self), "agrees": self.agrees}

    @property
    def agrees(self) -> bool:
        """Whether back-propagation and differences agree."""
        return self.error <= TOLERANCE


def sequence_account(model: Any, block: Block) -> SequenceAccount:
    """Take the gradient of a trained network on its first sequences, and check it in float64."""
    rows = block.visited(0, SHOWN)
    network = replace(model.network_, dtype="float64")
    small = Block.of(network, block.x[rows], _targets(network, block, rows))
    vector = model.parameters_.vector.astype(np.float64)
    gradient = build(model.engine, network, Recipe(), model.threads).gradient(vector, small)[1]
    lines, errors = [], {}
    reference = build("reference", network, Recipe())
    for segment in network.segments:
        slope = segment.view(gradient)
        lines.append(
            ParameterHealth(
                f"{segment.layer} {_kind(network.layers[segment.layer - 1])}",
                segment.name,
                segment.shape,
                float(np.linalg.norm(segment.view(vector))),
                float(np.linalg.norm(slope)),
            )
        )
        entry = segment.start + int(np.argmax(np.abs(gradient[segment.start : segment.stop])))
        difference = _difference(reference, vector, small, entry)
        errors[segment.name] = abs(difference - gradient[entry])
    worst = max(errors, key=lambda name: errors[name])
    largest = float(np.abs(gradient).max()) or 1.0
    return SequenceAccount(lines, len(rows), worst, errors[worst] / largest, len(errors))


def _targets(network: Any, block: Block, rows: np.ndarray) -> Any:
    if network.readout != "every":
        return block.y[rows]
    return [block.y[block.x.starts[row] : block.x.starts[row + 1]] for row in rows]


def _difference(engine: Any, vector: np.ndarray, block: Block, entry: int) -> float:
    moved = vector.copy()
    moved[entry] = vector[entry] + STEP
    above = engine.evaluate(moved, block)
    moved[entry] = vector[entry] - STEP
    return (above - engine.evaluate(moved, block)) / (2 * STEP)


def _kind(layer: Any) -> str:
    return str(layer.function) if isinstance(layer, Dense) else type(layer).__name__
