"""The description of a network, its flat vector, and how parameters start."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from clearprop import Dense, Loss, Network, Parameters
from clearprop.errors import SettingError, ShapeError
from clearprop.network import INITIALISERS

NETWORK = Network(3, (Dense(4, "tanh"), Dense(2, "softmax")), "cross_entropy", "float64")


def test_views_share_the_memory_of_the_vector():
    parameters = Parameters(NETWORK, np.arange(NETWORK.size, dtype=float))
    for array in (*parameters.weights, *parameters.biases):
        assert np.shares_memory(array, parameters.vector)
    parameters.weights[1][1, 3] = -7.0
    parameters["b2"][0] = -8.0
    # W2 begins behind the 12 + 4 numbers of layer 1 and is stored from unit k to unit j
    assert parameters.vector[16 + 3 * 2 + 1] == -7.0
    assert parameters.vector[16 + 8] == -8.0


def test_the_transposed_weights_are_contiguous():
    parameters = Parameters(NETWORK, np.zeros(NETWORK.size))
    assert [W.shape for W in parameters.weights] == [(4, 3), (2, 4)]
    assert all(W.T.flags.c_contiguous for W in parameters.weights)
    assert [b.shape for b in parameters.biases] == [(4,), (2,)]


def test_layout_and_text():
    names = [(s.name, s.layer, s.start, s.stop, s.penalised) for s in NETWORK.segments]
    assert names == [
        ("W1", 1, 0, 12, True),
        ("b1", 1, 12, 16, False),
        ("W2", 2, 16, 24, True),
        ("b2", 2, 24, 26, False),
    ]
    assert NETWORK.size == 26
    assert NETWORK.shape == (3, 4, 2)
    text = str(Network(3, (Dense(4, "elu(0.5)", dropout=0.25), Dense(1, "identity"))))
    assert text == "3 → 4 elu(0.5) dropout 0.25 → 1 identity"


def test_scales_and_rates_reach_the_operations():
    network = Network(16, (Dense(4, "tanh", scale="ntk", rate=0.5, bias_rate=0), Dense(1)))
    first, second = network.operations
    assert (first.scale, second.scale) == (0.25, 1.0)
    assert (first.weight.rate, first.bias.rate) == (0.5, 0)


def test_a_network_survives_pickling():
    network = pickle.loads(pickle.dumps(NETWORK))
    assert network == NETWORK
    assert network.segments == NETWORK.segments


def test_given_values():
    W = [np.arange(12.0).reshape(4, 3), np.ones((2, 4))]
    b = [np.arange(4.0), np.zeros(2)]
    parameters = Parameters.from_arrays(NETWORK, W, b)
    assert np.array_equal(parameters.weights[0], W[0])
    assert np.array_equal(parameters["b1"], b[0])
    copy = parameters.copy()
    copy.vector[:] = 0
    assert parameters.weights[0][0, 1] == 1.0


@pytest.mark.parametrize(
    ("weights", "biases", "part"),
    [
        ([np.ones((3, 4)), np.ones((2, 4))], [np.ones(4), np.ones(2)], r"W1 .*\(4, 3\).*\(3, 4\)"),
        ([np.ones((4, 3)), np.ones((2, 4))], [np.ones(4), np.ones(3)], r"b2 .*\(2,\).*\(3,\)"),
        ([np.ones((4, 3))], [np.ones(4)], "has 2 layers, but 1 weight matrices and 1 bias"),
    ],
)
def test_given_values_of_wrong_shape(weights, biases, part):
    with pytest.raises(ShapeError, match=part):
        Parameters.from_arrays(NETWORK, weights, biases)


def test_wrong_vectors_and_names():
    with pytest.raises(ShapeError, match=r"has 26 parameters, but a vector of shape \(25,\)"):
        Parameters(NETWORK, np.zeros(25))
    with pytest.raises(SettingError, match=r"no parameter 'W3'.*Known names: W1, b1, W2, b2"):
        Parameters(NETWORK, np.zeros(26))["W3"]


# name → (variance of weights for fan-ins and units, bound or None where normal)
FAN_IN, UNITS = 300, 200
SPREADS = {
    "glorot_uniform": (2 / 500, (6 / 500) ** 0.5),
    "glorot_normal": (2 / 500, None),
    "he_uniform": (2 / 300, (6 / 300) ** 0.5),
    "he_normal": (2 / 300, None),
    "lecun_uniform": (1 / 300, (3 / 300) ** 0.5),
    "lecun_normal": (1 / 300, None),
    "sklearn": (2 / 500, (6 / 500) ** 0.5),
    "sklearn_logistic": (2 / 500 / 3, (2 / 500) ** 0.5),
    "standard_normal": (1.0, None),
    "zeros": (0.0, 0.0),
    "auto": (2 / 300, (6 / 300) ** 0.5),  # relu
}
BIASED = {"sklearn", "sklearn_logistic", "standard_normal"}


def test_every_initialiser_has_its_formula():
    # "std" looks at data and has tests of its own
    assert {*SPREADS, "std"} == set(INITIALISERS)


@pytest.mark.parametrize("name", SPREADS)
def test_initialisers_spread_as_their_formula_says(name):
    network = Network(FAN_IN, (Dense(UNITS, "relu", init=name),), dtype="float64")
    parameters = Parameters.initial(network, 1)
    W, b = parameters.weights[0], parameters.biases[0]
    variance, bound = SPREADS[name]
    # five standard errors of a variance over 60,000 draws
    assert W.var() == pytest.approx(variance, rel=5 * (2 / W.size) ** 0.5)
    assert abs(W.mean()) <= 5 * (variance / W.size) ** 0.5
    if bound is not None:
        assert np.abs(W).max() <= bound
        assert np.abs(W).max() >= 0.999 * bound
    elif variance:
        assert np.abs(W).max() > 3.5 * variance**0.5
    assert bool(b.any()) == (name in BIASED)


@pytest.mark.parametrize(
    ("activation", "twin"),
    [
        ("relu", "he_uniform"),
        ("gelu", "he_uniform"),
        ("selu", "lecun_normal"),
        ("tanh", "glorot_uniform"),
        ("identity", "glorot_uniform"),
    ],
)
def test_automatic_starts(activation, twin):
    def start(init):
        return Parameters.initial(Network(5, (Dense(4, activation, init=init),)), 3).vector

    assert np.array_equal(start("auto"), start(twin))


def test_a_start_is_a_function_of_its_seed():
    one, same, other = (Parameters.initial(NETWORK, seed).vector for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("activation", "init"), [("relu", "sklearn"), ("logistic", "sklearn_logistic")]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_scikit_learns_very_numbers(activation, init, dtype):
    theirs = MLPClassifier((5, 4), activation=activation)
    theirs._random_state = np.random.RandomState(0)
    units = [3, 5, 4, 3]
    drawn = [
        theirs._init_coef(fan_in, fan_out, np.dtype(dtype)) for fan_in, fan_out in pairwise(units)
    ]
    layers = tuple(Dense(n, "relu", init=init) for n in (5, 4)) + (Dense(3, "softmax", init=init),)
    network = Network(3, layers, "cross_entropy", dtype)
    ours = Parameters.initial(network, np.random.RandomState(0))
    for W, b, (coef, intercept) in zip(ours.weights, ours.biases, drawn, strict=True):
        assert np.array_equal(W.T, coef)
        assert np.array_equal(b, intercept)


@pytest.mark.parametrize(
    ("build", "part"),
    [
        (lambda: Network(3, ()), "at least one layer"),
        (lambda: Network(0, (Dense(1),)), "at least 1 input, but 0"),
        (lambda: Network(3, (Dense(1),), dtype="float16"), "float32 or float64, but float16"),
        (
            lambda: Network(3, (Dense(2), Dense(4, "softmax"), Dense(2)), "mean_squared_error"),
            "Layer 2 is hidden and asks for 'softmax'.*output layer only",
        ),
        (lambda: Network(3, (Dense(1, dropout=0.5),)), "output layer cannot have dropout"),
        (
            lambda: Network(3, (Dense(1, "softmax"),), "cross_entropy"),
            "softmax over one unit is always 1",
        ),
        (
            lambda: Network(3, (Dense(2, "identity"),), "cross_entropy"),
            "cross_entropy.*'identity'.*'softmax' in the output layer",
        ),
        (lambda: Network(3, (Dense(2),), "cros_entropy"), "Did you mean 'cross_entropy'"),
        (lambda: Dense(0), "at least 1 unit, but 0"),
        (lambda: Dense(2.5), "whole number, but 2.5"),
        (lambda: Dense(True), "whole number, but True"),
        (lambda: Dense(2, dropout=1.0), r"dropout must lie in \[0, 1\), but 1.0"),
        (lambda: Dense(2, init="hee_normal"), "Did you mean 'he_normal'"),
        (lambda: Dense(2, init=None), "no initialiser None"),
        (lambda: Dense(2, scale=0), "scale must be above 0 or 'ntk', but 0"),
        (lambda: Dense(2, scale="nkt"), "scale must be above 0 or 'ntk', but 'nkt'"),
        (lambda: Dense(2, rate=-1), "rate must be 0 or above, but -1"),
        (lambda: Dense(2, bias_rate=float("nan")), "bias_rate"),
        (lambda: Dense(2, "rleu"), "Did you mean 'relu'"),
    ],
)
def test_networks_that_cannot_be(build, part):
    with pytest.raises(SettingError, match=part):
        build()


def test_losses_by_object():
    network = Network(3, (Dense(2, "softmax"),), Loss("cross_entropy", label_smoothing=0.1))
    assert network.objective.label_smoothing == 0.1
