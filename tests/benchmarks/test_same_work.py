"""Peers that compute something else are found out; a worker runs a peer in a process of its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from benchmarks.crew import crew
from benchmarks.options import Options
from benchmarks.peers import PER_SAMPLE, TRAINERS, Entry, families, nielsen, numpy_loop, ours
from benchmarks.peers.peer import LeftOutError
from benchmarks.problems import ONE_BY_ONE, Case, Problem

from benchmarks import pool, same_work, training

TINY = Case((4, 5, 3), 6, 20)
ONE = Case((4, 5, 3), 1, 20, **ONE_BY_ONE)
NUMPY = next(entry for entry in TRAINERS if entry.family == "NumPy loop")


def first_losses(trainer):
    return [trainer.train(number, 1) for number in range(TINY.steps)]


def reference(case):
    """clearprop on its reference engine, which compiles nothing."""
    return ours.Trainer(Problem.of(case), None, engine="reference")


def test_peers_agree_on_a_tiny_case():
    losses = {
        "clearprop": first_losses(reference(TINY)),
        "NumPy": first_losses(numpy_loop.Trainer(Problem.of(TINY), 1)),
    }
    assert len(set(np.round(losses["NumPy"], 3))) > 10  # batches differ, so order counts
    assert same_work.check(losses, "tiny") < 1e-5


def test_scikit_learn_agrees_also_with_two_classes():
    from benchmarks.peers import scikit_learn

    case = Case((2, 2, 2), 1, 20)
    losses = {
        "clearprop": first_losses(reference(case)),
        "scikit-learn": first_losses(scikit_learn.InOrder(Problem.of(case), 1)),
    }
    assert same_work.check(losses, "2-2-2") < 1e-5


def test_one_sample_a_step_agrees_with_the_equations_in_numpy():
    losses = {
        "clearprop": first_losses(reference(ONE)),
        "Nielsen": first_losses(nielsen.Trainer(Problem.of(ONE), None)),
    }
    assert same_work.check(losses, "one") < 1e-5


def test_fann_agrees_where_it_is_installed():
    from benchmarks.peers import fann

    try:
        trainer = fann.Trainer(Problem.of(ONE), None)
    except LeftOutError as reason:
        pytest.skip(str(reason))
    losses = {"clearprop": first_losses(reference(ONE)), "FANN": first_losses(trainer)}
    assert same_work.check(losses, "one") < 1e-5


@pytest.mark.parametrize("change", [{"rate": 1.5e-3}, {"rule": "momentum"}, {"l2": 0.05}])
def test_a_peer_that_does_something_else_is_named(change):
    right = first_losses(reference(TINY))
    losses = {
        "one": right,
        "other": first_losses(numpy_loop.Trainer(Problem.of(TINY), 1)),
        "wrong": first_losses(reference(dataclasses.replace(TINY, **change))),
    }
    with pytest.raises(same_work.DifferentWorkError, match="wrong by") as error:
        same_work.check(losses, "tiny")
    assert "one by" not in str(error.value)


def test_losses_that_say_nothing_are_passed_over_and_nan_among_numbers_is_not():
    nan = float("nan")
    assert same_work.check({"a": [1.0, 2.0], "b": [nan, nan]}, "x") == 0
    with pytest.raises(same_work.DifferentWorkError, match="b by nan"):
        same_work.check({"a": [1.0, 2.0], "c": [1.0, 2.0], "b": [1.0, nan], "d": [1, 2]}, "x")


def test_a_worker_trains_in_a_process_of_its_own():
    with pool.closing([pool.start(NUMPY, 1)]) as (worker,):
        worker.send("make", "benchmarks.worker:Training", NUMPY, TINY, 1)
        worker.receive()
        worker.pause()
        losses = pool.turn(worker, lambda w: w.ask("losses", TINY.steps))
        seconds, _ = pool.turn(worker, lambda w: w.ask("run", 3))
    assert losses == first_losses(numpy_loop.Trainer(Problem.of(TINY), 1))
    assert seconds > 0


def test_peers_of_a_section_are_checked_and_measured_in_rounds():
    with crew((NUMPY, dataclasses.replace(NUMPY, way="again")), (1,)) as members:
        rows, difference, limit = training.measured(Options(repeats=2, quick=True), members, TINY)
    assert [(row["way"], row["rounds"]) for row in rows] == [("loop", 2), ("again", 2)]
    assert all(0 < row["least"] <= row["seconds"] for row in rows)
    assert (difference, limit) == (0, None)


def test_a_worker_hands_back_why_it_failed():
    broken = dataclasses.replace(NUMPY, target="numpy_loop:Nobody")
    with pool.closing([pool.start(broken, 1)]) as (worker,):
        worker.send("make", "benchmarks.worker:Training", broken, TINY, 1)
        with pytest.raises(pool.PeerError, match="Nobody"):
            worker.receive()


def test_a_peer_that_is_not_installed_says_so():
    entry = Entry("a", "b", "c:D", ("no_such_module_anywhere",))
    assert entry.missing() == "no_such_module_anywhere is not installed"


def test_environment_holds_or_frees_the_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert pool.environment(2)["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in pool.environment(None)


def test_families_are_in_the_tables_order():
    assert families(PER_SAMPLE) == ["clearprop", "FANN", "Nielsen's method"]
