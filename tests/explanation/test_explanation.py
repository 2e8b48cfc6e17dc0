"""`explain`: what can be explained, and what a page looks at where nothing is said."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from clearprop import Dense, MLPClassifier, Network, Parameters, explain
from clearprop.engines import Recipe
from clearprop.equations import Adam
from clearprop.errors import SettingError, ShapeError
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
