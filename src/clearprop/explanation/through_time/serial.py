"""What of a recurrent layer's pass must wait for the step before, and what need not.

The origin texts say that a recurrent network runs one step after another. Of its work only a part
does: with T steps, G gates, u units, m inputs and S numbers of state,

    forward     W x of all steps       one product           T G u m      need not wait
                U h, step after step   T small products      T G u²       waits
    backward    Uᵀ δ, step after step  T small products      T G u²       waits, unless …
                … as a scan            2 (T - 1) products    2 T S³       ⌈log₂ T⌉ rounds, twice
                ∂E/∂W                  one product           T G u m      need not wait
                ∂E/∂U                  one product           T G u²       need not wait
                Wᵀ δ of all steps      one product           T G u m      need not wait

The forward pass bends the state at each step. The backward pass does not: what is carried back is
linear in the errors, e_(t-1) = J_tᵀ e_t + (what comes from above), and such a recurrence is an
associative scan, whose products can be taken in a tree (Blelloch 1990; Wang, Bai and Pekhimenko
2020). It costs more multiplications in all, and far fewer after one another.

Public names: `Part`, `Serial`, `serial_of`.
May import: `clearprop.engines`, `clearprop.equations`, `clearprop.network`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clearprop.engines.trace import SequenceTrace
from clearprop.equations import CELLS
from clearprop.network import Recurrence


@dataclass(frozen=True)
class Part:
    """A part of the pass.

    Attributes
    ----------
    name : str
        `"inputs"`, `"state"`, `"back"`, `"scan"`, `"gradient_W"`, `"gradient_U"` or `"handed_on"`.
    multiplications : int
        In all, for one sequence.
    rounds : int
        Products that must be taken one after another.
    """

    name: str
    multiplications: int
    rounds: int

    @property
    def waits(self) -> bool:
        """Whether it is longer than one round."""
        return self.rounds > 1


@dataclass(frozen=True)
class Serial:
    """The parts of one recurrent layer's pass over a sequence of some length.

    Attributes
    ----------
    layer : int
    steps, units, inputs, gates, states, ways : int
    parts : tuple of Part
        In the order of the pass; the scan stands for the way back, in its place.
    """

    layer: int
    steps: int
    units: int
    inputs: int
    gates: int
    states: int
    ways: int
    parts: tuple[Part, ...]

    def __getitem__(self, name: str) -> Part:
        """Return a part by its name."""
        return next(part for part in self.parts if part.name == name)

    @property
    def waiting_share(self) -> float:
        """The share of all multiplications that waits for the step before, without the scan."""
        whole = [part for part in self.parts if part.name != "scan"]
        waiting = sum(part.multiplications for part in whole if part.name in ("state", "back"))
        return waiting / sum(part.multiplications for part in whole)


def serial_of(trace: SequenceTrace, sequence: int, layer: int) -> Serial:
    """Return what of a recurrent layer's pass over one sequence must wait."""
    operation = trace.network.operations[layer - 1]
    assert isinstance(operation, Recurrence)
    cell, u, m = CELLS[operation.cell], operation.size, operation.fan_in
    T, ways = int(trace.packing.lengths[sequence]), len(operation.ways)
    G, S = len(cell.gates), u * len(cell.states)
    tree = 2 * math.ceil(math.log2(T)) if T > 1 else 1
    parts = (
        Part("inputs", ways * T * G * u * m, 1),
        Part("state", ways * T * G * u * u, T),
        Part("back", ways * T * G * u * u, T),
        Part("scan", ways * 2 * (T - 1) * S**3, tree),
        Part("gradient_W", ways * T * G * u * m, 1),
        Part("gradient_U", ways * T * G * u * u, 1),
        Part("handed_on", ways * T * G * u * m, 1),
    )
    return Serial(layer, T, u, m, G, S, ways, parts)
