"""Where a number that is not finite first arose: as data, and in words.

Public names: `WAY_OUT`, `Fault`, `blame`, `blame_in`, `blame_parameters`, `find_fault`, `verdict`.
May import: `clearprop.engines`, `clearprop.equations`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearprop.engines import Block, Engine, SequenceTrace, Trace, TrainState
from clearprop.equations import vanishing_sums
from clearprop.network import Network

Operation = Literal["parameter", "input", "z", "a", "loss", "delta", "gradient"]


@dataclass(frozen=True)
class Fault:
    """A number that is not finite.

    Attributes
    ----------
    operation : str
        What it came out of, or is: `"parameter"`, `"input"`, `"z"`, `"a"`, `"loss"`, `"delta"`,
        `"gradient"`.
    layer : int
        1 for the first; 0 for the input, the last for the loss.
    unit : int or None
        Counted from 0; None for the loss.
    source : int or None
        The unit that a weight, or the gradient of one, leads from; None for the others.
    sample : int or None
        Its place in the batch, counted from 0; None for parameters and gradients.
    row : int or None
        The sample's row in the data.
    value : float
        NaN or an infinity.
    time : int or None
        The step of a sequence, counted from 0; None where there is none.
    array : str
        The name of the parameters, such as `"U1"`; empty for what is no parameter.
    """

    operation: Operation
    layer: int
    unit: int | None
    source: int | None
    sample: int | None
    row: int | None
    value: float
    time: int | None = None
    array: str = ""

    def __str__(self) -> str:
        """Return it in a few words: where it is, and what."""
        place = f"[{self.unit}]" if self.source is None else f"[{self.unit}, {self.source}]"
        row = f"row {self.row}" if self.time is None else f"sequence {self.row}, step {self.time}"
        where = _WHERE[self.operation].format(f=self, name=f"{self.array}{place}", row=row)
        return f"{where}, which is {self.value}"


# what to do about it
WAY_OUT = "Lower the learning rate, scale the inputs, or clip the gradient."
# rows that are searched at once
_AT_ONCE = 256

_WHERE: dict[Operation, str] = {
    "parameter": "{name} of layer {f.layer}",
    "input": "input, input column {f.unit}, {row}",
    "z": "the weighted input z of layer {f.layer}, unit {f.unit}, {row}",
    "a": "the activation a of layer {f.layer}, unit {f.unit}, {row}",
    "loss": "the loss of {row}",
    "delta": "δ of layer {f.layer}, unit {f.unit}, {row}",
    "gradient": "∂E/∂{name} of layer {f.layer}",
}


def find_fault(trace: Trace) -> Fault | None:
    """Return the first thing that is not finite; None where all is.

    The order of computation is the order of causes: parameters, input, each layer's z and a, the
    loss, each layer's δ from the last to the first, the gradient.
    """
    return next(filter(None, _suspects(trace)), None)


def verdict(trace: Trace) -> str:
    """Say in full sentences why the step of a trace cannot be taken, and the way out."""
    if trace.recipe.carrier == "proportional":
        vanishing = vanishing_sums(trace.network, trace.vector)
        if vanishing:
            layer, unit, total, size = vanishing[0]
            more = f" (and {len(vanishing) - 1} more units')" if len(vanishing) > 1 else ""
            return (
                f"the error of unit {unit} of layer {layer} cannot be shared out in proportion to "
                f"its weights{more}: they add up to {total:.3g}, which is next to nothing beside "
                f"the sum of their sizes, {size:.3g}. Use carrier='transposed', which does not "
                f"divide, or start from other weights (another seed)."
            )
    return f"the first value that is not finite is {blame(trace)}. {WAY_OUT}"


def blame(trace: Trace) -> str:
    """Name the first thing that is not finite; see `find_fault`."""
    fault = find_fault(trace)
    return str(fault) if fault else "the gradient"


def blame_in(engine: Engine, state: TrainState, block: Block) -> str:
    """Name the first thing that is not finite on the rows of a block, without dropout."""
    for start in range(0, block.visits, _AT_ONCE):
        rows = block.visited(start, start + _AT_ONCE)
        with np.errstate(all="ignore"):
            fault = find_fault(engine.trace(state, block, rows, dropout=False))
        if fault:
            return str(fault)
    return "the mean over all rows"


def blame_parameters(network: Network, vector: np.ndarray) -> str | None:
    """Name the first parameter that is not finite, None where all are."""
    fault = _parameter(network, vector, "parameter")
    return None if fault is None else str(fault)


def _suspects(trace: Trace) -> Iterator[Fault | None]:
    yield _parameter(trace.network, trace.vector, "parameter")
    yield _cell("input", 0, trace.x, trace)
    for layer, (z, a) in enumerate(zip(trace.z, trace.a, strict=True), start=1):
        yield _cell("z", layer, z, trace)
        yield _cell("a", layer, a, trace)
    found = _first_bad(trace.losses)
    if found:
        ((place,), value), layer = found, len(trace.z)
        sample, time = _sample(trace, layer, place)
        yield Fault("loss", layer, None, None, sample, int(trace.rows[sample]), value, time)
    for layer in range(len(trace.delta), 0, -1):
        yield _cell("delta", layer, trace.delta[layer - 1], trace)
    yield _parameter(trace.network, trace.gradient, "gradient")


def _parameter(network: Network, vector: np.ndarray, operation: Operation) -> Fault | None:
    for segment in network.segments:
        found = _first_bad(segment.view(vector))
        if found:
            (unit, *rest), value = found
            source = rest[0] if rest else None
            place = (segment.layer, unit, source, None, None)
            return Fault(operation, *place, value, array=segment.name)
    return None


def _cell(operation: Operation, layer: int, array: np.ndarray, trace: Trace) -> Fault | None:
    found = _first_bad(array)
    if not found:
        return None
    (place, unit), value = found
    sample, time = _sample(trace, layer, place)
    return Fault(operation, layer, unit, None, sample, int(trace.rows[sample]), value, time)


def _sample(trace: Trace, layer: int, row: int) -> tuple[int, int | None]:
    """Return the sample that a row of a layer's arrays belongs to, and the step of a sequence."""
    network = trace.network
    if not isinstance(trace, SequenceTrace):
        return row, None
    if network.readout != "every" and layer > network.read_behind:
        return row, None
    return int(trace.packing.place[row]), trace.begin + int(trace.packing.step[row])


def _first_bad(array: np.ndarray) -> tuple[tuple[int, ...], float] | None:
    bad = np.argwhere(~np.isfinite(array))
    if not len(bad):
        return None
    place = tuple(int(i) for i in bad[0])
    return place, float(array[place])
