"""Whole models in onnxruntime give the model's own answers, labels included."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import clearprop
from clearprop import (
    GRU,
    LSTM,
    Dense,
    MLPClassifier,
    MLPRegressor,
    Network,
    Parameters,
    Periodic,
    Recurrent,
    RNNClassifier,
    RNNRegressor,
    Scaling,
    TabularClassifier,
    TabularRegressor,
)
from clearprop.engines import Recipe, Sequences, build
from clearprop.errors import EngineError, SettingError
from clearprop.functions import ACTIVATIONS

onnxruntime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(40, 3)).astype(np.float32)
CODES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
ENGINE = {"engine": "reference"}
FEW = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, **ENGINE}


def run(graph, feed):
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def close(network, x, seed=0):
    """Hold a network's graph against the reference engine, its parameters drawn at random."""
    parameters = Parameters.initial(network, seed, x)
    vector = parameters.vector
    vector += np.random.default_rng(seed).normal(scale=0.3, size=len(vector)).astype(vector.dtype)
    wanted = build("reference", network, Recipe()).predict(vector, x)
    found = run(clearprop.to_onnx(parameters), {"X": x})["output"]
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*HIDDEN, "leaky_relu(0.3)", "elu(0.4)"])
def test_every_activation(name, dtype):
    layers = (Dense(6, name), Dense(2, "identity"))
    close(Network(3, layers, dtype=dtype), (4 * X).astype(dtype))
    # as the output's, too, where f is to be seen itself
    range_ = {"positive": "poisson", "unit": "binary_cross_entropy"}
    loss = range_.get(ACTIVATIONS[name.split("(")[0]].range, "half_squared_error")
    close(Network(3, (Dense(2, name),), loss, dtype=dtype), (4 * X).astype(dtype))


@pytest.mark.parametrize(
    "network",
    [
        Network(3, (Dense(4, "tanh"), Dense(3, "softmax")), "cross_entropy"),
        Network(3, (Dense(4, "tanh", scale="ntk"), Dense(2, "identity", scale=0.3))),
        Network(3, (Scaling(), Dense(4, "relu"), Dense(2, "identity"))),
        Network(3, (Periodic((2, 0), 3, 4), Dense(4, "relu"), Dense(2, "identity"))),
        Network(3, (Periodic((0, 1, 2), 2, 3, sigma=3.0), Dense(2, "identity")), dtype="float64"),
        Network(3, (Dense(4, "mish", parametric=True), Dense(2, "identity"))),
        Network(3, (Scaling(), Dense(4, "relu"), Dense(3, "softmax")), "cross_entropy", members=3),
        Network(
            3,
            (
                Periodic((1,), 2, 3),
                Scaling(),
                Dense(4, "selu", parametric=True, dropout=0.5),
                Dense(4, "gelu"),
                Dense(1, "sigmoid"),
            ),
            "binary_cross_entropy",
            members=2,
        ),
    ],
    ids=str,
)
def test_every_kind_of_layer(network):
    close(network, X.astype(network.dtype))


# ---- estimators of arrays ----

TARGETS = {
    "two words": np.array(["no", "yes"])[(CODES > 0).astype(int)],
    "three words": np.array(["a", "bb", "ccc"])[CODES],
    "objects": np.array(["a", "bb", "ccc"], dtype=object)[CODES],
    "whole numbers": CODES * 5 - 3,
    "truths": CODES > 0,
    "reals": CODES * 2.0,
    "several labels": np.column_stack([CODES > 0, X[:, 2] > 0]).astype(int),
    "one class": np.zeros(len(X), int),
}


@pytest.mark.parametrize("name", TARGETS)
def test_classifiers(name):
    model = MLPClassifier(**FEW).fit(X, TARGETS[name])
    found = run(clearprop.to_onnx(model), clearprop.onnx_inputs(model, X))
    np.testing.assert_array_equal(found["label"], model.predict(X))
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_regressors(dtype):
    model = MLPRegressor("poisson", **FEW).fit(X.astype(dtype), np.exp(X[:, 0]))
    graph = clearprop.to_onnx(model)
    found = run(graph, {"X": X.astype(dtype)})["variable"]
    np.testing.assert_allclose(found[:, 0], model.predict(X.astype(dtype)), rtol=1e-5)
    model.coefs_[0] = np.zeros((3, 5))
    assert len(np.unique(run(clearprop.to_onnx(model), {"X": X.astype(dtype)})["variable"])) == 1


