"""One sequence of a trace in float64, as the equations go through it.

A `Run` holds the engine's own arrays: nothing of the forward pass is computed again. The backward
pass is linear in the error that it begins with, so it can be sent back from the trace's arrays with
any seed: the loss's δ^L, which gives the trace's δ again, or the slopes of one output.

Public names: `Run`, `WaySteps`, `rounding`, `run_of`, `start_of`, `way_steps`.
May import: `clearprop.engines`, `clearprop.equations`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from clearprop.engines import unrolled
from clearprop.engines.sequences import Packing
from clearprop.engines.trace import SequenceTrace
from clearprop.engines.unrolled import SequenceGradients, SequencePass, WayPass, in_time
from clearprop.equations import CELLS, Step
from clearprop.equations.cells import Cell, State, split
from clearprop.functions import Activation
from clearprop.functions.activations import sigmoid
from clearprop.network import Network, Recurrence, Way

# what rounding may make a sum over time differ by, relative to its absolute terms
_ROUNDING = {"float64": 1e-12, "float32": 1e-5}


def rounding(trace: SequenceTrace) -> float:
    """Return how far a sum may be from the engine's number, relative to its absolute terms."""
    return _ROUNDING[trace.network.dtype]


@dataclass(frozen=True, eq=False)
class Run:
    """One sequence of T steps.

    Attributes
    ----------
    network : Network
        In float64.
    vector : (network.size,) float64 array
    saved : SequencePass
        The forward pass, from the trace.
    packing : Packing
        Of this sequence alone.
    y, c : (1 or T, outputs) and (1 or T,) arrays
        Targets and coefficients of what is read out.
    masks : list
        Dropout masks, (1, units), or None.
    cut : int or None
        Errors stop at steps that this divides.
    begin : int
        The number of the sequence's first step here.
    """

    network: Network
    vector: np.ndarray
    saved: SequencePass
    packing: Packing
    y: np.ndarray
    c: np.ndarray
    masks: list[Any]
    cut: int | None
    begin: int

    @property
    def steps(self) -> int:
        """T."""
        return self.packing.steps

    @property
    def x(self) -> np.ndarray:
        """The sequence, (T, inputs)."""
        return np.asarray(self.saved.inputs[0])

    @property
    def output(self) -> np.ndarray:
        """What is read out, (1 or T, outputs)."""
        return np.asarray(self.saved.output)

    @property
    def read_at(self) -> list[int]:
        """The step that each row of the output belongs to: all, or the last alone."""
        return list(range(self.steps)) if len(self.output) > 1 else [self.steps - 1]

    @cached_property
    def gradients(self) -> SequenceGradients:
        """The error carried back through this sequence from the loss's δ^L."""
        return self.back(None)

    def back(self, seed: np.ndarray | None) -> SequenceGradients:
        """Carry δ^L, (1 or T, outputs), back; that of the loss where it is None."""
        arguments = (np, self.network, self.vector, self.y, self.c, self.saved, self.packing)
        return unrolled.backward(*arguments, self.masks, self.cut, seed=seed)

    def forward(self, x: np.ndarray, copies: int) -> tuple[SequencePass, Packing, list[Any]]:
        """Send `copies` sequences of this length through the network: (copies, T, inputs)."""
        packing = Packing(np.full(copies, self.steps))
        rows = x.reshape(copies * self.steps, -1)[packing.source]
        masks = [None if m is None else np.repeat(m, copies, axis=0) for m in self.masks]
        start = [
            tuple(np.repeat(part[:1], copies, axis=0) for part in way.before)
            for ways in self.saved.ways
            for way in ways
        ]
        saved = unrolled.forward(np, self.network, self.vector, rows, packing, masks, start)
        return saved, packing, masks


def run_of(trace: SequenceTrace, place: int) -> Run:
    """Return one sequence of a trace, by its place in the batch."""
    network = replace(trace.network, dtype="float64")
    packing, rows = Packing(trace.packing.lengths[[place]]), trace.packing.of(place)
    every = network.readout == "every"
    read = rows if every else np.array([place])
    saved = SequencePass([], [], [], [])
    for index, operation in enumerate(network.operations):
        own = rows if operation.layer <= network.read_behind or every else read
        saved.inputs.append(_double(trace.inputs[index][own]))
        saved.z.append(_double(trace.z[index][own]))
        saved.a.append(_double(trace.a[index][own]))
        ways: tuple[WayPass, ...] = ()
        if isinstance(operation, Recurrence):
            arrays = (trace, operation, rows, packing, saved)
            ways = tuple(_way_pass(k, *arrays) for k in range(len(operation.ways)))
        saved.ways.append(ways)
    masks = [None if mask is None else _double(mask[[place]]) for mask in trace.masks]
    y, c = _double(trace.y[read]), _double(trace.coefficients[read])
    vector = _double(trace.vector)
    return Run(network, vector, saved, packing, y, c, masks, trace.cut, trace.begin)


