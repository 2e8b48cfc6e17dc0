"""The rows of a fit: those that train, those that validate, their weights and their order.

Rows that are held out for early stopping are left out of the *order* in which training visits the
data; the data itself is not copied.

Public names: `Rows`, `block_for`, `check_data`, `check_inputs`, `combined_weights`, `flat`,
`rows_for`.
May import: `clearprop.training`, `clearprop.engines`, `clearprop.errors`, scikit-learn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, validate_data

from clearprop.engines import Block
from clearprop.errors import DataError, SettingError
from clearprop.estimators.scores import score_for
from clearprop.estimators.step_labels import StepLabels
from clearprop.estimators.tasks import Classification, Task
from clearprop.network import Network
from clearprop.training import Orders, Validation

FORMATS = ["csr", "csc"]
# so many are added up by BLAS on one thread; from some 10,000 on it would wake others
FEW_NUMBERS = 8192


@dataclass(frozen=True)
class Rows:
    """What a run trains and validates on.

    Attributes
    ----------
    block : Block
        All rows; its order holds those that train.
    orders : Orders
    validation : Validation or None
    """

    block: Block
    orders: Orders
    validation: Validation | None


def check_data(estimator: Any, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
    """Check X and y as scikit-learn does; float32 stays float32, all else becomes float64."""
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse=FORMATS,
        multi_output=True,
        y_numeric=is_regressor(estimator),
        dtype=(np.float64, np.float32),
        reset=reset,
    )
    return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def check_inputs(estimator: Any, X: Any, dtype: np.dtype) -> Any:
    """Check X of a prediction as scikit-learn does; return it as a C-ordered array, or CSR.

    Its own function takes longer than the forward pass of a few rows, so it is left out where X is
    plainly what it would return: an array of this type and width, of finite numbers, for an
    estimator that knows no names of columns.
    """
    if _is_plain(estimator, X, dtype):
        return X
    X = validate_data(estimator, X, accept_sparse=FORMATS, dtype=dtype, order="C", reset=False)
    return X.tocsr() if hasattr(X, "tocsr") else X


def _is_plain(estimator: Any, X: Any, dtype: np.dtype) -> bool:
    return (
        type(X) is np.ndarray
        and X.dtype == dtype
        and X.ndim == 2
        and X.shape[1] == estimator.n_features_in_
        and X.size > 0
        and X.flags.c_contiguous
        and not hasattr(estimator, "feature_names_in_")
        and _is_surely_finite(X)
    )


def _is_surely_finite(X: np.ndarray) -> bool:
    """Whether every number is finite; False also where that is not plain, as if sums overflow."""
    if X.size <= FEW_NUMBERS:
        # Σ x², which never warns: turning warnings off takes longer than adding up a few rows
        return math.isfinite(np.vdot(X, X).item())
    with np.errstate(all="ignore"):
        return math.isfinite(X.sum().item())


def combined_weights(
    estimator: Any, X: Any, y: Any, sample_weight: Any, *, incremental: bool
) -> np.ndarray | None:
    """Return sample weights times class weights, (n,); None where there are neither.

    Raises
    ------
    SettingError
        If `partial_fit` is to balance classes of which it has seen a part only.
    """
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
    class_weight = getattr(estimator, "class_weight", None)
    if class_weight is None:
        return sample_weight
    if incremental and class_weight == "balanced":
        raise SettingError(
            "class_weight='balanced' cannot be used with partial_fit, which sees a part of the "
            "rows only. Give the weights as a dict, {class: weight}."
        )
    by_class = compute_sample_weight(class_weight, y.toarray() if hasattr(y, "toarray") else y)
    return by_class if sample_weight is None else by_class * sample_weight


def rows_for(
    estimator: Any,
    network: Network,
    task: Task,
    data: tuple[Any, Any, np.ndarray | None],
    random: np.random.RandomState,
    given: tuple[Any, ...] | None,
) -> Rows:
    """Return the rows of a fit.

    Parameters
    ----------
    data : (X, y, weights)
        As checked.
    random : RandomState
        Draws the split first and then the shuffles, as in scikit-learn.
    given : (X, y) or (X, y, weights), optional
        Validation rows of the user's own.
    """
    X, y, weights = data
    targets = task.encode(flat(y))
    held: np.ndarray | None = None
    train = np.arange(X.shape[0])
    early = estimator.early_stopping and estimator.solver != "lbfgs"
    if early and given is None:
        strata = estimator._strata(task, targets)
        train, held = _split(X.shape[0], estimator.validation_fraction, strata, random)
    block = block_for(network, X, targets, weights).ordered(train)
    orders = estimator._orders(X, train, random)
    if held is not None:
        checked = X[held], y[held], None if weights is None else weights[held]
    elif given is not None:
        checked = _check_given(estimator, task, given)
    else:
        return Rows(block, orders, None)
    return Rows(block, orders, _validation(estimator, network, task, checked, scored=early))


def _validation(
    estimator: Any, network: Network, task: Task, data: tuple[Any, ...], *, scored: bool
) -> Validation:
    X, y, weights = data
    labels = flat(y)
    targets = task.encode(labels)
    block = block_for(network, X, targets, weights)
    if labels is not y and weights is not None:
        # every step has the weight of its sequence
        weights = np.repeat(weights, X.lengths)
    return Validation(
        block, score_for(estimator.monitor, task, labels, targets, weights) if scored else None
    )


def flat(y: Any) -> Any:
    """Return targets as one array; those of each step of sequences, one sequence behind another."""
    return y.values if isinstance(y, StepLabels) else y


def block_for(network: Network, X: Any, targets: np.ndarray, weights: Any) -> Block:
    """Return checked data as a block; `targets` are encoded and flat."""
    every = network.readout == "every"
    return Block.of(network, X, X.split(targets) if every else targets, weights)


def _split(
    count: int, fraction: float, strata: np.ndarray | None, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Split row numbers as scikit-learn splits the rows."""
    from sklearn.model_selection import train_test_split

    train, held = train_test_split(
        np.arange(count), random_state=random, test_size=fraction, stratify=strata
    )
    if len(held) < 2:
        raise DataError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    return train, held


def _check_given(estimator: Any, task: Task, given: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise SettingError(
            "validation_data must be a tuple (X, y) or (X, y, sample_weight), but "
            f"{type(given).__name__} came."
        )
    X, y = estimator._check_data(given[0], given[1], reset=False)
    weights = None
    if len(given) == 3 and given[2] is not None:
        weights = _check_sample_weight(given[2], X, ensure_non_negative=True)
    if isinstance(task, Classification):
        labels = flat(y)
        if task.kind.startswith("multilabel") != (labels.ndim == 2):
            raise DataError("The labels of validation_data must have the form of y's.")
        unknown = np.setdiff1d(labels, task.classes) if labels.ndim == 1 else labels[:0]
        if unknown.shape[0]:
            raise DataError(
                f"validation_data has classes that y has not: {list(unknown[:5])}. y has "
                f"{list(task.classes)}."
            )
    return X, y, weights
