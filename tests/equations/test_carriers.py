"""Carriers against hand-worked numbers and plain loops over single units."""

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters
from clearprop import equations as eq
from clearprop.engines import Recipe
from clearprop.equations.carriers import share_threshold
from clearprop.errors import SettingError
from problems import apart, block_for, hidden_network, pair_network, vector_for

WORKED = Network(2, (Dense(2, "sigmoid"), Dense(2, "sigmoid")), "half_squared_error", "float64")
START = Parameters.from_arrays(
    WORKED,
    [[[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]],
    [[0.35, 0.35], [0.60, 0.60]],
)


def worked(name):
    """Carry the error of the worked example back."""
    saved = eq.forward(np, WORKED, START.vector, np.array([[0.05, 0.10]]))
    carrier = eq.carrier_for(name, WORKED, 1)
    y, c = np.array([[0.01, 0.99]]), np.ones(1)
    return eq.backward(np, WORKED, START.vector, y, c, saved, carrier=carrier)


def test_the_worked_examples_carried_errors():
    """Signs are ours, out - target; the text's own are the other way round."""
    assert worked("transposed").error[0][0] == pytest.approx([0.18801026, 0.21422494], abs=5e-9)
    assert worked("proportional").error[0][0] == pytest.approx([0.24551028, 0.27878325], abs=5e-9)
    assert worked("transposed").vector[0] == pytest.approx(0.00226835, abs=5e-9)
    assert worked("exact").vector[0] == pytest.approx(0.00043857, abs=5e-9)
    # where they start there is no derivative in them yet
    for name in ("transposed", "proportional"):
        assert worked(name).error[1][0] == pytest.approx([0.741365070, -0.217071535], abs=1e-9)


def by_hand(network, vector, y, c, saved, masks, name, feedback):
    """δ of every layer, unit by unit and weight by weight; the output as in BP1."""
    late = name in ("transposed", "proportional")
    weights, z, a = Parameters(network, vector).weights, saved.z, saved.a
    last = network.operations[-1].activation
    out = [c[:, None] * network.objective.delta(np, last, y, z[-1], a[-1])]
    carried = out[0]
    matched = network.objective.is_match(last) or last.name == "softmax"
    if late and not matched:
        carried = out[0] / last.derivative(np, z[-1], a[-1])
    for layer in range(len(weights) - 1, 0, -1):
        operation, W = network.operations[layer], weights[layer]
        new = np.zeros_like(a[layer - 1])
        for sample, unit in np.ndindex(new.shape):
            for j in range(operation.units):
                w = operation.scale * W[j, unit]
                if name == "random":
                    w = operation.scale * Parameters(network, feedback).weights[layer][j, unit]
                if name == "proportional":
                    w = W[j, unit] / sum(W[j])
                new[sample, unit] += w * carried[sample, j]
        if masks[layer - 1] is not None:
            new = new * masks[layer - 1]
        slope = network.operations[layer - 1].activation.derivative(np, z[layer - 1], a[layer - 1])
        out.insert(0, new * slope)
        carried = new if late else out[0]
    return out


@pytest.mark.parametrize("name", eq.CARRIERS)
@pytest.mark.parametrize(
    "network",
    [
        hidden_network("tanh", dropout=0.4),
        pair_network("huber", "tanh", dropout=0.3),
        pair_network("binary_cross_entropy", "sigmoid"),
        pair_network("cross_entropy", "sigmoid"),
        pair_network("half_squared_error", "softmax"),
    ],
    ids=["matched softmax", "unmatched", "matched", "unmatched sigmoid", "unmatched softmax"],
)
def test_each_carrier_weight_by_weight(network, name):
    vector, block = vector_for(network), block_for(network, 7)
    draw = np.random.default_rng(2)
    masks = [
        (draw.uniform(size=(7, o.units)) >= o.dropout) / (1 - o.dropout) if o.dropout else None
        for o in network.operations
    ]
    c = draw.uniform(size=7)
    saved = eq.forward(np, network, vector, block.x, masks)
    carrier = eq.carrier_for(name, network, 5)
    got = eq.backward(np, network, vector, block.y, c, saved, masks, carrier)
    feedback = getattr(carrier, "feedback", None)
    wanted = by_hand(network, vector, block.y, c, saved, masks, name, feedback)
    for mine, theirs in zip(got.delta, wanted, strict=True):
        assert apart(mine, theirs) < 1e-12
    outer = wanted[0].T @ block.x
    scale = network.operations[0].scale
    assert apart(network.operations[0].weight.view(got.vector), scale * outer) < 1e-12
    if masks[0] is not None:
        assert not got.error[0][masks[0] == 0].any()


def test_with_no_slope_to_leave_out_transposed_is_exact():
    layers = (Dense(5, "identity", dropout=0.3, scale=0.4), Dense(3, "identity"))
    network = Network(4, layers, "huber", "float64")
    vector, block = vector_for(network), block_for(network, 6)
    masks = [np.where(np.arange(30).reshape(6, 5) % 3, 1 / 0.7, 0), None]
    saved = eq.forward(np, network, vector, block.x, masks)
    arguments = (np, network, vector, block.y, np.ones(6), saved, masks)
    exact, other = eq.backward(*arguments), eq.backward(*arguments, eq.Transposed())
    assert apart(other.vector, exact.vector) < 1e-15


def test_in_proportion_nothing_of_an_error_is_lost():
    network = Network(3, (Dense(4, "tanh"), Dense(2, "identity")), "huber", "float64")
    vector = np.abs(vector_for(network))
    block = block_for(network, 5)
    saved = eq.forward(np, network, vector, block.x)
    arguments = (np, network, vector, block.y, np.ones(5), saved, None, eq.Proportional())
    error = eq.backward(*arguments).error
    assert error[0].sum(axis=1) == pytest.approx(error[1].sum(axis=1), rel=1e-13)


def test_custom_losses_start_with_their_own_delta():
    mine = CustomLoss(lambda y, a: ((a - y) ** 2).sum(axis=1), lambda y, z, a: 2 * (a - y))
    network = Network(3, (Dense(4, "tanh"), Dense(2, "identity")), mine, "float64")
    assert not eq.separable(network)
    vector, block = vector_for(network), block_for(network, 5)
    saved = eq.forward(np, network, vector, block.x)
    got = eq.backward(
        np, network, vector, block.y, np.ones(5), saved, None, eq.carrier_for("transposed", network)
    )
    assert np.array_equal(got.error[1], got.delta[1])


def test_a_sum_that_vanishes_gives_no_number():
    network = Network(2, (Dense(2, "tanh"), Dense(2, "identity")), "huber", "float64")
    W2 = [[1.0, -1.0 - 1e-9], [0.3, 0.4]]
    parameters = Parameters.from_arrays(network, [np.eye(2), W2], [[0, 0], [0, 0]])
    found = eq.vanishing_sums(network, parameters.vector)
    assert [(f.layer, f.unit) for f in found] == [(2, 0)]
    assert found[0].total == pytest.approx(-1e-9, rel=1e-6)
    assert found[0].size == pytest.approx(2.0)
    saved = eq.forward(np, network, parameters.vector, np.array([[0.5, 0.2]]))
    arguments = (np, network, parameters.vector, np.zeros((1, 2)), np.ones(1), saved, None)
    assert np.isnan(eq.backward(*arguments, eq.Proportional()).delta[0]).all()
    # just above the threshold there is one
    W2[0][1] = -1.0 + 2.1 * share_threshold("float64")
    parameters = Parameters.from_arrays(network, [np.eye(2), W2], [[0, 0], [0, 0]])
    assert eq.vanishing_sums(network, parameters.vector) == []
    assert share_threshold("float32") == pytest.approx(3.4527e-4, rel=1e-4)


def test_sums_into_the_first_layer_do_not_count():
    network = Network(2, (Dense(2, "tanh"), Dense(1, "identity")), "huber", "float64")
    parameters = Parameters.from_arrays(network, [[[1, -1], [1, 1]], [[0.1, 0.2]]], [[0, 0], [0]])
    assert eq.vanishing_sums(network, parameters.vector) == []


def test_random_feedback_is_drawn_as_the_weights_are_and_by_the_seed():
    network = Network(300, (Dense(200, "relu"), Dense(100, "softmax")), "cross_entropy")
    one, same, other = (eq.carrier_for("random", network, seed).feedback for seed in (4, 4, 5))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.dtype == np.float32
    start = Parameters.initial(network, 4)
    B, W = network.operations[1].weight.view(one), start.weights[1]
    # Glorot's variance is 2 / (fan_in + units)
    assert B.var() == pytest.approx(2 / 300, rel=0.03)
    assert abs(np.corrcoef(B.ravel(), W.ravel())[0, 1]) < 0.03


def test_names_and_starts_that_cannot_be():
    with pytest.raises(SettingError, match="Did you mean 'transposed'"):
        Recipe(carrier="transpose")
    zeros = Network(2, (Dense(2), Dense(2, "softmax", init="zeros")), "cross_entropy")
    with pytest.raises(SettingError, match="layer 2 start at zero"):
        eq.carrier_for("random", zeros)
