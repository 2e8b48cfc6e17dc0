"""BLAS libraries: the same numbers from each, named errors where one is absent, one thread."""

import ctypes.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clearprop
from clearprop.engines import Plan, Recipe, build
from clearprop.engines.native import blas
from clearprop.engines.native.plans import plan_for
from clearprop.errors import EngineError, SettingError
from problems import block_for, hidden_network, vector_for

SOURCE = Path(clearprop.__file__).parents[1]
needs_mkl = pytest.mark.skipif(
    blas._packaged_mkl() is None, reason="MKL is not installed (pip install mkl)"
)


@pytest.fixture
def no_mkl(monkeypatch):
    monkeypatch.setattr(blas, "_packaged_mkl", lambda: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)


@needs_mkl
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("threads", "split"), [(1, "none"), (2, "batch"), (2, "neurons")])
def test_mkl_computes_the_same(dtype, threads, split):
    network = hidden_network("tanh", dtype)
    block, vector = block_for(network, 40), vector_for(network)
    plan = Plan("native", threads, split, (True,) * len(network.layers), "mkl")
    loss, gradient = build("native", network, Recipe(), plan=plan).gradient(vector, block)
    wanted, slope = build("reference", network, Recipe()).gradient(vector, block)
    exact = 2e-6 if dtype == "float32" else 1e-14
    assert loss == pytest.approx(wanted, rel=exact)
    assert np.linalg.norm(gradient - slope) <= 10 * exact * np.linalg.norm(slope)


@needs_mkl
def test_each_library_has_routines_of_its_own():
    found = {
        blas.gemm_address(dtype, library)
        for dtype in ("float32", "float64")
        for library in blas.LIBRARIES
    }
    assert len(found) == 4
    assert 0 not in found


def test_which_libraries_plans_may_choose(monkeypatch):
    monkeypatch.delenv("CLEARPROP_BLAS", raising=False)
    monkeypatch.setattr(blas, "_packaged_mkl", lambda: None)
    assert blas.usable_libraries() == ("openblas",)
    monkeypatch.setattr(blas, "_packaged_mkl", lambda: "/somewhere/libmkl_rt.so.2")
    assert blas.usable_libraries() == ("openblas", "mkl")
    for name in ("openblas", "mkl"):
        monkeypatch.setenv("CLEARPROP_BLAS", name)
        assert blas.usable_libraries() == (name,)
        network = hidden_network("tanh")
        assert plan_for(network, 8).library == name


def test_a_library_that_is_not_there_is_said(monkeypatch, no_mkl):
    network = hidden_network("tanh")
    plan = replace(plan_for(network, 8), library="mkl")
    with pytest.raises(EngineError, match="pip install mkl"):
        build("native", network, Recipe(), plan=plan)
    with pytest.raises(EngineError, match="Did you mean 'openblas'"):
        build("native", network, Recipe(), plan=replace(plan, library="openbals"))
    monkeypatch.setenv("CLEARPROP_BLAS", "mkl")
    with pytest.raises(EngineError, match="pip install mkl"):
        build("native", network, Recipe())
    monkeypatch.setenv("CLEARPROP_BLAS", "mkk")
    with pytest.raises(SettingError, match="Did you mean 'mkl'"):
        build("native", network, Recipe())


def test_threads_are_put_back_as_they_were(monkeypatch):
    class Library:
        def __init__(self, threads):
            self.threads = threads

        def get_num_threads(self):
            return self.threads

        def set_num_threads(self, threads):
            self.threads = threads

    libraries = [Library(2), Library(3)]
    monkeypatch.setattr(blas, "_libraries", lambda: list(libraries))
    with blas.one_blas_thread():
        assert [library.threads for library in libraries] == [1, 1]
        libraries.append(Library(4))  # loaded while another thread's kernel runs
        with blas.one_blas_thread():
            pass
        assert [library.threads for library in libraries] == [1, 1, 4]
    assert [library.threads for library in libraries] == [2, 3, 4]


# MKL belongs to whoever loads it first, so each case has a process of its own
OURS = """
from clearprop.engines.native import blas
with blas.one_blas_thread():
    pass
blas.gemm_address("float32", "mkl")
mkl = [library for library in blas._libraries() if library.internal_api == "mkl"]
print([(library.threading_layer, library.get_num_threads()) for library in mkl])
print("libiomp" in open("/proc/self/maps").read())
"""
THEIRS = """
import ctypes
from clearprop.engines.native import blas
mkl = ctypes.CDLL(blas._packaged_mkl())
mkl.MKL_Set_Interface_Layer(1)
mkl.MKL_Get_Max_Threads()
try:
    blas.gemm_address("float32", "mkl")
except Exception as error:
    print(type(error).__name__, "64 bits" in str(error))
"""


@needs_mkl
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("script", "wanted"),
    [(OURS, "[('sequential', 1)]\nFalse\n"), (THEIRS, "\nEngineError True\n")],
    ids=["ours", "theirs"],
)
def test_how_mkl_is_loaded(script, wanted):
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        timeout=60,
        check=False,
    )
    assert result.stdout.endswith(wanted), (result.stdout, result.stderr)
