"""Losses: E of one sample and its slope ∇_a E, one row of the table each.

`value(xp, y, a, parameter)` gives E per sample, (n,), from targets y and outputs a, both
(n, outputs); `gradient(xp, y, a, parameter)` gives ∇_a E, (n, outputs). Each row says whether it
sums or averages over the outputs; over samples, clearprop always takes the weighted mean.

A loss and the activation that was made for it (its *match*) share the output delta

    δ^L = J_f(z)ᵀ ∇_a E = a - y

and with it a value computed from z that neither overflows nor takes the logarithm of zero. Loss
and delta are one object and are tested as a pair: scikit-learn's multi-output squared error has a
gradient that is n_outputs times that of its loss (its issue 8349); none here has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.errors import GradientError, SettingError, ShapeError
from clearprop.functions.activations import Activation, Range, softplus
from clearprop.functions.spelling import parse_call, suggest


@dataclass(frozen=True)
class Kind:
    """One row of the table: what a loss is, apart from its number."""

    name: str
    formula: str
    value: Callable[..., Any]
    gradient: Callable[..., Any]
    over_outputs: str
    domain: Range = "real"
    match: str | None = None
    value_from_z: Callable[..., Any] | None = None
    parameter: float | None = None
    smooths: bool = False
    targets: str = "real"
    source: str = ""


@dataclass(frozen=True)
class Loss:
    """A loss with its number and label smoothing.

    Attributes
    ----------
    name : str
        A name of `LOSSES`.
    parameter : float or None
        Huber's threshold, 1 where absent; None for losses that have no number.
    label_smoothing : float
        ε in [0, 1): targets become (1 - ε) y + ε / K (cross-entropy over K classes) or
        (1 - ε) y + ε / 2 (binary cross-entropy). Szegedy et al. 2016.
    """

    name: str
    parameter: float | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in LOSSES:
            raise SettingError(f"There is no loss {self.name!r}. {suggest(self.name, LOSSES)}")
        if self.parameter is None:
            object.__setattr__(self, "parameter", self.kind.parameter)
        if not 0 <= self.label_smoothing < 1:
            raise SettingError(
                f"label_smoothing must lie in [0, 1), but {self.label_smoothing} came."
            )
        if self.label_smoothing and not self.kind.smooths:
            raise SettingError(
                f"Label smoothing is for cross-entropy; {self.name!r} has no labels to smooth."
            )

    @property
    def kind(self) -> Kind:
        """The row of `LOSSES` that this loss stands on."""
        return LOSSES[self.name]

    def is_match(self, activation: Activation) -> bool:
        """Whether δ^L = a - y holds with this output activation."""
        return self.kind.match == activation.name

    def smooth(self, xp: Any, y: Any) -> Any:
        """Return the targets after label smoothing, (n, outputs)."""
        if not self.label_smoothing:
            return y
        share = 2 if self.name == "binary_cross_entropy" else y.shape[-1]
        return (1 - self.label_smoothing) * y + self.label_smoothing / share

    def value(self, xp: Any, activation: Activation, y: Any, z: Any, a: Any) -> Any:
        """Return E per sample, (n,), for smoothed targets y and outputs a = f(z)."""
        if self.is_match(activation) and self.kind.value_from_z is not None:
            return self.kind.value_from_z(xp, y, z)
        return self.kind.value(xp, y, a, self.parameter)

    def delta(self, xp: Any, activation: Activation, y: Any, z: Any, a: Any) -> Any:
        """Return δ^L = ∂E/∂z^L per sample, (n, outputs): equation BP1."""
        if self.is_match(activation):
            return a - y
        gradient = self.kind.gradient(xp, y, a, self.parameter)
        return activation.jacobian_product(xp, z, a, gradient)

    def __str__(self) -> str:
        """Return the loss as people type it."""
        if self.parameter == self.kind.parameter:
            return self.name
        return f"{self.name}({self.parameter!r})"


@dataclass(frozen=True)
class CustomLoss:
    """A loss of the user's own: its value and its delta, as two NumPy functions.

    Attributes
    ----------
    value_function : callable
        `value(y, a)` gives E per sample, (n,), from targets and outputs, both (n, outputs).
    delta_function : callable
        `delta(y, z, a)` gives ∂E/∂z^L per sample, (n, outputs): the output activation's
        derivative is part of it, as in equation BP1.
    name : str
        What messages and pictures call it.
    """

    value_function: Callable[..., Any]
    delta_function: Callable[..., Any]
    name: str = "custom"

    label_smoothing = 0.0
    parameter = None

    def is_match(self, activation: Activation) -> bool:
        """Return False: the delta is the user's own."""
        return False

    def smooth(self, xp: Any, y: Any) -> Any:
        """Return y: a loss of one's own smooths, if it wants to, by itself."""
        return y

    def value(self, xp: Any, activation: Activation, y: Any, z: Any, a: Any) -> Any:
        """Return E per sample, (n,)."""
        value = xp.asarray(self.value_function(y, a))
        return _of_shape(value, (y.shape[0],), f"The value of loss {self.name!r}")

    def delta(self, xp: Any, activation: Activation, y: Any, z: Any, a: Any) -> Any:
        """Return δ^L = ∂E/∂z^L per sample, (n, outputs)."""
        delta = xp.asarray(self.delta_function(y, z, a))
        return _of_shape(delta, tuple(z.shape), f"The delta of loss {self.name!r}")

    def check(self, activation: Activation, y: np.ndarray, tolerance: float = 1e-5) -> None:
        """Hold the delta against central differences of the value, on targets y (n, outputs).

        The outputs are drawn around 0 (z of standard deviation 1). The comparison is norm-wise:
        ‖delta - differences‖ ≤ tolerance · (‖delta‖ + ‖differences‖).

        Raises
        ------
        GradientError
            If they differ by more; the message names the worst entry.
        """
        y = np.asarray(y, dtype=np.float64)
        z = np.random.Generator(np.random.Philox(0)).standard_normal(y.shape)

        def value_at(points: np.ndarray) -> np.ndarray:
            return self.value(np, activation, y, points, activation.value(np, points))

        step = 1e-6
        slope = np.empty_like(z)
        for unit in range(z.shape[1]):
            nudge = np.zeros_like(z)
            nudge[:, unit] = step
            slope[:, unit] = (value_at(z + nudge) - value_at(z - nudge)) / (2 * step)
        delta = self.delta(np, activation, y, z, activation.value(np, z))
        _compare(self.name, delta, slope, tolerance)

    def __str__(self) -> str:
        """Return the loss's name."""
        return self.name


