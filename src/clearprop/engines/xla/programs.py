"""The programs that XLA compiles, each once for a network, a way to train and a shape.

`advance` is many steps in one call. It is a loop that stops where it is told to or where a step's
loss or gradient is not finite; how many steps it takes is a number and not part of the program, so
the last call of an epoch is the program of the first. It writes down its steps in short arrays that
it carries along. It trains one network, or with `many` as many as its arrays have in a first axis,
all by the same rows, each in an order and at rates of its own.

On several devices (`Site`) the loop runs on all of them alike, but for the gradient: each computes
that of its share of the rows, and they are added up.

Programs are kept for the process (`lru_cache`), so that a second fit of the same network compiles
nothing. What changes from run to run (rates, penalties, seeds, parameters, data) goes in as arrays.

Public names: `STEPS`, `Note`, `Run`, `advance`, `passes`, `predict`, `slope`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from clearprop import equations as eq
from clearprop.engines.batches import mean_of_members
from clearprop.engines.contracts import goes_by_pieces
from clearprop.engines.ledger import terms_and_slots
from clearprop.engines.xla.batches import (
    Batch,
    Data,
    dense_batch,
    for_members,
    sequence_batch,
)
from clearprop.engines.xla.grid import Grid
from clearprop.engines.xla.passes import (
    Drops,
    Kind,
    both_ways,
    loss_of,
    masks_of,
    one_way,
    traceable,
)
from clearprop.engines.xla.site import Share
from clearprop.equations.cells import CELLS
from clearprop.network import Network

# how many steps one call can take at most: its notes are of this length
STEPS = 512


class Run(NamedTuple):
    """Where a run stands: what the loop of `advance` carries and hands back.

    Attributes
    ----------
    vector : (network.size,) array
    slots : (slots of the rule, network.size) array
    position, piece : int
        As in `TrainState`.
    carried : (n, sizes of all states) array
        States at the end of the last piece; used only where training goes by pieces.
    """

    vector: Any
    slots: Any
    position: Any
    piece: Any
    carried: Any


class Note(NamedTuple):
    """What `advance` writes down, an entry a step, and how far it came.

    Of many networks each array has an axis for them, behind that of the steps.

    Attributes
    ----------
    losses, penalties, rows : (STEPS,) arrays
    watched : (STEPS, m) array
        The watched parameters after each step.
    tried : int
        Steps that were computed; of many networks those of the one that came furthest.
    taken : int
        Those of them that were taken.
    failed : bool
        The one behind them was not finite, and not taken.
    """

    losses: Any
    penalties: Any
    rows: Any
    watched: Any
    tried: Any
    taken: Any
    failed: Any


class Given(NamedTuple):
    """A penalty whose numbers are a program's arguments; stands for a `Penalty`."""

    l1: Any
    l2: Any
    per_sample: bool
    counts: bool = True

    def factor(self, normaliser: Any) -> Any:
        """See `Penalty.factor`."""
        return 1 / normaliser if self.per_sample else 1.0


class Slope(NamedTuple):
    """What a step takes from its batch: numbers of all of it, whole on every device.

    Attributes
    ----------
    loss : number
    gradient : (network.size,) array
    total : number
        The sum of weights.
    rows : int
    done : bool
        No step of the batch's sequences is left.
    carried : as of `Run`
    """

    loss: Any
    gradient: Any
    total: Any
    rows: Any
    done: Any
    carried: Any


def _slope_of(kind: Kind, size: int) -> Any:
    """Return the function of a share, a Run, Data and Drops that gives a Slope."""
    network, pieces = traceable(kind.network), goes_by_pieces(kind.network, kind.recipe)
    both = both_ways(kind, network)

    def go(share: Share, run: Run, data: Data, drops: Drops) -> Slope:
        batch = _batch_of(kind, data, run, size, share)
        masks = masks_of(network, drops, batch.rows.astype(jnp.uint32) + data.first_row)
        carried = share.own(run.carried) if pieces else run.carried
        start = _states(network, carried) if pieces else None
        saved, gradients = both(run.vector, batch, masks, start)
        loss, done = loss_of(network, batch, saved), jnp.bool_(True)
        if pieces:
            assert batch.grid is not None
            ends = [
                part[batch.grid.last] for ways in saved.ways for way in ways for part in way.state
            ]
            there = (batch.grid.lengths > 0)[:, None]
            longest = share.most(jnp.max(data.lengths[batch.places]))
            done = (run.piece + 1) * (kind.recipe.truncate or 1) >= longest
            carried = jnp.where(there, jnp.concatenate(ends, axis=1), carried)
            carried = share.joined(jnp.where(done, 0, carried))
        loss, gradient, rows = share.sum((loss, gradients.vector, batch.there))
        return Slope(loss, gradient, batch.total, rows, done, carried)

    return go


