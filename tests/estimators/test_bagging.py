"""Networks of several folds: averaged, calibrated on the rows that each had not seen, stored."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

import clearprop
from clearprop import TabularClassifier, TabularRegressor
from clearprop.engines import Recipe, build
from clearprop.errors import SettingError
from clearprop.estimators.calibration import Answers, temperature_of

SHORT = {"hidden_layer_sizes": (8,), "max_epochs": 10}


def _table(rows=150):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 2))
    y = np.where(x[:, 0] + draw.normal(0, 0.7, rows) > 0, "yes", "no")
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "buys": y})


def test_answers_are_the_mean_of_the_networks_of_the_folds(tmp_path):
    frame = _table()
    model = TabularClassifier(**SHORT, n_cv=3, calibrate=False)
    prepared = model.prepare(frame, "buys")
    runs = list(prepared.runs())
    outcomes = [run.finish() for run in runs]
    model.keep(prepared, outcomes)
    x = model.encoder_.transform(clearprop.tables.as_frame(frame))
    each = [
        run.engine.predict(o.parameters.vector, x) for run, o in zip(runs, outcomes, strict=True)
    ]
    np.testing.assert_allclose(model.raw_outputs(frame), np.mean(each, axis=0), rtol=1e-6)
    assert len({tuple(p.vector[:5]) for p in model.bagged_}) == 3
    held = np.concatenate([np.setdiff1d(np.arange(150), d.train) for d in prepared.divisions])
    assert sorted(held.tolist()) == list(range(150))
    fitted = TabularClassifier(**SHORT, n_cv=3, calibrate=False).fit(frame, "buys")
    np.testing.assert_array_equal(fitted.predict_proba(frame), model.predict_proba(frame))


def test_one_temperature_from_all_rows_each_answered_by_the_network_that_had_not_seen_it():
    frame = _table()
    plain = TabularClassifier(**SHORT, n_cv=3, calibrate=False)
    prepared = plain.prepare(frame, "buys")
    plain.keep(prepared, prepared.finish())
    rows = [np.setdiff1d(np.arange(150), division.train) for division in prepared.divisions]
    answers = [plain.outputs_of_each(frame.iloc[r])[k] for k, r in enumerate(rows)]
    truth = (frame["buys"].to_numpy()[np.concatenate(rows)] == "yes").astype(float)
    expected = temperature_of(Answers.of(np.concatenate(answers), truth[:, None], None))
    model = TabularClassifier(**SHORT, n_cv=3).fit(frame, "buys")
    assert model.temperature_ == pytest.approx(expected, rel=1e-6)


def test_files_and_pickles_hold_all_networks(tmp_path):
    frame = _table()
    for model, y in ((TabularClassifier, "buys"), (TabularRegressor, "a")):
        fitted = model(**SHORT, n_cv=3).fit(frame, y)
        clearprop.save(fitted, tmp_path / "m.clearprop")
        for other in (clearprop.load(tmp_path / "m.clearprop"), pickle.loads(pickle.dumps(fitted))):
            assert len(other.bagged_) == 3
            assert other.choices_ == fitted.choices_
            np.testing.assert_array_equal(other.predict(frame), fitted.predict(frame))
            np.testing.assert_array_equal(other.raw_outputs(frame), fitted.raw_outputs(frame))


def test_groups_and_time_hold_in_folds():
    frame = _table().assign(row=np.arange(150))
    options = {**SHORT, "n_cv": 3}
    groups = np.arange(150) // 10
    for division in TabularClassifier(**options).prepare(frame, "buys", groups=groups).divisions:
        held = np.setdiff1d(np.arange(150), division.train)
        assert not set(groups[held]) & set(groups[division.train])
    for division in (
        TabularClassifier(**options).prepare(frame, "buys", time=frame["row"]).divisions
    ):
        assert division.train.max() < division.frame["row"].min()


def test_warm_start_goes_on_with_every_network():
    frame = _table()
    model = TabularClassifier(**SHORT, n_cv=2, calibrate=False).fit(frame, "buys")
    first = [parameters.vector.copy() for parameters in model.bagged_]
    model.set_params(warm_start=True, learning_rate=1e-9).fit(frame, "buys")
    for before, after in zip(first, model.bagged_, strict=True):
        np.testing.assert_allclose(after.vector, before, atol=1e-5)
    with pytest.raises(SettingError, match="2 networks and would go on with 3"):
        model.set_params(n_cv=3).fit(frame, "buys")


def test_an_interrupted_fit_keeps_the_networks_it_has():
    seen = []

    def after_the_second_run_began(event):
        seen.append(type(event).__name__)
        return seen.count("Stop") == 1 and seen[-1] == "Epoch"

    model = TabularClassifier(**SHORT, n_cv=4, callbacks=[after_the_second_run_began])
    model.fit(_table(), "buys")
    assert len(model.bagged_) == 2


@pytest.mark.parametrize("wish", [0, 1.5, True])
def test_folds_that_are_no_number(wish):
    with pytest.raises(SettingError, match="n_cv"):
        TabularClassifier(**SHORT, n_cv=wish).fit(_table(), "buys")


def test_validation_rows_of_ones_own_and_folds_do_not_go_together():
    frame = _table()
    with pytest.raises(SettingError, match="do not go together"):
        TabularClassifier(**SHORT, n_cv=2).fit(frame, "buys", validation_data=(frame, "buys"))


def test_members_are_one_network_whose_answers_are_averaged(tmp_path):
    frame = _table()
    model = TabularClassifier(**SHORT, members=3, embeddings=False).fit(frame, "buys")
    assert model.network_.members == 3
    x = model.encoder_.transform(clearprop.tables.as_frame(frame))
    each = []
    for number in range(3):
        one = model.parameters_.member(number)
        engine = build("reference", one.network, Recipe())
        each.append(engine.predict(one.vector, x))
    assert not np.allclose(each[0], each[1], rtol=1e-3)
    np.testing.assert_allclose(model.raw_outputs(frame), np.mean(each, axis=0), rtol=1e-5)
    clearprop.save(model, tmp_path / "m.clearprop")
    loaded = clearprop.load(tmp_path / "m.clearprop")
    np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
