"""Activations: a = f(z) and f'(z), one row of the table each.

`value(xp, z, alpha)` gives a; `derivative(xp, z, a, alpha)` gives f'(z) and may use the stored
activation `a` where that is cheaper. Both keep the shape and dtype of z, (n, units). `alpha` is the
one number that some activations have (slope, scale); it is part of the name people type:
`"leaky_relu(0.2)"`.

At a kink the derivative is the one from the left (0 for relu at 0), as in scikit-learn and PyTorch.

Softmax is the one activation that does not work unit by unit; its derivative is the Jacobian
J_f = diag(a) - a aᵀ, and `jacobian_product` applies its transpose to a row of gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from clearprop.errors import SettingError
from clearprop.functions.spelling import parse_call, suggest

Range = Literal["real", "positive", "unit"]

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True)
class Kind:
    """One row of the table: what an activation is, apart from its number."""

    name: str
    formula: str
    derivative_formula: str
    value: Callable[..., Any]
    derivative: Callable[..., Any] | None
    range: Range = "real"
    kinks: tuple[float, ...] = ()
    alpha: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Activation:
    """An activation with its number: `Activation("leaky_relu", 0.2)`.

    Attributes
    ----------
    name : str
        A name of `ACTIVATIONS`.
    alpha : float or None
        The number of the activation, the usual one of its row where absent.
    """

    name: str
    alpha: float | None = None

    def __post_init__(self) -> None:
        if self.name not in ACTIVATIONS:
            near = suggest(self.name, ACTIVATIONS)
            raise SettingError(f"There is no activation {self.name!r}. {near}")
        if self.alpha is None:
            object.__setattr__(self, "alpha", self.kind.alpha)

    @property
    def kind(self) -> Kind:
        """The row of `ACTIVATIONS` that this activation stands on."""
        return ACTIVATIONS[self.name]

    @property
    def elementwise(self) -> bool:
        """Whether each unit's a depends on its own z alone; false for softmax."""
        return self.kind.derivative is not None

    def value(self, xp: Any, z: Any) -> Any:
        """Return a = f(z), of the shape of z: (n, units)."""
        return self.kind.value(xp, z, self.alpha)

    def derivative(self, xp: Any, z: Any, a: Any) -> Any:
        """Return f'(z) unit by unit, of the shape of z: (n, units)."""
        if self.kind.derivative is None:
            raise SettingError(f"{self.name} has a Jacobian and no derivative unit by unit.")
        return self.kind.derivative(xp, z, a, self.alpha)

    def jacobian_product(self, xp: Any, z: Any, a: Any, gradient: Any) -> Any:
        """Return J_f(z)ᵀ ∇_a E for each row: (n, units)."""
        if self.elementwise:
            return gradient * self.derivative(xp, z, a)
        return a * (gradient - xp.sum(gradient * a, axis=-1, keepdims=True))

    def __str__(self) -> str:
        """Return the activation as people type it."""
        default = self.kind.alpha
        return self.name if self.alpha == default else f"{self.name}({self.alpha!r})"


def sigmoid(xp: Any, z: Any, alpha: float | None = None) -> Any:
    """Return 1 / (1 + e^-z), of the shape of z."""
    # exp of a negative number only: no overflow at either end
    e = xp.exp(-xp.abs(z))
    return xp.where(z >= 0, 1 / (1 + e), e / (1 + e))


def softplus(xp: Any, z: Any, alpha: float | None = None) -> Any:
    """Return log(1 + e^z), of the shape of z."""
    return xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z)))


def _softmax(xp: Any, z: Any, alpha: float | None = None) -> Any:
    e = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def _elu(xp: Any, z: Any, alpha: float | None) -> Any:
    return xp.where(z > 0, z, alpha * xp.expm1(xp.minimum(z, 0)))


def _elu_derivative(xp: Any, z: Any, a: Any, alpha: float | None) -> Any:
    return xp.where(z > 0, xp.ones_like(z), a + alpha)


def _selu(xp: Any, z: Any, alpha: float | None = None) -> Any:
    return SELU_SCALE * _elu(xp, z, SELU_ALPHA)


def _selu_derivative(xp: Any, z: Any, a: Any, alpha: float | None = None) -> Any:
    return xp.where(z > 0, xp.full_like(z, SELU_SCALE), a + SELU_SCALE * SELU_ALPHA)


def erf(xp: Any, z: Any) -> Any:
    """Return the error function of z; no array namespace has it, so its library is asked."""
    if xp.__name__.startswith("jax"):
        from jax.scipy.special import erf as jax_erf

        return jax_erf(z)
    from scipy.special import erf as scipy_erf

    return scipy_erf(z)


def _gelu(xp: Any, z: Any, alpha: float | None = None) -> Any:
    return 0.5 * z * (1 + erf(xp, z * 0.5**0.5))


def _gelu_derivative(xp: Any, z: Any, a: Any, alpha: float | None = None) -> Any:
    density = xp.exp(-0.5 * z * z) * 0.3989422804014327
    return 0.5 * (1 + erf(xp, z * 0.5**0.5)) + z * density


