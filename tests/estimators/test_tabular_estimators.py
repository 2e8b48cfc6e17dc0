"""TabularClassifier and TabularRegressor: frames as they come, and scikit-learn's conventions."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import datasets
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

import clearprop
from clearprop import CustomLoss, TabularClassifier, TabularRegressor
from clearprop.errors import ClearpropError, DataError, DivergenceError, GradientError
from clearprop.estimators.tabular_data import ROWS_AT_ONCE
from clearprop.tables import read_table

SHORT = {"hidden_layer_sizes": (8,), "max_epochs": 4}


def _people(rows=120):
    draw = np.random.default_rng(0)
    age = draw.integers(18, 80, rows)
    return pd.DataFrame(
        {
            "age": age,
            "height": np.where(draw.random(rows) > 0.8, np.nan, draw.normal(170, 10, rows)),
            "city": draw.choice(["Oslo", "Kyoto", "Lima"], rows),
            "member": draw.random(rows) > 0.5,
            "joined": pd.date_range("2020-01-01", periods=rows, freq="D"),
            "same": 1,
            "age again": age,
            "buys": np.where(age + draw.normal(0, 5, rows) > 45, "yes", "no"),
        }
    )


def test_a_frame_as_it_comes():
    model = TabularClassifier(**SHORT).fit(_people(), "buys")
    kinds = {column.name: type(column).__name__ for column in model.encoder_.columns}
    assert kinds == {
        "age": "NumberColumn",
        "height": "NumberColumn",
        "city": "CategoryColumn",
        "member": "BooleanColumn",
        "joined": "DateColumn",
        "same": "DroppedColumn",
        "age again": "DroppedColumn",
    }
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.feature_names_in_.tolist() == list(_people().columns[:-1])
    assert set(model.predict(_people())) <= {"no", "yes"}


def test_pandas_polars_and_arrow_give_the_same_bits():
    frame = _people()
    fits = [
        TabularClassifier(**SHORT).fit(table, "buys")
        for table in (frame, pl.from_pandas(frame), pl.from_pandas(frame).to_arrow())
    ]
    for other in fits[1:]:
        np.testing.assert_array_equal(other.parameters_.vector, fits[0].parameters_.vector)
        np.testing.assert_array_equal(other.predict(frame), fits[0].predict(pl.from_pandas(frame)))


def test_a_target_may_be_a_name_or_an_array_or_a_series():
    frame = _people()
    X, y = frame.drop(columns="buys"), frame["buys"]
    by_name = TabularClassifier(**SHORT).fit(frame, "buys")
    for target in (y, y.to_numpy(), list(y), pl.Series(y.to_list())):
        other = TabularClassifier(**SHORT).fit(X, target)
        np.testing.assert_array_equal(other.predict_proba(X), by_name.predict_proba(frame))
        assert other.score(X, y) == by_name.score(frame, "buys") == np.mean(by_name.predict(X) == y)


def test_values_that_training_never_had():
    model = TabularClassifier(**SHORT).fit(_people(), "buys")
    frame = pl.from_pandas(_people()[:3]).with_columns(
        city=pl.Series(["Rome", None, "Lima"]), age=pl.lit(None, pl.Int64)
    )
    # as a row of which the city is not known: no feature of the column is set
    encoded = model.encoder_.transform(frame)
    columns = [k for k, name in enumerate(model.encoder_.feature_names) if name.startswith("city=")]
    assert encoded[:, columns].sum(axis=1).tolist() == [0, 0, 1]
    assert np.isfinite(model.predict_proba(frame)).all()


def test_regression_is_in_the_targets_own_units():
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 400))
    y = 1e6 + 1e5 * a - 3e4 * b
    X = pd.DataFrame({"a": a, "b": b})
    options = {"max_epochs": 200, "learning_rate": 0.02, "batch_size": 32}
    linear = TabularRegressor((), **options).fit(X, y)
    np.testing.assert_allclose(linear.predict(X), y, rtol=2e-3)
    # the unit of the target changes nothing but the unit of the answers
    scaled = TabularRegressor((), **options).fit(X, y / 1e6)
    np.testing.assert_allclose(scaled.predict(X) * 1e6, linear.predict(X), rtol=1e-5)


def test_several_targets_and_labels():
    frame = _people()[["age", "member"]]
    y = np.column_stack([frame["age"] * 2.0, -3.0 * frame["age"]])
    model = TabularRegressor((16,), max_epochs=100).fit(frame, y)
    assert model.predict(frame).shape == (120, 2)
    assert model.score(frame, y) > 0.95
    flags = np.column_stack([frame["age"] > 40, frame["member"]])
    labels = TabularClassifier((16,), max_epochs=200).fit(frame, flags)
    assert labels.score(frame, flags) > 0.95
    np.testing.assert_array_equal(labels.predict(frame), labels.predict_proba(frame) > 0.5)


def test_poisson_counts():
    draw = np.random.default_rng(0)
    x = draw.normal(size=600)
    y = draw.poisson(np.exp(1 + 0.5 * x))
    model = TabularRegressor((), loss="poisson", max_epochs=100, learning_rate=0.05, batch_size=32)
    X = pd.DataFrame({"x": x})
    predicted = model.fit(X, y).predict(X)
    assert predicted.min() > 0
    np.testing.assert_allclose(predicted, np.exp(1 + 0.5 * x), rtol=0.15)


@pytest.mark.parametrize("wish", ["balanced", {"yes": 3.0, "no": 0.5}])
def test_class_weights_are_sample_weights(wish):
    frame = _people()
    by_class = TabularClassifier(**SHORT, class_weight=wish).fit(frame, "buys")
    weights = compute_sample_weight(wish, frame["buys"])
    by_row = TabularClassifier(**SHORT).fit(frame, "buys", weights)
    plain = TabularClassifier(**SHORT).fit(frame, "buys")
    np.testing.assert_array_equal(by_class.parameters_.vector, by_row.parameters_.vector)
    assert by_class.history_.validation_loss == by_row.history_.validation_loss
    assert (by_class.parameters_.vector != plain.parameters_.vector).any()


def test_groups_stay_together_and_time_goes_on():
    frame = _people().assign(row=np.arange(120))
    groups = frame["row"] // 10
    run = TabularClassifier(**SHORT).prepare(frame[["row"]], frame["buys"], groups=groups).run
    # the encoding of one column of numbers keeps their order, so its ranks are the row numbers
    encoded = np.concatenate([run.block.x[:, 0], run.validation.block.x[:, 0]])
    rows = encoded.argsort().argsort()
    training, validation = np.split(rows // 10, [run.block.rows])
    assert not set(training) & set(validation)
    assert set(training) | set(validation) == set(range(12))
    timed = TabularClassifier(**SHORT).prepare(frame[["row"]], frame["buys"], time=frame["row"]).run
    assert timed.validation.block.x.min() > timed.block.x.max()


def test_one_group_holds_nothing_out():
    run = TabularClassifier(**SHORT).prepare(_people(), "buys", groups=np.zeros(120)).run
    assert run.validation is None
    assert run.block.rows == 120


def test_validation_data_of_ones_own():
    frame = _people()
    model = TabularClassifier(**SHORT, calibrate=False, label_smoothing=0, validation_metric="loss")
    prepared = model.prepare(frame[:80], "buys", validation_data=(frame[80:], "buys"))
    assert (prepared.run.block.rows, prepared.run.validation.block.rows) == (80, 40)
    model.fit(frame[:80], "buys", validation_data=(frame[80:], "buys"))
    truth = (frame["buys"][80:] == "yes").to_numpy()
    chance = model.predict_proba(frame[80:])[:, 1].astype(float)
    loss = -np.mean(np.log(np.where(truth, chance, 1 - chance)))
    assert min(model.history_.validation_loss) == pytest.approx(loss, rel=1e-5)


def test_validation_rows_have_weights_too():
    frame, weights = _people(), np.linspace(0, 3, 120)
    plain = {"calibrate": False, "label_smoothing": 0, "validation_metric": "loss"}
    model = TabularClassifier(**SHORT, **plain, class_weight={"yes": 5, "no": 1})
    given = (frame[80:], "buys", weights[80:])
    model.fit(frame[:80], "buys", weights[:80], validation_data=given)
    truth = (frame["buys"][80:] == "yes").to_numpy()
    chance = model.predict_proba(frame[80:])[:, 1].astype(float)
    losses = -np.log(np.where(truth, chance, 1 - chance))
    loss = np.average(losses, weights=weights[80:] * np.where(truth, 5, 1))
    assert min(model.history_.validation_loss) == pytest.approx(loss, rel=1e-5)


def test_preparing_leaves_the_estimator_alone():
    model = TabularClassifier(**SHORT)
    prepared = model.prepare(_people(), "buys")
    assert not [name for name in vars(model) if name.endswith("_")]
    model.keep(prepared, prepared.run.finish())
    whole = TabularClassifier(**SHORT).fit(_people(), "buys")
    np.testing.assert_array_equal(model.parameters_.vector, whole.parameters_.vector)


def test_seeds():
    frame = _people()
    vectors = {
        seed: TabularClassifier(**SHORT, random_state=seed).fit(frame, "buys").parameters_.vector
        for seed in (0, 1)
    }
    again = TabularClassifier(**SHORT, random_state=np.int64(1)).fit(frame, "buys")
    np.testing.assert_array_equal(again.parameters_.vector, vectors[1])
    assert (vectors[0] != vectors[1]).any()
    orders = [
        TabularClassifier(**SHORT, random_state=seed).prepare(frame, "buys").run.settings.orders
        for seed in (0, 1)
    ]
    assert (orders[0].order(0, 50) != orders[1].order(0, 50)).any()
    drawn = TabularClassifier(**SHORT, random_state=np.random.RandomState(3))
    assert np.isfinite(drawn.fit(frame, "buys").parameters_.vector).all()


def test_warm_start_goes_on():
    frame = _people()
    model = TabularClassifier((8,), max_epochs=10, warm_start=True).fit(frame, "buys")
    first, encoder = model.history_.loss, model.encoder_
    model.fit(frame, "buys")
    assert model.encoder_ is encoder
    assert model.history_.loss[0] < first[0]
    with pytest.raises(DataError, match="row 3 holds 'maybe'"):
        model.fit(frame.assign(buys=["no", "yes", "maybe", *frame["buys"][3:]]), "buys")


def _round_trips():
    frame = _people()
    numeric = frame[["age", "city"]]
    yield TabularClassifier(**SHORT, class_weight={"yes": 2, "no": 1}), frame, "buys"
    yield TabularClassifier(**SHORT, class_weight={0: 2.0, 2: 0.5}), numeric, frame["age"] % 3
    yield TabularClassifier(**SHORT, label_smoothing=0.1, drop=("city",)), frame, "buys"
    yield TabularRegressor(**SHORT, loss="huber(0.5)", activation="leaky_relu(0.2)"), frame, "age"
    yield TabularRegressor(**SHORT, loss="poisson"), numeric, frame["age"] * 1.0


@pytest.mark.parametrize(("model", "X", "y"), list(_round_trips()))
def test_round_trips(model, X, y, tmp_path):
    model.fit(X, y)
    model.metrics_ = [{"name": "R²", "value": 0.5, "baseline": None, "higher_is_better": True}]
    clearprop.save(model, tmp_path / "m.clearprop")
    loaded = clearprop.load(tmp_path / "m.clearprop")
    pickled = pickle.loads(pickle.dumps(model))
    for other in (loaded, pickled):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        assert other.get_params() == model.get_params()
        assert other.history_ == model.history_
        assert other.metrics_ == model.metrics_
    assert clone(loaded).get_params() == model.get_params()


def test_a_loss_of_ones_own(tmp_path):
    frame = _people()
    half = CustomLoss(lambda y, a: 0.5 * ((a - y) ** 2).sum(-1), lambda y, z, a: a - y, "half")
    own = TabularRegressor(**SHORT, loss=half, engine="reference").fit(frame, "age")
    same = TabularRegressor(**SHORT, engine="reference").fit(frame, "age")
    np.testing.assert_allclose(own.predict(frame), same.predict(frame), rtol=1e-5)
    clearprop.save(own, tmp_path / "m.clearprop")
    loaded = clearprop.load(tmp_path / "m.clearprop")
    np.testing.assert_array_equal(loaded.predict(frame), own.predict(frame))
    wrong = CustomLoss(lambda y, a: ((a - y) ** 2).sum(-1), lambda y, z, a: a - y, "twice")
    with pytest.raises(GradientError, match="'twice'"):
        TabularRegressor(**SHORT, loss=wrong).fit(frame, "age")


def test_a_loss_of_ones_own_for_classes():
    def value(y, a):
        return -(y * np.log(a)).sum(-1)

    entropy = CustomLoss(value, lambda y, z, a: a - y, "entropy")
    X, y = datasets.load_iris(return_X_y=True, as_frame=True)
    own = TabularClassifier((8,), max_epochs=20, loss=entropy).fit(X, y)
    plain = {"calibrate": False, "label_smoothing": 0, "validation_metric": "loss"}
    same = TabularClassifier((8,), max_epochs=20, **plain).fit(X, y)
    np.testing.assert_allclose(own.predict_proba(X), same.predict_proba(X), atol=1e-4)


def test_predictions_in_blocks_are_those_of_the_whole():
    frame = pl.from_pandas(_people())
    model = TabularClassifier(**SHORT).fit(frame, "buys")
    large = pl.concat([frame] * (ROWS_AT_ONCE // frame.height + 2))
    assert large.height > ROWS_AT_ONCE
    small = model.predict_proba(frame)
    got = model.predict_proba(large)
    np.testing.assert_allclose(got[: frame.height], small, rtol=1e-5)
    np.testing.assert_allclose(got[-frame.height :], small, rtol=1e-5)
    late = large.with_columns(
        age=pl.when(pl.int_range(pl.len()) == ROWS_AT_ONCE + 4).then(pl.lit("old")).otherwise("age")
    )
    with pytest.raises(DataError, match=f"row {ROWS_AT_ONCE + 5} holds 'old'"):
        model.predict(late)


def test_callbacks_can_stop():
    seen = []

    def after_two(event):
        seen.append(type(event).__name__)
        return getattr(event, "epochs", None) is not None and event.epoch == 2

    model = TabularClassifier((8,), max_epochs=50, callbacks=[after_two]).fit(_people(), "buys")
    assert model.stop_.reason == "listener"
    assert len(model.history_) == 2
    assert seen[-1] == "Stop"


def test_divergence():
    with pytest.raises(DivergenceError, match="epoch 1"):
        TabularClassifier(**SHORT, learning_rate=1e30, batch_size=8).fit(_people(), "buys")
    model = TabularRegressor(
        (), max_epochs=60, learning_rate=1e21, validation_fraction=0, dropout=0
    )
    with pytest.warns(ConvergenceWarning, match="are kept"):
        model.fit(pd.DataFrame({"x": np.arange(30.0)}), np.arange(30.0) ** 2)
    assert np.isfinite(model.predict(pd.DataFrame({"x": [1.0]}))).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"dropout": 2},
        {"l2": -1},
        {"learning_rate": 0},
        {"max_epochs": 0},
        {"validation_fraction": 1.5},
        {"patience": -1},
        {"hidden_layer_sizes": (0,)},
        {"batch_size": 0},
        {"engine": "warp"},
        {"threads": 0},
        {"random_state": -1},
        {"class_weight": {"maybe": 1}},
        {"class_weight": 3},
        {"drop": ("nope",)},
        {"activation": "softmax"},
        {"loss": "nope"},
    ],
)
def test_parameters_out_of_range(parameters):
    with pytest.raises(
        ClearpropError, match=str(next(iter(parameters.values()))).strip("(),{}")[:5]
    ):
        TabularClassifier(**{**SHORT, **parameters}).fit(_people(), "buys")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda f: f.assign(height=[np.inf, *f["height"][1:]]), "'height' holds inf in row 1"),
        (lambda f: f.assign(buys="yes"), "'yes' in every row"),
        (lambda f: f.assign(buys=[None, *f["buys"][1:]]), r"missing in 1 of 120 rows \(row 1\)"),
        (lambda f: f[:0], "rows"),
        (lambda f: f[["buys"]], "at least one column"),
    ],
)
def test_tables_that_cannot_be_learned_from(change, part):
    with pytest.raises(DataError, match=part):
        TabularClassifier(**SHORT).fit(change(_people()), "buys")


@pytest.mark.parametrize(
    ("weights", "part"),
    [
        ([1.0] * 3, "shape"),
        ([-1.0] * 120, "row 1 has -1"),
        ([0.0] * 120, "All"),
        (["a"] * 120, "numbers"),
    ],
)
def test_sample_weights_that_do_not_fit(weights, part):
    with pytest.raises(ClearpropError, match=part):
        TabularClassifier(**SHORT).fit(_people(), "buys", weights)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        TabularRegressor().predict(_people())


def _banded(X, y, model, baseline, at_least, band=0.05):
    split = train_test_split(X, y, random_state=0, test_size=0.3)
    score = model.fit(split[0], split[2]).score(split[1], split[3])
    reached = make_pipeline(StandardScaler(), baseline).fit(split[0], split[2])
    assert score >= reached.score(split[1], split[3]) - band
    assert score >= at_least


@pytest.mark.parametrize(
    ("load", "at_least"), [("iris", 0.9), ("breast_cancer", 0.93), ("wine", 0.93)]
)
def test_accuracy_beside_logistic_regression(load, at_least):
    X, y = getattr(datasets, f"load_{load}")(return_X_y=True, as_frame=True)
    model = TabularClassifier(max_epochs=128)
    _banded(X, y, model, LogisticRegression(max_iter=1000), at_least)


def test_diabetes_beside_linear_regression():
    X, y = datasets.load_diabetes(return_X_y=True, as_frame=True)
    # 300 rows, on which a line is hard to beat
    _banded(X, y, TabularRegressor(max_epochs=64), LinearRegression(), 0.2, band=0.2)


def _data(name):
    folder = os.environ.get("CLEARPROP_DATA")
    if not folder:
        pytest.skip("CLEARPROP_DATA names no folder with the tables")
    return read_table(Path(folder, name))


@pytest.mark.data
def test_adult():
    frame = _data("adult.csv").sample(8000, seed=0)
    model = TabularClassifier(max_epochs=12).fit(frame[:6000], "income-per-year")
    assert model.score(frame[6000:], "income-per-year") > 0.83


@pytest.mark.data
def test_housing():
    frame = _data("housing.csv").sample(8000, seed=0)
    model = TabularRegressor(max_epochs=12).fit(frame[:6000], "median_house_value")
    assert model.score(frame[6000:], "median_house_value") > 0.68
