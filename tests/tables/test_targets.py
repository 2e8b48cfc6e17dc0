"""What is learned, and how targets go in and come back."""

import datetime
import json

import numpy as np
import polars as pl
import pytest

from clearprop.errors import DataError, FileError, SettingError, ShapeError
from clearprop.tables import (
    ClassTarget,
    MultilabelTarget,
    NumberTarget,
    fit_target,
    infer_task,
    target_from_document,
    target_to_document,
)


def _task(values, task=None, **kwargs):
    return infer_task(pl.DataFrame({"y": values}, **kwargs), "y", task)


@pytest.mark.parametrize(
    ("values", "name", "kind"),
    [
        (["a", "b", "c"] * 2, "classification", "multiclass"),
        ([True, False], "classification", "binary"),
        ([1.5, -2.0] * 5, "classification", "binary"),
        (list(range(5)) * 20, "classification", "multiclass"),
        (list(range(6)) * 19, "regression", "number"),  # 6 of 114: more than 5 %
        (list(range(21)) * 50, "regression", "number"),  # more than 20
        ([1.0, 2.0, 3.0] * 20, "classification", "multiclass"),
        ([1.5, 2.0, 3.0] * 20, "regression", "number"),
    ],
)
def test_inferred_tasks(values, name, kind):
    task = _task(values)
    assert (task.name, task.kind) == (name, kind)
    assert task.reason.endswith(f"{name}.")


def test_reasons_are_sentences():
    assert _task(["a", "b", "c"]).reason == (
        "'y' holds text with 3 distinct values: classification."
    )
    assert _task([1, 2, 3], "classification").reason == (
        "'y' holds whole numbers with 3 distinct values: classification, as asked."
    )


def test_several_targets():
    frame = pl.DataFrame(
        {"a": [0, 1, 1], "b": [True, False, True], "c": [1.0, 2.0, 0.0], "d": ["x", "y", "x"]}
    )
    assert infer_task(frame, ["a", "b"]).kind == "multilabel"
    assert infer_task(frame, ["a", "b"], "regression").kind == "numbers"
    assert infer_task(frame, ["a", "c"]).kind == "numbers"
    with pytest.raises(DataError, match="'d' hold text"):
        infer_task(frame, ["a", "d"])
    with pytest.raises(DataError, match="0 and 1"):
        infer_task(frame, ["a", "c"], "classification")


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        ([1, None, 2, None], None, ["missing in 2 of 4 rows", "rows 2 and 4"]),
        ([1.0, float("nan")], None, ["missing in 1 of 2 rows (row 2)"]),
        ([1.0, float("inf")], None, ["infinite in row 2"]),
        ([3, 3], None, ["3 in every row"]),
        (["a", "a"], None, ["'a' in every row"]),
        ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], None, ["dates"]),
        (["a", "b"], "regression", ["text such as 'a'", "classification"]),
        (np.linspace(0.1, 1, 30), "classification", ["30 distinct", "regression"]),
    ],
)
def test_targets_that_cannot_be_learned(values, task, words):
    with pytest.raises(DataError) as caught:
        _task(values, task)
    for word in words:
        assert word in str(caught.value)


def test_wrong_names():
    frame = pl.DataFrame({"income": [1, 2]})
    with pytest.raises(SettingError, match=r"'incom' to predict. Did you mean 'income'"):
        infer_task(frame, "incom")
    with pytest.raises(SettingError, match="task"):
        infer_task(frame, "income", "clustering")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="distinct"):
        infer_task(frame, ["income", "income"])


def test_a_class_of_one_row_is_warned_of():
    assert _task(["a", "a", "c", "b"]).warnings == (
        "Of the target 'y', 'b' and 'c' have a single row: too few to learn from and to test on.",
    )
    assert _task(["a", "a", "b", "b"]).warnings == ()


@pytest.mark.parametrize(
    ("values", "classes", "codes"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([10, 2, 2], (2, 10), [1, 0, 0]),
        ([True, False], (False, True), [1, 0]),
        ([0.5, -1.5], (-1.5, 0.5), [1, 0]),
    ],
)
def test_classes_keep_their_type(values, classes, codes):
    frame = pl.DataFrame({"y": values})
    target = fit_target(frame, infer_task(frame, "y"))
    assert isinstance(target, ClassTarget)
    assert target.kind == "binary"
    assert target.classes == classes
    assert [type(c) for c in target.classes] == [type(c) for c in classes]
    assert target.encode(frame).tolist() == codes
    assert target.decode(np.array(codes)).tolist() == values


