"""scikit-learn's tools on ragged sequences, and its own checks of estimators as far as they apply.

Its checks hand over tables of rows, which are no sequences. They are run here on classes that read
each row as a sequence of one step; what is tested is then all that lies behind the reading. Left
out are those that ask what is otherwise for sequences:

- messages about one-dimensional, empty, sparse, complex or object data, and numbers of features,
  which are said of sequences and steps (tested in test_rnn_sequences.py)
- names of columns, which come with a table of series only
- parameters as attributes alone: what a solver has besides stands on the class
- pairs of fits that should agree for weights of 0 or repeated rows: batches are drawn by row
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from rnn_cases import SMALL, classifier, labels, long_table, of_table, regressor, sequences
from rnn_cases import step_labels as labels_of_steps
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_param_validation, estimator_checks_generator
from sklearn.utils.validation import check_array, check_X_y

from clearprop import RNNClassifier, RNNRegressor

X = sequences(60)
Y = labels(X)
NUMBERS = np.array([x[:, 0].sum() for x in X])


def by_hand(model, X, y, folds):
    """Scores of a model on folds, with lists indexed here."""
    found = []
    for train, test in folds:
        fitted = clone(model).fit([X[i] for i in train], [y[i] for i in train])
        found.append(fitted.score([X[i] for i in test], [y[i] for i in test]))
    return found


def test_cross_validation_over_ragged_lists_is_that_over_lists_by_hand():
    scores = cross_val_score(classifier(), X, Y, cv=3)
    folds = StratifiedKFold(3).split(np.zeros(60), Y)
    assert scores.tolist() == by_hand(classifier(), X, Y, folds)
    objects = np.empty(60, dtype=object)
    objects[:] = X
    assert cross_val_score(classifier(), objects, Y, cv=3).tolist() == scores.tolist()
    steps = labels_of_steps(X)
    scores = cross_val_score(classifier(), X, steps, cv=3)
    assert scores.tolist() == by_hand(classifier(), X, steps, KFold(3).split(np.zeros(60)))
    scores = cross_val_score(regressor(), X, NUMBERS, cv=3, scoring="neg_mean_absolute_error")
    assert (scores < 0).all()
    predicted = cross_val_predict(classifier(), X, Y, cv=3)
    assert set(predicted) <= set(Y)


def test_a_grid_over_ragged_lists_finds_its_best():
    grid = {"cell": ["gru", "elman"], "max_iter": [1, 25]}
    search = GridSearchCV(classifier(), grid, cv=2).fit(X, Y)
    assert search.best_params_["max_iter"] == 25
    assert search.best_estimator_.network_.recurrences[0].cell == search.best_params_["cell"]
    assert search.score(X, Y) > 0.5


def test_pipelines_hand_sequences_on():
    longer = FunctionTransformer(lambda X: [np.hstack([x, x**2]) for x in X])
    model = make_pipeline(longer, classifier()).fit(X, Y)
    assert model[-1].n_features_in_ == 6
    expected = classifier().fit(longer.transform(X), Y).predict(longer.transform(X))
    assert (model.predict(X) == expected).all()
    assert len(cross_val_score(model, X, Y, cv=2)) == 2


def test_whole_series_of_a_table_stay_together_by_group():
    table = long_table(X, kind=Y)
    model = classifier(**of_table())
    groups = table["who"].to_numpy()
    inputs = table.drop("kind")
    kinds = table["kind"].to_numpy()
    scores = cross_val_score(model, inputs, kinds, groups=groups, cv=GroupKFold(3))
    for score, (train, test) in zip(
        scores, GroupKFold(3).split(inputs, groups=groups), strict=True
    ):
        fitted = clone(model).fit(inputs[train], kinds[train])
        assert score == fitted.score(inputs[test], kinds[test])


def test_bagging_takes_boxes():
    boxes = np.stack([x[:1].repeat(4, axis=0) + np.arange(4)[:, None] for x in X])
    tags = get_tags(classifier())
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.two_d_array
    with pytest.raises(ValueError, match="dim 3"):
        # it checks X as a table of rows itself
        BaggingClassifier(classifier(), n_estimators=2).fit(boxes, Y)


class _OfRows:
    """Reads each row of a table as a sequence of one step."""

    def fit(self, X, y, sample_weight=None):
        X, y = check_X_y(X, y, multi_output=True, y_numeric=isinstance(self, RNNRegressor))
        return super().fit(X[:, None], y, sample_weight)

    def raw_outputs(self, X):
        return super().raw_outputs(check_array(X)[:, None])

    def truth_and_outputs(self, X, y, sample_weight=None):
        return super().truth_and_outputs(check_array(X)[:, None], y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = False
        return tags


class RowClassifier(_OfRows, RNNClassifier):
    def __init__(self, units=(64,), max_iter=60, random_state=None, engine="auto"):
        super().__init__(units, max_iter=max_iter, random_state=random_state, engine=engine)


class RowRegressor(_OfRows, RNNRegressor):
    def __init__(self, units=(64,), max_iter=60, random_state=None, engine="auto"):
        super().__init__(units, max_iter=max_iter, random_state=random_state, engine=engine)


OTHERWISE = {
    "check_complex_data",
    "check_dataframe_column_names_consistency",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimators_empty_data_messages",
    "check_estimators_nan_inf",
    "check_fit1d",
    "check_fit2d_predict1d",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_requires_y_none",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weights_not_an_array",
    "check_supervised_y_no_nan",
}


def _name(check):
    return getattr(check, "func", check).__name__


def _checks():
    for model in (RowClassifier(8, 40, 0, SMALL["engine"]), RowRegressor(8, 40, 0, "reference")):
        for estimator, check in estimator_checks_generator(model, mark="skip"):
            if _name(check) not in OTHERWISE:
                words = [
                    type(model).__name__,
                    _name(check),
                    *getattr(check, "keywords", {}).values(),
                ]
                yield pytest.param(estimator, check, id="-".join(map(str, words)))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(("estimator", "check"), list(_checks()))
def test_estimator_check(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
def test_every_parameter_is_validated(kind):
    check_param_validation(kind.__name__, kind(engine="reference"))


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
def test_a_clone_has_the_same_parameters(kind):
    model = kind(units=(3, 2), cell=["gru", "lstm"], dense=(4,), sequence_id="a", truncate=3)
    assert clone(model).get_params() == model.get_params()
