"""Errors handed back through time by a scan, and states found by Newton's iteration."""

import numpy as np
import pytest

from clearprop.equations import CELLS
from clearprop.equations.newton import states_by_newton
from clearprop.equations.scan import errors_through_time, linear_recurrence, multiplications
from clearprop.errors import EngineError
from clearprop.functions import activation

TANH = activation("tanh")


def test_three_steps_by_hand():
    """x_0 = 1, x_1 = 2 · 1 + 3 = 5, x_2 = 4 · 5 - 1 = 19."""
    A, b = np.array([2.0, 4.0])[:, None, None], np.array([1.0, 3.0, -1.0])[:, None]
    assert linear_recurrence(np, A, b)[:, 0].tolist() == [1, 5, 19]


@pytest.mark.parametrize("size", [1, 3, 11])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7, 8, 31, 64, 100])
def test_any_length_is_what_one_step_after_another_gives(steps, size):
    draw = np.random.default_rng(steps)
    A = draw.normal(size=(steps - 1, 2, size, size)) / size**0.5
    b = draw.normal(size=(steps, 2, size))
    wanted = [b[0]]
    for t in range(steps - 1):
        wanted.append(np.einsum("nij,nj->ni", A[t], wanted[-1]) + b[t + 1])
    assert np.abs(linear_recurrence(np, A, b) - wanted).max() < 1e-12 * np.abs(wanted).max()


def test_its_multiplications_are_counted():
    """Of 16 steps: 7 + 3 + 1 products of matrices, 15 + 7 + 3 + 1 with vectors, 4 rounds up."""
    assert multiplications(16, 3) == {"matrices": 11 * 27, "vectors": 26 * 9, "rounds": 8}
    for steps in (64, 1024):
        told = multiplications(steps, 1)
        assert told["matrices"] == steps - 1 - np.log2(steps)


def run_cell(name, steps=9, batch=3, units=4, seed=0):
    """A cell gone through step by step: weighted inputs, U, c, and each Step with its start."""
    draw, cell = np.random.default_rng(seed), CELLS[name]
    gates = len(cell.gates) * units
    s, U = draw.normal(size=(steps, batch, gates)), draw.normal(size=(gates, units)) / 2
    c = draw.normal(size=units) if name == "gru" else None
    state = tuple(np.zeros((batch, units)) for _ in cell.states)
    taken = []
    for t in range(steps):
        step = cell.step(np, TANH, s[t], U, c, state)
        taken.append((step, state))
        state = step.state
    return cell, s, U, c, taken


@pytest.mark.parametrize("name", CELLS)
def test_the_serial_pass_of_each_cell(name):
    cell, _, U, _, taken = run_cell(name)
    above = np.random.default_rng(1).normal(size=(9, 3, 4))
    lengths = np.array([9, 4, 1])
    alive = np.arange(9)[:, None] < lengths
    above *= alive[..., None]
    handed = tuple(np.zeros((3, 4)) for _ in cell.states)
    wanted = []
    for t in reversed(range(9)):
        step, before = taken[t]
        error = (above[t] + handed[0], *handed[1:])
        wanted.append(np.concatenate(error, axis=-1))
        _, _, handed = cell.back(np, TANH, step, U, before, error)
        handed = tuple(value * alive[t][:, None] for value in handed)
    jacobians = np.array([cell.jacobian(np, TANH, step, U, before) for step, before in taken])
    jacobians *= alive[..., None, None]
    none = np.zeros((9, 3, 4 * (len(cell.states) - 1)))
    found = errors_through_time(np, jacobians, np.concatenate([above, none], axis=-1))
    assert np.abs(found - wanted[::-1]).max() < 1e-14


@pytest.mark.parametrize("name", CELLS)
def test_newton_finds_the_states_in_few_iterations(name):
    cell, s, U, c, taken = run_cell(name, steps=40)
    start = np.zeros((3, 4 * len(cell.states)))
    found, iterations = states_by_newton(np, cell, TANH, s, U, c, start, 1e-12)
    wanted = [np.concatenate(step.state, axis=-1) for step, _ in taken]
    assert np.abs(found - wanted).max() < 1e-12
    assert iterations < 20


def test_newton_that_does_not_converge_says_so():
    cell, s, U, c, _ = run_cell("elman", steps=40)
    with pytest.raises(EngineError, match=r"40 steps has not converged: after 3 iterations"):
        states_by_newton(np, cell, TANH, s, U, c, np.zeros((3, 4)), 1e-12, limit=3)
