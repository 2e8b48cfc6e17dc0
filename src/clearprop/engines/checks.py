"""Data checked against a network, and brought into its dtype without copying what fits already."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.engines.sequences import Sequences
from clearprop.errors import DataError, ShapeError
from clearprop.network import Network


def check_inputs(network: Network, x: Any) -> Any:
    """Return x as a C-contiguous (rows, inputs) array or CSR matrix in the network's dtype.

    For a network with recurrent layers: as `Sequences`.
    """
    if network.recurrent:
        return _check_sequences(network, x)
    if hasattr(x, "tocsr"):
        x = x.tocsr().astype(network.dtype, copy=False)
    else:
        x = np.ascontiguousarray(x, dtype=network.dtype)
    if len(x.shape) != 2 or x.shape[1] != network.inputs:
        raise ShapeError(
            f"The network has {network.inputs} inputs, so X must have shape (rows, "
            f"{network.inputs}), but {tuple(x.shape)} came."
        )
    _check_finite(x, "X")
    return x


def _check_sequences(network: Network, x: Any) -> Sequences:
    sequences = Sequences.of(x, network.dtype)
    if sequences.shape[1] != network.inputs:
        raise ShapeError(
            f"The network has {network.inputs} inputs, so each sequence must have shape (steps, "
            f"{network.inputs}), but {sequences.shape[1]} values a step came."
        )
    check_finite_steps(sequences, sequences.values, "X")
    return sequences


def check_finite_steps(sequences: Sequences, values: np.ndarray, name: str) -> None:
    """Raise a DataError that names the sequence and step of a value that is not finite."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        place = int(bad[0][0])
        series = int(np.searchsorted(sequences.starts, place, side="right")) - 1
        step = place - int(sequences.starts[series])
        raise DataError(
            f"{name} holds {values[tuple(bad[0])]} in sequence {series}, step {step} ({len(bad)} "
            f"such values in all). Remove or fill in these steps first."
        )


def _check_finite(array: Any, name: str) -> None:
    values = array.data if hasattr(array, "indptr") else array
    # the sum is finite unless an entry is not, or it overflows: no temporary in the usual case
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum(dtype=np.float64)):
            return
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        first = tuple(bad[0])
        place = first
        if values is not array:  # the places of a sparse matrix are counted entry by entry
            row = np.searchsorted(array.indptr, first[0], side="right") - 1
            place = (row, array.indices[first])
        where = f"row {place[0]}" + (f", column {place[1]}" if len(place) > 1 else "")
        raise DataError(
            f"{name} holds {values[first]} at {where} ({len(bad)} such values in all). Remove or "
            f"fill in these rows first."
        )


def check_step_targets(network: Network, y: Any, x: Sequences) -> np.ndarray:
    """Return targets of each step, one sequence behind another, checked as `check_targets` does.

    They come as a list of one array a sequence, as one array (sequences, steps, …) or as one array
    with a row for each step of all sequences.
    """
    rows = len(x.values)
    if len(y) == len(x) and not (isinstance(y, np.ndarray) and y.ndim == 1 and len(y) == rows):
        parts = [np.asarray(part) for part in y]
        for number, (part, steps) in enumerate(zip(parts, x.lengths, strict=True)):
            if part.shape[:1] != (steps,):
                raise ShapeError(
                    f"Sequence {number} has {steps} steps, but {part.shape[0] if part.ndim else 1} "
                    f"targets came. With readout='every' each step needs one."
                )
        y = np.concatenate(parts)
    return check_targets(network, y, rows, "steps")


def check_targets(network: Network, y: Any, rows: int, kind: str = "rows") -> np.ndarray:
    """Return y as (rows, outputs) in the network's dtype, or as (rows,) int64 class codes."""
    y = np.asarray(y)
    if y.shape[:1] != (rows,):
        came = y.shape[0] if y.ndim else "no"
        raise ShapeError(f"X has {rows} {kind}, but y has {came} {kind}.")
    # whole numbers are class codes where outputs are shares, and values where they are not
    shares = network.operations[-1].activation.kind.range == "unit" and network.outputs > 1
    if shares and np.issubdtype(y.dtype, np.integer) and y.ndim == 1:
        outside = np.flatnonzero((y < 0) | (y >= network.outputs))
        if len(outside):
            raise DataError(
                f"Class codes must lie between 0 and {network.outputs - 1}, but row {outside[0]} "
                f"has {y[outside[0]]}."
            )
        return np.ascontiguousarray(y, dtype=np.int64)
    y = np.ascontiguousarray(y[:, None] if y.ndim == 1 else y, dtype=network.dtype)
    if y.shape != (rows, network.outputs):
        raise ShapeError(
            f"The network has {network.outputs} outputs, so y must have shape ({rows}, "
            f"{network.outputs}), but {y.shape} came."
        )
    _check_finite(y, "y")
    _check_domain(network, y)
    return y


def _check_domain(network: Network, y: np.ndarray) -> None:
    loss = network.objective
    wanted = getattr(getattr(loss, "kind", None), "targets", "real")
    if not y.size or wanted == "real":
        return
    if y.min() < 0 or (wanted == "between 0 and 1" and y.max() > 1):
        bad = np.argwhere((y < 0) | ((y > 1) & (wanted == "between 0 and 1")))[0]
        raise DataError(
            f"Loss {loss.name!r} needs targets that are {wanted}, but row {bad[0]} has "
            f"{y[tuple(bad)]}."
        )
    if loss.name == "cross_entropy":
        off = np.flatnonzero(np.abs(y.sum(axis=1) - 1) > 1e-4)
        if len(off):
            raise DataError(
                f"Targets of cross_entropy must sum to 1 in each row, but row {off[0]} sums to "
                f"{y[off[0]].sum():g}. For several labels a row use sigmoid and "
                f"binary_cross_entropy."
            )


def check_weights(weights: Any, rows: int, dtype: str) -> np.ndarray:
    """Return sample weights as (rows,) in a dtype; they must be finite and 0 or above."""
    weights = np.ascontiguousarray(weights, dtype=dtype)
    if weights.shape != (rows,):
        raise ShapeError(f"Sample weights must have shape ({rows},), but {weights.shape} came.")
    _check_finite(weights, "sample weights")
    if rows and weights.min() < 0:
        row = int(np.argmin(weights))
        raise DataError(f"Sample weights must be 0 or above, but row {row} has {weights[row]}.")
    return weights