@lru_cache(maxsize=64)
def advance(kind: Kind, size: int, *, many: bool = False) -> Any:
    """Return the program that takes steps of `size` rows.

    It is called with a Run, whose parameters and slots are used up, the Data, the steps' constants
    (STEPS, 8), the Drops of STEPS, the places of watched parameters, and how many steps to take; it
    returns a Run and a Note. Columns 6 and 7 of the constants are the penalty's λ₁ and λ₂. With
    `many`, all but the watched places and the rows of the Data have a first axis of networks.
    """
    slope_of = kind.site.spread(_slope_of(kind, size))

    def step(run: Run, data: Data, constants: Any, drops: Drops, going: Any) -> tuple[Any, ...]:
        found, recipe = slope_of(run, data, drops), kind.recipe
        if recipe.penalty.counts:
            own = recipe.penalty
            l1, l2 = constants[6] if own.l1 else 0.0, constants[7] if own.l2 else 0.0
            recipe = replace(recipe, penalty=Given(l1, l2, own.per_sample))  # type: ignore[arg-type]
        factor = recipe.penalty.factor(jnp.where(found.total > 0, found.total, 1))
        value = factor * eq.penalty_value(jnp, kind.network, run.vector, recipe.penalty)
        given = (run.vector, tuple(run.slots), found.gradient, constants, factor)
        terms, slots = terms_and_slots(jnp, kind.network, recipe, *given)
        change: Any = sum(terms.values())
        vector = run.vector + change.astype(run.vector.dtype)
        new = jnp.stack(slots) if slots else run.slots
        after = _moved_on(kind, run, data, found, size)._replace(vector=vector, slots=new)
        sound = jnp.isfinite(found.loss) & jnp.all(jnp.isfinite(found.gradient))
        taken = sound & going
        kept = Run(*(jnp.where(taken, new, old) for new, old in zip(after, run, strict=True)))
        return kept, found.loss, value, found.rows, taken, going & ~sound

    if many:
        shared = Data(*(None,) * len(Data._fields))._replace(order=0)
        step = jax.vmap(step, in_axes=(0, shared, 0, 0, 0))

    def go(run: Run, data: Data, constants: Any, drops: Drops, entries: Any, steps: Any) -> Any:
        lead = run.vector.shape[:-1]

        def body(carry: tuple[Run, Note]) -> tuple[Run, Note]:
            run, note = carry
            i = note.tried
            now, going = constants[..., i, :], (i < steps) & ~note.failed
            found = step(run, data, now, drops.of(i, lead), going)
            kept, loss, penalty, rows, taken, failed = found
            return kept, Note(
                note.losses.at[i].set(loss),
                note.penalties.at[i].set(penalty),
                note.rows.at[i].set(rows.astype(jnp.int32)),
                note.watched.at[i].set(kept.vector[..., entries]),
                i + 1,
                note.taken + taken,
                note.failed | failed,
            )

        empty = jnp.zeros((STEPS, *lead), dtype=run.vector.dtype)
        watched = jnp.zeros((STEPS, *lead, entries.shape[0]), dtype=run.vector.dtype)
        none = jnp.zeros((STEPS, *lead), dtype=jnp.int32)
        taken, failed = jnp.zeros(lead, dtype=jnp.int32), jnp.zeros(lead, dtype=bool)
        note = Note(empty, empty, none, watched, jnp.int32(0), taken, failed)

        def goes_on(carry: tuple[Run, Note]) -> Any:
            return jnp.any((carry[1].tried < steps) & ~carry[1].failed)

        return lax.while_loop(goes_on, body, (run, note))

    return kind.site.compiled(go, used_up=0)


