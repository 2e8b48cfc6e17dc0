"""Fits side by side: in threads, in forked and spawned children, in joblib; plans and threads."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clearprop
from clearprop import Dense, Network, Parameters
from clearprop.engines import Recipe
from clearprop.engines.native import NativeEngine, threads
from clearprop.engines.native.plans import BLAS_FROM, GRADIENT_FITS, THREADS_FROM, plan_for
from problems import block_for, hidden_network, vector_for

SOURCE, TESTS = Path(clearprop.__file__).parents[1], Path(__file__).parents[1]


def fit(seed=0, split="batch"):
    """A run of 2 threads with BLAS; its parameters."""
    network = hidden_network("gelu", "float64", dropout=0.2)
    recipe = Recipe(batch_size=8)
    how = plan_for(network, 8, 2)
    how = replace(how, threads=2, split=split, blas=(True,) * 3)
    native = NativeEngine(network, recipe, how)
    state = native.initial_state(Parameters(network, vector_for(network)), seed)
    block = block_for(network, 64)
    for _ in range(20):
        state.position = 0
        state, record = native.advance(state, block, 8)
        assert not record.failed
    return state.vector


def test_fits_in_threads_share_nothing():
    wanted = {seed: fit(seed) for seed in range(4)}
    assert len({vector.tobytes() for vector in wanted.values()}) == 4
    found = {}
    workers = [
        threading.Thread(target=lambda seed=seed: found.update({seed: fit(seed)}))
        for seed in wanted
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    for seed, vector in wanted.items():
        assert np.array_equal(found[seed], vector)


# in a process of its own, since pytest's has threads and forking it would warn
CHILDREN = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from test_threads import fit

def digest(seed):
    return fit(seed).tobytes().hex()

def children(kind):
    with ProcessPoolExecutor(2, multiprocessing.get_context(kind)) as pool:
        return list(pool.map(digest, [0, 1, 2]))

def nested(seed):
    # a fit inside a thread inside a worker of joblib
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(digest, [seed, seed]))

if __name__ == "__main__":
    wanted = [digest(seed) for seed in [0, 1, 2]]
    kind = sys.argv[1]
    if kind in ("loky", "threading"):
        import joblib
        parallel = joblib.Parallel(n_jobs=2, backend=kind)
        found = parallel(joblib.delayed(nested)(seed) for seed in [0, 1, 2])
        assert found == [[one, one] for one in wanted]
    elif kind == "search":
        import numpy as np
        from clearprop import MLPClassifier
        from sklearn.model_selection import GridSearchCV
        x = np.random.default_rng(0).normal(size=(120, 4))
        model = MLPClassifier((8,), max_iter=20, tol=0, random_state=0, threads=2)
        scores = [
            GridSearchCV(model, {"alpha": [0.1, 10.0]}, cv=3, n_jobs=jobs)
            .fit(x, x[:, 0] > x[:, 1])
            .cv_results_["mean_test_score"]
            .tolist()
            for jobs in (1, 2)
        ]
        assert scores[0] == scores[1]
    else:
        assert children(kind) == wanted
    print("all alike")
"""


@pytest.mark.parametrize("kind", ["fork", "spawn", "loky", "threading", "search"])
def test_fits_in_children(kind, tmp_path):
    if kind == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    file = tmp_path / "children.py"
    file.write_text(CHILDREN)
    path = os.pathsep.join(map(str, (SOURCE, TESTS, Path(__file__).parent)))
    result = subprocess.run(
        [sys.executable, str(file), kind],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=120,
        check=False,
    )
    assert result.stdout == "all alike\n", result.stderr


def test_an_error_of_any_thread_comes_out():
    def work(number):
        if number == 1:
            raise ValueError("from thread 1")
        return number

    with pytest.raises(ValueError, match="from thread 1"):
        threads.run_together(work, 2)
    assert threads.run_together(lambda number: 10 + number, 3) == 10


def test_more_threads_than_cores_come_to_an_end():
    network = hidden_network("tanh")
    block = block_for(network, 40)
    before = time.monotonic()
    for split in ("batch", "neurons"):
        how = replace(plan_for(network, 40, 1), threads=8, split=split)
        native = NativeEngine(network, Recipe(batch_size=40), how)
        one = NativeEngine(network, Recipe(), replace(how, threads=1, split="none"))
        vector = vector_for(network)
        assert native.gradient(vector, block)[1] == pytest.approx(one.gradient(vector, block)[1])
    assert time.monotonic() - before < 30


def test_how_many_threads_may_pay(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    for text, wanted in [("", 6), ("4", 4), ("3,2", 3), ("64", 6), ("0", 6), ("many", 6)]:
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert threads.available_threads() == wanted


def test_plans():
    small = Network(2, (Dense(2), Dense(1)))
    assert plan_for(small, 1, 8).threads == 1  # no more threads than rows
    assert plan_for(small, 32).threads == 1
    assert plan_for(small, 32).split == "none"
    assert plan_for(small, 32).blas == (False, False)
    wide = Network(1000, (Dense(1000), Dense(1)))
    assert wide.size * 4 > GRADIENT_FITS
    assert THREADS_FROM < 64 * 1000 * 1000
    assert plan_for(wide, 64, 2).split == "neurons"
    rows = BLAS_FROM // 1000**2
    assert plan_for(wide, rows).blas == (True, False)
    assert plan_for(wide, rows - 1).blas == (False, False)
    double = Network(1000, (Dense(1000), Dense(1)), dtype="float64")
    assert plan_for(double, rows // 2).blas == (True, False)
    flat = Network(100, (Dense(100),))
    assert plan_for(flat, 64, 2).split == "batch"