def start_of(trace: SequenceTrace) -> list[State] | None:
    """Return where each way's states began, (n, units) each; None at the sequences' beginning."""
    if trace.begin == 0:
        return None
    runs = [run_of(trace, place) for place in range(len(trace.packing.lengths))]
    found: list[State] = []
    for layer in (operation.layer for operation in trace.network.recurrences):
        for number in range(len(runs[0].saved.ways[layer - 1])):
            first = [run.saved.ways[layer - 1][number].before for run in runs]
            parts = zip(*first, strict=True)
            found.append(tuple(np.stack([part[0] for part in each]) for each in parts))
    return found


def _double(array: Any) -> np.ndarray:
    return np.asarray(array, dtype=np.float64)


def _way_pass(
    number: int,
    trace: SequenceTrace,
    operation: Recurrence,
    rows: np.ndarray,
    packing: Packing,
    saved: SequencePass,
) -> WayPass:
    """Return what one way of a layer left behind, in the order of its own time."""
    index, way, size = operation.layer - 1, operation.ways[number], operation.size
    cell = CELLS[operation.cell]
    tall = size * len(cell.gates)
    own = slice(number * size, (number + 1) * size)
    x = in_time(way, saved.inputs[index], packing)
    z = in_time(way, saved.z[index][:, number * tall : (number + 1) * tall], packing)
    h = in_time(way, saved.a[index][:, own], packing)
    before = in_time(way, _double(trace.before[index][rows][:, own]), packing)
    kept = {
        name: in_time(way, _double(array[rows][:, own]), packing)
        for name, array in trace.states[index].items()
    }
    if operation.cell == "lstm":
        c = kept["c"]
        return WayPass(x, z, (h, c), (before, _cells_before(z, c, fresh=trace.begin == 0)), None)
    return WayPass(x, z, (h,), (before,), kept.get("q"))


def _cells_before(z: np.ndarray, c: np.ndarray, *, fresh: bool) -> np.ndarray:
    """Return c before each step, (T, units); what a piece began with follows from its first step.

    c_1 = f ⊙ c_0 + i ⊙ g, and f is above 0.
    """
    before = np.zeros_like(c)
    before[1:] = c[:-1]
    if not fresh:
        i, forget, g, _ = split(z[0], 4)
        before[0] = (c[0] - sigmoid(np, i) * np.tanh(g)) / sigmoid(np, forget)
    return before


@dataclass(frozen=True, eq=False)
class WaySteps:
    """One way of a recurrent layer over a sequence, in the order of its own time.

    Attributes
    ----------
    operation : Recurrence
    way : Way
    number : int
        0, or 1 for the way back of a layer that goes both ways.
    f : Activation
    U : (gates · units, units) array
    saved : WayPass
    above : (T, units) array
        ∂E/∂h_t, the part that came from above at each step.
    times : (T,) int array
        The number of each step in the sequence, from 0.
    cut : int or None
    """

    operation: Recurrence
    way: Way
    number: int
    f: Activation
    U: np.ndarray
    saved: WayPass
    above: np.ndarray
    times: np.ndarray
    cut: int | None

    @property
    def cell(self) -> Cell:
        """The equations of its steps."""
        return CELLS[self.operation.cell]

    def step(self, t: int) -> Step:
        """Return what step t left behind, one row."""
        at, saved = slice(t, t + 1), self.saved
        inner = None if saved.inner is None else saved.inner[at]
        return Step(saved.z[at], tuple(part[at] for part in saved.state), inner)

    def before(self, t: int) -> State:
        """Return the state before step t, one row."""
        return tuple(part[t : t + 1] for part in self.saved.before)

    def back(self, t: int, error: State) -> tuple[Any, Any, State]:
        """Carry errors of the state after step t, (k, units) each, back over the step.

        Returns δ, δ' and the error of the state before, which is 0 where errors are cut off.
        """
        delta, prime, handed = self.cell.back(
            np, self.f, self.step(t), self.U, self.before(t), error
        )
        if self.cut is not None and t % self.cut == 0:
            handed = tuple(np.zeros_like(part) for part in handed)
        return delta, prime, handed

    def jacobian(self, t: int) -> np.ndarray:
        """Return J_t = ∂(state after step t)/∂(state before), (S, S)."""
        found = self.cell.jacobian(np, self.f, self.step(t), self.U, self.before(t))
        return np.asarray(found[0])


def way_steps(run: Run, layer: int, number: int = 0) -> WaySteps:
    """Return one way of a recurrent layer, with what came from above at each step."""
    operation = run.network.operations[layer - 1]
    assert isinstance(operation, Recurrence)
    way, own = operation.ways[number], slice(number * operation.size, (number + 1) * operation.size)
    above = in_time(way, run.gradients.error[layer - 1][:, own], run.packing)
    times = in_time(way, np.arange(run.steps), run.packing)
    U = way.recurrent.view(run.vector)
    saved = run.saved.ways[layer - 1][number]
    return WaySteps(operation, way, number, operation.activation, U, saved, above, times, run.cut)
