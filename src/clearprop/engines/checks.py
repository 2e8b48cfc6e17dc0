"""Data checked against a network, and brought into its dtype without copying what fits already."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.errors import DataError, ShapeError
from clearprop.network import Network


def check_inputs(network: Network, x: Any) -> Any:
    """Return x as a C-contiguous (rows, inputs) array or CSR matrix in the network's dtype."""
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


def check_targets(network: Network, y: Any, rows: int) -> np.ndarray:
    """Return y as (rows, outputs) in the network's dtype, or as (rows,) int64 class codes."""
    y = np.asarray(y)
    if y.shape[:1] != (rows,):
        raise ShapeError(f"X has {rows} rows, but y has {y.shape[0] if y.ndim else 'no'} rows.")
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
