"""Measures, intervals and calibration, held against scikit-learn and against work by hand."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from clearprop.reporting.answers import Answers
from clearprop.reporting.calibration import calibration_of
from clearprop.reporting.comparison import compare
from clearprop.reporting.measures import measures_of
from clearprop.reporting.mistakes import confusion_of, residuals_of
from clearprop.reporting.resampling import draws, middle, wilson
from clearprop.reporting.telling import telling_rows


def classes(count, rows=80, seed=0):
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, count, rows)
    raw = draw.dirichlet(np.ones(count), rows) + 0.7 * np.eye(count)[truth] * draw.random((rows, 1))
    # rounded, so that there are ties
    given = np.round(raw / raw.sum(axis=1, keepdims=True), 2) + 0.01
    names = tuple("abcdefghijklmnop"[:count])
    return Answers("classes", names, truth, given / given.sum(axis=1, keepdims=True))


def numbers(targets=1, rows=50):
    draw = np.random.default_rng(1)
    truth = draw.normal(5, 3, (rows, targets))
    names = tuple("xyz"[:targets])
    return Answers("numbers", names, truth, truth + draw.normal(size=truth.shape))


def values(answers, counts):
    return {m.key: float(m.of(counts[None])[0]) for m in measures_of(answers)}


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_measures_of_classes_are_scikit_learns(count, weighted):
    answers = classes(count)
    draw = np.random.default_rng(2)
    weights = draw.integers(0, 4, len(answers)).astype(float) if weighted else np.ones(80)
    found = values(answers, weights)
    truth, p, w = answers.truth, answers.given, {"sample_weight": weights}
    area = (
        sk.roc_auc_score(truth, p[:, 1], **w)
        if count == 2
        # scikit-learn weighs no rows of several classes, so each is asked for on its own
        else np.mean([sk.roc_auc_score(truth == k, p[:, k], **w) for k in range(count)])
    )
    assert found == pytest.approx(
        {
            "accuracy": sk.accuracy_score(truth, p.argmax(axis=1), **w),
            "balanced": sk.balanced_accuracy_score(truth, p.argmax(axis=1), **w),
            "log_loss": sk.log_loss(truth, p, **w),
            "auc": area,
        }
    )


@pytest.mark.parametrize("targets", [1, 3])
def test_measures_of_numbers_are_scikit_learns(targets):
    answers = numbers(targets)
    weights = np.random.default_rng(3).integers(0, 4, len(answers)).astype(float)
    y, p, w = answers.truth, answers.given, {"sample_weight": weights}
    assert values(answers, weights) == pytest.approx(
        {
            "r2": sk.r2_score(y, p, **w),
            "mae": sk.mean_absolute_error(y, p, **w),
            "rmse": sk.root_mean_squared_error(y, p, **w),
        }
    )


def test_measures_of_labels_are_scikit_learns():
    draw = np.random.default_rng(4)
    truth, given = draw.integers(0, 2, (40, 3)).astype(float), draw.random((40, 3))
    found = values(Answers("labels", ("a", "b", "c"), truth, given), np.ones(40))
    right = sk.accuracy_score(truth, given > 0.5)
    each = 1 - sk.hamming_loss(truth, given > 0.5)
    assert found == pytest.approx({"all_right": right, "labels_right": each})


@pytest.mark.parametrize(("hits", "n"), [(8, 10), (0, 20), (20, 20), (5599, 6512)])
def test_wilsons_interval_is_scipys(hits, n):
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_draw_has_as_many_rows_and_is_uniform():
    counts = np.vstack(list(draws(50, 4000, seed=1)))
    assert counts.shape == (4000, 50)
    assert (counts.sum(axis=1) == 50).all()
    # a row's count is binomial(50, 1/50): variance 0.98
    assert counts.var(axis=0).mean() == pytest.approx(0.98, rel=0.03)
    assert abs(counts.mean(axis=0) - 1).max() < 0.08


def test_groups_are_drawn_whole():
    groups = np.array([0, 0, 1, 2, 2, 2])
    counts = np.vstack(list(draws(6, 500, seed=1, groups=groups)))
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 3] == counts[:, 5]).all()
    assert (counts[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_the_bootstraps_interval_of_a_mean_is_its_standard_error():
    answers = numbers(rows=400)
    errors = np.abs(answers.errors[:, 0])
    found = compare({"network": answers}).figures["network"]["mae"].interval
    error = errors.std() / np.sqrt(len(errors))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)
    assert found.low < errors.mean() < found.high


def test_the_difference_of_two_models_is_drawn_row_by_row():
    answers = numbers(rows=300)
    worse = answers.with_given(answers.given + np.sign(-answers.errors) * 0.05)
    found = compare({"network": answers, "other": worse})
    mae = found.figures["other"]["mae"]
    assert mae.ahead == pytest.approx(0.05)
    # every row is off by 0.05 more, so no draw can hide it, though the intervals overlap
    assert mae.ahead_interval == pytest.approx((0.05, 0.05))
    assert mae.verdict == "better"
    assert found.figures["network"]["mae"].interval.high > mae.interval.low
    again = compare({"network": worse, "other": answers}).figures["other"]["mae"]
    assert again.verdict == "worse"


def test_middle_leaves_out_what_is_undefined():
    drawn = np.append(np.linspace(0, 1, 101), [np.nan] * 9)
    assert middle(drawn) == pytest.approx((0.025, 0.975))
    assert np.isnan(middle(np.array([1.0, np.nan, np.nan])).low)


def test_calibration_by_hand():
    # two bins of ten rows: chances 0.2 and 0.7, of which 3 and 6 came true
    chance = np.repeat([0.2, 0.7], 10)
    truth = np.array([1] * 3 + [0] * 7 + [1] * 6 + [0] * 4)
    found = calibration_of(
        Answers("classes", ("no", "yes"), truth, np.column_stack([1 - chance, chance]))
    )
    assert [one.rows for one in found.bins] == [10, 10]
    assert [one.chance for one in found.bins] == pytest.approx([0.2, 0.7])
    assert [one.share for one in found.bins] == pytest.approx([0.3, 0.6])
    assert found.error == pytest.approx(0.1)
    assert found.of == "yes"
    # 0.8 on ten rows, right on 7; 0.7 on ten, right on 6
    assert (found.certainty, found.right) == pytest.approx((0.75, 0.65))


def test_rows_of_one_chance_stay_in_one_bin():
    chance = np.r_[np.full(55, 0.1), np.linspace(0.2, 0.9, 45)]
    given = np.column_stack([1 - chance, chance])
    found = calibration_of(Answers("classes", ("a", "b"), np.zeros(100, int), given))
    assert found.bins[0].rows >= 55
    assert sum(one.rows for one in found.bins) == 100


def test_confusion_is_scikit_learns_and_rare_classes_are_one():
    answers = classes(4)
    found = confusion_of(answers)[0]
    assert (found.counts == sk.confusion_matrix(answers.truth, answers.codes)).all()
    recall = sk.recall_score(answers.truth, answers.codes, average=None)
    assert found.recall == pytest.approx(recall)
    many = classes(16, rows=400)
    folded = confusion_of(many)[0]
    assert len(folded.names) == 12
    assert folded.names[-1] == ""
    assert folded.counts.sum() == 400


def test_residuals_are_quantiles_of_the_errors():
    answers = numbers(2, rows=1000)
    found = residuals_of(answers)
    errors = np.abs(answers.errors)
    assert [one.half for one in found] == pytest.approx(np.median(errors, axis=0))
    assert [one.most for one in found] == pytest.approx(np.quantile(errors, 0.9, axis=0))
    assert [one.above for one in found] == pytest.approx((answers.errors > 0).mean(axis=0))
    assert [len(one.truth) for one in found] == [800, 800]


def test_telling_rows_by_hand():
    given = np.array([[0.9, 0.1], [0.2, 0.8], [0.49, 0.51], [0.6, 0.4], [0.03, 0.97]])
    answers = Answers("classes", ("a", "b"), np.array([0, 1, 0, 0, 0]), given)
    found = [(one.row, one.why) for one in telling_rows(answers, np.zeros(5))]
    # right: 0, 1 and 3, of certainty 0.9, 0.8 and 0.6
    assert found == [(1, "typical"), (4, "worst"), (2, "doubtful")]
    truth = np.array([[0.0], [0.0], [0.0], [0.0]])
    numbers = Answers("numbers", ("y",), truth, np.array([[1.0], [2.0], [9.0], [0.0]]))
    found = [(one.row, one.why) for one in telling_rows(numbers, np.array([1.0, 0, 0, 5]))]
    assert found == [(0, "typical"), (2, "worst"), (3, "unlike")]
