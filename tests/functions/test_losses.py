"""Every loss against scikit-learn, SciPy and formulas written out; losses of one's own."""

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from clearprop import Dense, Network
from clearprop.errors import GradientError, SettingError, ShapeError
from clearprop.functions import LOSSES, CustomLoss, Loss, activation, check_pair, loss
from problems import PAIR_NAMES, PAIRS, apart, pair_network, targets_for

N, K = 40, 3


def _outputs(domain):
    draw = np.random.default_rng(5)
    if domain == "positive":
        return draw.gamma(2.0, size=(N, K))
    return draw.dirichlet(np.ones(K), N) if domain == "unit" else 2 * draw.normal(size=(N, K))


def _poisson(y, a):
    return K * 0.5 * metrics.mean_poisson_deviance(y.ravel(), a.ravel())


def _binary(y, a):
    # scikit-learn takes labels, so soft targets become two weighted ones
    labels = np.concatenate([np.ones(y.size), np.zeros(y.size)])
    weights = np.concatenate([y.ravel(), 1 - y.ravel()])
    outputs = np.concatenate([a.ravel(), a.ravel()])
    return K * metrics.log_loss(labels, outputs, sample_weight=weights)


def _multiclass(y, a):
    labels = np.tile(np.arange(K), N)
    return metrics.log_loss(labels, np.repeat(a, K, axis=0), sample_weight=y.ravel())


# name → the mean over samples, by somebody else's code
INDEPENDENT = {
    "half_squared_error": lambda y, a: 0.5 * K * metrics.mean_squared_error(y, a),
    "mean_squared_error": metrics.mean_squared_error,
    "absolute_error": metrics.mean_absolute_error,
    "huber": lambda y, a: special.huber(1.0, a - y).mean(),
    "huber(0.3)": lambda y, a: special.huber(0.3, a - y).mean(),
    "poisson": _poisson,
    "binary_cross_entropy": _binary,
    "cross_entropy": _multiclass,
}


def test_every_loss_has_an_independent_formula():
    assert {name.split("(")[0] for name in INDEPENDENT} == set(LOSSES)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_value_from_outputs(name):
    objective = loss(name)
    y = targets_for(Network(2, (Dense(K, "softmax"),), objective), N)
    a = _outputs(objective.kind.domain)
    # identity, say, or any activation that is not the loss's own: the value comes from a
    values = objective.value(np, activation("tanh"), y, np.full_like(a, np.nan), a)
    assert values.shape == (N,)
    assert values.mean() == pytest.approx(INDEPENDENT[name](y, a), rel=1e-12)


@pytest.mark.parametrize("name", [n for n in LOSSES if LOSSES[n].match])
def test_value_from_weighted_inputs(name):
    objective, f = loss(name), activation(LOSSES[name].match)
    y = targets_for(Network(2, (Dense(K, f),), objective), N)
    z = 2 * np.random.default_rng(6).normal(size=(N, K))
    a = f.value(np, z)
    assert objective.is_match(f)
    assert objective.value(np, f, y, z, a).mean() == pytest.approx(
        INDEPENDENT[name](y, a), rel=1e-12
    )


@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
def test_delta_is_the_slope_of_the_value(name, output):
    objective, f = Loss(name), activation(output)
    y = targets_for(pair_network(name, output), N)
    z = np.random.default_rng(7).normal(size=(N, K))
    step, slope = 1e-5, np.empty_like(z)

    def at(points):
        return objective.value(np, f, y, points, f.value(np, points))

    for unit in range(K):
        nudge = step * (np.arange(K) == unit)
        slope[:, unit] = (at(z + nudge) - at(z - nudge)) / (2 * step)
    assert apart(objective.delta(np, f, y, z, f.value(np, z)), slope) < 1e-8


# Poisson's match e^z itself leaves the numbers at 10000
@pytest.mark.parametrize("name", [n for n in LOSSES if LOSSES[n].match not in (None, "exp")])
def test_a_loss_and_its_match_are_finite_far_out(name):
    objective, f = loss(name), activation(LOSSES[name].match)
    z = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, 1e4]])
    y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    with np.errstate(all="raise", under="ignore"):
        a = f.value(np, z)
        assert np.isfinite(objective.value(np, f, y, z, a)).all()
        assert np.isfinite(objective.delta(np, f, y, z, a)).all()


def test_an_output_that_underflowed_costs_much_and_not_infinitely():
    y, a = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    for name in ("cross_entropy", "binary_cross_entropy", "poisson"):
        value = loss(name).value(np, activation("tanh"), y, a, a)
        assert 500 < value.item() < 1500


