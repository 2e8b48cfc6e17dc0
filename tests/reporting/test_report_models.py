"""Baselines, importances, intervals and columns of a report, against what is made by hand here."""

import numpy as np
import polars as pl
import pytest
from report_cases import HELD, KINDS, ROWS, model, parts, reported
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from clearprop import report
from clearprop.errors import SettingError
from clearprop.explanation.attributions import typical_row
from clearprop.reporting import Limits
from clearprop.tables import TableEncoder


def given(kind, name):
    return next(one.given for one in reported(kind).baselines if one.name == name)


def as_numbers(frame):
    """The table as trees want it, by hand: a code for each colour, NaN for one that is new.

    Codes go by falling frequency in the rows learned from; what is missing has one, too.
    """
    (X, _), _ = parts("binary")
    counts = (
        X["colour"].drop_nulls().value_counts().sort("count", "colour", descending=[True, False])
    )
    codes = {name: float(code) for code, name in enumerate([*counts["colour"], None])}
    colour = [codes.get(one, np.nan) for one in frame["colour"]]
    return np.column_stack([frame["length"], colour, frame["wild"], frame["width"]]).astype(float)


def test_the_guess_knows_shares_and_means():
    (_, y), _ = parts("several")
    shares = y["kind"].value_counts().sort("kind")["count"].to_numpy() / ROWS
    assert given("several", "guess") == pytest.approx(np.tile(shares, (HELD, 1)))
    (_, prices), _ = parts("numbers")
    assert given("numbers", "guess") == pytest.approx(np.full((HELD, 1), prices["price"].mean()))


def test_the_linear_model_is_scikit_learns():
    (X, y), (held, _) = parts("binary")
    encoder = TableEncoder.fit(X.drop("same"))
    known, asked = (encoder.transform(part, np.float64) for part in (X, held))
    by_hand = LogisticRegression(max_iter=200).fit(known, y["kind"]).predict_proba(asked)
    assert given("binary", "linear") == pytest.approx(by_hand)
    (_, prices), _ = parts("numbers")
    by_hand = Ridge().fit(known, prices["price"]).predict(asked)
    assert given("numbers", "linear")[:, 0] == pytest.approx(by_hand)


def test_boosted_trees_see_categories_as_categories():
    (X, y), (held, _) = parts("binary")
    options = {"categorical_features": [1], "random_state": 0}
    trees = HistGradientBoostingClassifier(**options).fit(as_numbers(X), y["kind"])
    assert given("binary", "boosted") == pytest.approx(trees.predict_proba(as_numbers(held)))
    (_, prices), _ = parts("numbers")
    trees = HistGradientBoostingRegressor(**options).fit(as_numbers(X), prices["price"])
    assert given("numbers", "boosted")[:, 0] == pytest.approx(trees.predict(as_numbers(held)))


def test_the_measures_are_those_of_the_model():
    _, (held, y) = parts("binary")
    found = reported("binary").comparison.figures["network"]
    chances = model("binary").predict_proba(held)
    assert found["accuracy"].value == accuracy_score(y["kind"], model("binary").predict(held))
    chances = chances.astype(float)
    chances /= chances.sum(axis=1, keepdims=True)
    assert found["log_loss"].value == pytest.approx(log_loss(y["kind"], chances), rel=1e-6)
    _, (held, y) = parts("numbers")
    found = reported("numbers").comparison.figures["network"]
    assert found["r2"].value == pytest.approx(r2_score(y["price"], model("numbers").predict(held)))


@pytest.mark.parametrize("kind", ["binary", "numbers"])
def test_shuffling_by_hand(kind):
    _, (held, y) = parts(kind)
    fitted, truth = model(kind), y.to_series()
    generator = np.random.Generator(np.random.Philox(0))
    orders = [generator.permutation(HELD) for _ in range(5)]

    def loss(frame):
        if kind == "numbers":
            return root_mean_squared_error(truth, fitted.predict(frame))
        chances = fitted.predict_proba(frame).astype(float)
        return log_loss(truth, chances / chances.sum(axis=1, keepdims=True))

    for one in reported(kind).permuted:
        rises = []
        for order in orders:
            values = held[one.column].to_list()
            shuffled = pl.Series(one.column, [values[row] for row in order], held[one.column].dtype)
            rises.append(loss(held.with_columns(shuffled)) - loss(held))
        by_hand = (np.mean(rises), min(rises), max(rises))
        assert (one.rise, one.low, one.high) == pytest.approx(by_hand, rel=1e-4, abs=1e-7)
    rises = [one.rise for one in reported(kind).permuted]
    assert rises == sorted(rises, reverse=True)
    assert reported(kind).permuted[0].column == "length"


