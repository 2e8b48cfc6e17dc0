"""The live network of notebooks: what it sends, against the run that it listens to."""

import itertools
import pickle
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from clearprop import MLPClassifier, RNNClassifier, explain
from clearprop.errors import SettingError

pytest.importorskip("anywidget", reason="the extra `notebook` is not installed")

from clearprop.notebook import LiveNetwork

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def model(live, **given):
    settings = {"hidden_layer_sizes": (3,), "max_iter": 4, "random_state": 0, "engine": "reference"}
    return MLPClassifier(**settings | given, callbacks=[live])


def texts(message):
    return [mark["text"] for mark in message["scene"]["marks"] if mark["kind"] == "words"]


def test_the_picture_holds_the_numbers_of_the_trained_network():
    live = LiveNetwork(frames=1e9)
    fitted = model(live).fit(X, Y)
    accounted = explain(fitted, X[:1], Y[:1])
    signal, delta = accounted.trace.z[0][0, 0], accounted.trace.delta[1][0, 0]
    shown = [text.replace("−", "-") for text in texts(live.frame["network"])]
    assert f"{signal:.4g}" in shown
    assert f"δ {delta:.4g}" in shown
    assert f"{fitted.coefs_[0][0, 0]:.4g}" in shown
    assert live.frame["line"].startswith("Epoch 4 of 4 · step 4 · loss ")
    assert live.frame["line"].endswith("all epochs were run")


def test_curves_are_those_of_the_history():
    live = LiveNetwork(lang="zh")
    fitted = model(live, early_stopping=True, n_iter_no_change=9).fit(X, Y)
    paths = [m for m in live.frame["curves"]["scene"]["marks"] if m["kind"] == "path"]
    drawn = [[y for _, _, y in path["commands"]] for path in paths if len(path["commands"]) == 4]
    for values in (fitted.history_.loss, fitted.history_.validation_loss):
        # heights on the page are the losses, turned over
        assert any(np.corrcoef(heights, values)[0, 1] < -1 + 1e-6 for heights in drawn), (
            drawn,
            values,
        )
    assert live.frame["line"].startswith("第 4 轮，共 4 轮")
    assert live.frame["lang"] == "zh-Hans"


@pytest.mark.parametrize(("frames", "expected"), [(1e9, 13), (0.001, 3)])
def test_it_sends_while_the_run_goes_on_and_not_more_than_asked_for(monkeypatch, frames, expected):
    # a clock that goes on by a second whenever the widget looks at it, once for each of 40 events:
    # a picture takes one second and so leaves the next four to the run; besides those, the run's
    # beginning, its end, and the names are shown
    clock = itertools.count()
    fake = SimpleNamespace(perf_counter=lambda: float(next(clock)))
    monkeypatch.setattr("clearprop.notebook.live.time", fake)
    live, sent = LiveNetwork(frames=frames), []
    live.observe(lambda change: sent.append(change["new"]["line"]), "frame")
    model(live, max_iter=20).fit(X, Y)
    assert sent[0] == "A run begins"
    assert sent[-1].startswith("Epoch 20 of 20")
    assert len(sent) == expected, sent


def test_columns_are_named_when_the_estimator_knows_them():
    pandas = pytest.importorskip("pandas")
    live = LiveNetwork(weight="h1.2<-x2")
    model(live, max_iter=1).fit(pandas.DataFrame(X, columns=["length", "x2"]), Y)
    assert "length" in texts(live.frame["network"])
    assert "h1.2<-x2" in live.frame["caption"]


def test_a_recurrent_network_shows_its_curves_and_says_why_no_picture():
    live = LiveNetwork()
    sequences = [row[:, None] for row in X]
    RNNClassifier(units=2, max_iter=3, engine="reference", callbacks=[live]).fit(sequences, Y)
    assert live.frame["network"] is None
    assert "explain(model, X, y)" in live.frame["caption"]
    assert live.frame["curves"] is not None


def test_copies_show_in_the_same_place_and_other_processes_nothing():
    live = LiveNetwork()
    assert clone(model(live)).callbacks[0] is live
    assert deepcopy(live) is live
    silent = pickle.loads(pickle.dumps(live))
    model(silent, max_iter=1).fit(X, Y)
    assert live.frame == {}


def test_what_makes_no_sense_is_refused():
    with pytest.raises(SettingError, match="no language 'de'"):
        LiveNetwork(lang="de")
    with pytest.raises(SettingError, match="row must be a whole number"):
        LiveNetwork(row=-1)
    with pytest.raises(SettingError, match=r"no row 40 .* 40 rows"):
        model(LiveNetwork(row=40)).fit(X, Y)
    with pytest.raises(SettingError, match="frames must be above 0"):
        LiveNetwork(frames=0)
