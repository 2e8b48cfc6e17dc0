"""Predictions leave scikit-learn's checks out only where these would change nothing."""

import gc
import warnings

import numpy as np
import pytest

from clearprop import MLPClassifier, MLPRegressor
from clearprop.estimators import rows
from clearprop.importing import uncollected

X = np.random.default_rng(0).normal(size=(40, 3))
LABELS = np.array(["low", "high"])[(X[:, 0] > 0).astype(int)]


@pytest.fixture
def model():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MLPClassifier((5,), max_iter=3, random_state=0).fit(X, LABELS)


def _checked(monkeypatch):
    """Return a list that grows whenever scikit-learn's own check runs."""
    runs, own = [], rows.validate_data
    monkeypatch.setattr(rows, "validate_data", lambda *a, **k: runs.append(1) or own(*a, **k))
    return runs


def test_a_plain_array_is_taken_as_it_is(model, monkeypatch):
    checks = _checked(monkeypatch)
    plain = model.predict_proba(X)
    assert not checks
    np.testing.assert_array_equal(model.predict_proba(X.tolist()), plain)
    np.testing.assert_array_equal(model.predict_proba(np.asfortranarray(X)), plain)
    assert len(checks) == 2


# few numbers are added up in another way than many
@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(model, bad, times):
    changed = np.tile(X, (times, 1))
    assert (changed.size > rows.FEW_NUMBERS) == (times > 1)
    changed[3, 1] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        model.predict(changed)


@pytest.mark.parametrize("count", [2, 4000])
def test_finite_numbers_whose_sum_overflows_are_accepted(model, count):
    large = np.full((count, 3), 1e308)
    assert model.predict(large).shape == (count,)


@pytest.mark.parametrize("wrong", [X[:, :2], X[0], X[:0]])
def test_other_shapes_are_refused(model, wrong):
    with pytest.raises(ValueError, match=r"features|1D array|0 sample"):
        model.predict(wrong)


def test_names_of_columns_are_still_compared():
    pd = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3)
        model.fit(pd.DataFrame(X, columns=list("abc")), X[:, 0])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


@pytest.mark.parametrize("labels", [LABELS, np.where(X[:, 1] > 0, "mid", LABELS), LABELS[:0]])
def test_labels_are_the_binarizers(labels):
    labels = labels if len(labels) else np.full(40, "only")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, labels)
    outputs = model._outputs(X)
    given = outputs.ravel() if outputs.shape[1] == 1 else outputs
    expected = model._task.binarizer.inverse_transform(given)
    np.testing.assert_array_equal(model.predict(X), expected)
    assert model.predict(X).dtype == expected.dtype


def test_the_collector_is_on_again_after_an_import():
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
