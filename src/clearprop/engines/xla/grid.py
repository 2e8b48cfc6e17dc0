"""A batch of sequences as XLA wants it, of one shape whatever the lengths; the ways through time.

XLA compiles a program for each shape, so a batch is a grid of (steps, sequences), row t · n + i,
with as many steps as its bucket has. Where a sequence has ended its state stands still, and its
last step is read again: such rows hold ordinary numbers and make none that is not finite. Nothing
of them is counted: their coefficients are 0, no mean goes over them, and no error is handed
on from them. The loops go on only as long as the longest sequence at hand.

Back through time there are three ways, which differ in rounding only:

    serial   (`GridTime`) step after step, each with all of its equations
    chain    (`ChainTime`) the Jacobians of all steps at once, then step after step e = g + Jᵀ e
             alone, which XLA makes one loop of; δ of all steps at once
    scan     (`ScannedTime`) the same, the recurrence solved in log₂ T rounds (`equations.scan`)

Public names: `TIMES`, `Grid`, `GridTime`, `PerLayer`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jax.numpy as jnp
from jax import lax, tree_util

from clearprop.engines.unrolled import InTime, WayPass
from clearprop.equations.cells import Cell, State
from clearprop.equations.scan import errors_through_time, linear_recurrence
from clearprop.functions import Activation


class Grid:
    """Where the steps of a batch of n sequences lie; N = steps · n rows. Stands for a `Packing`.

    Attributes
    ----------
    lengths : (n,) int array
        Steps of each sequence, at most `steps`; 0 for one that is not there.
    steps : int
        Steps of the grid.
    """

    def __init__(self, lengths: Any, steps: int) -> None:
        self.lengths = lengths
        self.steps = steps

    @property
    def count(self) -> int:
        """n, the sequences of the grid."""
        return self.lengths.shape[0]

    @property
    def rows(self) -> int:
        """N."""
        return self.steps * self.count

    @cached_property
    def step(self) -> Any:
        """The step of each row, (N,)."""
        return jnp.repeat(jnp.arange(self.steps), self.count)

    @cached_property
    def place(self) -> Any:
        """The sequence of each row, (N,)."""
        return jnp.tile(jnp.arange(self.count), self.steps)

    @cached_property
    def counted(self) -> Any:
        """Whether a row is a step of its sequence, (N, 1)."""
        return (self.step < self.lengths[self.place])[:, None]

    @cached_property
    def _ends(self) -> Any:
        return jnp.maximum(self.lengths - 1, 0)

    @cached_property
    def first(self) -> Any:
        """The row of each sequence's first step, (n,)."""
        return jnp.arange(self.count)

    @cached_property
    def last(self) -> Any:
        """The row of each sequence's last step, (n,)."""
        return self._ends * self.count + self.first

    @cached_property
    def held(self) -> Any:
        """Each row, or the last of its sequence where that has ended, (N,)."""
        return jnp.minimum(self.step, self._ends[self.place]) * self.count + self.place

    @cached_property
    def mirror(self) -> Any:
        """The row that takes each row's place when every sequence is turned round, (N,)."""
        step = jnp.where(self.counted[:, 0], self._ends[self.place] - self.step, self.step)
        return step * self.count + self.place


# the steps are part of a program and not of its arguments
tree_util.register_pytree_node(
    Grid, lambda grid: ((grid.lengths,), grid.steps), lambda steps, parts: Grid(parts[0], steps)
)


def _folded(x: Any, grid: Grid) -> Any:
    """(N, units) → (steps, n, units)."""
    return x.reshape(grid.steps, grid.count, x.shape[-1])


def _flat(x: Any) -> Any:
    """(steps, n, units) → (N, units)."""
    return x.reshape(-1, x.shape[-1])


