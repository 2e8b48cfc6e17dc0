"""The error's way back and its verdict, numbers that are not finite, and how numbers are shown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearprop import Dense, Network, Parameters, explain
from clearprop.engines import Block, Recipe, build
from clearprop.equations import GradientDescent
from clearprop.errors import SettingError
from clearprop.explanation import health
from clearprop.explanation.chapters import vanishing
from clearprop.explanation.health import diagnose, diagnose_with, twin_of
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Bullets, Check, Paragraph, Picture, Span, Table
from clearprop.explanation.words import words
from clearprop.training.blame import blame, blame_parameters, find_fault


def _trace(network, weights, biases, x, y):
    engine = build("reference", network, Recipe(rule=GradientDescent(0.5), batch_size=len(x)))
    state = engine.initial_state(Parameters.from_arrays(network, weights, biases))
    return engine.trace(state, Block.of(network, x, y), np.arange(len(x)))


def test_dead_units_and_norms():
    network = Network(2, (Dense(3, "relu"), Dense(1, "identity")), "half_squared_error", "float64")
    # unit 0 is always on, unit 1 never, unit 2 for the first sample only
    w1, b1 = [[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]], [10.0, -10.0, -1.5]
    trace = _trace(
        network, [w1, [[1.0, 2.0, 3.0]]], [b1, [0.0]], [[2.0, 1.0], [1.0, 2.0]], [[0.0]] * 2
    )
    hidden, output = health(trace)
    assert (hidden.layer, hidden.units, hidden.activation) == (1, 3, "relu")
    assert hidden.dead == 1
    assert output.dead == 0
    assert hidden.weight_norm == pytest.approx(math.sqrt(5))
    # outputs 13 + 3·0.5 and 13; δ = a/2 for a mean over two samples
    delta = np.array([14.5, 13.0]) / 2
    assert output.delta_norm == pytest.approx(np.linalg.norm(delta))
    gradient = np.array([13 * delta.sum(), 0, 0.5 * delta[0]])
    assert output.gradient_norm == pytest.approx(np.linalg.norm(gradient))


def test_a_saturated_sigmoid_is_silent():
    network = Network(1, (Dense(2, "sigmoid"), Dense(2, "softmax")), "cross_entropy", "float64")
    trace = _trace(network, [[[0.0], [0.0]], np.eye(2)], [[9.0, 1.0], [0, 0]], [[1.0]], [0])
    assert [line.dead for line in health(trace)] == [1, 0]


def _deep(activation="sigmoid", layers=10, width=6, dtype="float64"):
    hidden = tuple(Dense(width, activation) for _ in range(layers - 1))
    network = Network(4, (*hidden, Dense(2, "softmax")), "cross_entropy", dtype)
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(20, 4)), draw.integers(0, 2, 20)
    return explain(network, x, y), x, y


@pytest.fixture(scope="module")
def jax():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


def test_ten_sigmoid_layers_against_jax(jax):
    """∂E/∂z and ∂E/∂a of every layer from jax: their lengths are all that the parts are made of."""
    found, x, y = _deep()
    jnp, parameters = jax.numpy, Parameters(found.trace.network, found.trace.vector)
    zeros = [jnp.zeros((20, w.shape[0])) for w in parameters.weights]

    def loss(at_z, at_a):
        a = jnp.asarray(x)
        for w, b, dz, da in zip(parameters.weights, parameters.biases, at_z, at_a, strict=True):
            z = a @ w.T + b + dz
            a = 1 / (1 + jnp.exp(-z)) + da
        return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(20), y])

    of_z, of_a = jax.grad(loss, (0, 1))(zeros, zeros)
    deltas = [float(jnp.linalg.norm(g)) for g in of_z]
    carried = [float(jnp.linalg.norm(g)) for g in of_a]
    diagnosis = found.health
    for index, line in enumerate(diagnosis.layers):
        assert line.delta_norm == pytest.approx(deltas[index], rel=1e-9)
        if index < 9:
            assert line.through_weights == pytest.approx(carried[index] / deltas[index + 1])
            assert line.through_slopes == pytest.approx(deltas[index] / carried[index])
            # σ' = f (1 - f) ≤ ¼
            assert 0 < line.through_slopes <= 0.25
    assert diagnosis.layers[-1].step is None
    steps = [line.step for line in diagnosis.layers[:-1]]
    assert math.prod(steps) == pytest.approx(deltas[0] / deltas[-1], rel=1e-9)
    assert diagnosis.total == pytest.approx(deltas[0] / deltas[-1], rel=1e-9)
    assert diagnosis.error < 1e-12
    assert diagnosis.per_step**9 == pytest.approx(diagnosis.total)
    assert diagnosis.kind == "vanishing"


def _chain(weights, activation="relu", dtype="float64", scale=1.0):
    """A network of one unit a layer, on x = 1: z > 0 throughout, so relu's slope is 1."""
    layers = [Dense(1, activation, scale=scale) for _ in weights[:-1]]
    network = Network(1, (*layers, Dense(1, "identity")), "half_squared_error", dtype)
    arrays = [[[w]] for w in weights], [[0.0]] * len(weights)
    return _trace(network, *arrays, [[1.0]], [[0.0]])


