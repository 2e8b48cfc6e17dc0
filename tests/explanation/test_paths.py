"""Chain-rule paths, against a case worked by hand, walking along each path, JAX and engines."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Network, Parameters
from clearprop import equations as eq
from clearprop.engines import Block, Recipe, build
from clearprop.errors import SettingError
from clearprop.explanation import Place, slope_of_weight
from clearprop.explanation.paths import chain_of
from clearprop.functions import LOSSES
from problems import HIDDEN, PAIR_NAMES, PAIRS, block_for, hidden_network, pair_network, vector_for

NINE = 0.5e-9
SIGMOIDS = (Dense(2, "sigmoid"), Dense(2, "sigmoid"))
EXAMPLE = Network(2, SIGMOIDS, "half_squared_error", "float64")


def _trace(network, block, *, engine="reference", vector=None, seed=3, dropout=True, **recipe):
    runner = build(engine, network, Recipe(batch_size=block.rows, **recipe))
    vector = vector_for(network) if vector is None else vector
    state = runner.initial_state(Parameters(network, vector), seed)
    return runner.trace(state, block, np.arange(block.rows), dropout=dropout)


def _example(engine="reference", rows=1):
    W1, W2 = [[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]
    vector = Parameters.from_arrays(EXAMPLE, [W1, W2], [[0.35] * 2, [0.60] * 2]).vector
    block = Block.of(EXAMPLE, [[0.05, 0.10]] * rows, [[0.01, 0.99]] * rows)
    return _trace(EXAMPLE, block, engine=engine, vector=vector)


def _all_places(network):
    return [Place.of_entry(network, entry) for entry in range(network.size)]


def _values(path):
    return [factor.value for factor in path.factors]


# the worked example


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_an_output_weight_has_one_path_of_three_factors(engine):
    chain = chain_of(_example(engine), Place(2, 0, 0), 0, 10)
    (path,) = chain.paths
    assert _values(path) == pytest.approx([0.74136507, 0.186815602, 0.593269992], abs=NINE * 10)
    assert [factor.kind for factor in path.factors] == ["loss", "output", "signal"]
    assert [factor.key for factor in path.factors] == ["e0", "f2.0", "a1.0"]
    assert chain.slope is None
    assert chain.terms == ()
    assert chain.delta == pytest.approx(0.74136507 * 0.186815602, abs=NINE)
    for value in (path.product, chain.total, chain.gradient, chain.batch_gradient):
        assert value == pytest.approx(0.082167041, abs=NINE)
    assert chain.agrees
    assert chain.count_of_paths == 1
    assert chain.remainder == 0


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_hidden_weight_has_a_path_through_each_output(engine):
    chain = chain_of(_example(engine), Place(1, 0, 0), 0, 10)
    first, second = chain.paths
    assert _values(first) == pytest.approx(
        [0.74136507, 0.186815602, 0.40, 0.241300709, 0.05], abs=NINE * 10
    )
    # the error of o2, 0.772928465 - 0.99, its slope out (1 - out), w7
    assert _values(second) == pytest.approx(
        [-0.217071535, 0.772928465 * 0.227071535, 0.50, 0.241300709, 0.05], abs=NINE * 10
    )
    assert [factor.key for factor in second.factors] == ["e1", "f2.1", "w2.1.0", "f1.0", "a0.0"]
    assert (first.units, second.units) == ((0, 0), (1, 0))
    assert (first.end, second.end) == (0, 1)
    assert chain.total == pytest.approx(0.036350306 * 0.241300709 * 0.05, abs=NINE)
    assert chain.total == pytest.approx(0.000438568, abs=NINE)
    assert chain.size == pytest.approx(first.product - second.product, rel=1e-12)
    assert [term.unit for term in chain.terms] == [0, 1]
    assert [term.weight for term in chain.terms] == [0.40, 0.50]
    assert sum(term.product for term in chain.terms) == pytest.approx(0.036350306, abs=NINE)
    assert chain.slope == pytest.approx(0.241300709, abs=NINE)
    assert chain.error < 1e-12
    assert chain.agrees


def test_the_rest_is_summed_to_the_last_digit():
    chain = chain_of(_example(), Place(1, 0, 0), 0, 1)
    assert len(chain.paths) == 1
    assert chain.remaining == 1
    second = -0.217071535 * 0.772928465 * 0.227071535 * 0.50 * 0.241300709 * 0.05
    assert chain.remainder == pytest.approx(second, rel=1e-8)


def test_a_bias_ends_in_one():
    chain = chain_of(_example(), Place(1, 0, None), 0, 10)
    assert chain.signal == 1
    assert [path.factors[-1].kind for path in chain.paths] == ["one", "one"]
    assert chain.total == pytest.approx(0.036350306 * 0.241300709, abs=NINE)


def test_the_difference_along_a_weight_is_the_sum_of_its_paths():
    trace = _example()
    for place in (Place(1, 0, 0), Place(2, 0, 0)):
        slope = slope_of_weight(trace, place.layer, place.unit, place.source)
        assert slope == pytest.approx(chain_of(trace, place, 0, 1).total, abs=NINE)


# walking along each path


def _walked(trace, place, sample, slope_of_loss):
    """Return the product of every path, computed one after another from the forward pass."""
    network, c = trace.network, trace.coefficients[sample]
    operations = network.operations
    z, a = ([array[sample] for array in arrays] for arrays in (trace.z, trace.a))
    signal = 1.0
    if place.source is not None:
        signal = (
            operations[place.layer - 1].scale * trace.inputs[place.layer - 1][sample, place.source]
        )
    if operations[-1].activation.name == "softmax":
        jacobian = np.diag(a[-1]) - np.outer(a[-1], a[-1])
    else:
        jacobian = np.diag(operations[-1].activation.derivative(np, z[-1], a[-1]))
    between = [range(operation.units) for operation in operations[place.layer :]]
    outputs = range(network.outputs)
    products = {}
    for p in outputs:
        for units in itertools.product(*between):
            chain = (place.unit, *units)
            if operations[-1].activation.name != "softmax" and p != chain[-1]:
                continue
            product = c * slope_of_loss[p] * jacobian[p, chain[-1]] * signal
            for layer in range(place.layer, len(operations)):
                before, after = chain[layer - place.layer], chain[layer - place.layer + 1]
                f = operations[layer - 1].activation
                mask = trace.masks[layer - 1]
                product *= operations[layer].scale
                product *= operations[layer].weight.view(trace.vector)[after, before]
                product *= f.derivative(np, z[layer - 1], a[layer - 1])[before]
                product *= 1.0 if mask is None else mask[sample, before]
            products[(p, chain[::-1])] = product
    return products


def _hold(trace, place, sample, slope_of_loss, count=7):
    walked = _walked(trace, place, sample, slope_of_loss)
    chain = chain_of(trace, place, sample, count)
    size = sum(map(abs, walked.values()))
    assert chain.count_of_paths == len(walked)
    assert len(chain.paths) == min(count, len(walked))
    assert chain.size == pytest.approx(size, rel=1e-12, abs=1e-300)
    assert abs(chain.total - sum(walked.values())) <= 1e-13 * size
    for path in chain.paths:
        wanted = walked[(path.end, path.units)]
        assert path.product == pytest.approx(wanted, rel=1e-12, abs=1e-300)
    largest = sorted(map(abs, walked.values()), reverse=True)[:count]
    found = [abs(path.product) for path in chain.paths]
    assert found == pytest.approx(largest, rel=1e-12, abs=1e-300)
    assert len({(path.end, path.units) for path in chain.paths}) == len(found)
    assert chain.agrees
    assert abs(sum(path.product for path in chain.paths) + chain.remainder - chain.total) <= (
        1e-15 * size
    )
    return chain


@pytest.fixture(scope="module")
def slope_of():
    """Return ∂E/∂a of a sample by JAX, from the value of the loss as a function of a alone."""
    import jax
    import jax.numpy as jnp

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)

    def slope(trace, sample):
        loss, y = trace.network.objective, jnp.asarray(trace.y[[sample]])

        def value(a):
            return LOSSES[loss.name].value(jnp, y, a[None], loss.parameter)[0]

        return np.asarray(jax.grad(value)(jnp.asarray(trace.a[-1][sample])))

    yield slope
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize(("name", "output"), PAIRS, ids=PAIR_NAMES)
def test_every_loss_with_every_output(name, output, slope_of):
    network = pair_network(name, output, dropout=0.4)
    trace = _trace(network, block_for(network, 5, weighted=True))
    for sample in (0, 3):
        slopes = slope_of(trace, sample)
        for place in _all_places(network)[::3]:
            chain = _hold(trace, place, sample, slopes)
            assert chain.collapsed == ""


@pytest.mark.parametrize("name", HIDDEN)
def test_every_hidden_activation_and_more_layers(name, slope_of):
    network = hidden_network(name, dropout=0.3)
    trace = _trace(network, block_for(network, 3))
    slopes = slope_of(trace, 1)
    for place in _all_places(network)[::5]:
        # fewer than a layer has units, and more
        for count in (1, 2, 3, 40):
            _hold(trace, place, 1, slopes, count=count)


def test_paths_are_found_where_many_are_of_one_size(slope_of):
    layers = (Dense(6, "identity"), Dense(6, "identity"), Dense(2, "identity"))
    network = Network(2, layers, "half_squared_error", "float64")
    trace = _trace(network, block_for(network, 1), vector=np.ones(network.size))
    for count in (1, 5, 13, 72, 100):
        _hold(trace, Place(1, 0, 0), 0, slope_of(trace, 0), count=count)


def test_the_sum_is_the_slope_that_jax_finds(slope_of):
    import jax
    import jax.numpy as jnp

    network = hidden_network("gelu")
    trace = _trace(network, block_for(network, 1))

    def loss(vector):
        saved = eq.forward(jnp, network, vector, jnp.asarray(trace.x))
        last = network.operations[-1].activation
        value = network.objective.value(jnp, last, trace.y, saved.z[-1], saved.a[-1])
        return value[0]

    gradient = np.asarray(jax.grad(loss)(jnp.asarray(trace.vector)))
    for entry in range(network.size):
        chain = chain_of(trace, Place.of_entry(network, entry), 0, 1)
        assert abs(chain.total - gradient[entry]) <= 1e-12 * chain.size


# zeros and saturation


def test_a_dead_unit_has_paths_of_zero():
    network = Network(2, (Dense(3), Dense(2, "softmax")), "cross_entropy", "float64")
    vector = vector_for(network)
    Parameters(network, vector).biases[0][1] = -100
    trace = _trace(network, Block.of(network, [[0.3, 0.4]], np.array([1])), vector=vector)
    chain = chain_of(trace, Place(1, 1, 0), 0, 10)
    assert chain.slope == 0
    assert [path.product for path in chain.paths] == [0, 0, 0, 0]
    assert (chain.total, chain.size, chain.remainder, chain.error) == (0, 0, 0, 0)
    assert chain.agrees


def _saturated(dtype, output, y, bias, engine="reference", hidden="tanh"):
    """A network whose first output is driven far out by its bias."""
    name = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy", "exp": "poisson"}[output]
    network = Network(2, (Dense(3, hidden), Dense(2, output)), name, dtype)
    vector = vector_for(network)
    Parameters(network, vector).biases[-1][0] = bias
    return _trace(network, Block.of(network, [[0.3, -0.4]], y), engine=engine, vector=vector)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("output", "y", "bias"),
    [
        ("sigmoid", [[0.0, 1.0]], 800),
        ("sigmoid", [[1.0, 1.0]], -800),
        ("softmax", [[1.0, 0.0]], -800),
        ("exp", [[3.0, 1.0]], -800),
    ],
)
def test_where_an_output_is_saturated_two_factors_become_one(dtype, output, y, bias):
    trace = _saturated(dtype, output, y, bias)
    a = trace.a[-1][0].astype(np.float64)
    for place in _all_places(trace.network):
        chain = chain_of(trace, place, 0, 10)
        assert chain.collapsed == "saturated"
        assert chain.agrees
        for path in chain.paths:
            first, output_unit = path.factors[0], path.units[0]
            assert (first.kind, first.units) == ("error", (output_unit,))
            assert first.value == pytest.approx(a[output_unit] - y[0][output_unit], abs=1e-7)
            assert first.key == f"d2.{output_unit}"
    # a path from the weight into the far output: a - y is 1 in size there, and it is not lost
    chain = chain_of(trace, Place(2, 0, 0), 0, 10)
    assert abs(chain.total) >= 0.99 * abs(chain.signal)


def test_targets_that_are_nearly_met_keep_their_digits():
    network = Network(1, (Dense(1, "sigmoid"),), "binary_cross_entropy", "float64")
    vector = np.array([1.0, 0.3])
    met = 1 / (1 + math.exp(-0.8))
    trace = _trace(network, Block.of(network, [[0.5]], [[met + 1e-13]]), vector=vector)
    chain = chain_of(trace, Place(1, 0, 0), 0, 1)
    assert chain.collapsed == "saturated"
    assert chain.agrees


def test_a_loss_of_ones_own_begins_with_its_delta():
    loss = CustomLoss(lambda y, a: ((a - y) ** 4).sum(axis=1), lambda y, z, a: 4 * (a - y) ** 3)
    network = Network(2, (Dense(3, "tanh"), Dense(2, "identity")), loss, "float64")
    trace = _trace(network, block_for(network, 4, weighted=True))
    for place in _all_places(network):
        chain = chain_of(trace, place, 2, 10)
        assert chain.collapsed == "custom"
        assert chain.agrees
        kinds = [factor.kind for factor in chain.paths[0].factors]
        assert kinds[:2] == ["coefficient", "error"]
        unit = chain.paths[0].units[0]
        error = 4 * (trace.a[-1][2, unit] - trace.y[2, unit]) ** 3
        assert chain.paths[0].factors[1].value == pytest.approx(error, rel=1e-12)
        # a sample of weight 0 adds nothing
        assert chain_of(trace, place, 1, 10).total == 0


# batches, precision, other ways of carrying errors


def test_in_a_batch_the_coefficient_is_a_factor_and_the_samples_add_up():
    network = hidden_network("tanh")
    trace = _trace(network, block_for(network, 5, weighted=True), penalty=eq.Penalty(l2=0.5))
    for place in _all_places(network)[::7]:
        chains = [chain_of(trace, place, sample, 3) for sample in range(5)]
        entry = place.entry(network)
        total = sum(chain.total for chain in chains)
        assert total == pytest.approx(trace.gradient[entry], rel=1e-10)
        assert chains[0].batch_sum == pytest.approx(trace.gradient[entry], rel=1e-12)
        assert chains[0].batch_gradient == trace.gradient[entry]
        assert chains[0].batch_agrees
        for chain, c in zip(chains, trace.coefficients, strict=True):
            assert chain.paths[0].factors[0].kind == "coefficient"
            assert chain.paths[0].factors[0].value == c


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["tanh", "gelu", "elu", "relu"])
def test_native_traces_hold_saturated_units_or_not(name, dtype):
    layers = (Dense(12, name), Dense(9, name), Dense(4, "softmax"))
    network = Network(6, layers, "cross_entropy", dtype)
    # z of some units is several units of f's bend away from 0, where f' keeps few digits
    vector = (3 * vector_for(network)).astype(dtype)
    trace = _trace(network, block_for(network, 4), engine="native", vector=vector)
    for entry in range(0, network.size, 3):
        place = Place.of_entry(network, entry)
        for sample in range(4):
            chain = chain_of(trace, place, sample, 2)
            assert chain.error <= {"float64": 1e-12, "float32": 1e-5}[dtype], (place, sample)


def test_a_wrong_number_in_the_trace_is_seen():
    network = hidden_network("tanh")
    trace = _trace(network, block_for(network, 1))
    place = Place(1, 0, 0)
    assert chain_of(trace, place, 0, 1).agrees
    delta = [array.copy() for array in trace.delta]
    delta[0][0, 0] *= 1.001
    assert not chain_of(replace(trace, delta=delta), place, 0, 1).agrees
    a = [array.copy() for array in trace.a]
    a[0][0, 0] *= 1.001
    assert not chain_of(replace(trace, a=a), place, 0, 1).agrees


def test_errors_carried_in_another_way_are_held_against_the_true_gradient():
    network = hidden_network("tanh")
    trace = _trace(network, block_for(network, 1))
    recipe = Recipe(carrier="transposed")
    delta = [array.copy() for array in trace.delta]
    delta[0] *= 2
    other = replace(trace, recipe=recipe, delta=delta)
    true, chain = (chain_of(t, Place(1, 0, 0), 0, 1) for t in (trace, other))
    assert chain.carrier == "transposed"
    assert chain.total == pytest.approx(true.total, rel=1e-12)
    assert chain.gradient == pytest.approx(2 * true.gradient, rel=1e-12)


# size, and what is asked for


def test_a_wide_network_has_an_exact_remainder():
    layers = (Dense(512), Dense(256), Dense(10, "softmax"))
    network = Network(784, layers, "cross_entropy", "float32")
    draw = np.random.default_rng(0)
    block = Block.of(network, draw.normal(size=(2, 784)), np.array([3, 7]))
    trace = _trace(network, block, vector=Parameters.initial(network).vector)
    chain = chain_of(trace, Place(1, 5, 100), 1, 10)
    assert chain.count_of_paths == 256 * 10 * 10
    assert chain.remaining == 25_590
    assert chain.error <= 1e-5


def test_many_layers_have_more_paths_than_any_int64_holds():
    layers = (*(Dense(100, "tanh") for _ in range(12)), Dense(1, "identity"))
    network = Network(3, layers, "half_squared_error", "float64")
    trace = _trace(network, block_for(network, 1), vector=vector_for(network) / 6)
    chain = chain_of(trace, Place(1, 0, 0), 0, 20)
    assert chain.count_of_paths == 100**11
    assert chain.remaining == 100**11 - 20
    assert chain.error <= 1e-12


@pytest.mark.parametrize(
    ("place", "part"),
    [
        (Place(3, 0, 0), "layers 1 to 2"),
        (Place(1, 2, 0), "from 2 units into 2"),
        (Place(1, 0, -1), "from -1"),
    ],
)
def test_parameters_that_are_not_there(place, part):
    with pytest.raises(SettingError, match=part):
        chain_of(_example(), place, 0, 10)


def test_at_least_one_path():
    with pytest.raises(SettingError, match="paths=0"):
        chain_of(_example(), Place(1, 0, 0), 0, 0)