def test_classes_that_come_back_as_other_types():
    numbers = ClassTarget("y", (1, 2))
    for values in ([2.0, 1.0], ["2", " 1"], pl.Series([2, 1], dtype=pl.UInt8)):
        assert numbers.encode(pl.DataFrame({"y": values})).tolist() == [1, 0]
    texts = ClassTarget("y", ("1", "x"))
    assert texts.encode(pl.DataFrame({"y": [1, 1]})).tolist() == [0, 0]
    booleans = ClassTarget("y", (False, True))
    assert booleans.encode(pl.DataFrame({"y": ["True", "false"]})).tolist() == [1, 0]
    assert booleans.encode(pl.DataFrame({"y": [1, 0]})).tolist() == [1, 0]


def test_classes_never_seen():
    target = ClassTarget("y", (1, 2))
    for values, words in (([1, 3], "row 2 holds 3"), ([1.0, 1.5], "row 2 holds 1.5")):
        with pytest.raises(DataError, match=words):
            target.encode(pl.DataFrame({"y": values}))
    with pytest.raises(DataError, match="'y' is not in the table"):
        target.encode(pl.DataFrame({"z": [1]}))


def test_numbers_are_standardised_and_handed_back():
    frame = pl.DataFrame({"a": [1, 2, 3, 6], "b": [10.0, 10.0, 30.0, 30.0]})
    target = fit_target(frame, infer_task(frame, ["a", "b"]))
    assert target == NumberTarget(("a", "b"), (3.0, 20.0), (np.sqrt(3.5), 10.0))
    encoded = target.encode(frame)
    np.testing.assert_allclose(encoded[:, 1], [-1, -1, 1, 1])
    np.testing.assert_allclose(encoded[:, 0], (frame["a"].to_numpy() - 3) / np.sqrt(3.5))
    np.testing.assert_allclose(target.decode(encoded), frame.to_numpy(), rtol=1e-15)
    single = NumberTarget(("a",), (3.0,), (2.0,))
    assert single.decode(np.array([[1.0], [-1.0]])).tolist() == [5.0, 1.0]
    with pytest.raises(ShapeError, match=r"\(n, 1\)"):
        single.decode(np.ones(3))
    with pytest.raises(DataError, match="row 2 holds 'x'"):
        single.encode(pl.DataFrame({"a": ["1", "x"]}))


def test_labels():
    frame = pl.DataFrame({"a": [0, 1, 1], "b": [True, False, True]})
    target = fit_target(frame, infer_task(frame, ["a", "b"]))
    assert target == MultilabelTarget(("a", "b"))
    assert target.encode(frame).tolist() == [[0, 1], [1, 0], [1, 1]]
    assert target.decode(np.array([[0.0, 1.0]])).tolist() == [[0, 1]]
    with pytest.raises(DataError, match="row 3 holds 2"):
        target.encode(pl.DataFrame({"a": [0, 1, 2], "b": [0, 0, 0]}))


@pytest.mark.parametrize(
    "target",
    [
        ClassTarget("y", ("a", "b")),
        ClassTarget("y", (1, 2, 3)),
        ClassTarget("y", (1.0, 2.0)),
        ClassTarget("y", (False, True)),
        NumberTarget(("a", "b"), (0.1, 1 / 3), (1e-300, 2.0)),
        MultilabelTarget(("a", "b")),
    ],
)
def test_documents(target):
    back = target_from_document(json.loads(json.dumps(target_to_document(target))))
    assert back == target
    assert repr(back) == repr(target)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"kind": "magic"},
        {"kind": "classes", "name": "y", "classes": ["a"]},
        {"kind": "classes", "name": "y", "classes": ["a", 1]},
        {"kind": "classes", "name": "y", "classes": ["a", None]},
        {"kind": "numbers", "names": ["a"], "means": [0.0], "scales": [0.0]},
        {"kind": "numbers", "names": ["a"], "means": [0.0, 1.0], "scales": [1.0]},
        {"kind": "labels", "names": ["a", "a"]},
    ],
)
def test_damaged_documents(document):
    with pytest.raises(FileError):
        target_from_document(document)