@pytest.mark.parametrize(
    ("weight", "kind"), [(40.0, "exploding"), (1.0, "healthy"), (1 / 40, "vanishing")]
)
def test_the_verdict_on_a_chain_worked_by_hand(weight, kind):
    found = diagnose(_chain([1.0, weight, weight, weight]))
    assert found.kind == kind
    assert found.total == pytest.approx(weight**3)
    assert found.per_step == pytest.approx(weight)
    assert (found.per_step_weights, found.per_step_slopes) == pytest.approx((weight, 1.0))


def test_a_factor_of_nearly_a_thousand_is_not_yet_vanishing():
    assert diagnose(_chain([1.0, 0.0011])).kind == "healthy"
    assert diagnose(_chain([1.0, 0.0009])).kind == "vanishing"


def test_lengths_whose_squares_no_float_holds():
    # δ^4 = a^4 = 1e-210, and δ^1 = 1e-210 · 1e-210, which is 0
    found = diagnose(_chain([1.0, 1e-70, 1e-70, 1e-70]))
    assert found.layers[-1].delta_norm == pytest.approx(1e-210, rel=1e-12)
    assert found.layers[-2].delta_norm == pytest.approx(1e-280, rel=1e-12)
    assert found.layers[-2].step == pytest.approx(1e-70, rel=1e-12)
    large = diagnose(_chain([1e70, 1e70, 1.0]))
    assert large.layers[0].delta_norm == pytest.approx(1e210)


def test_the_parts_hold_the_forward_scale_and_dropouts_mask():
    layers = (Dense(7, "tanh", dropout=0.4), Dense(5, "tanh", scale=3.0), Dense(2, "softmax"))
    network = Network(3, layers, "cross_entropy", "float64")
    engine = build("reference", network, Recipe(batch_size=6))
    state = engine.initial_state(Parameters.initial(network, 1), 2)
    draw = np.random.default_rng(4)
    block = Block.of(network, draw.normal(size=(6, 3)), draw.integers(0, 2, 6))
    trace = engine.trace(state, block, np.arange(6))
    carried = 3.0 * trace.delta[1] @ Parameters(network, trace.vector).weights[1]
    slopes = trace.masks[0] * (1 - trace.a[0] ** 2)
    assert (trace.masks[0] == 0).any()
    first, second, _ = health(trace)
    norm = np.linalg.norm
    assert first.through_weights == pytest.approx(norm(carried) / norm(trace.delta[1]))
    assert first.through_slopes == pytest.approx(norm(carried * slopes) / norm(carried))
    assert second.through_weights is not None
    assert diagnose(trace).error < 1e-12
    # the twin drops the same units
    twin = diagnose_with(trace, "relu")
    assert twin.layers[0].delta_norm == pytest.approx(norm(_relu_delta(trace)[0]))


