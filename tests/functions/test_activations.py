"""Every activation against formulas written down independently of the table."""

import numpy as np
import pytest
from scipy import special, stats

from clearprop.errors import SettingError
from clearprop.functions import ACTIVATIONS, Activation, activation
from problems import HIDDEN, NUMBERED, apart

Z = np.linspace(-9, 9, 181)[np.linspace(-9, 9, 181) != 0].reshape(6, 30)
SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _mish_slope(z):
    # the paper's own form of the derivative
    e = np.exp(z)
    omega = 4 * (z + 1) + 4 * e**2 + e**3 + e * (4 * z + 6)
    return e * omega / (2 * e + e**2 + 2) ** 2


def _elu(alpha):
    return (
        lambda z: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z: np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0))),
    )


def _leaky(alpha):
    return lambda z: np.maximum(z, alpha * z), lambda z: np.where(z > 0, 1, alpha)


# name → value, derivative
INDEPENDENT = {
    "identity": (lambda z: z, np.ones_like),
    "sigmoid": (special.expit, lambda z: special.expit(z) * special.expit(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: z * (z > 0), lambda z: np.heaviside(z, 0)),
    "leaky_relu": _leaky(0.01),
    "leaky_relu(0.2)": _leaky(0.2),
    "elu": _elu(1.0),
    "elu(0.5)": _elu(0.5),
    "selu": (
        lambda z: SCALE * np.where(z > 0, z, ALPHA * (np.exp(z) - 1)),
        lambda z: SCALE * np.where(z > 0, 1, ALPHA * np.exp(z)),
    ),
    "gelu": (
        lambda z: z * special.ndtr(z),
        lambda z: special.ndtr(z) + z * stats.norm.pdf(z),
    ),
    "silu": (
        lambda z: z * special.expit(z),
        lambda z: special.expit(z) * (1 + z * special.expit(-z)),
    ),
    "mish": (lambda z: z * np.tanh(np.logaddexp(0, z)), _mish_slope),
    "softplus": (lambda z: np.logaddexp(0, z), special.expit),
    "exp": (np.exp, np.exp),
}


def test_every_activation_has_an_independent_formula():
    assert {name.split("(")[0] for name in INDEPENDENT} == set(HIDDEN)
    assert set(ACTIVATIONS) - set(HIDDEN) == {"softmax"}


@pytest.mark.parametrize("name", INDEPENDENT)
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-14), ("float32", 1e-6)])
def test_value_and_derivative(name, dtype, bound):
    f, z = activation(name), Z.astype(dtype)
    value, slope = INDEPENDENT[name]
    a = f.value(np, z)
    derivative = f.derivative(np, z, a)
    assert a.dtype == derivative.dtype == dtype
    assert apart(a, value(z.astype("float64"))) < bound
    assert apart(derivative, slope(z.astype("float64"))) < bound


def test_softmax_and_its_jacobian():
    f, z = activation("softmax"), 3 * Z
    a = f.value(np, z)
    assert apart(a, special.softmax(z, axis=1)) < 1e-14
    gradient = np.random.default_rng(0).normal(size=z.shape)
    wanted = [(np.diag(p) - np.outer(p, p)).T @ g for p, g in zip(a, gradient, strict=True)]
    assert apart(f.jacobian_product(np, z, a, gradient), wanted) < 1e-14


# e^10000 is beyond both precisions; the table says so by its formula
@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"exp"}))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_extreme_inputs_are_finite(name, dtype):
    f, z = activation(name), np.array([[-1e4, -800, -100, 0, 100, 800, 1e4]], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a = f.value(np, z)
        slope = f.jacobian_product(np, z, a, np.ones_like(z))
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_nan_stays_nan(name):
    z = np.array([[1.0, np.nan]])
    assert np.isnan(activation(name).value(np, z)[0, 1])


# name → the derivative from the left at 0
FROM_THE_LEFT = {
    "relu": 0.0,
    "leaky_relu": 0.01,
    "leaky_relu(0.2)": 0.2,
    "elu": 1.0,
    "elu(0.5)": 0.5,
    "selu": SCALE * ALPHA,
}


def test_the_kinks_are_those_of_the_table():
    kinked = {name for name, kind in ACTIVATIONS.items() if kind.kinks}
    assert {name.split("(")[0] for name in FROM_THE_LEFT} == kinked
    assert all(ACTIVATIONS[name].kinks == (0.0,) for name in kinked)


@pytest.mark.parametrize("name", FROM_THE_LEFT)
def test_at_its_kink_the_derivative_is_the_one_from_the_left(name):
    f, zero, h = activation(name), np.zeros((1, 1)), 1e-7
    slope = f.derivative(np, zero, f.value(np, zero)).item()
    from_left = (f.value(np, zero) - f.value(np, zero - h)).item() / h
    assert slope == pytest.approx(FROM_THE_LEFT[name], abs=1e-15)
    assert slope == pytest.approx(from_left, abs=2e-7)


@pytest.mark.parametrize("name", [*HIDDEN, *NUMBERED, "softmax"])
def test_names_are_read_and_written_alike(name):
    assert str(activation(name)) == name
    assert activation(str(activation(name))) == activation(name)


def test_other_peoples_names():
    assert activation("logistic") == Activation("sigmoid")
    assert activation("swish") == Activation("silu")
    assert activation("linear") == Activation("identity")
    assert Activation("leaky_relu").alpha == 0.01


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("rleu", "Did you mean 'relu'"),
        ("relu(0.1)", "takes no number"),
        ("elu(-1)", "must be above 0"),
        ("elu(nan)", "must be above 0"),
        ("elu(x)", "could not be read"),
        (None, "There is no activation None"),
    ],
)
def test_wrong_names(name, part):
    with pytest.raises(SettingError, match=part.replace("(", r"\(")):
        activation(name)


def test_an_activation_built_by_hand_is_checked_too():
    with pytest.raises(SettingError, match="Did you mean 'relu'"):
        Activation("rleu")
    with pytest.raises(SettingError, match="Jacobian"):
        activation("softmax").derivative(np, Z, Z)
