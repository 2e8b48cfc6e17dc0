"""Network, loss and steps beyond scikit-learn: each parameter against a source of its own."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from mlp_cases import X, Y, classifier, equal, regressor
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_absolute_error
from sklearn.utils.class_weight import compute_sample_weight

from clearprop import CustomLoss, Loss
from clearprop.engines import Horizon
from clearprop.errors import GradientError, SettingError
from clearprop.training import Cosine

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- the network ----


def test_activation_of_each_layer():
    model = classifier(hidden_layer_sizes=(5, 4), activation=["leaky_relu(0.2)", "gelu"]).fit(X, Y)
    z1 = X @ model.coefs_[0] + model.intercepts_[0]
    a1 = np.where(z1 > 0, z1, 0.2 * z1)
    z2 = a1 @ model.coefs_[1] + model.intercepts_[1]
    z3 = z2 * norm.cdf(z2) @ model.coefs_[2] + model.intercepts_[2]
    e = np.exp(z3 - z3.max(axis=1, keepdims=True))
    assert_allclose(model.predict_proba(X), e / e.sum(axis=1, keepdims=True), rtol=1e-10)


def test_one_activation_is_the_same_for_all_layers():
    one = classifier(hidden_layer_sizes=(5, 4), activation="tanh").fit(X, Y)
    each = classifier(hidden_layer_sizes=(5, 4), activation=("tanh", "tanh")).fit(X, Y)
    assert equal(one, each)


@pytest.mark.parametrize("name", ["activation", "dropout"])
def test_one_value_too_few(name):
    values = {"activation": ["relu"], "dropout": [0.1]}[name]
    with pytest.raises(SettingError, match=f"{name} must be one value .* a list of 2"):
        classifier(hidden_layer_sizes=(5, 4), **{name: values}).fit(X, Y)


def test_no_such_activation():
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        classifier(activation="rela").fit(X, Y)


def test_initialiser():
    model = classifier(hidden_layer_sizes=(300,), init="he_normal", max_iter=1,
                       learning_rate_init=1e-12).fit(X, Y)  # fmt: skip
    assert_allclose(model.coefs_[0].std(), np.sqrt(2 / 4), rtol=0.1)
    assert_allclose(model.intercepts_[0], 0, atol=1e-9)


def test_dropout_of_nothing_changes_nothing():
    assert equal(classifier().fit(X, Y), classifier(dropout=[0.0]).fit(X, Y))


def test_dropout_drops_its_share_and_trains():
    model = classifier(hidden_layer_sizes=(400, 3), dropout=[0.3, 0], max_iter=30).fit(X, Y)
    masks = model.trace(X, Y, dropout=True).masks
    assert set(np.unique(masks[0]).round(9)) == {0.0, round(1 / 0.7, 9)}
    assert abs((masks[0] == 0).mean() - 0.3) < 0.01
    assert masks[1] is masks[2] is None
    assert model.score(X, Y) > 0.9
    assert not equal(model, classifier(hidden_layer_sizes=(400, 3), max_iter=30).fit(X, Y))
    # predictions drop nothing
    assert_array_equal(model.predict_proba(X), model.predict_proba(X))


def test_dropout_masks_differ_from_one_partial_fit_to_the_next():
    model = classifier(dropout=0.5).partial_fit(X, Y, classes=[0, 1, 2])
    before = model.trace(X, Y, dropout=True).masks[0]
    model.partial_fit(X, Y)
    assert (model.trace(X, Y, dropout=True).masks[0] != before).any()


# ---- the loss ----


def test_loss_by_name_is_followed():
    model = classifier(loss="half_squared_error", shuffle=False, batch_size=len(X), alpha=0)
    model.set_params(max_iter=1).fit(X, Y)
    start = classifier(max_iter=1, learning_rate_init=1e-14).fit(X, Y)
    wanted = 0.5 * ((start.predict_proba(X) - np.eye(3)[Y]) ** 2).sum(axis=1).mean()
    assert_allclose(model.loss_, wanted, rtol=1e-9)


def huber(y, a):
    e = np.abs(a - y)
    return np.where(e <= 0.5, 0.5 * e * e, 0.5 * (e - 0.25))


@pytest.mark.parametrize(
    ("name", "activation", "value"),
    [
        ("absolute_error", "identity", lambda y, a: np.abs(a - y)),
        ("mean_squared_error", "identity", lambda y, a: (a - y) ** 2),
        ("huber(0.5)", "identity", huber),
        ("poisson", "exp", lambda y, a: a - y + y * np.log(y / a)),
        ("binary_cross_entropy", "logistic",
         lambda y, a: -y * np.log(a) - (1 - y) * np.log(1 - a)),
    ],
)  # fmt: skip
def test_losses_of_the_regressor(name, activation, value):
    x, y = (X[:, 1:] - X[:, 1:].mean(axis=0)) / X[:, 1:].std(axis=0), X[:, 0] / 10
    options = {"loss": name, "alpha": 0, "n_iter_no_change": np.inf}
    start = regressor(max_iter=1, **{**options, "learning_rate_init": 1e-14}).fit(x, y)
    assert start.out_activation_ == activation
    assert_allclose(start.loss_, value(y, start.predict(x)).mean(), rtol=1e-9)
    model = regressor(max_iter=300, **options).fit(x, y)
    error = mean_absolute_error(y, model.predict(x))
    assert error < 0.5 * mean_absolute_error(y, np.full_like(y, np.median(y)))


def test_label_smoothing_is_training_on_smoothed_targets():
    start = classifier(max_iter=1, learning_rate_init=1e-14, alpha=0).fit(X, Y)
    smoothed = classifier(max_iter=1, alpha=0, label_smoothing=0.1).fit(X, Y)
    targets = 0.9 * np.eye(3)[Y] + 0.1 / 3
    wanted = -(targets * start.predict_log_proba(X)).sum(axis=1).mean()
    assert_allclose(smoothed.loss_, wanted, rtol=1e-9)
    assert equal(smoothed, classifier(
        max_iter=1, alpha=0, loss=Loss("cross_entropy", label_smoothing=0.1)
    ).fit(X, Y))  # fmt: skip


def softmax_delta(y, z, a):
    return a - y


OWN = CustomLoss(lambda y, a: -(y * np.log(a)).sum(axis=1), softmax_delta, "mine")


def test_a_loss_of_ones_own():
    own, built_in = classifier(loss=OWN).fit(X, Y), classifier().fit(X, Y)
    assert_allclose(own.parameters_.vector, built_in.parameters_.vector, rtol=1e-9, atol=1e-12)
    assert_allclose(own.loss_curve_, built_in.loss_curve_, rtol=1e-9)


def test_a_loss_of_ones_own_is_checked_first():
    wrong = replace(OWN, delta_function=lambda y, z, a: 2 * (a - y))
    with pytest.raises(GradientError, match="not the slope of its value"):
        classifier(loss=wrong).fit(X, Y)
    with pytest.raises(SettingError, match="which is your own"):
        classifier(loss=OWN, label_smoothing=0.1).fit(X, Y)


@pytest.mark.parametrize("weight", ["balanced", {0: 1.0, 1: 3.5, 2: 0.25}])
@pytest.mark.parametrize("early", [False, True])
def test_class_weight_is_a_sample_weight(weight, early):
    rows = np.r_[0:50, 50:80, 100:110]
    by_hand = compute_sample_weight(weight, Y[rows])
    once = classifier(class_weight=weight, early_stopping=early).fit(X[rows], Y[rows])
    assert equal(once, classifier(early_stopping=early).fit(X[rows], Y[rows], by_hand))
    assert not equal(once, classifier(early_stopping=early).fit(X[rows], Y[rows]))
    twice = classifier(class_weight=weight).fit(X[rows], Y[rows], by_hand)
    assert equal(twice, classifier().fit(X[rows], Y[rows], by_hand * by_hand))


def test_class_weight_balanced_needs_all_rows():
    with pytest.raises(SettingError, match="partial_fit"):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


# ---- the steps ----


def test_clip_norm_bounds_the_step():
    plain, clipped = (
        regressor(solver="sgd", momentum=0, alpha=0, clip_norm=bound, max_iter=1,
                  learning_rate_init=1e-3).fit(X, 1000 * X[:, 0])
        for bound in (None, 0.5)
    )  # fmt: skip
    start = regressor(max_iter=1, learning_rate_init=1e-15).fit(X, 1000 * X[:, 0])
    lengths = [
        np.linalg.norm(model.parameters_.vector - start.parameters_.vector)
        for model in (plain, clipped)
    ]
    assert lengths[0] > 0.1
    assert_allclose(lengths[1], 0.5e-3, rtol=1e-6)


@pytest.mark.parametrize("solver", ["rmsprop", "adamw"])
def test_further_solvers(solver):
    """The first step, by the rules' formulas."""
    options = {"solver": solver, "max_iter": 1, "shuffle": False, "alpha": 0}
    model = classifier(**options, learning_rate_init=0.01, weight_decay=0.1).fit(X, Y)
    start = classifier(**options, learning_rate_init=1e-300, weight_decay=0).fit(X, Y)
    theta, g = start.parameters_.vector, start.trace(X, Y).gradient
    if solver == "rmsprop":
        wanted = theta - 0.01 * g / (np.sqrt(0.1 * g * g) + 1e-8)
    else:
        decays = np.concatenate(
            [np.full(s.stop - s.start, s.penalised) for s in start.network_.segments]
        )
        wanted = theta - 0.01 * 0.1 * theta * decays - 0.01 * g / (np.abs(g) + 1e-8)
    assert_allclose(model.parameters_.vector, wanted, rtol=1e-9, atol=1e-12)