def _relu_delta(trace):
    """δ of the 3-7-5-2 network above with relu in its hidden layers, written out."""
    (w1, w2, w3), (b1, b2, b3) = (
        getattr(Parameters(trace.network, trace.vector), name) for name in ("weights", "biases")
    )
    z1 = trace.x @ w1.T + b1
    a1 = np.maximum(z1, 0) * trace.masks[0]
    z2 = 3.0 * a1 @ w2.T + b2
    z3 = np.maximum(z2, 0) @ w3.T + b3
    p = np.exp(z3) / np.exp(z3).sum(axis=1, keepdims=True)
    d3 = (p - trace.y) / len(trace.y)
    d2 = (d3 @ w3) * (z2 > 0)
    return 3.0 * (d2 @ w2) * (z1 > 0) * trace.masks[0], d2, d3


def test_another_activation_is_the_same_network_with_it():
    found, x, y = _deep()
    other = explain(_deep("relu")[0].trace.network, x, y)
    assert np.array_equal(other.trace.z[0], found.trace.z[0]) is False  # He, not Glorot
    same = explain(Parameters(other.trace.network, found.trace.vector), x, y)
    twin, wanted = found.beside("relu"), same.health
    assert [line.delta_norm for line in twin.layers] == pytest.approx(
        [line.delta_norm for line in wanted.layers]
    )
    assert [line.dead_units for line in twin.layers] == [line.dead_units for line in wanted.layers]
    # ten layers of relu bring the error home, where the sigmoid's ¼ does not
    assert twin.total > 1e-3 > 100 * found.health.total


def test_what_is_worth_looking_at_beside_a_network():
    def network(*activations):
        return Network(2, tuple(Dense(2, name) for name in activations))

    assert twin_of(network("sigmoid", "tanh", "identity")) == "relu"
    assert twin_of(network("relu", "identity")) == "sigmoid"
    assert twin_of(network("identity")) is None
    with pytest.raises(SettingError, match="no hidden layers"):
        diagnose_with(explain(network("identity"), [[1.0, 2.0]], [[0.0, 0.0]]).trace, "relu")


def _batch(biases, rows, activation="relu"):
    """A 1-3-1 network whose hidden units see z = x + b."""
    network = Network(1, (Dense(3, activation), Dense(1, "identity")), dtype="float64")
    return _trace(
        network,
        [[[1.0]] * 3, [[1.0] * 3]],
        [biases, [0.0]],
        [[r] for r in rows],
        [[0.5]] * len(rows),
    )


def test_a_silent_layer_ends_the_error():
    found = diagnose(_batch([-9.0, -9.0, -9.0], [1.0, 2.0]))
    assert (found.kind, found.silent_layer, found.total) == ("dead", 1, 0.0)
    assert found.layers[0].dead_units == (0, 1, 2)


def test_units_that_are_off_are_dead_only_where_enough_samples_tell():
    # two of three are off: as common as heads twice
    assert diagnose(_batch([-9.0, -9.0, 1.0], [1.0, 2.0])).kind == "healthy"
    network = Network(1, (Dense(10, "relu"), Dense(1, "identity")), dtype="float64")

    def kind(rows, silent):
        biases = [-99.0] * silent + [1.0] * (10 - silent)
        x = [[float(i)] for i in range(rows)]
        arrays = [[[1.0]] * 10, [[1.0] * 10]], [biases, [0.0]], x, [[0.0]] * rows
        return diagnose(_trace(network, *arrays)).kind

    assert [kind(16, 9), kind(15, 9), kind(16, 8)] == ["dead", "healthy", "healthy"]


def test_saturated_units_are_named_and_units_of_relu_are_not():
    # z = 9, 9, 9, 0: flat on three of four samples; z = -9 … : on all; z = 0 …
    rows = [9.0, 9.0, 9.0, 0.0]
    line = health(_batch([0.0, 20.0, -9.0], rows, "sigmoid"))[0]
    assert line.saturated_units == (0,)
    assert line.dead_units == (1,)
    assert line.flat == pytest.approx((3 + 4 + 1) / 12)
    off = health(_batch([-8.0, -8.5, -10.0], [9.0, 0.0, 0.0, 0.0]))[0]
    assert off.saturated_units == ()
    assert off.dead_units == (2,)


