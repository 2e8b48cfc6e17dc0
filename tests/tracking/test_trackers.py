"""Trackers keep what a run told: losses, rates, and the norms of its layers' gradients."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

import clearprop
from clearprop import MLPClassifier, MLPRegressor, TabularClassifier
from clearprop.engines import Block, Recipe
from clearprop.errors import EngineError, FileError, SettingError
from clearprop.tracking import JSONLines, MLflow, TensorBoard

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(30, 3))
Y = (X[:, 0] > 0).astype(int)
FEW = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, "engine": "reference"}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def norms_of(model):
    """∂E/∂W and ∂E/∂b by layer, by hand: tanh, then one logistic unit with its cross-entropy."""
    (W1, W2), (b1, b2) = model.coefs_, model.intercepts_
    a = np.tanh(X @ W1 + b1)
    delta2 = (1 / (1 + np.exp(-(a @ W2 + b2))) - Y[:, None]) / len(X)
    delta1 = delta2 @ W2.T * (1 - a * a)
    decay = model.alpha / len(X)
    parts = [(X.T @ delta1 + decay * W1, delta1.sum(0)), (a.T @ delta2 + decay * W2, delta2.sum(0))]
    return [float(np.sqrt((W**2).sum() + (b**2).sum())) for W, b in parts]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_lines_of_json(solver, tmp_path):
    path = tmp_path / "run.jsonl"
    model = MLPClassifier(activation="tanh", solver=solver, callbacks=[JSONLines(path)], **FEW)
    model.fit(X, Y)
    begin, *epochs, stop = lines(path)
    assert begin["network"] == "3 → 4 tanh → 1 sigmoid"
    assert (begin["event"], begin["parameters"], begin["rows"]) == ("begin", 21, 30)
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    assert [line["objective"] for line in epochs] == model.history_.objective
    assert (stop["event"], stop["epoch"]) == ("stop", 3)
    assert list(epochs[-1]["gradient_norms"]) == ["1", "2"]
    assert_allclose(list(epochs[-1]["gradient_norms"].values()), norms_of(model), rtol=1e-6)


def test_gradients_see_the_same_rows_each_time():
    found = []

    class Listener:
        def begin(self, running):
            self.running = running

        def __call__(self, event):
            found.append(self.running.gradient_norms(10))

    model = MLPClassifier(activation="tanh", callbacks=[Listener()], **FEW).fit(X, Y)
    engine = clearprop.engines.build("reference", model.network_, Recipe())
    block = Block.of(model.network_, X[::3], Y[::3, None])
    _, gradient = engine.gradient(model.parameters_.vector, block)
    # the recipe's penalty is small and the same for all
    assert_allclose(found[-1][2], np.linalg.norm(gradient[-5:]), rtol=1e-3)


def test_every_so_many_epochs_and_no_gradients(tmp_path):
    tracker = JSONLines(tmp_path / "f", every=2, gradients=False)
    MLPRegressor(callbacks=[tracker], **{**FEW, "max_iter": 5}).fit(X, Y)
    kept = [line for line in lines(tmp_path / "f") if line["event"] == "epoch"]
    assert [line["epoch"] for line in kept] == [2, 4]
    assert "gradient_norms" not in kept[0]
    with pytest.raises(SettingError, match="every must be"):
        JSONLines("f", every=0)


def test_numbers_that_json_lacks(tmp_path):
    tracker = JSONLines(tmp_path / "f")
    tracker._epoch(1, {"loss": float("nan")}, {1: float("inf")})
    assert lines(tmp_path / "f")[0]["loss"] is None
    with pytest.raises(FileError, match=r"cannot be written.*folder"):
        JSONLines(tmp_path / "none" / "f")._epoch(1, {}, {})


def test_folds_are_runs_of_their_own(tmp_path):
    model = TabularClassifier((3,), max_epochs=2, n_cv=2, engine="reference",
                              callbacks=[JSONLines(tmp_path / "f")])  # fmt: skip
    model.fit(X, Y)
    events = [line["event"] for line in lines(tmp_path / "f")]
    assert events == ["begin", "epoch", "epoch", "stop"] * 2


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    tracker = TensorBoard(tmp_path / "runs")
    model = MLPClassifier(activation="tanh", callbacks=[tracker], **FEW).fit(X, Y)
    (file,) = (tmp_path / "runs").glob("events.*")
    scalars: dict[str, dict[int, float]] = {}
    data = file.read_bytes()
    while data:
        # a record: length, its checksum, the event, its checksum
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                scalars.setdefault(value.tag, {})[event.step] = value.simple_value
    assert_allclose(list(scalars["objective"].values()), model.history_.objective, rtol=1e-6)
    assert list(scalars["loss"]) == [1, 2, 3]
    assert_allclose(scalars["gradient_norm/layer_2"][3], norms_of(model)[1], rtol=1e-5)
    model.fit(X, Y)
    assert (tmp_path / "runs" / "run_2").is_dir()


class Recorder:
    """Stands in for MLflow's client, which would talk to a server."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        def ask(*arguments, **options):
            self.asked.append((name, arguments, options))
            if name == "get_experiment_by_name":
                return None
            if name == "log_artifact":
                self.model = clearprop.load(arguments[1])
            info = type("Info", (), {"run_id": f"r{len(self.asked)}"})
            return type("Run", (), {"info": info})

        return ask


