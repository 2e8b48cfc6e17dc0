"""A linear recurrence solved in log₂ T rounds, and back-propagation through time as one.

Through time, errors are handed back linearly (see `cells`): with g_t what comes to the state of
step t from above, and e_t = ∂E/∂(state t) altogether,

    e_t = g_t + J_(t+1)ᵀ e_(t+1)

The equations read one after another, but the maps e ↦ Jᵀ e + g of which they are made can be put
together in any grouping, since composing affine maps is associative. So two neighbours are made
one, at all pairs at once; the recurrence of half the length that is left is solved in the same way;
and the steps in between follow from it. This is a scan (Blelloch 1990) over transposed Jacobians
(Wang, Bai and Pekhimenko 2020, BPPSA), written as odd-even reduction: going down again multiplies
vectors only. It is exact up to rounding, and nothing is approximated.

Of T steps of S numbers it needs 2 log₂ T rounds, T - 1 - log₂ T products of S × S matrices and some
2 T products of matrix and vector, where one step after another needs T rounds and T products of
matrix and vector, most often cheaper ones. What it gains is depth; it pays S times the work.

Public names: `errors_through_time`, `linear_recurrence`, `multiplications`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Solver = Callable[[Any, Any, Any], Any]

# up to this many numbers a matrix product is written as products of numbers: libraries have a call
# for each small matrix of a batch, which takes longer than its arithmetic
SMALL = 8


def linear_recurrence(xp: Any, A: Any, b: Any) -> Any:
    """x_0 = b_0 and x_(t+1) = A_t x_t + b_(t+1), all at once.

    Parameters
    ----------
    A : (T - 1, …, S, S) array
    b : (T, …, S) array

    Returns
    -------
    x_0 … x_(T-1), (T, …, S).
    """
    steps = b.shape[0]
    if steps == 1:
        return b
    pairs, middles = steps // 2, (steps - 1) // 2
    into_odd, into_even = A[0::2], A[1::2]
    # x_(2k+1) = (A_2k A_(2k-1)) x_(2k-1) + (A_2k b_2k + b_(2k+1))
    joined = _product(xp, into_odd[1:], into_even[: pairs - 1])
    odd = linear_recurrence(xp, joined, apply(xp, into_odd, b[0 : 2 * pairs : 2]) + b[1::2])
    even = apply(xp, into_even, odd[:middles]) + b[2::2]
    even = xp.concatenate([b[:1], even])
    return _in_turns(xp, even, odd)


def errors_through_time(xp: Any, jacobians: Any, above: Any, solve: Solver | None = None) -> Any:
    """e_t = g_t + J_(t+1)ᵀ e_(t+1), e_(T-1) = g_(T-1): BP2 through time, all steps at once.

    Parameters
    ----------
    jacobians : (T, …, S, S) array
        J_t = ∂(state t)/∂(state t - 1); J_0 is not read. Where a sequence has ended, or errors are
        cut, J is 0.
    above : (T, …, S) array
        g.
    solve : callable, optional
        What solves the recurrence, called as `linear_recurrence` is; that where absent.

    Returns
    -------
    e, (T, …, S).
    """
    transposed = xp.swapaxes(jacobians[1:][::-1], -1, -2)
    return (solve or linear_recurrence)(xp, transposed, above[::-1])[::-1]


def multiplications(steps: int, size: int) -> dict[str, int]:
    """Return how many multiplications `linear_recurrence` makes, and in how many rounds.

    `"matrices"` are those of products of two matrices, `"vectors"` of matrix and vector.
    """
    matrices = vectors = rounds = 0
    while steps > 1:
        matrices += (steps // 2 - 1) * size**3
        vectors += (steps - 1) * size**2
        rounds += 2
        steps //= 2
    return {"matrices": matrices, "vectors": vectors, "rounds": rounds}


def apply(xp: Any, A: Any, x: Any) -> Any:
    """A x for each row: (…, S, S), (…, S) → (…, S)."""
    if A.shape[-1] <= SMALL:
        return xp.sum(A * x[..., None, :], axis=-1)
    return xp.matmul(A, x[..., None])[..., 0]


def _product(xp: Any, A: Any, B: Any) -> Any:
    """A B for each row: (…, S, S) twice → (…, S, S)."""
    if A.shape[-1] <= SMALL:
        return xp.sum(A[..., :, :, None] * B[..., None, :, :], axis=-2)
    return xp.matmul(A, B)


def _in_turns(xp: Any, even: Any, odd: Any) -> Any:
    """Return even_0, odd_0, even_1, …; there may be one even more."""
    paired = xp.stack([even[: odd.shape[0]], odd], axis=1)
    both = paired.reshape(2 * odd.shape[0], *even.shape[1:])
    return xp.concatenate([both, even[odd.shape[0] :]]) if len(even) > len(odd) else both