def _of_shape(array: Any, shape: tuple[int, ...], what: str) -> Any:
    if tuple(array.shape) != shape:
        raise ShapeError(f"{what} has shape {tuple(array.shape)}; {shape} was expected.")
    return array


def _compare(name: str, delta: np.ndarray, slope: np.ndarray, tolerance: float) -> None:
    difference = np.abs(delta - slope)
    bound = tolerance * (np.linalg.norm(delta) + np.linalg.norm(slope))
    if np.linalg.norm(difference) <= bound:
        return
    difference[np.isnan(difference)] = np.inf
    row, unit = np.unravel_index(np.argmax(difference), difference.shape)
    raise GradientError(
        f"The delta of loss {name!r} is not the slope of its value: at sample {row}, output "
        f"{unit}, delta is {delta[row, unit]:.6g} and the finite difference is "
        f"{slope[row, unit]:.6g}. delta(y, z, a) must return ∂E/∂z, the output activation's "
        f"derivative included."
    )


def _floor(xp: Any, a: Any) -> Any:
    # the smallest normal number stands in for an output that underflowed to zero
    return xp.maximum(a, xp.finfo(a.dtype).tiny)


def _xlogx(xp: Any, y: Any) -> Any:
    return y * xp.log(xp.where(y > 0, y, xp.ones_like(y)))


def _cross_entropy_from_z(xp: Any, y: Any, z: Any) -> Any:
    top = xp.max(z, axis=-1, keepdims=True)
    log_total = top[:, 0] + xp.log(xp.sum(xp.exp(z - top), axis=-1))
    return xp.sum(y, axis=-1) * log_total - xp.sum(y * z, axis=-1)


def _binary_cross_entropy(xp: Any, y: Any, a: Any, parameter: None) -> Any:
    return -xp.sum(y * xp.log(_floor(xp, a)) + (1 - y) * xp.log(_floor(xp, 1 - a)), axis=-1)


def _binary_cross_entropy_gradient(xp: Any, y: Any, a: Any, parameter: None) -> Any:
    return (1 - y) / _floor(xp, 1 - a) - y / _floor(xp, a)


def _huber(xp: Any, y: Any, a: Any, threshold: float) -> Any:
    size = xp.abs(a - y)
    inner = xp.minimum(size, threshold)
    return xp.mean(inner * (size - 0.5 * inner), axis=-1)


