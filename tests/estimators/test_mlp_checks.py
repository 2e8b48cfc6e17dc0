"""scikit-learn's own checks of estimators, with the overrides that its suite gives its networks."""

from __future__ import annotations

import inspect

import pytest
import sklearn.neural_network as original
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils._test_common.instance_generator import INIT_PARAMS, PER_ESTIMATOR_CHECK_PARAMS
from sklearn.utils.estimator_checks import check_param_validation, estimator_checks_generator

from clearprop import MLPClassifier, MLPRegressor

PAIRS = [(MLPClassifier, original.MLPClassifier), (MLPRegressor, original.MLPRegressor)]


def _name(check):
    return getattr(check, "func", check).__name__


def _checks():
    for ours, theirs in PAIRS:
        for estimator, check in estimator_checks_generator(ours(**INIT_PARAMS[theirs])):
            overrides = PER_ESTIMATOR_CHECK_PARAMS[theirs].get(_name(check), [{}])
            for override in overrides:
                keywords = getattr(check, "keywords", {})
                label = "-".join([ours.__name__, _name(check), *map(str, keywords.values())])
                yield pytest.param(clone(estimator).set_params(**override), check, id=label)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(("estimator", "check"), list(_checks()))
def test_estimator_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("ours", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_validated(ours):
    check_param_validation(ours.__name__, ours())


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_constructor_begins_like_the_original(ours, theirs):
    new, old = (list(inspect.signature(c).parameters.values()) for c in (ours, theirs))
    plain = [(p.name, p.kind, p.default) for p in new[: len(old)]]
    assert plain == [(p.name, p.kind, p.default) for p in old]
    assert all(p.kind is p.KEYWORD_ONLY for p in new[len(old) :])


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_tags_and_public_methods_are_the_original_s(ours, theirs):
    assert get_tags(ours()) == get_tags(theirs())
    public = {name for name in dir(theirs()) if not name.startswith("_")}
    assert public <= set(dir(ours()))
    for name in ("fit", "partial_fit"):
        new, old = (list(inspect.signature(getattr(c(), name)).parameters) for c in (ours, theirs))
        assert new[: len(old)] == old
