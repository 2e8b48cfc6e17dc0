"""Where a number that is not finite first arose, in words, and what to do about it."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.engines import Trace
from clearprop.equations import vanishing_sums
from clearprop.network import Network


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
    """Name the first thing that is not finite.

    The order of computation is the order of causes: parameters, input, each layer's z and a, the
    loss, each layer's δ from the last to the first, the gradient.
    """
    for text in _suspects(trace):
        if text:
            return text
    return "the gradient"


def blame_parameters(network: Network, vector: np.ndarray, prefix: str = "") -> str | None:
    """Name the first parameter (or entry of a gradient) that is not finite, None where all are."""
    for segment in network.segments:
        found = _first_bad(segment.view(vector))
        if found:
            place, value = found
            where = ", ".join(str(i) for i in place)
            return f"{prefix}{segment.name}[{where}] of layer {segment.layer}, which is {value}"
    return None


def _suspects(trace: Trace) -> Any:
    yield blame_parameters(trace.network, trace.vector)
    yield _cell("input", trace.x, trace.rows, "input column")
    for number, (z, a) in enumerate(zip(trace.z, trace.a, strict=True), start=1):
        yield _cell(f"the weighted input z of layer {number}", z, trace.rows, "unit")
        yield _cell(f"the activation a of layer {number}", a, trace.rows, "unit")
    found = _first_bad(trace.losses)
    if found:
        (row,), value = found
        yield f"the loss of row {trace.rows[row]}, which is {value}"
    for number in range(len(trace.delta), 0, -1):
        yield _cell(f"δ of layer {number}", trace.delta[number - 1], trace.rows, "unit")
    yield blame_parameters(trace.network, trace.gradient, "∂E/∂")


def _cell(what: str, array: np.ndarray, rows: np.ndarray, column: str) -> str | None:
    found = _first_bad(array)
    if not found:
        return None
    (row, unit), value = found
    return f"{what}, {column} {unit}, row {rows[row]}, which is {value}"


def _first_bad(array: np.ndarray) -> tuple[tuple[int, ...], float] | None:
    bad = np.argwhere(~np.isfinite(array))
    if not len(bad):
        return None
    place = tuple(int(i) for i in bad[0])
    return place, float(array[place])
