"""The gradient check: any model, any data; what is wrong is found, and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clearprop import CustomLoss, Dense, Loss, Network, Parameters, Settings, explain, train
from clearprop.engines import Block, Recipe, build
from clearprop.equations import GradientDescent, Penalty
from clearprop.errors import SettingError
from clearprop.explanation import Names, check_gradient, gradient_check
from clearprop.explanation.chapters import check as chapter_of_check
from clearprop.explanation.gradient_check import check_trace
from clearprop.explanation.pages import Check, Note, Span, Table
from clearprop.explanation.words import words


def _model():
    network = Network(3, (Dense(5, "tanh"), Dense(2, "identity")), "half_squared_error", "float64")
    draw = np.random.default_rng(0)
    return Parameters.initial(network, 1), draw.normal(size=(9, 3)), draw.normal(size=(9, 2))


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_right_gradient_passes(engine):
    found = check_gradient(*_model(), engine=engine)
    assert found.passed
    assert found.checked == found.size == 32
    assert found.error < 1e-8


@pytest.mark.parametrize(("name", "unit", "source"), [("W1", 3, 2), ("W2", 1, 4)])
def test_a_wrong_gradient_is_found_and_named(monkeypatch, name, unit, source):
    parameters, x, y = _model()
    segment = next(s for s in parameters.network.segments if s.name == name)
    real = gradient_check.build

    def build_wrong(engine, network, recipe):
        runner = real(engine, network, recipe)
        if engine == "native":
            right = runner.gradient

            def wrong(vector, block):
                value, gradient = right(vector, block)
                segment.view(gradient)[unit, source] += 1e-3
                return value, gradient

            runner.gradient = wrong
        return runner

    monkeypatch.setattr(gradient_check, "build", build_wrong)
    found = check_gradient(parameters, x, y)
    assert not found.passed
    assert found.worst == f"{name}[{unit}, {source}]"
    into, out_of = ("h1", "x") if name == "W1" else ("o", "h1.")
    assert found.name == f"{into}{'.' * (name == 'W1')}{unit + 1}<-{out_of}{source + 1}"
    assert found.backprop - found.differences == pytest.approx(1e-3, rel=1e-4)


def test_kinks_are_left_out_and_counted():
    network = Network(1, (Dense(1, "relu"), Dense(1, "identity")), "half_squared_error", "float64")
    # z of the hidden unit lies within a step of 0 for the first sample
    parameters = Parameters.from_arrays(network, [[[1.0]], [[1.0]]], [[-1.0], [0.0]])
    found = check_gradient(parameters, [[1.0 + 4e-6], [3.0]], [[1.0], [1.0]])
    assert found.kinks == 2  # w1 and b1 move z over the kink
    assert found.left_out == ("h1.1<-x1", "h1.1<-bias")
    assert found.passed


def test_entries_of_large_networks_are_drawn():
    network = Network(
        30, (Dense(40, "tanh"), Dense(1, "identity")), "half_squared_error", "float64"
    )
    x = np.random.default_rng(0).normal(size=(4, 30))
    found = check_gradient(Parameters.initial(network, 0), x, x[:, :1], entries=50)
    assert (found.checked, found.size) == (50, 1281)
    assert found.passed


def _wrong(y, z, a):
    """The delta of a half squared error, but half as much again at output 2."""
    return (a - y) * np.array([1.0, 1.5])


def _half_square(y, a):
    return 0.5 * ((a - y) ** 2).sum(axis=1)


def test_a_wrong_delta_of_ones_own_loss_is_found_and_named():
    right, x, y = _model()
    loss = CustomLoss(_half_square, _wrong)
    network = replace(right.network, loss=loss)
    found = check_gradient(Parameters(network, right.vector), x, y, engine="reference")
    assert not found.passed
    # the entry whose gradient the wrong delta changes most: half of the right gradient of output 2,
    # and what of it comes back to the hidden layer
    gradients = [
        build("reference", n, Recipe()).gradient(right.vector, Block.of(n, x, y))[1]
        for n in (network, right.network)
    ]
    worst = int(np.argmax(np.abs(gradients[0] - gradients[1])))
    assert found.name == Names(network).entry(worst)
    assert found.differences == pytest.approx(gradients[1][worst], rel=1e-6)
    assert found.backprop == pytest.approx(gradients[0][worst], rel=1e-12)
    assert found.largest[0].name == found.name
    apart = [entry.apart for entry in found.largest]
    assert apart == sorted(apart, reverse=True)
    # output 1 is right: none of its weights are among the worst
    assert not any(entry.name.startswith("o1<-") for entry in found.largest)


def test_names_are_the_models_own():
    parameters, x, y = _model()
    names = Names(parameters.network, inputs=("age", "height", "weight"))
    found = check_gradient(parameters, x, y, engine="reference", names=names)
    columns = [entry for entry in found.largest if entry.entry.startswith("W1")]
    assert columns
    for entry in columns:
        unit, source = (int(part) for part in entry.entry[3:-1].split(", "))
        assert entry.name == f"h1.{unit + 1}<-{('age', 'height', 'weight')[source]}"


def test_a_network_is_checked_at_its_fresh_parameters():
    parameters, x, y = _model()
    fresh = check_gradient(parameters.network, x, y, engine="reference")
    given = check_gradient(Parameters.initial(parameters.network), x, y, engine="reference")
    assert fresh == given


def test_the_outcome_of_a_run_is_checked_with_its_penalty():
    parameters, x, y = _model()
    recipe = Recipe(rule=GradientDescent(0.1), penalty=Penalty(l2=0.3), batch_size=9, epochs=2)
    block = Block.of(parameters.network, x, y)
    outcome = train(parameters.network, block, Settings(recipe=recipe, engine="reference"))
    found = check_gradient(outcome, x, y, engine="reference", entries=1000)
    assert found.passed
    gradient = outcome.engine.gradient(outcome.parameters.vector, block)[1]
    for entry in found.largest:
        place = Names(parameters.network).find(entry.name).entry(parameters.network)
        assert entry.backprop == pytest.approx(gradient[place])


class _Model:
    """What an estimator offers: the trace of a step, and what its units are called."""

    def __init__(self, trace):
        self._trace = trace

    def trace(self, X, y, sample_weight=None, *, engine=None, dropout=True):
        return self._trace

    def unit_names(self):
        return {"inputs": ("age", "height", "mass"), "outputs": ("no", "yes")}


def _smoothed_trace():
    loss = Loss("cross_entropy", label_smoothing=0.2)
    layers = (Dense(6, "tanh", dropout=0.5), Dense(2, "softmax"))
    network = Network(3, layers, loss, "float32")
    recipe = Recipe(rule=GradientDescent(0.1), penalty=Penalty(l2=0.5, per_sample=True))
    engine = build("reference", network, recipe)
    draw = np.random.default_rng(3)
    block = Block.of(
        network, draw.normal(size=(8, 3)), draw.integers(0, 2, 8), draw.uniform(0.5, 2, 8)
    )
    state = engine.initial_state(Parameters.initial(network, 2), 5)
    return engine.trace(state, block, np.arange(8))


def test_an_estimator_is_checked_with_its_weights_smoothing_and_penalty():
    trace = _smoothed_trace()
    found = check_gradient(_Model(trace), [[0]], [0], engine="reference")
    assert found.passed
    # float64, whatever the model was trained in; but its targets were smoothed in float32
    assert found.error < 2e-7
    # the gradient of the smoothed, weighted loss and of the penalty at the model's parameters
    network = replace(trace.network, dtype="float64", loss=Loss("cross_entropy"))
    block = Block(trace.x.astype(float), trace.y.astype(float), trace.coefficients.astype(float))
    vector = trace.vector.astype(float)
    gradient = build("reference", network, Recipe()).gradient(vector, block)[1]
    w = network.operations[0].weight
    gradient[w.start : w.stop] += 0.5 * trace.penalty_factor * vector[w.start : w.stop]
    w = network.operations[1].weight
    gradient[w.start : w.stop] += 0.5 * trace.penalty_factor * vector[w.start : w.stop]
    names = Names(network, **_Model(trace).unit_names())
    for entry in found.largest:
        place = names.find(entry.name).entry(network)
        assert entry.backprop == pytest.approx(gradient[place], rel=1e-9)


def test_the_gradient_of_a_step_is_checked_with_the_units_it_dropped():
    trace = _smoothed_trace()
    assert (trace.masks[0] == 0).any()
    found = check_trace(trace, Names(trace.network))
    assert found.passed
    assert (found.checked, found.tolerance) == (trace.network.size, 1e-3)
    assert 1e-9 < found.error < 1e-5  # the rounding of float32
    assert check_gradient(trace) == found
    everything_kept = replace(trace, masks=[None, None])
    assert not check_trace(everything_kept, Names(trace.network)).passed


def test_one_wrong_number_in_a_trace_is_found():
    trace = _smoothed_trace()
    place = Names(trace.network).find("o2<-h1.3").entry(trace.network)
    trace.gradient[place] += 0.01
    found = explain(trace).check()
    assert (found.passed, found.name, found.worst) == (False, "o2<-h1.3", "W2[1, 2]")


def test_what_is_not_finite_is_no_kink_and_fails():
    parameters, x, y = _model()
    parameters["W2"][1, 2] = np.nan
    found = check_gradient(parameters, x, y, engine="reference")
    assert (found.passed, found.kinks) == (False, 0)
    assert np.isnan(found.error)


def test_in_a_large_network_half_of_the_entries_are_those_of_the_largest_gradient():
    gradient = np.arange(1000.0) - 500
    chosen = gradient_check._choose(gradient, 100)
    assert len(set(chosen.tolist())) == 100
    # the fifty largest sizes: 500 at entry 0, 499 to 476 with both signs, 475 at entry 25
    assert set(range(26)) | set(range(976, 1000)) <= set(chosen.tolist())
    drawn = [c for c in chosen if 26 <= c < 976]
    assert min(drawn) < 300 < 700 < max(drawn)


def test_a_trace_of_a_large_network_takes_few_entries():
    network = Network(784, (Dense(512), Dense(256), Dense(10, "softmax")), "cross_entropy")
    draw = np.random.default_rng(0)
    found = explain(network, np.abs(draw.normal(size=(1, 784))), [3]).check()
    assert found.passed
    assert found.checked + found.kinks < 200
    assert found.size == 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10


def test_what_cannot_be_checked():
    with pytest.raises(SettingError, match="checked on data"):
        check_gradient(_model()[0])
    with pytest.raises(SettingError, match="list came"):
        check_gradient([1.0], [[1.0]], [[1.0]])


def _plain(text):
    return "".join(part.text for part in text if isinstance(part, Span))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter(lang):
    parameters, x, y = _model()
    found = explain(parameters, x, y)
    section = chapter_of_check.chapter(found, found.focus(), words(lang))
    (check,) = (block for block in section.blocks if isinstance(block, Check))
    assert check.ok
    assert "32" in _plain(check.text)
    table = next(block for block in section.blocks if isinstance(block, Table))
    for row in table.rows:
        name, _, backprop, _, _ = (_plain(cell) for cell in row)
        place = found.names.find(name).entry(parameters.network)
        assert float(row[2][0].full) == found.trace.gradient[place]
        assert backprop.startswith("−") == (found.trace.gradient[place] < 0)
    found.trace.gradient[found.names.find("h1.2<-x3").entry(parameters.network)] += 0.1
    section = chapter_of_check.chapter(found, found.focus(), words(lang))
    (check,) = (block for block in section.blocks if isinstance(block, Check))
    assert not check.ok
    assert "h1.2<-x3" in _plain(check.text)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chapter_names_what_was_left_out(lang):
    network = Network(1, (Dense(1, "relu"), Dense(1, "identity")), dtype="float64")
    parameters = Parameters.from_arrays(network, [[[1.0]], [[1.0]]], [[-1.0], [0.0]])
    found = explain(parameters, [[1.0 + 4e-6], [3.0]], [[1.0], [1.0]])
    section = chapter_of_check.chapter(found, found.focus(), words(lang))
    (note,) = (block for block in section.blocks if isinstance(block, Note))
    assert "h1.1<-x1" in _plain(note.text)
    assert "h1.1<-bias" in _plain(note.text)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_another_carrier_led_to_is_not_called_back_propagation(lang):
    parameters, x, y = _model()
    recipe = Recipe(rule=GradientDescent(0.1), batch_size=9, carrier="transposed")
    found = explain(parameters, x, y, recipe=recipe)
    section = chapter_of_check.chapter(found, found.focus(), words(lang))
    assert not [block for block in section.blocks if isinstance(block, Check)]
    (note,) = (block for block in section.blocks if isinstance(block, Note))
    assert "transposed" in _plain(note.text)
    table = next(block for block in section.blocks if isinstance(block, Table))
    heads = [_plain(column.title) for column in table.columns]
    assert words(lang)("check.carried") in heads
    assert words(lang)("check.backprop") not in heads
