"""The numbers of one sequence that the unrolled network shows, read from a trace of sequences.

Public names: `TimeFigures`.
May import: `names`, `places`, `through_time`, `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.equations import CELLS
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.time_layout import Node
from clearprop.explanation.through_time.forward import StepByStep, step_by_step
from clearprop.explanation.through_time.run import Run, run_of
from clearprop.network import Recurrence


@dataclass(frozen=True, eq=False)
class TimeFigures:
    """The numbers of one sequence.

    Attributes
    ----------
    trace : SequenceTrace
    names : Names
    sequence : int
    """

    trace: SequenceTrace
    names: Names
    sequence: int

    @cached_property
    def steps(self) -> StepByStep:
        """The sequence, step by step."""
        return step_by_step(self.trace, self.sequence)

    @cached_property
    def run(self) -> Run:
        """The sequence, as the equations go through it."""
        return run_of(self.trace, self.sequence)

    def recurrence(self, layer: int) -> Recurrence | None:
        """Return a layer as a recurrent one."""
        return self.names.recurrence(layer)

    def row(self, layer: int, step: int) -> int:
        """Return the row of a layer's arrays that a step has: the only one behind the readout."""
        return step if len(self.steps.a[layer - 1]) > 1 else 0

    def a(self, node: Node) -> float:
        """Return what a unit hands on, before dropout; an input of layer 0."""
        if not node.layer:
            return float(self.steps.x[node.step, node.unit])
        return float(self.steps.a[node.layer - 1][self.row(node.layer, node.step), node.unit])

    def inside(self, node: Node) -> tuple[str, float]:
        """Return what a unit's left half shows: z, the cell state c, or a GRU's candidate n."""
        recurrence, row = self.recurrence(node.layer), self.row(node.layer, node.step)
        if recurrence is None or recurrence.cell == "elman":
            return "z", float(self.steps.z[node.layer - 1][row, node.unit])
        way, unit = divmod(node.unit, recurrence.size)
        found = self.run.saved.ways[node.layer - 1][way]
        own = self.run.steps - 1 - node.step if recurrence.ways[way].reverse else node.step
        if recurrence.cell == "lstm":
            return "c", float(found.state[1][own, unit])
        return "n", float(np.tanh(found.z[own, 2 * recurrence.size + unit]))

    def error(self, node: Node) -> float:
        """Return δ of a unit; of one with gates ∂E/∂h, what came from above."""
        recurrence, row = self.recurrence(node.layer), self.row(node.layer, node.step)
        if self.gated(node.layer) and recurrence is not None:
            return float(self.run.gradients.error[node.layer - 1][node.step, node.unit])
        return float(self.steps.delta[node.layer - 1][row, node.unit])

    def gated(self, layer: int) -> bool:
        """Whether a layer's units have gates."""
        recurrence = self.recurrence(layer)
        return recurrence is not None and recurrence.cell != "elman"

    def places(self, into: Node, source: Node) -> list[Place]:
        """Return the parameters between two units: one, or one for each gate."""
        recurrence = self.recurrence(into.layer)
        if recurrence is None:
            return [Place(into.layer, into.unit, source.unit)]
        way, unit = divmod(into.unit, recurrence.size)
        own = source.layer == into.layer
        index = source.unit % recurrence.size if own else source.unit
        rows = [g * recurrence.size + unit for g in range(len(CELLS[recurrence.cell].gates))]
        return [Place(into.layer, row, index, "U" if own else "", way) for row in rows]

    def value(self, place: Place) -> float:
        """Return a parameter."""
        return float(self.trace.vector[place.entry(self.trace.network)])

    def weight(self, places: list[Place]) -> float:
        """Return the weight between two units; the length of those of all gates."""
        values = [self.value(place) for place in places]
        return values[0] if len(values) == 1 else float(np.linalg.norm(values))

    def handed_back(self, places: list[Place], into: Node) -> float:
        """Return Σ w δ over the gates: what a unit hands back along an edge."""
        recurrence = self.recurrence(into.layer)
        row = self.row(into.layer, into.step)
        if recurrence is None:
            scale = self.trace.network.operations[into.layer - 1].scale
            delta = self.steps.delta[into.layer - 1][row, into.unit]
            return scale * self.weight(places) * float(delta)
        found = self.run.gradients
        deltas = (found.fed_back if places[0].array == "U" else found.delta)[into.layer - 1][row]
        tall = recurrence.size * len(CELLS[recurrence.cell].gates)
        return sum(self.value(p) * float(deltas[p.way * tall + p.unit]) for p in places)

    def widest(self, layer: int) -> float:
        """Return the largest weight of a layer, by absolute value."""
        operation = self.trace.network.operations[layer - 1]
        arrays = [s.view(self.trace.vector) for s in operation.segments if len(s.shape) == 2]
        return max(float(np.abs(array).max()) for array in arrays)

    def importance(self, layer: int) -> np.ndarray:
        """Return how much each unit of a layer moves over the sequence, (units,)."""
        values = self.steps.a[layer - 1] if layer else self.steps.x
        return np.asarray(np.linalg.norm(values, axis=0))
