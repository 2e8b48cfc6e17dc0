"""Update rules against loops over single numbers, written from the papers, and scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from clearprop.equations import RULES, Adam, AdamW, GradientDescent, Momentum, Nesterov, RMSprop
from clearprop.errors import SettingError
from problems import apart

STEPS, SIZE = 6, 5
DRAW = np.random.default_rng(0)
START = DRAW.normal(size=SIZE)
GRADIENTS = DRAW.normal(size=(STEPS, SIZE))
RATES = np.array([0.1, 0.1, 0.05, 0.2, 0.01, 0.1])
# weight decay reaches the first three parameters only
DECAYED = np.array([1.0, 1, 1, 0, 0])


def _gd(w, gradients, rates, rule, decays):
    for g, eta in zip(gradients, rates, strict=True):
        w = w - eta * g
    return w


def _momentum(w, gradients, rates, rule, decays):
    v = 0.0
    for g, eta in zip(gradients, rates, strict=True):
        v = rule.momentum * v - eta * g
        w = w + v
    return w


def _nesterov(w, gradients, rates, rule, decays):
    v = 0.0
    for g, eta in zip(gradients, rates, strict=True):
        v = rule.momentum * v - eta * g
        w = w + rule.momentum * v - eta * g
    return w


def _rmsprop(w, gradients, rates, rule, decays):
    v = 0.0
    for g, eta in zip(gradients, rates, strict=True):
        v = rule.decay * v + (1 - rule.decay) * g**2
        w = w - eta * g / (math.sqrt(v) + rule.epsilon)
    return w


def _adam(w, gradients, rates, rule, decays, weight_decay=0.0):
    m = v = 0.0
    for t, (g, eta) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = rule.beta_1 * m + (1 - rule.beta_1) * g
        v = rule.beta_2 * v + (1 - rule.beta_2) * g**2
        m_hat, v_hat = m / (1 - rule.beta_1**t), v / (1 - rule.beta_2**t)
        root = math.sqrt(v_hat)
        if rule.epsilon_hat:
            m_hat, root = m_hat * math.sqrt(1 - rule.beta_2**t), math.sqrt(v)
        w = w - eta * m_hat / (root + rule.epsilon) - eta * weight_decay * decays * w
    return w


def _adamw(w, gradients, rates, rule, decays):
    return _adam(w, gradients, rates, rule, decays, rule.weight_decay)


PAPERS = {
    "gd": _gd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}
# an epsilon that shows
RULES_TRIED = [
    GradientDescent(),
    Momentum(momentum=0.7),
    Nesterov(momentum=0.7),
    RMSprop(decay=0.8, epsilon=0.1),
    Adam(beta_1=0.8, beta_2=0.95, epsilon=0.1),
    Adam(epsilon=0.1, epsilon_hat=True),
    AdamW(weight_decay=0.5, epsilon=0.1),
]


def _run(rule, gradients, rates, start=START, decayed=DECAYED):
    """Apply a rule; hand back the parameters after each step."""
    vector, slots = start.copy(), tuple(np.zeros_like(start) for _ in rule.slot_names)
    path = []
    table = rule.constants(np.arange(len(rates)), rates)
    for g, c in zip(gradients, table, strict=True):
        parts = {"gradient": 0.75 * g, "penalty": 0.5 * g, "clipping": -0.25 * g}
        terms, slots = rule.terms(np, vector * decayed, parts, slots, c)
        assert set(parts) <= set(terms)
        vector = vector + sum(terms.values())
        path.append(vector)
    return np.array(path)


def test_every_rule_has_its_loop():
    assert set(PAPERS) == set(RULES) == {rule.name for rule in RULES_TRIED}
    assert all(RULES[rule.name] is type(rule) for rule in RULES_TRIED)


@pytest.mark.parametrize("rule", RULES_TRIED, ids=str)
def test_against_the_papers(rule):
    wanted = [
        PAPERS[rule.name](START[i], GRADIENTS[:, i], RATES, rule, DECAYED[i]) for i in range(SIZE)
    ]
    assert apart(_run(rule, GRADIENTS, RATES)[-1], wanted) < 1e-14


@pytest.mark.parametrize(
    ("rule", "theirs"),
    [
        (Momentum(), lambda w: SGDOptimizer(w, 0.1, momentum=0.9, nesterov=False)),
        (Nesterov(), lambda w: SGDOptimizer(w, 0.1, momentum=0.9, nesterov=True)),
        (Adam(epsilon_hat=True), lambda w: AdamOptimizer(w, 0.1)),
    ],
    ids=["momentum", "nesterov", "adam"],
)
def test_against_scikit_learn(rule, theirs):
    parameters = [START.copy()]
    optimizer = theirs(parameters)
    wanted = []
    for g in GRADIENTS:
        optimizer.update_params(parameters, [g.copy()])
        wanted.append(parameters[0].copy())
    assert apart(_run(rule, GRADIENTS, np.full(STEPS, 0.1)), wanted) < 1e-14


@pytest.mark.parametrize("rule", RULES_TRIED, ids=str)
def test_the_constants_begin_anywhere(rule):
    whole = rule.constants(np.arange(STEPS), RATES)
    assert np.array_equal(whole[3:], rule.constants(np.arange(3, STEPS), RATES[3:]))


def test_the_first_step_of_adam_is_eta_long():
    # m̂ = g and v̂ = g², whatever the betas
    change = _run(Adam(epsilon=1e-12), GRADIENTS[:1], np.array([0.1]))[0] - START
    assert change == pytest.approx(-0.1 * np.sign(GRADIENTS[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("rule", "settings", "part"),
    [
        (GradientDescent, {"learning_rate": 0}, r"learning_rate of GradientDescent.*\(0, inf\)"),
        (GradientDescent, {"learning_rate": float("nan")}, "learning_rate"),
        (Momentum, {"momentum": 1.1}, r"momentum must lie in \[0, 1\]"),
        (Nesterov, {"momentum": -0.1}, "momentum"),
        (RMSprop, {"decay": 1}, r"decay of RMSprop must lie in \[0, 1\)"),
        (Adam, {"beta_1": 1.0}, "beta_1 of Adam"),
        (Adam, {"epsilon": 0}, "epsilon of Adam"),
        (AdamW, {"weight_decay": -1}, "weight_decay of AdamW"),
    ],
)
def test_settings_out_of_range(rule, settings, part):
    with pytest.raises(SettingError, match=part):
        rule(**settings)