def _planted(operation, value=np.nan):
    """A 2-3-2 trace of rows 5 and 7 of the data with a number that is not finite."""
    network = Network(2, (Dense(3, "tanh"), Dense(2, "identity")), dtype="float64")
    engine = build("reference", network, Recipe(batch_size=2))
    block = Block.of(network, np.ones((9, 2)), np.zeros((9, 2)))
    state = engine.initial_state(Parameters.initial(network))
    trace = engine.trace(state, block, np.array([5, 7]))
    target, place = {
        "parameter": (trace.vector, network.operations[1].weight.start + 2 * 2 + 1),
        "input": (trace.x, (1, 0)),
        "z": (trace.z[0], (1, 2)),
        "a": (trace.a[0], (1, 0)),
        "loss": (trace.losses, 1),
        "delta": (trace.delta[0], (1, 2)),
        "gradient": (trace.gradient, network.operations[0].bias.start + 1),
    }[operation]
    target[place] = value
    return trace


FAULTS = [
    ("parameter", (2, 1, 2, None, None), "W2[1, 2] of layer 2, which is nan", "o2<-h1.3"),
    ("input", (0, 0, None, 1, 7), "input, input column 0, row 7, which is nan", "x1"),
    (
        "z",
        (1, 2, None, 1, 7),
        "the weighted input z of layer 1, unit 2, row 7, which is nan",
        "h1.3",
    ),
    ("a", (1, 0, None, 1, 7), "the activation a of layer 1, unit 0, row 7, which is nan", "h1.1"),
    ("loss", (2, None, None, 1, 7), "the loss of row 7, which is nan", "7"),
    ("delta", (1, 2, None, 1, 7), "δ of layer 1, unit 2, row 7, which is nan", "h1.3"),
    ("gradient", (1, 1, None, None, None), "∂E/∂b1[1] of layer 1, which is nan", "h1.2<-bias"),
]


@pytest.mark.parametrize(("operation", "place", "sentence", "name"), FAULTS)
def test_a_planted_nan_is_named(operation, place, sentence, name):
    trace = _planted(operation)
    fault = find_fault(trace)
    assert fault.operation == operation
    assert (fault.layer, fault.unit, fault.source, fault.sample, fault.row) == place
    assert math.isnan(fault.value)
    assert blame(trace) == sentence
    found = explain(trace)
    assert found.health.kind == "not finite"
    for lang in ("en", "zh"):
        section = vanishing.chapter(found, found.focus(sample=0), words(lang))
        said = _plain(section.blocks[0].text)
        assert name in said
        assert "NaN" in said
        assert ("row 7" in said or "第 7 行" in said) == (place[-1] == 7)


def test_the_first_cause_is_named_and_not_its_consequences():
    trace = _planted("z", np.inf)
    trace.a[0][1, 2] = trace.losses[0] = np.nan
    trace.delta[1][:] = np.nan
    assert blame(trace) == "the weighted input z of layer 1, unit 2, row 7, which is inf"
    assert blame(_planted("loss", 1.0)) == "the gradient"
    assert find_fault(_planted("loss", 1.0)) is None


def test_the_parameter_at_fault_is_named_without_a_trace():
    trace = _planted("parameter", -np.inf)
    said = blame_parameters(trace.network, trace.vector)
    assert said == "W2[1, 2] of layer 2, which is -inf"
    assert blame_parameters(trace.network, np.zeros(trace.network.size)) is None


def _plain(text):
    return "".join(part.text for part in text if isinstance(part, Span))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_begins_with_the_verdict_and_its_figures(lang):
    found = _deep()[0]
    section = vanishing.chapter(found, found.focus(), words(lang))
    said, health_ = _plain(section.blocks[0].text), found.health
    assert {"en": "vanishes", "zh": "消失"}[lang] in said
    for value in (health_.total, health_.per_step, health_.per_step_slopes):
        assert figure(value) in said
    # it is the slopes, and the sigmoid's are never above ¼
    assert health_.per_step_slopes < 0.25 < health_.per_step_weights
    assert {"en": "slopes f′(z) that do it", "zh": "原因在导数"}[lang] in said
    assert [block.ok for block in section.blocks if isinstance(block, Check)] == [True, True]
    table = next(block for block in section.blocks if isinstance(block, Table))
    # from the last layer to the first, as the error travels
    assert [_plain(row[0]).split()[0] for row in table.rows] == [str(n) for n in range(10, 0, -1)]
    picture = next(block for block in section.blocks if isinstance(block, Picture))
    assert figure(found.beside("relu").total) in picture.scene.title