_ROWS = (
    Kind(
        "half_squared_error",
        "½ Σ_k (a_k - y_k)²",
        lambda xp, y, a, p: 0.5 * xp.sum((a - y) ** 2, axis=-1),
        lambda xp, y, a, p: a - y,
        over_outputs="sum",
        match="identity",
        source="the two origin texts; Nielsen 2015, chapter 2",
    ),
    Kind(
        "mean_squared_error",
        "1/K Σ_k (a_k - y_k)²",
        lambda xp, y, a, p: xp.mean((a - y) ** 2, axis=-1),
        lambda xp, y, a, p: 2 * (a - y) / y.shape[-1],
        over_outputs="mean",
    ),
    Kind(
        "absolute_error",
        "1/K Σ_k |a_k - y_k|",
        lambda xp, y, a, p: xp.mean(xp.abs(a - y), axis=-1),
        lambda xp, y, a, p: xp.sign(a - y) / y.shape[-1],
        over_outputs="mean",
    ),
    Kind(
        "huber",
        "1/K Σ_k (½ e² where |e| ≤ d, else d (|e| - ½ d)), e = a_k - y_k",
        _huber,
        lambda xp, y, a, p: xp.clip(a - y, -p, p) / y.shape[-1],
        over_outputs="mean",
        parameter=1.0,
        source="Huber 1964",
    ),
    Kind(
        "poisson",
        "Σ_k a_k - y_k + y_k log(y_k / a_k)",
        lambda xp, y, a, p: xp.sum(a - y + _xlogx(xp, y) - y * xp.log(_floor(xp, a)), axis=-1),
        lambda xp, y, a, p: 1 - y / _floor(xp, a),
        over_outputs="sum",
        domain="positive",
        match="exp",
        value_from_z=lambda xp, y, z: xp.sum(xp.exp(z) - y * z + _xlogx(xp, y) - y, axis=-1),
        targets="non-negative",
        source="half the Poisson deviance, as in scikit-learn",
    ),
    Kind(
        "binary_cross_entropy",
        "-Σ_k y_k log a_k + (1 - y_k) log(1 - a_k)",
        _binary_cross_entropy,
        _binary_cross_entropy_gradient,
        over_outputs="sum",
        domain="unit",
        match="sigmoid",
        value_from_z=lambda xp, y, z: xp.sum(softplus(xp, z) - y * z, axis=-1),
        smooths=True,
        targets="between 0 and 1",
    ),
    Kind(
        "cross_entropy",
        "-Σ_k y_k log a_k",
        lambda xp, y, a, p: -xp.sum(y * xp.log(_floor(xp, a)), axis=-1),
        lambda xp, y, a, p: -y / _floor(xp, a),
        over_outputs="sum",
        domain="unit",
        match="softmax",
        value_from_z=_cross_entropy_from_z,
        smooths=True,
        targets="between 0 and 1",
    ),
)

LOSSES: dict[str, Kind] = {row.name: row for row in _ROWS}

_INSIDE: dict[Range, tuple[Range, ...]] = {
    "real": ("real", "positive", "unit"),
    "positive": ("positive", "unit"),
    "unit": ("unit",),
}


def loss(name: str | Loss | CustomLoss) -> Loss | CustomLoss:
    """Return the loss that a name such as `"cross_entropy"` or `"huber(2.0)"` stands for.

    Raises
    ------
    SettingError
        If there is no such loss, or it takes no number, or its number is not positive.
    """
    if isinstance(name, Loss | CustomLoss):
        return name
    plain, parameter = parse_call(name, "loss", LOSSES)
    kind = LOSSES[plain]
    if parameter is not None and kind.parameter is None:
        raise SettingError(f"Loss {plain!r} takes no number, but {name!r} came.")
    if parameter is not None and not 0 < parameter < float("inf"):
        raise SettingError(f"The number of {name!r} must be above 0.")
    return Loss(plain, kind.parameter if parameter is None else parameter)


def check_pair(loss: Loss | CustomLoss, activation: Activation) -> None:
    """Raise SettingError where the output activation leaves the numbers the loss is defined on."""
    if isinstance(loss, CustomLoss) or activation.kind.range in _INSIDE[loss.kind.domain]:
        return
    where = {"positive": "above 0", "unit": "between 0 and 1"}[loss.kind.domain]
    raise SettingError(
        f"Loss {loss.name!r} needs outputs {where}, which activation {activation.name!r} does not "
        f"give. Use activation={loss.kind.match!r} in the output layer, or another loss."
    )