class GridTime(InTime):
    """One step after another, by a loop of XLA's in each direction."""

    def forward(
        self,
        xp: Any,
        cell: Cell,
        f: Activation,
        s: Any,
        U: Any,
        c: Any,
        start: State | None,
        packing: Any,
    ) -> tuple[Any, State, State, Any]:
        """See `InTime.forward`."""
        grid, size = packing, U.shape[1]
        if start is None:
            start = (xp.zeros((grid.count, size), dtype=s.dtype),) * len(cell.states)
        s = _folded(s, grid)
        gated = cell.name == "gru"

        def go(t: Any, carry: Any) -> Any:
            before, z, states, inner = carry
            step = cell.step(xp, f, s[t], U, c, before)
            runs = (t < grid.lengths)[:, None]
            pairs = zip(step.state, before, strict=True)
            state = tuple(xp.where(runs, new, old) for new, old in pairs)
            states = tuple(_put(all_, t, one) for all_, one in zip(states, state, strict=True))
            inner = _put(inner, t, step.inner) if gated else inner
            return state, _put(z, t, step.z), states, inner

        # steps behind the longest sequence are not gone through and stay 0
        empty = xp.zeros((grid.steps, grid.count, size), dtype=s.dtype)
        carry = (start, xp.zeros_like(s), (empty,) * len(start), empty if gated else None)
        _, z, states, inner = lax.fori_loop(0, xp.max(grid.lengths), go, carry)
        before = [xp.concatenate([a[None], b[:-1]]) for a, b in zip(start, states, strict=True)]
        flat = tuple(map(_flat, states)), tuple(map(_flat, before))
        return _flat(z), *flat, _flat(inner) if gated else None

    def backward(
        self,
        xp: Any,
        cell: Cell,
        f: Activation,
        U: Any,
        found: WayPass,
        error: Any,
        packing: Any,
        cut: int | None,
    ) -> tuple[Any, Any]:
        """See `InTime.backward`."""
        grid, longest = packing, xp.max(packing.lengths)
        folded = WayPass(
            None,
            _folded(found.z, grid),
            tuple(_folded(value, grid) for value in found.state),
            tuple(_folded(value, grid) for value in found.before),
            None if found.inner is None else _folded(found.inner, grid),
        )
        error = _folded(error, grid)
        two = cell.name == "gru"  # δ' is not δ

        def go(k: Any, carry: Any) -> Any:
            handed, delta, prime = carry
            t = longest - 1 - k
            before = tuple(value[t] for value in folded.before)
            total = (error[t] + handed[0], *handed[1:])
            d, p, handed = cell.back(xp, f, folded.step(t), U, before, total)
            if cut is not None:
                handed = tuple(xp.where(t % cut == 0, 0, value) for value in handed)
            return handed, _put(delta, t, d), _put(prime, t, p) if two else prime

        none = xp.zeros_like(error[0])
        empty = xp.zeros_like(folded.z)
        carry = ((none,) * len(cell.states), empty, empty if two else None)
        _, delta, prime = lax.fori_loop(0, longest, go, carry)
        return _flat(delta), _flat(prime) if two else _flat(delta)

    def every(self, xp: Any, x: Any, packing: Any) -> Any:
        """Return all rows; where a sequence has ended its last one."""
        return x[packing.held]

    def mean(self, xp: Any, x: Any, packing: Any) -> Any:
        """Return the mean over the steps that count."""
        total = xp.sum(_folded(xp.where(packing.counted, x, 0), packing), axis=0)
        return total / _divisor(xp, packing, x.dtype)

    def spread(self, xp: Any, error: Any, packing: Any) -> Any:
        """Carry an error back through `mean`."""
        share = error / _divisor(xp, packing, error.dtype)
        return xp.where(packing.counted, share[packing.place], 0)


def _put(all_: Any, t: Any, one: Any) -> Any:
    return lax.dynamic_update_index_in_dim(all_, one, t, 0)


def _divisor(xp: Any, grid: Grid, dtype: Any) -> Any:
    return xp.maximum(grid.lengths, 1).astype(dtype)[:, None]


class ScannedTime(GridTime):
    """Forward step after step; backward by a scan over all steps at once."""

    def solve(self, xp: Any, A: Any, b: Any) -> Any:
        """Solve the recurrence of `linear_recurrence`."""
        return linear_recurrence(xp, A, b)

    def backward(
        self,
        xp: Any,
        cell: Cell,
        f: Activation,
        U: Any,
        found: WayPass,
        error: Any,
        packing: Any,
        cut: int | None,
    ) -> tuple[Any, Any]:
        """See `InTime.backward`: e of all steps from the Jacobians, then δ of all at once."""
        grid, step = packing, found.step(slice(None))
        jacobians = cell.jacobian(xp, f, step, U, found.before)
        linked = grid.counted[:, 0]
        if cut is not None:
            linked = linked & (grid.step % cut != 0)
        jacobians = xp.where(linked[:, None, None], jacobians, 0)
        none = xp.zeros_like(error)
        above = _folded(xp.concatenate([error, *[none for _ in cell.states[1:]]], axis=-1), grid)
        jacobians = jacobians.reshape(grid.steps, grid.count, *jacobians.shape[1:])
        total = errors_through_time(xp, jacobians, above, self.solve)
        errors = tuple(xp.split(_flat(total), len(cell.states), axis=-1))
        delta, prime, _ = cell.back(xp, f, step, U, found.before, errors)
        return delta, prime


class ChainTime(ScannedTime):
    """Forward step after step; backward too, but for all that is not the recurrence itself."""

    def solve(self, xp: Any, A: Any, b: Any) -> Any:
        """Solve the recurrence step after step."""

        def go(x: Any, given: Any) -> Any:
            x = xp.matmul(given[0], x[..., None])[..., 0] + given[1]
            return x, x

        return xp.concatenate([b[:1], lax.scan(go, b[0], (A, b[1:]))[1]])


TIMES: dict[str, GridTime] = {
    "serial": GridTime(),
    "chain": ChainTime(),
    "scan": ScannedTime(),
}


class PerLayer(GridTime):
    """Goes back through each kind of layer as was chosen for it.

    Attributes
    ----------
    chosen : dict
        A name of `TIMES` for (cell, units).
    """

    def __init__(self, chosen: dict[tuple[str, int], str]) -> None:
        self.chosen = chosen

    def backward(
        self,
        xp: Any,
        cell: Cell,
        f: Activation,
        U: Any,
        found: WayPass,
        error: Any,
        packing: Any,
        cut: int | None,
    ) -> tuple[Any, Any]:
        """See `InTime.backward`."""
        time = TIMES[self.chosen[cell.name, U.shape[1]]]
        return time.backward(xp, cell, f, U, found, error, packing, cut)