def test_a_deep_network_folds_into_a_dozen_rows_whose_product_stays():
    found = _deep("tanh", layers=30)[0]
    section = vanishing.chapter(found, found.focus(), words("en"))
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert len(table.rows) <= 14
    steps = [float(row[2][0].full) for row in table.rows[1:]]
    assert math.prod(steps) == pytest.approx(found.health.total)


def test_silent_units_are_named_and_many_are_counted():
    network = Network(1, (Dense(20, "relu"), Dense(1, "identity")), dtype="float64")
    biases = [-9.0] * 11 + [1.0] * 9
    trace = _trace(network, [[[1.0]] * 20, [[1.0] * 20]], [biases, [0.0]], [[1.0]] * 3, [[0.0]] * 3)
    found = explain(trace)
    section = vanishing.chapter(found, found.focus(), words("en"))
    (item,) = next(block for block in section.blocks if isinstance(block, Bullets)).items
    said = _plain(item)
    assert "h1.1, h1.2, h1.3" in said
    assert "and 3 more" in said
    assert "h1.12" not in said


def test_one_layer_has_no_way_back():
    network = Network(2, (Dense(1, "identity"),), dtype="float64")
    found = explain(network, [[1.0, 2.0]], [[3.0]])
    assert found.health.kind == "healthy"
    section = vanishing.chapter(found, found.focus(), words("en"))
    assert [type(block) for block in section.blocks] == [Paragraph]


def test_no_error_is_said_to_be_none():
    found = explain(_chain([1.0, 0.0]))
    assert (found.health.total, found.health.kind) == (None, "healthy")
    section = vanishing.chapter(found, found.focus(), words("en"))
    assert "No error arose" in _plain(section.blocks[0].text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.83721, "0.8372"),
        (-1.25, "−1.250"),
        (2.0, "2"),
        (12345, "12345"),
        (12345.6, "12346"),
        (9.99996, "10.00"),
        (0.001, "0.001000"),
        (0.00099996, "0.001000"),
        (0.000999, "9.990×10⁻⁴"),
        (99_999.6, "1.000×10⁵"),
        (100_000, "1.000×10⁵"),
        (-3.14159e-12, "−3.142×10⁻¹²"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "NaN"),
        (np.float32("nan"), "NaN"),
        (-0.0, "0"),
        (99_999, "99999"),
        (7**900, "3.875×10⁷⁶⁰"),  # a count that no float holds
        (-(7**900), "−3.875×10⁷⁶⁰"),
        (5e-324, "4.941×10⁻³²⁴"),
        (np.int64(12), "12"),
    ],
)
def test_figures(value, shown):
    assert figure(value) == shown


def test_figures_with_more_digits():
    assert figure(0.000438568, 6) == "4.38568×10⁻⁴"
    assert figure(0.082167041, 8) == "0.082167041"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_errors_carried_in_another_way_are_said(lang):
    network = Network(2, (Dense(2, "tanh"), Dense(1, "identity")), dtype="float64")
    x, y = [[1.0, 2.0], [0.5, -1.0]], [[1.0], [0.0]]
    say, recipe = words(lang), Recipe(batch_size=2, carrier="proportional")
    # of the output's weights the sum is 1, or vanishes
    whole, halved = (
        explain(
            Parameters.from_arrays(network, [np.eye(2), [[3.0, w]]], [[0, 0], [0]]),
            x,
            y,
            recipe=recipe,
        )
        for w in (-2.0, -3.0)
    )
    first = vanishing.chapter(whole, whole.focus(), say).blocks[1]
    assert first.text == say.text("vanishing.carrier", carrier="proportional")
    second = vanishing.chapter(halved, halved.focus(), say).blocks[1]
    assert second.text == say.text("vanishing.remedy_shares")
