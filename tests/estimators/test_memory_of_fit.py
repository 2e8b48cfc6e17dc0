"""How many copies of the parameters `fit` holds at once, by what NumPy asks memory for."""

import tracemalloc
import warnings

import numpy as np

from clearprop import MLPClassifier

X = np.random.default_rng(0).normal(size=(64, 200)).astype(np.float32)
y = np.arange(64) % 10


def test_fit_holds_the_state_a_gradient_and_the_best_epoch_and_no_more():
    model = MLPClassifier((400, 300), batch_size=16, max_iter=3, random_state=0, threads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[:, :20], y)  # code and tables that stay
        tracemalloc.start()
        try:
            model.fit(X, y)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    vector = model.parameters_.vector.nbytes
    buffers = 4 * 16 * (200 + 4 * 710)
    # θ, Adam's two slots, the gradient, and the best epoch, in whose place the result goes
    assert 5 * vector < peak < 5.7 * vector + buffers
