"""Names of units, traces of the step that comes next, and recordings, for all estimators."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from mlp_cases import X, Y, classifier, regressor
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris

from clearprop import Settings, TabularClassifier, TabularRegressor, train
from clearprop.engines import Block, Recipe
from clearprop.equations import Adam, GradientDescent
from clearprop.estimators.naming import unit_names, watch_for
from clearprop.explanation.names import Names
from clearprop.files import from_parts
from clearprop.training import Batches, Cosine, InOrder, Run, Stopping, Watch
from problems import block_for, hidden_network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FRAME = load_iris(as_frame=True).frame.rename(columns=lambda name: name.removesuffix(" (cm)"))
FRAME["target"] = np.array(["setosa", "versicolor", "virginica"])[FRAME["target"]]
INPUTS = ("sepal length", "sepal width", "petal length", "petal width")
TABLE = {"hidden_layer_sizes": (5,), "max_epochs": 3, "random_state": 1, "validation_fraction": 0}


# ---- names ----


def test_names_of_an_arrays_units():
    assert classifier().fit(X, Y).unit_names() == {"outputs": ("0", "1", "2")}
    assert classifier().fit(X, Y == 1).unit_names() == {"outputs": ("True",)}
    assert regressor().fit(X, X[:, :2]).unit_names() == {}


def test_names_of_a_frames_units():
    model = classifier().fit(FRAME[list(INPUTS)], FRAME["target"])
    outputs = ("setosa", "versicolor", "virginica")
    assert model.unit_names() == {"inputs": INPUTS, "outputs": outputs}
    names = Names(model.network_, **model.unit_names())
    place = names.find("virginica<-h1.3")
    assert (place.layer, place.unit, place.source) == (2, 2, 2)


def test_names_of_a_tables_units():
    model = TabularClassifier(**TABLE).fit(FRAME, "target")
    outputs = ("setosa", "versicolor", "virginica")
    assert model.unit_names() == {"inputs": INPUTS, "outputs": outputs}
    two = TabularClassifier(**TABLE).fit(FRAME[FRAME["target"] != "setosa"], "target")
    # the one output is the probability of the last class
    assert two.unit_names()["outputs"] == ("virginica",)
    proba = two.predict_proba(FRAME.tail(3))[:, 1]
    assert_array_equal(proba, two.raw_outputs(FRAME.tail(3))[:, 0])
    assert two.target_.decode(np.array([1])) == ["virginica"]
    numbers = TabularRegressor(**TABLE).fit(FRAME, ["petal length", "petal width"])
    assert numbers.unit_names()["outputs"] == ("petal length", "petal width")


def test_names_that_tell_no_units_apart_are_left_out():
    assert unit_names([1, "1"], ["a", "b"]) == {"outputs": ("a", "b")}
    assert unit_names(["a<-b", "c"], None) == {}


# ---- the step that comes next ----


@pytest.mark.parametrize("rate", ["constant", "cosine"])
def test_a_trace_of_few_rows_goes_by_the_runs_schedule(rate):
    model = classifier(learning_rate=rate, max_iter=10, batch_size=30)
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    # 3 of 10 epochs are over, 5 steps each
    wanted = 0.02 * {"constant": 1.0, "cosine": 0.5 * (1 + np.cos(np.pi * 0.3))}[rate]
    assert model.trace(X[:2], Y[:2]).rate == pytest.approx(wanted, rel=1e-12)
    assert model.trace(X[:2], Y[:2]).step == 15


def test_traces_drop_nothing_unless_asked():
    model = classifier(dropout=0.5).fit(X, Y)
    assert model.trace(X, Y).masks == [None, None]
    assert model.trace(X, Y, dropout=True).masks[0] is not None
    np.testing.assert_allclose(model.trace(X, Y).a[-1], model.predict_proba(X), rtol=1e-12)
    table = TabularClassifier(**TABLE).fit(FRAME, "target")
    # waves and gains come first, and drop nothing
    assert table.trace(FRAME, "target").masks == [None] * 4
    dropped = [mask is not None for mask in table.trace(FRAME, "target", dropout=True).masks]
    assert dropped == [False, False, True, False]


def test_a_trace_weighs_its_samples():
    weights = np.arange(1.0, 5.0)
    rows = [0, 60, 70, 140]
    one = classifier().fit(X, Y).trace(X[rows], Y[rows], weights, engine="reference")
    assert one.engine == "reference"
    np.testing.assert_allclose(one.coefficients, weights / 10)
    table = TabularClassifier(**TABLE, class_weight={"virginica": 3.0}).fit(FRAME, "target")
    two = table.trace(FRAME.iloc[rows], "target", weights, engine="native")
    assert two.engine == "native"
    np.testing.assert_allclose(two.coefficients, np.array([1, 2, 3, 12]) / 18, rtol=1e-6)


def test_an_outcomes_trace_is_the_step_that_comes_next():
    network = hidden_network("tanh", dropout=0.2)
    block = block_for(network, 12)
    recipe = Recipe(Adam(0.01), schedule=Cosine(), batch_size=4, epochs=4)
    chosen = Settings(recipe, seed=2, orders=InOrder(), stopping=Stopping(patience=np.inf))
    stop_at_2 = [lambda event: isinstance(event, Batches) and event.step == 6]
    outcome = train(network, block, chosen, listeners=stop_at_2)
    before = outcome.state.copy()
    rows = slice(0, 4)
    trace = outcome.trace(block.x[rows], block.y[rows], dropout=True)
    assert trace.step == 6
    assert trace.rate == pytest.approx(0.005)
    assert_array_equal(trace.slots, before.slots)
    state = replace(outcome.state.copy(), position=0)
    after, _ = outcome.engine.advance(state, block, 1)
    assert_array_equal(after.vector, before.vector + trace.update)
    assert outcome.trace(block.x, block.y).masks == [None, None, None]
    assert outcome.trace(block.x, block.y, engine="reference").engine == "reference"
    weighted = outcome.trace(block.x[:2], block.y[:2], [1.0, 3.0])
    np.testing.assert_allclose(weighted.coefficients, [0.25, 0.75])
    assert outcome.unit_names() == {}


# ---- recordings ----


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_path_is_the_parameters_after_each_epoch(solver):
    model = classifier(record="path", solver=solver, tol=0)
    paths = [
        classifier(record="path", solver=solver, tol=0, max_iter=n).fit(X, Y).parameters_.vector
        for n in (1, 2, 3)
    ]
    seen = model.fit(X, Y).recording_
    assert_array_equal(seen.snapshots[1:4], paths)
    assert len(seen.snapshots) == 9
    assert_array_equal(seen.snapshots[-1], model.parameters_.vector)
    assert seen.values.shape[1] == 0
    assert classifier().fit(X, Y).recording_ is None


@pytest.mark.parametrize("model", [classifier(), regressor()], ids=["classifier", "regressor"])
def test_single_weights_are_recorded_by_their_names(model):
    model.set_params(record=["h1.2<-x3", "h1.1<-bias"], batch_size=50).fit(X, Y)
    recording = model.recording_
    steps, values = recording.history(Names(model.network_).find("h1.2<-x3").entry(model.network_))
    assert steps.tolist() == list(range(3 * 8 + 1))
    assert values[-1] == model.coefs_[0][2, 1]
    assert recording.values[-1, 1] == model.intercepts_[0][0]
    assert_array_equal(recording.values[::3, 0], recording.snapshots[:, recording.entries[0]])


def test_columns_and_classes_name_what_is_recorded():
    names = ["h1.1<-petal width", "virginica<-h1.2"]
    model = classifier(record=names).fit(FRAME[list(INPUTS)], FRAME["target"])
    weights = model.parameters_.weights
    assert model.recording_.values[-1].tolist() == [weights[0][0, 3], weights[1][2, 1]]
    names = ["h3.1<-petal width", "virginica<-h3.2"]
    model = TabularClassifier(**TABLE, batch_size=32, record=names).fit(FRAME, "target")
    recording = model.recording_
    # 150 rows in batches of 32
    assert recording.steps.tolist() == list(range(5 * 3 + 1))
    assert len(recording.snapshots) == 4
    assert_array_equal(recording.values[::5], recording.snapshots[:, recording.entries])
    places = [Names(model.network_, **model.unit_names()).find(name) for name in names]
    assert recording.entries.tolist() == [place.entry(model.network_) for place in places]


@pytest.mark.parametrize("record", ["paths", ["h1.1<-petal"], [3], "h1.1<-x1"])
@pytest.mark.parametrize("make", [classifier, lambda: TabularClassifier(**TABLE)])
def test_nothing_to_record(make, record):
    with pytest.raises(ValueError, match=r"record|No weight leads from 'petal'|no unit 'h1.1'"):
        make().set_params(record=record).fit(FRAME[list(INPUTS)], FRAME["target"].to_numpy())


def test_recordings_are_pickled_and_not_filed():
    for model in (classifier(record=("h1.1<-x1",)), TabularClassifier(**TABLE, record=("path",))):
        if isinstance(model, TabularClassifier):
            model.set_params(record=("h3.1<-petal width",)).fit(FRAME, "target")
        else:
            model.fit(X, Y)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.recording_.values, model.recording_.values)
        filed = type(model).from_parts(model.to_parts())
        assert filed.recording_ is None
        assert list(filed.record) == list(model.record)


def test_files_from_before_there_was_a_carrier_can_be_read():
    parts = classifier().fit(X, Y).to_parts()
    for name in ("carrier", "record"):
        del parts.document["settings"][name]
    model = from_parts(parts)
    assert (model.carrier, model.record) == ("exact", None)


def test_a_path_of_a_large_network_stays_within_its_bytes():
    network = hidden_network("tanh", "float32")
    assert watch_for("path", network, {}).snapshots == 200
    large = replace(network, inputs=10**6)
    # 6e6 weights of 4 bytes are 24 MB a vector
    assert watch_for("path", large, {}).snapshots == 2


def test_gradient_descents_recording_is_its_formula():
    """w ← w - η ∂E/∂w, step by step, against the gradients of traces."""
    network = hidden_network("tanh")
    block = block_for(network, 6)
    recipe = Recipe(GradientDescent(0.5), batch_size=6, epochs=3)
    chosen = Settings(recipe, orders=InOrder(), watch=Watch((4,), snapshots=5))
    recording = Run(network, Block.of(network, block.x, block.y), chosen).finish().recording
    run = Run(network, block, chosen)
    for k in range(3):
        vector = recording.snapshots[k]
        gradient = run.engine.gradient(vector, block)[1]
        assert recording.values[k + 1, 0] == pytest.approx(vector[4] - 0.5 * gradient[4], rel=1e-12)