# ---- estimators of tables ----


def table(rows=60):
    draw = np.random.default_rng(1)
    a = draw.normal(size=rows)
    return pl.DataFrame(
        {
            "a": [None if k % 7 == 0 else float(v) for k, v in enumerate(a)],
            "label": draw.choice(["red", "blue", "green"], rows),
            "truth": draw.random(rows) > 0.5,
            "day": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 2, 29), "1d", eager=True),
            "y": np.where(a > 0, "high", "low"),
            "z": 1e6 + 1e5 * a,
        }
    )


NEW = {
    "a": [0.3, None, -2.0],
    "label": ["yellow", None, "blue"],
    "truth": [True, None, False],
    "day": [None, "2031-01-02", "2024-02-29"],
}
SHORT = {"hidden_layer_sizes": (4,), "max_epochs": 2, **ENGINE}


@pytest.mark.parametrize(
    "options",
    [{}, {"members": 2}, {"n_cv": 2}, {"parametric": True, "embeddings": False}, {"drop": ["a"]}],
    ids=str,
)
def test_a_table_goes_in_as_it_is(options):
    frame = table().drop("z")
    model = TabularClassifier(**SHORT, **options).fit(frame, "y")
    graph = clearprop.to_onnx(model).SerializeToString()
    for rows in (frame, NEW):
        assert clearprop.check_onnx(model, graph, rows) < 1e-6
    found = run(clearprop.to_onnx(model), clearprop.onnx_inputs(model, NEW))
    # a column is called label, so the output is not
    np.testing.assert_array_equal(found["label_"][:], model.predict(NEW))


def test_numbers_come_in_their_own_units():
    frame = table().drop("y")
    model = TabularRegressor(**SHORT).fit(frame, "z")
    found = run(clearprop.to_onnx(model), clearprop.onnx_inputs(model, NEW))["variable"]
    assert found.min() > 1e5
    np.testing.assert_allclose(found[:, 0], model.predict(NEW), rtol=1e-6)
    two = TabularRegressor(**SHORT).fit(frame.with_columns(w=-pl.col("z")), ["z", "w"])
    assert clearprop.check_onnx(two, clearprop.to_onnx(two).SerializeToString(), NEW) < 1e-6


def test_several_columns_of_labels():
    frame = table().with_columns(p=pl.col("y") == "high", q=pl.col("truth")).drop("y", "z")
    model = TabularClassifier(**SHORT).fit(frame, ["p", "q"])
    found = run(clearprop.to_onnx(model), clearprop.onnx_inputs(model, frame))
    np.testing.assert_array_equal(found["label_"], model.predict(frame))


def test_what_the_inputs_are_is_told():
    model = TabularClassifier(**SHORT).fit(table().drop("z"), "y")
    told = {each.name: each.doc_string for each in clearprop.to_onnx(model).graph.input}
    assert told == {
        "a": "a number, NaN where missing",
        "label": "text without spaces around it, empty where missing",
        "truth": "1 true, 0 false, NaN missing",
        "day": "seconds since 1970-01-01 by the calendar, NaN where missing",
    }


# ---- sequences ----

LENGTHS = [5, 1, 3, 7]
SERIES = [DRAW.normal(size=(n, 3)) * 10 + 100 for n in LENGTHS]
LAYERS = {
    "lstm": (LSTM(4, "both"), LSTM(3), Dense(2, "identity")),
    "gru": (GRU(4), Dense(3, "tanh"), GRU(3, "backward"), Dense(2, "identity")),
    "elman": (Recurrent(4, "both", activation="relu"), Dense(2, "identity")),
    "leaky elman": (Recurrent(4, activation="leaky_relu(0.2)"), Dense(2, "identity")),
    "elu elman": (Recurrent(4, activation="elu(0.7)"), Dense(2, "identity")),
    "softplus elman": (Recurrent(4, activation="softplus"), Dense(2, "identity")),
    "sigmoid elman": (Recurrent(4, "backward", activation="sigmoid"), Dense(2, "identity")),
}