def _batch_of(kind: Kind, data: Data, run: Run, size: int, share: Share) -> Batch:
    if not kind.steps:
        return dense_batch(kind.network, data, run.position, size, share=share)
    begin: Any = 0
    if goes_by_pieces(kind.network, kind.recipe):
        begin = run.piece * (kind.recipe.truncate or 1)
    given = (kind.network, data, run.position, size, kind.steps, begin)
    return sequence_batch(*given, share=share)


def _moved_on(kind: Kind, run: Run, data: Data, found: Slope, size: int) -> Run:
    """Let the run stand behind the step that was just taken."""
    position = jnp.minimum(run.position + size, data.visits).astype(jnp.int32)
    if not goes_by_pieces(kind.network, kind.recipe):
        return run._replace(position=position)
    return run._replace(
        position=jnp.where(found.done, position, run.position),
        piece=jnp.where(found.done, 0, run.piece + 1).astype(jnp.int32),
        carried=found.carried,
    )


def _states(network: Network, carried: Any) -> list[Any]:
    """Return where each way's states begin, from the columns that hold them."""
    found, column = [], 0
    for operation in network.recurrences:
        for _ in operation.ways:
            parts = []
            for _ in CELLS[operation.cell].states:
                parts.append(carried[:, column : column + operation.size])
                column += operation.size
            found.append(tuple(parts))
    return found


@lru_cache(maxsize=64)
def slope(kind: Kind, size: int, *, gradient: bool, many: bool = False) -> Any:
    """Return the program that adds up the loss, and its gradient, of `size` rows of a whole.

    It is called with the parameters, the gradient so far, the Data, the position in the order, and
    the sum of weights of the whole; it returns these rows' loss and the gradient with theirs. With
    `many`, parameters and gradient have a first axis of networks.
    """
    network = traceable(kind.network)
    one, both = one_way(kind), both_ways(kind, network)

    def part(share: Share, vector: Any, data: Data, position: Any, normaliser: Any) -> Any:
        given = (kind.network, data, position, size)
        if kind.steps:
            batch = sequence_batch(*given, kind.steps, normaliser=normaliser, share=share)
        else:
            batch = dense_batch(*given, normaliser=normaliser, share=share)
        if not gradient:
            return share.sum(loss_of(network, batch, one(vector, batch))), vector[:0]
        saved, gradients = both(vector, batch, None, None)
        return share.sum((loss_of(network, batch, saved), gradients.vector))

    spread = kind.site.spread(part)

    def go(vector: Any, total: Any, data: Data, position: Any, normaliser: Any) -> Any:
        loss, found = spread(vector, data, position, normaliser)
        return loss, total + found

    if many:
        go = jax.vmap(go, in_axes=(0, 0, None, None, None))
    return kind.site.compiled(go, used_up=1)


@lru_cache(maxsize=64)
def predict(kind: Kind, *, many: bool = False) -> Any:
    """Return the program for a^L of rows x, or of a grid of sequences and their lengths.

    With `many`, the parameters have a first axis of networks, and so has the result.
    """
    one = one_way(kind)

    def go(vector: Any, x: Any, lengths: Any) -> Any:
        members = kind.network.members
        given = _given(kind, for_members(x, members), None, None, lengths)
        return mean_of_members(one(vector, given).output, members)

    return kind.site.compiled(jax.vmap(go, in_axes=(0, None, None)) if many else go)


@lru_cache(maxsize=64)
def passes(kind: Kind) -> Any:
    """Return the program for all arrays of one pass forward and back."""
    both = both_ways(kind, traceable(kind.network))

    def go(
        vector: Any, x: Any, y: Any, c: Any, masks: Any, start: Any = None, lengths: Any = None
    ) -> Any:
        return both(vector, _given(kind, x, y, c, lengths), masks, start)

    return kind.site.compiled(go)


def _given(kind: Kind, x: Any, y: Any, c: Any, lengths: Any) -> Batch:
    grid = Grid(lengths, kind.steps) if kind.steps else None
    return Batch(None, None, x, y, c, None, None, grid)
