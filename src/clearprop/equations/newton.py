"""All states of a recurrent layer at once, by Newton's iteration.

The states solve h_t = F_t(h_(t-1)) for all t together. Around guesses h⁰ the equations are nearly
linear,

    h_t = F_t(h⁰_(t-1)) + J_t (h_(t-1) - h⁰_(t-1)),    J_t = ∂(state t)/∂(state t - 1)

and a linear recurrence is solved in log₂ T rounds (`scan`). Its solution is the next guess: this is
Newton's method (DEER; Lim, Zhu, Selfridge and Kasim 2023). Near the solution the number of right
digits doubles each time. After k iterations the first k states are exact, whatever the guess, so T
iterations always end; it pays only where few are enough.

`newton_step` is one iteration, for loops of any namespace; `states_by_newton` is the loop in
Python. It does not fall back to anything: what has not converged is an error.

Public names: `newton_step`, `states_by_newton`.
"""

from __future__ import annotations

from typing import Any

from clearprop.equations.cells import Cell, State
from clearprop.equations.scan import Solver, apply, linear_recurrence
from clearprop.errors import EngineError
from clearprop.functions import Activation


def newton_step(
    xp: Any,
    cell: Cell,
    f: Activation,
    s: Any,
    U: Any,
    c: Any,
    start: Any,
    guess: Any,
    solve: Solver = linear_recurrence,
) -> Any:
    """Return the next guess of all states, (T, n, S).

    Parameters
    ----------
    s : (T, n, gates · units) array
        W x + b of all steps.
    start : (n, S) array
        Where states begin; the parts of a state side by side, as in the guess.
    guess : (T, n, S) array
    """
    before = xp.concatenate([start[None], guess[:-1]])
    rows = before.reshape(-1, before.shape[-1])
    parts: State = tuple(xp.split(rows, len(cell.states), axis=-1))
    step = cell.step(xp, f, s.reshape(-1, s.shape[-1]), U, c, parts)
    J = cell.jacobian(xp, f, step, U, parts).reshape(*guess.shape, guess.shape[-1])
    reached = xp.concatenate(list(step.state), axis=-1).reshape(guess.shape)
    left = reached - apply(xp, J, before)
    # the first step starts from what is known, and is exact
    left = xp.concatenate([reached[:1], left[1:]])
    return solve(xp, J[1:], left)


def states_by_newton(
    xp: Any,
    cell: Cell,
    f: Activation,
    s: Any,
    U: Any,
    c: Any,
    start: Any,
    tolerance: float,
    limit: int = 50,
) -> tuple[Any, int]:
    """Return the states after each step, (T, n, S), and how many iterations they took.

    Starts from states of 0 and ends when none changes by more than `tolerance`.

    Raises
    ------
    EngineError
        If they still change after `limit` iterations, or are not finite.
    """
    guess, change = xp.zeros((*s.shape[:2], start.shape[-1]), dtype=s.dtype), float("inf")
    for iteration in range(1, limit + 1):
        found = newton_step(xp, cell, f, s, U, c, start, guess)
        change = float(xp.max(xp.abs(found - guess)))
        guess = found
        if change <= tolerance:
            return guess, iteration
        if not change < float("inf"):
            break
    raise EngineError(
        f"Newton's iteration over {s.shape[0]} steps has not converged: after {iteration} "
        f"iterations states still change by {change:.3g}, where {tolerance:g} was wanted. Go "
        f"through these sequences step by step."
    )