@pytest.mark.parametrize(("kind", "n_cv"), [*((kind, 1) for kind in KINDS), ("binary", 3)])
def test_contributions_make_the_prediction(kind, n_cv):
    """Of several networks, that of their mean."""
    (X, _), (held, _) = parts(kind)
    found, fitted = reported(kind, n_cv), model(kind, n_cv)
    rows = [one.row for one in found.telling]
    usual = typical_row(X.select(fitted.encoder_.used_columns))

    def predicted(frame, output):
        raw = fitted.predict(frame) if kind == "numbers" else fitted.predict_proba(frame)
        raw = np.asarray(raw, float).reshape(frame.height, -1)
        return raw[:, output + (kind == "binary")]

    for at, row in enumerate(rows):
        output = int(found.told.outputs[at])
        ends = (predicted(part, output)[0] for part in (held[row : row + 1], usual))
        value, base = ends
        parts_of_it = found.told.values[at]
        gap = abs(parts_of_it.sum() - (value - base))
        # of several networks each has its own contributions, which may cancel in the mean
        assert gap <= 2 * found.told.allowed[at] + 1e-5 * abs(value)
        assert found.told.complete[at]
        assert set(found.told.columns) == {"length", "colour", "wild", "width"}


def test_what_became_of_columns_is_counted():
    (X, _), (held, _) = parts("binary")
    facts = {one.column.name: one for one in reported("binary").columns}
    assert facts["same"].dropped
    assert facts["width"].missing == int(X["width"].is_nan().sum()) > 0
    assert facts["width"].missing_measured == int(held["width"].is_nan().sum()) > 0
    assert (facts["colour"].missing, facts["colour"].missing_measured) == (1, 0)
    assert facts["colour"].unseen_measured == 1
    assert sum(one.unseen_measured for one in facts.values()) == 1
    assert sum(one.features for one in facts.values()) == model("binary").encoder_.width


def test_intervals_are_counted():
    _, (held, y) = parts("numbers")
    price = y["price"].to_numpy()
    for one in reported("numbers").coverage:
        low, high = model("numbers").predict_interval(held, coverage=one.asked).T
        assert one.held == ((low <= price) & (price <= high)).mean()
        assert one.width == pytest.approx(np.median(high - low))
    assert reported("binary").coverage == ()


def test_large_tables_are_reported_on_some_rows():
    training, held = parts("binary")
    limits = Limits(permuted_rows=20, repeats=2, permuted_columns=2, gradient_rows=7, health_rows=9)
    found = report(model("binary"), *held, training=training, limits=limits)
    assert (found.permuted_rows, found.repeats, len(found.permuted)) == (20, 2, 2)
    assert len(found.moved.values) == 7
    assert len(found.examined.trace.rows) == 9
    assert found.comparison.rows == HELD


def test_baselines_of_large_tables_learn_from_some_rows(monkeypatch):
    from clearprop.reporting import baselines

    monkeypatch.setattr(baselines, "FEWEST", 50)
    monkeypatch.setattr(baselines, "WORK", {"linear": 10, "boosted": 10})
    training, held = parts("binary")
    found = report(model("binary"), *held, training=training)
    assert [one.rows for one in found.baselines] == [ROWS, 50, 50]
    assert "had a random 50" in found.to_html()


def test_without_training_rows_nothing_is_compared():
    _, held = parts("binary")
    found = report(model("binary"), *held)
    assert list(found.comparison.figures) == ["network"]
    assert [one.missing for one in found.columns] == [None] * 5
    assert "were not at hand" in found.to_html()


def test_rows_that_it_learned_from_are_said_to_be():
    X, y = parts("binary")[0]
    assert "are measured on the rows" not in reported("binary").to_html()
    page = report(model("binary"), X, y, training=(X, y)).to_html()
    assert "measured on the rows that it learned from" in page


def test_other_models_are_refused():
    from clearprop import MLPClassifier

    with pytest.raises(SettingError, match="MLPClassifier that knows no columns"):
        report(MLPClassifier(), [[1.0]], [0])