def rates(**parameters):
    model = classifier(max_iter=10, batch_size=50, **parameters)
    return np.array(model.fit(X, Y).history_.learning_rate)


def test_cosine_and_warm_up():
    last = np.arange(3, 31, 3) - 1
    cosine = 0.02 * 0.5 * (1 + np.cos(np.pi * last / 30))
    assert_allclose(rates(learning_rate="cosine"), cosine, rtol=1e-9)
    rise = np.minimum(1, (last + 1) / 6)
    assert_allclose(rates(warmup_epochs=2), 0.02 * rise, rtol=1e-9)
    assert_allclose(rates(learning_rate="cosine", warmup_epochs=2), rise * cosine, rtol=1e-9)


def test_one_cycle_rises_and_falls():
    found = rates(learning_rate="one_cycle")
    # the peak lies at step 9 of 30, the first of epoch 4
    assert np.argmax(found) == 3
    assert found[0] < 0.2 * 0.02
    assert found[-1] < 0.02 * 0.05


def test_a_planned_schedule_ends_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rates(learning_rate="cosine")
        with pytest.raises(ConvergenceWarning):
            rates()


def test_partial_fit_walks_along_a_planned_schedule():
    model = classifier(learning_rate="cosine", batch_size=50, max_iter=10)
    for _ in range(4):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    steps = np.array([2, 5, 8, 11])
    wanted = 0.02 * Cosine().factors(steps, Horizon(150, 3, 10))
    assert_allclose(model.history_.learning_rate, wanted, rtol=1e-12)


