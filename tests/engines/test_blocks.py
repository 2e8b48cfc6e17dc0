"""What a block, a recipe and their checks turn away, and what they say."""

import numpy as np
import pytest
import scipy.sparse

from clearprop import Dense, Network
from clearprop.engines import Block, Recipe, check_inputs
from clearprop.engines.batches import sum_of_weights
from clearprop.equations import Penalty
from clearprop.errors import DataError, SettingError, ShapeError

CLASSES = Network(3, (Dense(4), Dense(3, "softmax")), "cross_entropy", "float32")
NUMBERS = Network(3, (Dense(2, "identity"),), "half_squared_error", "float64")
X, CODES = np.arange(12.0).reshape(4, 3), np.array([0, 1, 2, 1])
Y = np.arange(8.0).reshape(4, 2)


def _with(array, place, value):
    array = np.array(array, dtype=float)
    array[place] = value
    return array


def test_what_fits_is_not_copied():
    x, y, w = (np.ones(shape) for shape in ((4, 3), (4, 2), 4))
    block = Block.of(NUMBERS, x, y, w)
    assert block.x is x
    assert block.y is y
    assert block.weights is w
    sparse = scipy.sparse.csr_array(x)
    assert np.shares_memory(Block.of(NUMBERS, sparse, y).x.data, sparse.data)


def test_what_does_not_fit_is_brought_into_the_networks_type():
    block = Block.of(CLASSES, np.asfortranarray(X), CODES.astype(np.uint8), [1, 2, 3, 4])
    assert (block.x.dtype, block.x.flags.c_contiguous) == (np.float32, True)
    assert (block.y.dtype, block.y.tolist()) == (np.int64, CODES.tolist())
    assert block.weights.dtype == np.float32
    one = Network(3, (Dense(1, "identity"),))
    assert Block.of(one, X, [1, 2, 3, 4]).y.shape == (4, 1)
    coordinates = scipy.sparse.coo_array(X)
    assert Block.of(CLASSES, coordinates, CODES).x.format == "csr"


def test_visits():
    block = Block.of(NUMBERS, X, Y)
    assert (block.rows, block.visits) == (4, 4)
    assert block.visited(3, 9).tolist() == [3]
    ordered = block.ordered(np.array([3, 3, 0]))
    assert (ordered.rows, ordered.visits) == (4, 3)
    assert ordered.visited(1, 9).tolist() == [3, 0]


@pytest.mark.parametrize(
    ("network", "x", "y", "weights", "error", "part"),
    [
        (NUMBERS, X[:, :2], Y, None, ShapeError, r"3 inputs.*\(rows, 3\), but \(4, 2\)"),
        (NUMBERS, X[0], Y, None, ShapeError, r"\(rows, 3\), but \(3,\) came"),
        (NUMBERS, _with(X, (2, 1), np.nan), Y, None, DataError, "X holds nan at row 2, column 1"),
        (NUMBERS, _with(X, (3, 0), -np.inf), Y, None, DataError, "-inf at row 3, column 0"),
        (
            NUMBERS,
            scipy.sparse.csr_array(_with(X, (2, 0), np.nan)),
            Y,
            None,
            DataError,
            r"X holds nan at row 2, column 0 \(1 such",
        ),
        (NUMBERS, X, Y[:3], None, ShapeError, "X has 4 rows, but y has 3 rows"),
        (NUMBERS, X, 1.0, None, ShapeError, "y has no rows"),
        (NUMBERS, X, Y[:, :1], None, ShapeError, r"2 outputs.*\(4, 2\), but \(4, 1\)"),
        (NUMBERS, X, Y[:, 0], None, ShapeError, r"\(4, 2\), but \(4, 1\) came"),
        (NUMBERS, X, Y.reshape(4, 2, 1), None, ShapeError, r"\(4, 2\), but \(4, 2, 1\) came"),
        (NUMBERS, X, _with(Y, (1, 1), np.inf), None, DataError, "y holds inf at row 1, column 1"),
        (NUMBERS, X, Y, np.ones(3), ShapeError, r"weights must have shape \(4,\), but \(3,\)"),
        (NUMBERS, X, Y, [1, 1, -2, 1], DataError, r"0 or above, but row 2 has -2\.0"),
        (NUMBERS, X, Y, [1, np.nan, 1, 1], DataError, "sample weights holds nan at row 1"),
        (CLASSES, X, [0, 1, 3, 1], None, DataError, "between 0 and 2, but row 2 has 3"),
        (CLASSES, X, [0, 1, 1, -1], None, DataError, "between 0 and 2, but row 3 has -1"),
        (
            CLASSES,
            X,
            np.eye(4)[:, :3],
            None,
            DataError,
            "sum to 1 in each row, but row 3 sums to 0",
        ),
        (CLASSES, X, 2 * np.eye(4)[:, :3], None, DataError, "between 0 and 1, but row 0 has 2"),
    ],
)
def test_data_that_cannot_be_used(network, x, y, weights, error, part):
    with pytest.raises(error, match=part):
        Block.of(network, x, y, weights)


def test_targets_outside_what_the_loss_is_defined_on():
    counts = Network(3, (Dense(1, "exp"),), "poisson")
    with pytest.raises(DataError, match="'poisson' needs targets that are non-negative, but row 1"):
        Block.of(counts, X, [3, -1, 2, 0])
    labels = Network(3, (Dense(2, "sigmoid"),), "binary_cross_entropy")
    assert Block.of(labels, X, np.full((4, 2), 0.5)).y.shape == (4, 2)
    with pytest.raises(DataError, match=r"between 0 and 1, but row 0 has 1\.5"):
        Block.of(labels, X, np.full((4, 2), 1.5))


def test_large_numbers_whose_sum_overflows_are_fine():
    x = np.full((4, 3), 1.7e308)
    assert check_inputs(NUMBERS, x) is x


@pytest.mark.parametrize(
    ("build", "part"),
    [
        (lambda: Recipe(batch_size=0), "batch_size must be at least 1, but 0"),
        (lambda: Recipe(clip_norm=0), "clip_norm must be above 0, but 0"),
        (lambda: Recipe(clip_value=-1), "clip_value must be above 0, but -1"),
        (lambda: Penalty(l1=-1), "l1 must be 0 or above, but -1"),
        (lambda: Penalty(l2=float("nan")), "l2 must be 0 or above, but nan"),
    ],
)
def test_recipes_that_cannot_be(build, part):
    with pytest.raises(SettingError, match=part):
        build()


def test_weights_are_summed_as_a_kernel_does():
    """One after another: 1 and then many tiny ones stay 1, where pairs would add up first."""
    weights = np.array([1.0] + [1e-16] * 99)
    block = Block(np.ones((100, 3)), np.ones((100, 2)), weights)
    assert np.sum(weights) > 1
    assert sum_of_weights(block) == 1
    assert sum_of_weights(block, np.arange(1, 3)) == 2e-16
    assert sum_of_weights(block.ordered(np.array([0, 0, 0]))) == 3
    # in float64 also where the weights are not
    rough = Block(block.x, block.y, np.array([1, 2**-30] * 50, dtype=np.float32))
    assert sum_of_weights(rough) == 50 + 50 * 2**-30
    assert sum_of_weights(Block(block.x, block.y)) == 100
    assert sum_of_weights(block, np.arange(0)) == 0