def test_absolute_error_at_its_kink_has_no_slope():
    kind, y = LOSSES["absolute_error"], np.array([[2.0, 2.0, 2.0]])
    gradient = kind.gradient(np, y, np.array([[2.0, 2.5, 1.5]]), None)
    assert gradient.tolist() == [[0.0, 1 / 3, -1 / 3]]


def test_huber_at_its_threshold():
    kind, y, d = LOSSES["huber"], np.zeros((1, 4)), 0.7
    a = np.array([[d, -d, np.nextafter(d, 1), np.nextafter(-d, -1)]])
    assert kind.gradient(np, y, a, d) == pytest.approx(np.array([[d, -d, d, -d]]) / 4)
    assert kind.value(np, y, a[:, :1], d).item() == pytest.approx(0.5 * d * d)


def test_label_smoothing():
    y = np.array([[0.0, 1.0, 0.0]])
    assert Loss("cross_entropy", label_smoothing=0.3).smooth(np, y) == pytest.approx(
        np.array([[0.1, 0.8, 0.1]])
    )
    assert Loss("binary_cross_entropy", label_smoothing=0.3).smooth(np, y) == pytest.approx(
        np.array([[0.15, 0.85, 0.15]])
    )
    with pytest.raises(SettingError, match="no labels to smooth"):
        Loss("poisson", label_smoothing=0.1)
    with pytest.raises(SettingError, match=r"\[0, 1\)"):
        Loss("cross_entropy", label_smoothing=1.0)


def test_names_and_numbers():
    assert loss("huber") == Loss("huber") == Loss("huber", 1.0)
    assert str(loss("huber(2.5)")) == "huber(2.5)"
    assert str(loss("poisson")) == "poisson"
    for wrong, part in [
        ("hubber", "Did you mean 'huber'"),
        ("poisson(2)", "takes no number"),
        ("huber(0)", "must be above 0"),
    ]:
        with pytest.raises(SettingError, match=part):
            loss(wrong)
    with pytest.raises(SettingError, match="Did you mean 'poisson'"):
        Loss("poison")


@pytest.mark.parametrize(
    ("name", "output", "part"),
    [
        ("poisson", "identity", "above 0.*'identity'.*activation='exp'"),
        ("poisson", "relu", "above 0"),
        ("binary_cross_entropy", "softplus", "between 0 and 1.*activation='sigmoid'"),
        ("cross_entropy", "tanh", "between 0 and 1.*activation='softmax'"),
    ],
)
def test_pairs_that_cannot_be(name, output, part):
    with pytest.raises(SettingError, match=part):
        check_pair(loss(name), activation(output))


def test_which_pairs_can_be():
    real = {name for name, output in PAIRS if output == "identity"}
    assert real == {"half_squared_error", "mean_squared_error", "absolute_error", "huber"}
    assert {o for n, o in PAIRS if n == "poisson"} == {"exp", "softplus", "sigmoid", "softmax"}
    assert {o for n, o in PAIRS if n == "binary_cross_entropy"} == {"sigmoid", "softmax"}
    assert {o for n, o in PAIRS if n == "cross_entropy"} == {"sigmoid", "softmax"}


def _quartic(y, a):
    return np.sum((a - y) ** 4, axis=1)


def _right(y, z, a):
    return 4 * (a - y) ** 3 * (1 - a**2)


TARGETS = np.random.default_rng(8).normal(size=(20, 2))


def test_a_right_delta_passes():
    CustomLoss(_quartic, _right).check(activation("tanh"), TARGETS)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda y, z, a: 4 * (a - y) ** 3,  # the activation's derivative is missing
        lambda y, z, a: -_right(y, z, a),
        lambda y, z, a: 1.001 * _right(y, z, a),
        lambda y, z, a: np.full_like(z, np.nan),
        lambda y, z, a: np.where(z > 0, _right(y, z, a), np.nan),
    ],
    ids=["no derivative", "sign", "a thousandth", "nan", "some nan"],
)
def test_a_wrong_delta_is_caught(wrong):
    with pytest.raises(GradientError, match=r"loss 'mine'.*at sample .* output .*delta is"):
        CustomLoss(_quartic, wrong, "mine").check(activation("tanh"), TARGETS)


def test_shapes_of_a_custom_loss():
    mean = CustomLoss(lambda y, a: np.mean((a - y) ** 2), _right)
    with pytest.raises(ShapeError, match=r"value of loss 'custom'.*\(20,\) was expected"):
        mean.check(activation("tanh"), TARGETS)
    short = CustomLoss(_quartic, lambda y, z, a: a[:, 0])
    with pytest.raises(ShapeError, match="delta of loss 'custom'"):
        short.check(activation("tanh"), TARGETS)
