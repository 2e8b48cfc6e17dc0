"""TabularSearch: what it tries, what it keeps, how it ends and goes on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from clearprop import TabularClassifier, TabularRegressor, TabularSearch
from clearprop.errors import DataError, FileError, SettingError
from clearprop.estimators.search_space import parameters_of_trial, space_for

SHORT = {"hidden_layer_sizes": (8,), "max_epochs": 5}
SPACE = {"learning_rate": ("log", 0.001, 0.1), "dropout": [0.0, 0.5], "l2": ("uniform", 0, 1)}


def _table(rows=100):
    draw = np.random.default_rng(0)
    x = draw.normal(size=rows)
    return pd.DataFrame({"x": x}), np.where(x > 0.3, "a", "b"), 3 * x


def _search(**options):
    return TabularSearch(TabularClassifier(**SHORT), space=SPACE, **{"trials": 3, **options})


def test_the_best_trial_is_the_one_of_the_best_validation_metric():
    X, y, _ = _table()
    found = _search().fit(X, y)
    assert [trial.number for trial in found.trials_] == [0, 1, 2]
    assert found.trials_[0].parameters == {}
    for trial in found.trials_:
        model = TabularClassifier(**SHORT).set_params(**trial.parameters).fit(X, y)
        assert trial.score == max(model.history_.validation_score)
    best = max(found.trials_, key=lambda trial: trial.score)
    assert found.best_trial_ == best
    again = TabularClassifier(**SHORT).set_params(**best.parameters).fit(X, y)
    np.testing.assert_array_equal(found.best_estimator_.predict_proba(X), again.predict_proba(X))
    assert found.score(X, y) == again.score(X, y)


def test_numbers_are_held_against_each_other_by_their_loss():
    X, _, y = _table()
    found = TabularSearch(TabularRegressor(**SHORT), space=SPACE, trials=2).fit(X, y)
    model = TabularRegressor(**SHORT).fit(X, y)
    assert found.trials_[0].score == -min(model.history_.validation_loss)


def test_a_draw_depends_on_seed_and_number_alone():
    for number in range(1, 200):
        drawn = parameters_of_trial(SPACE, 3, number)
        assert 0.001 <= drawn["learning_rate"] <= 0.1
        assert drawn["dropout"] in (0.0, 0.5)
        assert 0 <= drawn["l2"] <= 1
        assert drawn == parameters_of_trial(SPACE, 3, number)
        assert drawn != parameters_of_trial(SPACE, 4, number)
    logs = [np.log10(parameters_of_trial(SPACE, 0, k)["learning_rate"]) for k in range(1, 400)]
    # a uniform number between -3 and -1 has mean -2 and deviation 2/√12
    assert np.mean(logs) == pytest.approx(-2, abs=0.1)
    assert np.std(logs) == pytest.approx(0.577, abs=0.05)


@pytest.mark.parametrize("classes", [True, False])
def test_the_stated_space_is_of_the_estimators_parameters(classes):
    known = (TabularClassifier if classes else TabularRegressor)().get_params()
    assert set(space_for(classes=classes)) <= set(known)


def test_a_search_goes_on_from_its_file(tmp_path):
    X, y, _ = _table()
    file = tmp_path / "trials.json"
    whole = _search(trials=4).fit(X, y)
    _search(trials=2, file=file).fit(X, y)
    assert len(json.loads(file.read_text())["trials"]) == 2
    told = []
    resumed = _search(trials=4, file=file, watchers=[told.append]).fit(X, y)
    assert [t.parameters for t in resumed.trials_] == [t.parameters for t in whole.trials_]
    assert [t.score for t in resumed.trials_] == [t.score for t in whole.trials_]
    assert told == resumed.trials_
    np.testing.assert_array_equal(
        resumed.best_estimator_.predict_proba(X), whole.best_estimator_.predict_proba(X)
    )


def test_trials_of_another_search_are_refused(tmp_path):
    X, y, _ = _table()
    file = tmp_path / "trials.json"
    _search(trials=1, file=file).fit(X, y)
    with pytest.raises(SettingError, match="its seed was 0, and now it is 1"):
        _search(random_state=1, file=file).fit(X, y)
    with pytest.raises(SettingError, match="its rows was 100"):
        _search(file=file).fit(X[:90], y[:90])
    file.write_text("{}")
    with pytest.raises(FileError, match="holds no trials"):
        _search(file=file).fit(X, y)


def test_time_runs_out(monkeypatch):
    X, y, _ = _table()
    clock = iter(range(0, 10_000_000, 40))
    monkeypatch.setattr("clearprop.estimators.search.time.perf_counter", lambda: next(clock))
    # the first trial takes as long as it does; another one has no time left
    assert len(_search(trials=None, minutes=1.0).fit(X, y).trials_) == 1


def test_interrupted_searches_keep_what_is_done(tmp_path):
    X, y, _ = _table()

    def interrupt(event):
        if type(event).__name__ == "Epoch" and len(told) == 2:
            raise KeyboardInterrupt
        return False

    told = []
    model = TabularClassifier(**SHORT, callbacks=[interrupt])
    file = tmp_path / "t.json"
    found = TabularSearch(model, space=SPACE, trials=9, file=file, watchers=[told.append])
    assert len(found.fit(X, y).trials_) == 2
    assert len(json.loads(file.read_text())["trials"]) == 2


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"minutes": 0}, "minutes"),
        ({"trials": 0}, "trials"),
        ({"space": {"depth": [1]}}, "'depth'"),
        ({"space": {"dropout": ("log", 0, 1)}}, "low"),
        ({"space": {"dropout": []}}, "list"),
        ({"space": {}}, "space"),
    ],
)
def test_wishes_that_cannot_be_had(options, part):
    X, y, _ = _table()
    with pytest.raises(SettingError, match=part):
        TabularSearch(TabularClassifier(**SHORT), **options).fit(X, y)


def test_without_validation_rows_nothing_can_be_compared():
    X, y, _ = _table()
    with pytest.raises(DataError, match="n_cv=5"):
        TabularSearch(TabularClassifier(**SHORT, validation_fraction=0)).fit(X, y)
