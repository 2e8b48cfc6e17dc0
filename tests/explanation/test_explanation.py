"""`explain`: what can be explained, and what a page looks at where nothing is said."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from clearprop import Dense, MLPClassifier, Network, Parameters, explain
from clearprop.engines import Recipe
from clearprop.equations import Adam
from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.explanation import Names, Place

NETWORK = Network(3, (Dense(4, "tanh"), Dense(2, "softmax")), "cross_entropy", "float64")
DRAW = np.random.Generator(np.random.Philox(5))
X, Y = DRAW.normal(size=(6, 3)), np.array([0, 1, 1, 0, 1, 0])


def test_a_fresh_network_and_its_parameters_are_the_same():
    fresh, given = explain(NETWORK, X, Y), explain(Parameters.initial(NETWORK), X, Y)
    assert np.array_equal(fresh.trace.gradient, given.trace.gradient)
    assert fresh.trace.engine == "reference"
    # plain descent over the whole batch, as in the origin texts
    assert np.allclose(fresh.trace.update, -0.5 * fresh.trace.gradient, rtol=0, atol=1e-15)


def test_the_recipe_and_the_engine_are_the_callers():
    found = explain(NETWORK, X, Y, recipe=Recipe(rule=Adam(0.01)), engine="reference")
    # the first step of Adam has the length of the learning rate
    assert np.abs(found.trace.update).max() == pytest.approx(0.01, rel=1e-4)


def test_a_trace_is_taken_as_it_is():
    trace = explain(NETWORK, X, Y).trace
    assert explain(trace).trace is trace


def test_an_estimator_is_asked_for_its_own_engine_and_names():
    labels = np.array(["no", "yes"])[Y]
    model = MLPClassifier(
        (4,), max_iter=3, engine="reference", random_state=0, early_stopping=False
    )
    with pytest.warns(UserWarning, match="iterations"):
        model.fit(X, labels)
    found = explain(model, X, labels)
    assert found.trace.engine == "reference"
    assert found.names.units(2) == ["yes"]
    one = explain(model, X[:1], labels[:1])
    assert one.trace.delta[-1][0, 0] == pytest.approx(
        model.predict_proba(X[:1])[0, 1] - (labels[0] == "yes"), abs=1e-12
    )


def test_where_nothing_is_said_the_page_looks_at_what_tells_most():
    found = explain(NETWORK, X, Y)
    gradient = np.abs(found.trace.weight_gradients()[0])
    focus = found.focus()
    assert gradient[focus.weight.unit, focus.weight.source] == gradient.max()
    pushes = found.trace.delta[0][:, focus.weight.unit] * found.trace.x[:, focus.weight.source]
    assert focus.sample == np.argmax(np.abs(pushes))
    assert found.focus("o2<-h1.1", 3).weight == Place(2, 1, 0)
    assert found.focus("o2<-h1.1", 3).sample == 3


def test_it_can_be_pickled():
    found = pickle.loads(
        pickle.dumps(explain(NETWORK, X, Y, names=Names(NETWORK, ("a", "b", "c"))))
    )
    assert found.names.units(0) == ["a", "b", "c"]
    assert np.array_equal(found.trace.gradient, explain(NETWORK, X, Y).trace.gradient)
    assert found.chain("h1.1<-a").gradient == explain(NETWORK, X, Y).chain("h1.1<-x1").gradient


def test_what_cannot_be_explained():
    with pytest.raises(SettingError, match="but list came"):
        explain([1, 2, 3], X, Y)
    with pytest.raises(ShapeError):
        explain(NETWORK, X[:, :2], Y)
    with pytest.raises(SettingError, match="samples 0 to 5, but 6 came"):
        explain(NETWORK, X, Y).focus(sample=6)
    with pytest.raises(SettingError, match="There is no chapter 'forwards'"):
        explain(NETWORK, X, Y).page(["forwards"])


def test_the_explanation_of_a_natively_trained_model_reads_that_engines_trace():
    model = MLPClassifier((4,), "tanh", max_iter=3, engine="native", random_state=0)
    with pytest.warns(UserWarning, match="iterations"):
        model.fit(X, Y)
    found = explain(model, X, Y)
    trace, place = found.trace, found.names.find("h1.2<-x3")
    assert trace.engine == "native"
    before = found.chain(place, 1)
    assert before.agrees
    assert before.batch_gradient == trace.gradient[place.entry(trace.network)]

    delta = [array.copy() for array in trace.delta]
    delta[0][1, 1] += 0.25
    other = replace(found, trace=replace(trace, delta=delta))
    after = other.chain(place, 1)
    assert after.gradient - before.gradient == pytest.approx(0.25 * X[1, 2], rel=1e-12)
    assert after.total == before.total
    assert not after.agrees
    pages = [e.to_markdown(chapters=["chain"], weight=place, sample=1) for e in (found, other)]
    assert ["✗" in page for page in pages] == [False, True]

    # one weight of the output larger by 1: ∂E/∂w grows by δ f′(z) x of the unit it leads from
    vector = trace.vector.copy()
    vector[Place(2, 0, 1).entry(trace.network)] += 1
    after = replace(found, trace=replace(trace, vector=vector)).chain(place, 1)
    path = trace.delta[1][1, 0] * (1 - np.tanh(trace.z[0][1, 1]) ** 2) * X[1, 2]
    assert after.total - before.total == pytest.approx(path, rel=1e-9)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda e: explain(NETWORK), "some rows"),
        (lambda e: explain(NETWORK, X), "some rows"),
        (lambda e: explain(NETWORK, X, Y, names=Names(Network(2, (Dense(1),)))), "names are those"),
        (lambda e: e.surface("h1.1<-x1"), "two parameters"),
        (lambda e: e.page(sample=1.5), "samples 0 to 5, but 1.5"),
        (lambda e: e.forward("1"), "samples 0 to 5, but '1'"),
        (lambda e: e.page(weight=5), "by its name, but 5"),
        (lambda e: e.chain(None), "by its name, but None"),
    ],
)
def test_what_cannot_be_asked_for(ask, said):
    with pytest.raises(SettingError, match=said):
        ask(explain(NETWORK, X, Y))


def test_one_chapter_is_asked_for_by_its_name():
    found = explain(NETWORK, X, Y)
    assert [section.key for section in found.page("loss").sections] == ["loss"]


def test_numbers_that_are_not_finite_come_on_a_page_without_warnings():
    network = Network(3, (Dense(4, "tanh"), Dense(3, "relu"), Dense(2, "identity")))
    parameters = Parameters.initial(network)
    parameters.vector[:] *= 1e30
    with np.errstate(all="ignore"):
        found = explain(parameters, X, DRAW.normal(size=(6, 2)))
    assert not np.isfinite(found.trace.losses).all()
    text = found.to_markdown()
    assert "stopped being finite" in text
    found.to_svg()


def test_a_label_that_was_not_fitted_is_named_and_not_taken_for_another():
    labels = np.array(["a", "c", "e"])[[0, 1, 2, 0, 1, 2]]
    model = MLPClassifier((4,), max_iter=300, engine="reference", random_state=0, tol=1).fit(
        X, labels
    )
    # "b" would stand where "c" stands in the order
    with pytest.raises(DataError, match=r"Row 1 has the label 'b'.* 3 classes .*'a', 'c', 'e'\."):
        explain(model, X[:2], np.array(["a", "b"]))