class Pair(tuple):
    def __new__(cls, *values):
        return super().__new__(cls, values)


@pytest.fixture
def client(monkeypatch):
    """A client that notes what it is asked, and the parts of MLflow around it."""
    import sys
    import types

    found = Recorder()
    for name in ("mlflow", "mlflow.entities", "mlflow.tracking"):
        module = types.ModuleType(name)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["mlflow.entities"].Param = sys.modules["mlflow.entities"].Metric = Pair
    sys.modules["mlflow.tracking"].MlflowClient = lambda tracking_uri: found
    return found


def test_mlflow_is_told_all_and_given_the_model(client):
    tracker = MLflow("http://there", experiment="iris", name="first")
    model = MLPClassifier(activation="tanh", callbacks=[tracker], **FEW).fit(X, Y)
    names = [name for name, _, _ in client.asked]
    assert names == ["get_experiment_by_name", "create_experiment", "create_run", "log_batch",
                     *["log_batch"] * 3, "set_tag", "set_terminated", "log_artifact"]  # fmt: skip
    (run_id,) = tracker.run_ids
    params = dict(client.asked[3][2]["params"])
    assert params["network"] == "3 → 4 tanh → 1 sigmoid"
    assert params["epochs"] == "3"
    metrics = {name: (value, step) for name, value, _, step in client.asked[6][2]["metrics"]}
    assert metrics["objective"] == (model.history_.objective[-1], 3)
    assert_allclose(metrics["gradient_norm/layer_1"][0], norms_of(model)[0], rtol=1e-6)
    assert client.asked[-2] == ("set_terminated", (run_id,), {"status": "FINISHED"})
    np.testing.assert_array_equal(client.model.predict_proba(X), model.predict_proba(X))
    model.fit(X, Y)
    assert len(tracker.run_ids) == 1
    assert tracker.run_ids != [run_id]


def test_copies_hold_nothing_open(client, tmp_path):
    for tracker in (MLflow("x"), TensorBoard(tmp_path), JSONLines(tmp_path / "f")):
        MLPClassifier(callbacks=[tracker], **FEW).fit(X, Y)
        for copied in (copy.deepcopy(tracker), pickle.loads(pickle.dumps(tracker))):
            assert copied.every == 1


def test_a_server_that_refuses(client):
    def refuse(*_, **__):
        raise OSError("connection refused")

    client.get_experiment_by_name = refuse
    with pytest.raises(EngineError, match=r"MLflow at http://x refused.*connection refused"):
        MLPClassifier(callbacks=[MLflow("http://x")], **FEW).fit(X, Y)


def test_with_mlflow_itself(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    # the one store that its client has without a database
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "store").as_uri()
    tracker = MLflow(uri)
    model = MLPClassifier(activation="tanh", callbacks=[tracker], **FEW).fit(X, Y)
    client = mlflow.tracking.MlflowClient(tracking_uri=uri)
    history = client.get_metric_history(tracker.run_ids[0], "objective")
    assert_allclose([metric.value for metric in history], model.history_.objective)
    assert [file.path for file in client.list_artifacts(tracker.run_ids[0], "model")] == [
        "model/model.clearprop"
    ]
