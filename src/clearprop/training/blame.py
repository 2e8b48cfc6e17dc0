"""Where a number that is not finite first arose: as data, and in words.

Public names: `Fault`, `blame`, `blame_parameters`, `find_fault`, `verdict`.
May import: `clearprop.engines`, `clearprop.equations`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearprop.engines import Trace
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
    """

    operation: Operation
    layer: int
    unit: int | None
    source: int | None
    sample: int | None
    row: int | None
    value: float

    def __str__(self) -> str:
        """Return it in a few words: where it is, and what."""
        where = _WHERE[self.operation]
        if self.operation in ("parameter", "gradient") and self.source is None:
            where = where.replace("W{f.layer}[{f.unit}, {f.source}]", "b{f.layer}[{f.unit}]")
        return f"{where.format(f=self)}, which is {self.value}"


_WHERE: dict[Operation, str] = {
    "parameter": "W{f.layer}[{f.unit}, {f.source}] of layer {f.layer}",
    "input": "input, input column {f.unit}, row {f.row}",
    "z": "the weighted input z of layer {f.layer}, unit {f.unit}, row {f.row}",
    "a": "the activation a of layer {f.layer}, unit {f.unit}, row {f.row}",
    "loss": "the loss of row {f.row}",
    "delta": "δ of layer {f.layer}, unit {f.unit}, row {f.row}",
    "gradient": "∂E/∂W{f.layer}[{f.unit}, {f.source}] of layer {f.layer}",
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
    return (
        f"the first value that is not finite is {blame(trace)}. Lower the learning rate, scale the "
        f"inputs, or clip the gradient."
    )


def blame(trace: Trace) -> str:
    """Name the first thing that is not finite; see `find_fault`."""
    fault = find_fault(trace)
    return str(fault) if fault else "the gradient"


def blame_parameters(network: Network, vector: np.ndarray) -> str | None:
    """Name the first parameter that is not finite, None where all are."""
    fault = _parameter(network, vector, "parameter")
    return None if fault is None else str(fault)


def _suspects(trace: Trace) -> Iterator[Fault | None]:
    yield _parameter(trace.network, trace.vector, "parameter")
    yield _cell("input", 0, trace.x, trace.rows)
    for layer, (z, a) in enumerate(zip(trace.z, trace.a, strict=True), start=1):
        yield _cell("z", layer, z, trace.rows)
        yield _cell("a", layer, a, trace.rows)
    found = _first_bad(trace.losses)
    if found:
        (sample,), value = found
        layer, row = len(trace.z), int(trace.rows[sample])
        yield Fault("loss", layer, None, None, sample, row, value)
    for layer in range(len(trace.delta), 0, -1):
        yield _cell("delta", layer, trace.delta[layer - 1], trace.rows)
    yield _parameter(trace.network, trace.gradient, "gradient")


def _parameter(network: Network, vector: np.ndarray, operation: Operation) -> Fault | None:
    for segment in network.segments:
        found = _first_bad(segment.view(vector))
        if found:
            (unit, *source), value = found
            return Fault(
                operation, segment.layer, unit, source[0] if source else None, None, None, value
            )
    return None


def _cell(operation: Operation, layer: int, array: np.ndarray, rows: np.ndarray) -> Fault | None:
    found = _first_bad(array)
    if not found:
        return None
    (sample, unit), value = found
    return Fault(operation, layer, unit, None, sample, int(rows[sample]), value)


def _first_bad(array: np.ndarray) -> tuple[tuple[int, ...], float] | None:
    bad = np.argwhere(~np.isfinite(array))
    if not len(bad):
        return None
    place = tuple(int(i) for i in bad[0])
    return place, float(array[place])
