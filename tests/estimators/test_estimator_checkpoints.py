"""Estimators whose run was broken off: fit again, and all that was fitted is the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from clearprop import (
    Checkpoints,
    MLPClassifier,
    MLPRegressor,
    RNNClassifier,
    TabularClassifier,
    load,
    save,
)
from clearprop.errors import FileError, SettingError
from clearprop.training import Epoch

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 3))
Y = (X[:, 0] > X[:, 1]).astype(int)
SERIES = RANDOM.normal(size=(30, 4, 2))


class BrokenOffError(Exception):
    pass


def mlp(**changes):
    given = {
        "max_iter": 6, "batch_size": 16, "random_state": 4, "early_stopping": True,
        "n_iter_no_change": 2, "tol": 0.01, "engine": "reference", "dropout": 0.2,
    }  # fmt: skip
    return MLPClassifier((5,), **{**given, **changes})


def rnn(**changes):
    given = {"max_iter": 4, "random_state": 4, "engine": "reference", "early_stopping": True}
    return RNNClassifier(3, **{**given, **changes})


def tabular(**changes):
    given = {
        "max_epochs": 3, "batch_size": 16, "n_cv": 3, "members": 2, "embeddings": False,
        "engine": "reference",
    }  # fmt: skip
    return TabularClassifier((4,), **{**given, **changes})


DATA = {"mlp": (mlp, X, Y), "rnn": (rnn, SERIES, Y[:30]), "tabular": (tabular, X, Y)}


def breaking(moment):
    seen = []

    def strike(event):
        seen.append(event)
        if len(seen) == moment:
            raise BrokenOffError

    return strike


@pytest.mark.parametrize(("name", "moment"), [("mlp", 3), ("mlp", 8), ("rnn", 8), ("tabular", 12)])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_fitting_again_goes_on(name, moment, tmp_path, monkeypatch):
    monkeypatch.setattr("clearprop.training.loop.GRAIN", 1e-9)
    make, x, y = DATA[name]
    kept = Checkpoints(tmp_path, "1 step", resume=True)
    whole = make().fit(x, y)
    with pytest.raises(BrokenOffError):
        make(checkpoint=kept, callbacks=[breaking(moment)]).fit(x, y)
    if name == "tabular":
        assert min(path.name for path in tmp_path.iterdir()) == "fold-1"
    epochs = []
    model = make(checkpoint=kept, callbacks=[epochs.append]).fit(x, y)
    assert model.parameters_.vector.tobytes() == whole.parameters_.vector.tobytes()
    assert model.history_.objective == whole.history_.objective
    assert model.history_.validation_score == whole.history_.validation_score
    if name == "tabular":
        assert len(model.bagged_) == 3
        for one, two in zip(model.bagged_, whole.bagged_, strict=True):
            assert one.vector.tobytes() == two.vector.tobytes()
    else:
        assert (model.n_iter_, model.t_, model.loss_) == (whole.n_iter_, whole.t_, whole.loss_)
        assert model._memory.best == whole._memory.best
        # fewer epochs were run than there are
        assert sum(isinstance(event, Epoch) for event in epochs) < model.n_iter_ or moment < 5


def test_the_stream_of_chance_stands_where_it_would(tmp_path):
    """A generator of one's own goes on behind the fit as if nothing had happened."""
    draws = []
    for kept in (None, Checkpoints(tmp_path, resume=True)):
        if kept is not None:
            with pytest.raises(BrokenOffError):
                mlp(
                    random_state=np.random.RandomState(3), callbacks=[breaking(7)], checkpoint=kept
                ).fit(X, Y)
        random = np.random.RandomState(3)
        mlp(random_state=random, checkpoint=kept).fit(X, Y)
        draws.append(random.randint(2**31))
    assert draws[0] == draws[1]


def test_what_cannot_be_kept_is_refused_before_any_work(tmp_path):
    kept = Checkpoints(tmp_path)
    with pytest.raises(SettingError, match="what L-BFGS remembers lies within SciPy"):
        mlp(solver="lbfgs", checkpoint=kept).fit(X, Y)
    with pytest.raises(SettingError, match="checkpoint needs random_state"):
        mlp(random_state=None, checkpoint=kept).fit(X, Y)
    with pytest.raises(SettingError, match="checkpoint needs random_state"):
        tabular(random_state=None, checkpoint=kept).fit(X, Y)
    generator = np.random.RandomState(np.random.PCG64(1))
    with pytest.raises(SettingError, match="cannot be kept in a checkpoint"):
        mlp(random_state=generator, checkpoint=kept).fit(X, Y)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_clones_model_files_and_partial_fit(tmp_path):
    kept = Checkpoints(tmp_path / "kept", "5 epochs")
    model = clone(mlp(checkpoint=kept, early_stopping=False))
    assert model.checkpoint == kept
    model.partial_fit(X, Y, classes=[0, 1])
    assert not (tmp_path / "kept").exists()
    model.fit(X, Y)
    assert load(save(model, tmp_path / "m")).checkpoint is None
    # a search would give one folder to all of its fits
    with pytest.raises(FileError, match="holds checkpoints of an earlier run"):
        clone(model).fit(X, Y)
    regressor = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0, checkpoint=kept)
    with pytest.raises(FileError, match="holds checkpoints"):
        regressor.fit(X, Y)
