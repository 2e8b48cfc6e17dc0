"""What a trained recurrent network's gradient looks like: parameters' health, one weight's sum.

All is read from the trace of the model's own engine; differences of the reference engine's loss in
float64 check it.

Public names: `ParameterHealth`, `SequenceAccount`, `sequence_account`.
May import: `clearprop.explanation`, `clearprop.estimators` and what they may import.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from clearprop.engines import Block, SequenceTrace, build
from clearprop.explanation import Names, SequenceExplanation
from clearprop.explanation.through_time.sums import OverTime
from clearprop.network import Dense
from clearprop.training import Settings

# sequences of the batch whose gradients are shown
SHOWN = 32
STEP = 1e-5
# a gradient in float32 beside a difference in float64, relative to the largest entry
TOLERANCE = 1e-3


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
    """The health of every array of parameters, one gradient as a sum over time, and checks.

    Attributes
    ----------
    parameters : list of ParameterHealth
    sequences : int
        Sequences of the batch.
    over_time : OverTime
        The gradient of the weight that says most, step by step of the sequence that pushes it most.
    names : Names
        What units are called.
    difference : float
        The central difference of the batch's loss along that weight.
    worst : str
        The array whose entry of largest gradient differs most from its central difference.
    error : float
        That difference, relative to the largest entry of the gradient.
    checked : int
        Entries that were checked: the largest of each array.
    """

    parameters: list[ParameterHealth]
    sequences: int
    over_time: OverTime
    names: Names
    difference: float
    worst: str
    error: float
    checked: int

    def to_document(self) -> dict[str, Any]:
        """Return the account as plain data."""
        found = self.over_time
        return {
            "parameters": [asdict(line) for line in self.parameters],
            "sequences": self.sequences,
            "weight": {
                "name": self.names.of(found.place),
                "sequence": found.sequence + 1,
                "steps": (found.steps + 1).tolist(),
                "deltas": found.deltas.tolist(),
                "signals": found.signals.tolist(),
                "total": found.total,
                "gradient": found.gradient,
                "finite_difference": self.difference,
            },
            "worst": self.worst,
            "error": self.error,
            "checked": self.checked,
            "agrees": self.agrees and found.adds_up,
        }

    @property
    def agrees(self) -> bool:
        """Whether back-propagation and differences agree."""
        return self.error <= TOLERANCE


def sequence_account(model: Any, block: Block) -> SequenceAccount:
    """Trace a trained network on its first sequences, take one weight apart, and check it."""
    rows = block.visited(0, SHOWN)
    trace, network = _trace(model, block, rows), model.network_
    explanation = SequenceExplanation(trace, Names(network, **model.unit_names()))
    focus = explanation.focus()
    differences = _Differences(model, block, rows)
    errors = {}
    for segment in network.segments:
        part = trace.gradient[segment.start : segment.stop]
        entry = segment.start + int(np.argmax(np.abs(part)))
        errors[segment.name] = abs(differences.of(entry) - float(trace.gradient[entry]))
    worst = max(errors, key=lambda name: errors[name])
    largest = float(np.abs(trace.gradient).max()) or 1.0
    return SequenceAccount(
        [_health(network, trace, segment) for segment in network.segments],
        len(rows),
        explanation.over_time(focus.weight, focus.sample),
        explanation.names,
        differences.of(focus.weight.entry(network)),
        worst,
        errors[worst] / largest,
        len(errors),
    )


def _trace(model: Any, block: Block, rows: np.ndarray) -> SequenceTrace:
    """Return the trace of whole sequences; a truncated recipe would show their first piece."""
    recipe = replace(Settings().recipe, batch_size=len(rows))
    engine = build(model.engine, model.network_, recipe, model.threads)
    state = engine.initial_state(model.parameters_)
    trace = engine.trace(state, block, rows, dropout=False)
    assert isinstance(trace, SequenceTrace)  # the network is recurrent
    return trace


def _health(network: Any, trace: SequenceTrace, segment: Any) -> ParameterHealth:
    layer = network.layers[segment.layer - 1]
    kind = str(layer.function) if isinstance(layer, Dense) else type(layer).__name__
    norms = [float(np.linalg.norm(segment.view(v))) for v in (trace.vector, trace.gradient)]
    return ParameterHealth(f"{segment.layer} {kind}", segment.name, segment.shape, *norms)


class _Differences:
    """Central differences of the reference engine's loss on some sequences, in float64."""

    def __init__(self, model: Any, block: Block, rows: np.ndarray) -> None:
        network = replace(model.network_, dtype="float64")
        self._engine = build("reference", network, Settings().recipe)
        self._vector = model.parameters_.vector.astype(np.float64)
        weights = None if block.weights is None else block.weights[rows]
        targets = _targets(network, block, rows)
        self._block = Block.of(network, block.x[rows], targets, weights)

    def of(self, entry: int) -> float:
        """Return the slope along one parameter."""
        losses = []
        for step in (STEP, -STEP):
            moved = self._vector.copy()
            moved[entry] += step
            losses.append(self._engine.evaluate(moved, self._block))
        return (losses[0] - losses[1]) / (2 * STEP)


def _targets(network: Any, block: Block, rows: np.ndarray) -> Any:
    if network.readout != "every":
        return block.y[rows]
    return [block.y[block.x.starts[row] : block.x.starts[row + 1]] for row in rows]