def test_adaptive_after_warm_up():
    found = classifier(
        solver="sgd", learning_rate="adaptive", warmup_epochs=1, n_iter_no_change=1, tol=0.5,
        max_iter=9,
    ).fit(X, Y).history_.learning_rate  # fmt: skip
    assert min(found) <= 0.02 / 25 * 1.001


# ---- how errors are carried back ----


@pytest.mark.parametrize("carrier", ["transposed", "proportional", "random"])
def test_carriers_train_and_are_not_the_gradient(carrier):
    options = {"hidden_layer_sizes": (8, 8), "max_iter": 100, "activation": "tanh"}
    model = classifier(carrier=carrier, **options).fit(X, Y)
    assert model.loss_curve_[-1] < 0.95 * model.loss_curve_[0]
    assert not equal(model, classifier(**options).fit(X, Y))
    options["max_iter"] = 1
    # a first step from the same start: the last layer's is the gradient's own
    one, other = (
        classifier(**options, carrier=name, solver="sgd", batch_size=150).fit(X, Y)
        for name in (carrier, "exact")
    )
    assert_allclose(one.coefs_[-1], other.coefs_[-1], rtol=1e-12)
    assert not np.allclose(one.coefs_[0], other.coefs_[0], rtol=1e-6)


def test_random_feedback_stays_the_same_over_calls():
    model = classifier(carrier="random", warm_start=True, max_iter=1, random_state=None).fit(X, Y)
    seed = model._memory.seed
    assert seed != 0
    assert model.fit(X, Y)._memory.seed == seed


def test_carriers_that_cannot_be():
    with pytest.raises(ValueError, match="'carrier' parameter"):
        classifier(carrier="transpose").fit(X, Y)
    with pytest.raises(SettingError, match="L-BFGS needs the gradient"):
        classifier(carrier="random", solver="lbfgs").fit(X, Y)
