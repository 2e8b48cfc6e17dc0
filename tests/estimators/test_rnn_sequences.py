"""Sequences in every form that people hold, their answers in the same form, and bad input."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from rnn_cases import classifier, labels, long_table, of_table, regressor, sequences, step_labels
from sklearn.exceptions import DataConversionWarning

from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.estimators.sequence_data import read_sequences
from clearprop.estimators.sequence_targets import read_targets
from clearprop.estimators.step_labels import StepLabels

X = sequences()
Y = labels(X)
STEPS = step_labels(X)
BOX = np.stack([x[:1].repeat(4, axis=0) + np.arange(4)[:, None] for x in X])


def objects(parts):
    found = np.empty(len(parts), dtype=object)
    found[:] = parts
    return found


def same(a, b):
    assert a.parameters_.vector.tobytes() == b.parameters_.vector.tobytes()


def test_all_forms_of_one_label_a_sequence_are_one_fit():
    plain = classifier(standardize=True).fit(X, Y)
    assert not plain.per_step_
    assert plain.network_.readout == "mean"
    same(plain, classifier().fit(objects(X), list(Y)))
    same(plain, classifier().fit([x.tolist() for x in X], pd.Series(Y)))
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        same(plain, classifier().fit(X, Y[:, None]))
    expected = plain.predict(X)
    assert expected.shape == (24,)
    assert (plain.predict(objects(X)) == expected).all()
    table = long_table(X, kind=Y)
    model = classifier(**of_table()).fit(table, "kind")
    # a table's encoder sums in another order, so that weights agree to rounding
    np.testing.assert_allclose(model.parameters_.vector, plain.parameters_.vector, atol=2e-5)
    assert (model.predict(table) == expected).all()
    assert (model.predict(table.drop("kind")) == expected).all()
    for other in (table.to_pandas(), table.to_arrow(), table.lazy(), table.to_dict()):
        same(model, classifier(**of_table()).fit(other, "kind"))
    rows = table["kind"]
    for target in (rows, rows.to_numpy(), rows.to_list(), rows.to_pandas(), list(Y)):
        same(model, classifier(**of_table()).fit(table.drop("kind"), target))
    assert model.target_names_ == ("kind",)
    assert model.feature_names_in_.tolist() == ["f0", "f1", "f2"]


def test_all_forms_of_one_label_a_step_are_one_fit():
    plain = classifier().fit(X, STEPS)
    assert plain.per_step_
    assert plain.network_.readout == "every"
    # nothing that comes later may tell of a step
    assert plain.network_.layers[0].direction == "forward"
    same(plain, classifier().fit(X, objects(STEPS)))
    same(plain, classifier().fit(X, [list(part) for part in STEPS]))
    same(plain, classifier(readout="every").fit(X, np.concatenate(STEPS)))
    answers = plain.predict(X)
    assert [part.shape for part in answers] == [(len(x),) for x in X]
    chances = plain.predict_proba(X)
    assert [part.shape for part in chances] == [(len(x), 2) for x in X]
    table = long_table(X, trend=STEPS)
    model = classifier(**of_table()).fit(table, "trend")
    np.testing.assert_allclose(model.parameters_.vector, plain.parameters_.vector, atol=2e-5)
    # a row of the answer for each row of the table
    expected = long_table(X, trend=answers)["trend"].to_numpy()
    assert (model.predict(table) == expected).all()
    assert model.predict_proba(table).shape == (table.height, 2)
    right = np.concatenate(answers) == np.concatenate(STEPS)
    assert plain.score(X, STEPS) == right.mean() == model.score(table, "trend")
    # each step has the weight of its sequence
    weights = np.arange(24.0)
    expected = np.average(right, weights=np.repeat(weights, [len(x) for x in X]))
    assert plain.score(X, STEPS, weights) == pytest.approx(expected)


def test_boxes():
    each = np.where(BOX[:, :, 0] > 100, "high", "low")
    model = classifier().fit(BOX, each)
    assert model.per_step_
    assert model.predict(BOX).shape == (24, 4)
    assert model.predict_proba(BOX).shape == (24, 4, 2)
    same(model, classifier().fit(list(BOX), list(each)))
    # said to be several outputs a sequence, it is
    numbers = regressor(readout="last").fit(BOX, BOX[:, :, 1])
    assert not numbers.per_step_
    assert numbers.predict(BOX).shape == (24, 4)
    assert regressor().fit(BOX, BOX[:, :, :2]).predict(BOX).shape == (24, 4, 2)
    assert regressor().fit(BOX, BOX[:, 0, :2]).predict(BOX).shape == (24, 2)
    assert regressor().fit(BOX, BOX[:, 0, 0]).predict(BOX).shape == (24,)


def test_what_was_inferred_can_be_forced():
    constant = long_table(X, kind=Y)
    model = classifier(**of_table(readout="every")).fit(constant, "kind")
    assert model.per_step_
    assert len(model.predict(constant)) == constant.height
    with pytest.raises(DataError) as caught:
        classifier(**of_table(readout="last")).fit(long_table(X, trend=STEPS), "trend")
    found = next(k for k, part in enumerate(STEPS) if len(set(part)) > 1)
    step = int(np.flatnonzero(STEPS[found] != STEPS[found][0])[0])
    assert f"'up' in series 's{found}', step {2 * step + 1} (row " in str(caught.value)
    assert "readout='every'" in str(caught.value)


def test_columns_of_every_kind_with_missing_values():
    table = long_table(X, kind=Y).with_columns(
        colour=pl.Series(["red", "blue", None] * 100)[: sum(map(len, X))],
        f1=pl.when(pl.col("f1") > 110).then(None).otherwise("f1"),
        day=pl.date(2024, 1, 1) + pl.duration(days=pl.col("at") * 20),
    )
    model = classifier(**of_table()).fit(table, "kind")
    names = model.unit_names()["inputs"]
    assert {"f0", "f1", "f1=(missing)", "colour=red", "colour=(missing)"} <= set(names)
    assert any(name.startswith("day.") for name in names)
    assert model.unit_names()["outputs"] == ("low", "middle", "top")
    assert model.network_.inputs == len(names)
    with pytest.raises(DataError, match="'colour' is missing"):
        model.predict(table.drop("colour"))


def given(X, **options):
    return read_sequences(classifier(**options), X)


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        ([], DataError, "no sequences"),
        ([X[0], np.empty((0, 3))], DataError, "Sequence 1 has no steps"),
        (np.empty((2, 0, 3)), DataError, "Sequence 0 has no steps"),
        ([X[0], X[1][:, :2]], ShapeError, "Sequence 1 has 2 values a step, but sequence 0 has 3"),
        ([X[0], X[1][0]], ShapeError, r"sequence 1 has shape \(3,\)"),
        (np.zeros((4, 3)), ShapeError, r"array of shape \(4, 3\) came. For one value a step"),
        (np.empty((2, 3, 0)), ShapeError, "at least one feature a step"),
        (3, ShapeError, "but int came"),
        ("abc", ShapeError, "but str came"),
        ([[[1.0], ["a"]]], DataError, "must hold numbers, but: sequence 0: could not convert"),
    ],
)
def test_no_sequences(data, error, match):
    with pytest.raises(error, match=match):
        given(data)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(value):
    bad = [x.copy() for x in X]
    number = next(k for k, x in enumerate(X) if len(x) > 4)
    bad[number][3, 1] = value
    with pytest.raises(DataError, match=rf"X holds {value} in sequence {number}, step 3 \(1 such"):
        classifier().fit(bad, Y)
    model = classifier().fit(X, Y)
    with pytest.raises(DataError, match=f"sequence {number}, step 3"):
        model.predict(bad)


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (Y[:-1], "X has 24 sequences, but y has 23 entries. Give one target for each sequence"),
        (STEPS[:-1], "X has 24 sequences, but y has 23 entries"),
        ([*STEPS[:-1], STEPS[-1][:-1]], r"Sequence 23 has \d+ steps, but \d+ targets came"),
        ("kind", "but str came"),
        (5, "but int came"),
    ],
)
def test_counts_of_labels_that_do_not_match(y, match):
    with pytest.raises(ShapeError, match=match):
        classifier().fit(X, y)


def test_counts_of_labels_of_tables():
    table = long_table(X)
    with pytest.raises(ShapeError, match=f"24 sequences and {table.height} rows, but y has 7 ent"):
        classifier(**of_table()).fit(table, list("abcdefg"))
    with pytest.raises(ShapeError, match="each step needs a target, but y has 24 entries"):
        classifier(**of_table(readout="every")).fit(table, Y)
    with pytest.raises(SettingError, match=r"names the column 'kimd'.* Did you mean 'kind'\?"):
        classifier(**of_table()).fit(long_table(X, kind=Y), "kimd")
    with pytest.raises(SettingError, match=r"Name it: RNNClassifier\(sequence_id=…, order_by=…\)"):
        classifier().fit(table, Y)


def test_missing_labels_are_named():
    with pytest.raises(DataError, match="target of sequence 3, step 0 is nan"):
        regressor().fit(X, [1.0, 2.0, 3.0, np.nan, *range(20)])
    with pytest.raises(DataError, match="target of sequence 1, step 0 is None"):
        classifier().fit(X, ["a", None, *["b"] * 22])
    steps = [part.astype(object) for part in STEPS]
    number = next(k for k, x in enumerate(X) if len(x) > 4)
    steps[number][3] = None
    with pytest.raises(DataError, match=f"target of sequence {number}, step 3 is None"):
        classifier().fit(X, steps)
    table = long_table(X, trend=steps)
    with pytest.raises(DataError, match=rf"series 's{number}', step 7 \(row \d+\) is None"):
        classifier(**of_table()).fit(table, "trend")
    with pytest.raises(DataError, match="requires y to be passed, but the target y is None"):
        classifier().fit(X, None)


def test_one_entry_a_sequence_or_a_step_is_told_by_length():
    one_step = given([x[:1] for x in X])
    assert read_targets(one_step, Y, None).tolist() == Y.tolist()
    every = read_targets(one_step, Y, True)
    assert isinstance(every, StepLabels)
    assert every[[3, 1]].values.tolist() == Y[[3, 1]].tolist()
    ragged = read_targets(given(X), STEPS, None)
    rows = [5, 2]
    assert ragged[rows].values.tolist() == [*STEPS[5], *STEPS[2]]
    assert len(ragged) == 24


def test_other_columns_or_widths_than_fitted():
    model = classifier().fit(X, Y)
    with pytest.raises(ShapeError, match="X has 2 features a step, but RNNClassifier is expecting"):
        model.predict([x[:, :2] for x in X])
    with pytest.raises(DataError, match="was fitted on arrays, so it knows no columns"):
        model.set_params(**of_table()).predict(long_table(X))
    model = classifier(**of_table()).fit(long_table(X, kind=Y), "kind")
    with pytest.raises(DataError, match="fitted on a table, so it needs its columns: f0, f1, f2"):
        model.predict(X)
    with pytest.raises(DataError, match="too far from what was trained on for float32"):
        classifier().fit(X, Y).predict([np.full((2, 3), 1e300)])


def test_a_fit_that_fails_leaves_the_estimator_as_it_was():
    model = classifier().fit(X, Y)
    expected = model.predict_proba(X)
    with pytest.raises(DataError, match="one class only"):
        model.fit([1000 * x[:, :2] for x in X], ["a"] * 24)
    with pytest.raises(SettingError, match="callbacks must be functions"):
        model.set_params(callbacks=[3]).fit([7 * x for x in X], Y)
    assert model.set_params(callbacks=None).predict_proba(X).tobytes() == expected.tobytes()