def _silu(xp: Any, z: Any, alpha: float | None = None) -> Any:
    return z * sigmoid(xp, z)


def _silu_derivative(xp: Any, z: Any, a: Any, alpha: float | None = None) -> Any:
    s = sigmoid(xp, z)
    return s + a * (1 - s)


def _mish(xp: Any, z: Any, alpha: float | None = None) -> Any:
    return z * xp.tanh(softplus(xp, z))


def _mish_derivative(xp: Any, z: Any, a: Any, alpha: float | None = None) -> Any:
    t = xp.tanh(softplus(xp, z))
    return t + z * sigmoid(xp, z) * (1 - t * t)


_ROWS = (
    Kind(
        "identity",
        "z",
        "1",
        lambda xp, z, alpha: z,
        lambda xp, z, a, alpha: xp.ones_like(z),
    ),
    Kind(
        "sigmoid",
        "1 / (1 + e^-z)",
        "a (1 - a)",
        sigmoid,
        lambda xp, z, a, alpha: a * (1 - a),
        range="unit",
    ),
    Kind(
        "tanh",
        "tanh z",
        "1 - a²",
        lambda xp, z, alpha: xp.tanh(z),
        lambda xp, z, a, alpha: 1 - a * a,
    ),
    Kind(
        "relu",
        "max(0, z)",
        "1 where z > 0, else 0",
        lambda xp, z, alpha: xp.maximum(z, 0),
        lambda xp, z, a, alpha: xp.where(z > 0, xp.ones_like(z), xp.zeros_like(z)),
        kinks=(0.0,),
        source="Glorot, Bordes and Bengio 2011",
    ),
    Kind(
        "leaky_relu",
        "z where z > 0, else alpha z",
        "1 where z > 0, else alpha",
        lambda xp, z, alpha: xp.where(z > 0, z, alpha * z),
        lambda xp, z, a, alpha: xp.where(z > 0, xp.ones_like(z), xp.full_like(z, alpha)),
        kinks=(0.0,),
        alpha=0.01,
        source="Maas, Hannun and Ng 2013",
    ),
    Kind(
        "elu",
        "z where z > 0, else alpha (e^z - 1)",
        "1 where z > 0, else a + alpha",
        _elu,
        _elu_derivative,
        kinks=(0.0,),
        alpha=1.0,
        source="Clevert, Unterthiner and Hochreiter 2016",
    ),
    Kind(
        "selu",
        "1.0507 (z where z > 0, else 1.6733 (e^z - 1))",
        "1.0507 where z > 0, else a + 1.7581",
        _selu,
        _selu_derivative,
        kinks=(0.0,),
        source="Klambauer et al. 2017",
    ),
    Kind(
        "gelu",
        "z Φ(z), Φ the normal distribution function",
        "Φ(z) + z φ(z)",
        _gelu,
        _gelu_derivative,
        source="Hendrycks and Gimpel 2016; the exact form, with erf",
    ),
    Kind(
        "silu",
        "z σ(z)",
        "σ(z) + a (1 - σ(z))",
        _silu,
        _silu_derivative,
        source="Elfwing, Uchibe and Doya 2018; also called swish",
    ),
    Kind(
        "mish",
        "z tanh(log(1 + e^z))",
        "t + z σ(z) (1 - t²), t = tanh(log(1 + e^z))",
        _mish,
        _mish_derivative,
        source="Misra 2020",
    ),
    Kind(
        "softplus",
        "log(1 + e^z)",
        "σ(z)",
        softplus,
        lambda xp, z, a, alpha: sigmoid(xp, z),
        range="positive",
    ),
    Kind(
        "exp",
        "e^z",
        "a",
        lambda xp, z, alpha: xp.exp(z),
        lambda xp, z, a, alpha: a,
        range="positive",
        source="the log link of Poisson regression; for output layers",
    ),
    Kind(
        "softmax",
        "e^z_j / Σ_k e^z_k",
        "a_j ([j = k] - a_k)",
        _softmax,
        None,
        range="unit",
        source="for output layers",
    ),
)

ACTIVATIONS: dict[str, Kind] = {row.name: row for row in _ROWS}

ALIASES = {"logistic": "sigmoid", "swish": "silu", "linear": "identity"}


def activation(name: str | Activation) -> Activation:
    """Return the activation that a name such as `"relu"` or `"elu(0.5)"` stands for.

    `"logistic"` (scikit-learn's word), `"swish"` and `"linear"` are understood too.

    Raises
    ------
    SettingError
        If there is no such activation, or it takes no number, or its number is not positive.
    """
    if isinstance(name, Activation):
        return name
    plain, alpha = parse_call(name, "activation", [*ACTIVATIONS, *ALIASES])
    kind = ACTIVATIONS[ALIASES.get(plain, plain)]
    if alpha is not None and kind.alpha is None:
        raise SettingError(f"Activation {kind.name!r} takes no number, but {name!r} came.")
    if alpha is not None and not 0 < alpha < float("inf"):
        raise SettingError(f"The number of {name!r} must be above 0.")
    return Activation(kind.name, kind.alpha if alpha is None else alpha)