@pytest.mark.parametrize("readout", ["last", "mean", "every"])
@pytest.mark.parametrize("layers", LAYERS)
def test_recurrent_layers(layers, readout):
    dtype = "float64" if layers == "gru" else "float32"
    network = Network(3, LAYERS[layers], dtype=dtype, readout=readout)
    parameters = Parameters.initial(network, 0)
    vector = parameters.vector
    vector += np.random.default_rng(0).normal(scale=0.3, size=len(vector)).astype(dtype)
    sequences = [((s - 100) / 10).astype(dtype) for s in SERIES]
    wanted = build("reference", network, Recipe()).predict(vector, Sequences.of(sequences, dtype))
    # what stands behind an end must not matter
    box = np.full((4, 8, 3), 9.0, dtype)
    for k, s in enumerate(sequences):
        box[k, : len(s)] = s
    feed = {"X": box, "lengths": np.array(LENGTHS)}
    found = run(clearprop.to_onnx(parameters), feed)["output"]
    if readout == "every":
        found = np.concatenate([found[k, :n] for k, n in enumerate(LENGTHS)])
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_an_activation_that_onnx_does_not_feed_back():
    network = Network(3, (Recurrent(4, activation="gelu"), Dense(2, "identity")))
    with pytest.raises(SettingError, match=r"Layer 1 feeds gelu back.*LSTM or GRU"):
        clearprop.to_onnx(Parameters.initial(network, 0))


QUICK = {"units": 3, "max_iter": 1, "random_state": 0, **ENGINE}


def test_sequence_estimators():
    words = ["up", "down", "up", "down"]
    each = [np.array(["a", "b"])[np.arange(n) % 2] for n in LENGTHS]
    one = RNNClassifier(**QUICK).fit(SERIES, words)
    every = RNNClassifier(**QUICK).fit(SERIES, each)
    numbers = RNNRegressor(cell="gru", **QUICK).fit(SERIES, [1e3, 2e3, 3e3, 4e3])
    ahead = RNNRegressor(window=4, **QUICK).fit(np.sin(np.arange(30.0)))
    for model, rows in ((one, SERIES), (every, SERIES), (numbers, SERIES),
                        (ahead, [np.arange(4.0)[:, None], np.ones((3, 1))])):  # fmt: skip
        assert (
            clearprop.check_onnx(model, clearprop.to_onnx(model).SerializeToString(), rows) < 1e-6
        )
    found = run(clearprop.to_onnx(every), clearprop.onnx_inputs(every, SERIES))["label"]
    for k, answer in enumerate(every.predict(SERIES)):
        np.testing.assert_array_equal(found[k, : LENGTHS[k]], answer)


@pytest.mark.parametrize("per_step", [False, True])
def test_a_long_table(per_step):
    frame = table(60).drop("z").with_columns(id=pl.arange(60, eager=True) // 7 % 9)
    frame = frame.with_columns(step=pl.arange(60, eager=True))
    if not per_step:
        frame = frame.with_columns(y=pl.col("y").first().over("id"))
    model = RNNClassifier(sequence_id="id", order_by="step", **QUICK).fit(frame, "y")
    assert model.per_step_ == per_step
    # rows of a series need not stand together
    mixed = frame.sort("a", "step").sort("step") if per_step else frame
    graph = clearprop.to_onnx(model)
    assert clearprop.check_onnx(model, graph.SerializeToString(), mixed) < 1e-6
    assert graph.graph.input[0].type.tensor_type.shape.dim[1].dim_param == "steps"


# ---- files and errors ----


def test_a_file_of_another_model_is_found_out(tmp_path):
    model = MLPClassifier(**FEW).fit(X, TARGETS["three words"])
    clearprop.to_onnx(model, tmp_path / "m.onnx")
    assert clearprop.check_onnx(model, tmp_path / "m.onnx", X) < 1e-6
    model.coefs_[0] *= -1
    with pytest.raises(EngineError, match="another model"):
        clearprop.check_onnx(model, tmp_path / "m.onnx", X)


def test_what_cannot_be_exported():
    for thing in (MLPClassifier(), "text"):
        with pytest.raises(SettingError, match=r"not fitted yet|none of them"):
            clearprop.to_onnx(thing)
