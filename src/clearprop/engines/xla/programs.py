"""The programs that XLA compiles, each once for a network, a way to train and a shape.

`advance` is many steps in one call. It is a loop that stops where it is told to or where a step's
loss or gradient is not finite; how many steps it takes is a number and not part of the program, so
the last call of an epoch is the program of the first. It writes down its steps in short arrays that
it carries along.

Programs are kept for the process (`lru_cache`), so that a second fit of the same network compiles
nothing. What changes from run to run (rates, seeds, parameters, data) goes in as arrays.

Public names: `STEPS`, `Drops`, `Kind`, `Note`, `Run`, `advance`, `passes`, `predict`, `slope`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from clearprop import equations as eq
from clearprop.engines import unrolled
from clearprop.engines.batches import mean_of_members
from clearprop.engines.contracts import Recipe, goes_by_pieces
from clearprop.engines.ledger import terms_and_slots
from clearprop.engines.xla.batches import (
    Batch,
    Data,
    dense_batch,
    for_members,
    sequence_batch,
)
from clearprop.engines.xla.grid import Grid, PerLayer
from clearprop.equations.cells import CELLS
from clearprop.functions import CustomLoss
from clearprop.network import Network

# how many steps one call can take at most: its notes are of this length
STEPS = 512


@dataclass(frozen=True)
class Kind:
    """What a program is compiled for, besides the shapes of its arrays.

    Attributes
    ----------
    network : Network
    recipe : Recipe
        Without what goes in as numbers.
    seed : int
        Of random feedback; 0 where there is none.
    steps : int
        Steps of the grid of sequences; 0 for rows.
    times : tuple of ((cell, units), way)
        How errors go back through the time of each kind of layer: names of `grid.TIMES`.
    """

    network: Network
    recipe: Recipe
    seed: int = 0
    steps: int = 0
    times: tuple[tuple[tuple[str, int], str], ...] = ()


class Drops(NamedTuple):
    """What dropout goes by, an entry a step and layer that drops.

    Attributes
    ----------
    words : (n, layers, 3) uint32 array
        The two words of `equations.key_of`, and the threshold of `equations.chance`.
    kept : (n, layers) array
        What kept units are multiplied by.
    """

    words: Any
    kept: Any

    def of(self, step: Any) -> Drops:
        """Return those of one step, without the axis of steps."""
        return Drops(self.words[step], self.kept[step])


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

    Attributes
    ----------
    losses, penalties, rows : (STEPS,) arrays
    watched : (STEPS, m) array
        The watched parameters after each step.
    tried : int
        Steps that were computed.
    failed : bool
        The last of them was not finite, and not taken.
    """

    losses: Any
    penalties: Any
    rows: Any
    watched: Any
    tried: Any
    failed: Any


def traceable(network: Network) -> Network:
    """Return the network with a loss that XLA can run: a user's own is called back on the host."""
    loss = network.objective
    if not isinstance(loss, CustomLoss):
        return network
    dtype = np.dtype(network.dtype)

    def called(function: Callable[..., Any], shape: tuple[int, ...], *arrays: Any) -> Any:
        def on_host(*given: Any) -> np.ndarray:
            return np.asarray(function(*map(np.asarray, given)), dtype=dtype)

        return jax.pure_callback(on_host, jax.ShapeDtypeStruct(shape, dtype), *arrays)

    value = lambda y, a: called(loss.value_function, y.shape[:1], y, a)  # noqa: E731
    delta = lambda y, z, a: called(loss.delta_function, y.shape, y, z, a)  # noqa: E731
    return replace(network, loss=CustomLoss(value, delta, loss.name))


def forward(kind: Kind, vector: Any, batch: Batch, masks: Any = None, start: Any = None) -> Any:
    """Return the Pass or SequencePass of a batch."""
    if batch.grid is None:
        return eq.forward(jnp, kind.network, vector, batch.x, masks)
    time = PerLayer(dict(kind.times))
    return unrolled.forward(jnp, kind.network, vector, batch.x, batch.grid, masks, start, time)


def backward(
    kind: Kind, network: Network, vector: Any, batch: Batch, saved: Any, masks: Any = None
) -> Any:
    """Return the Gradients or SequenceGradients of a batch; `network` is a `traceable` one."""
    recipe, y, c = kind.recipe, batch.y, batch.c
    if batch.grid is None:
        carrier = eq.carrier_for(recipe.carrier, kind.network, kind.seed)
        return eq.backward(jnp, network, vector, y, c, saved, masks, carrier)
    time, cut = PerLayer(dict(kind.times)), recipe.truncate
    return unrolled.backward(jnp, network, vector, y, c, saved, batch.grid, masks, cut, time=time)


def loss_of(network: Network, batch: Batch, saved: Any) -> Any:
    """Return Σ c_i E_i."""
    last = network.operations[-1].activation
    losses = network.objective.value(jnp, last, batch.y, saved.z[-1], saved.a[-1])
    return eq.total_loss(jnp, losses, batch.c)


def masks_of(network: Network, drops: Drops, numbers: Any) -> list[Any]:
    """Return the dropout mask of each layer in a step, for rows of these numbers."""
    found: list[Any] = []
    left = iter(range(drops.words.shape[0]))
    for operation in network.operations:
        if not operation.dropout:
            found.append(None)
            continue
        place = next(left)
        k0, k1, threshold = drops.words[place]
        given = (numbers, operation.units, threshold, drops.kept[place], network.members)
        found.append(eq.chance.mask_from(jnp, (k0, k1), *given))
    return found


@lru_cache(maxsize=64)
def advance(kind: Kind, size: int) -> Any:
    """Return the program that takes steps of `size` rows.

    It is called with a Run, whose parameters and slots are used up, the Data, the steps' constants
    (STEPS, 6), the Drops of STEPS, the places of watched parameters, and how many steps to take; it
    returns a Run and a Note.
    """
    network = traceable(kind.network)
    pieces = goes_by_pieces(kind.network, kind.recipe)

    def step(run: Run, data: Data, constants: Any, drops: Drops) -> tuple[Run, Any, Any, Any, Any]:
        batch = _batch_of(kind, data, run, size)
        masks = masks_of(network, drops, batch.rows.astype(jnp.uint32) + data.first_row)
        start = _states(network, run.carried) if pieces else None
        saved = forward(kind, run.vector, batch, masks, start)
        gradient = backward(kind, network, run.vector, batch, saved, masks).vector
        loss = loss_of(network, batch, saved)
        penalty = kind.recipe.penalty
        factor = penalty.factor(jnp.where(batch.total > 0, batch.total, 1))
        value = factor * eq.penalty_value(jnp, network, run.vector, penalty)
        given = (run.vector, tuple(run.slots), gradient, constants, factor)
        terms, slots = terms_and_slots(jnp, network, kind.recipe, *given)
        change: Any = sum(terms.values())
        vector = run.vector + change.astype(run.vector.dtype)
        new = jnp.stack(slots) if slots else run.slots
        after = _moved_on(kind, run._replace(vector=vector, slots=new), batch, saved, data)
        sound = jnp.isfinite(loss) & jnp.all(jnp.isfinite(gradient))
        return after, loss, value, batch.there, sound

    def go(run: Run, data: Data, constants: Any, drops: Drops, entries: Any, steps: Any) -> Any:
        def body(carry: tuple[Run, Note]) -> tuple[Run, Note]:
            run, note = carry
            i = note.tried
            after, loss, penalty, rows, sound = step(run, data, constants[i], drops.of(i))
            kept = Run(*(jnp.where(sound, new, old) for new, old in zip(after, run, strict=True)))
            return kept, Note(
                note.losses.at[i].set(loss),
                note.penalties.at[i].set(penalty),
                note.rows.at[i].set(rows.astype(jnp.int32)),
                note.watched.at[i].set(kept.vector[entries]),
                i + 1,
                ~sound,
            )

        empty = jnp.zeros(STEPS, dtype=run.vector.dtype)
        watched = jnp.zeros((STEPS, entries.shape[0]), dtype=run.vector.dtype)
        none = jnp.zeros(STEPS, dtype=jnp.int32)
        note = Note(empty, empty, none, watched, jnp.int32(0), jnp.bool_(False))
        goes_on = lambda carry: (carry[1].tried < steps) & ~carry[1].failed  # noqa: E731
        return lax.while_loop(goes_on, body, (run, note))

    return jax.jit(go, donate_argnums=0)


def _batch_of(kind: Kind, data: Data, run: Run, size: int) -> Batch:
    if not kind.steps:
        return dense_batch(kind.network, data, run.position, size)
    begin: Any = 0
    if goes_by_pieces(kind.network, kind.recipe):
        begin = run.piece * (kind.recipe.truncate or 1)
    return sequence_batch(kind.network, data, run.position, size, kind.steps, begin)


def _moved_on(kind: Kind, run: Run, batch: Batch, saved: Any, data: Data) -> Run:
    """Let the run stand behind the step that was just taken."""
    size = batch.rows.shape[0]
    position = jnp.minimum(run.position + size, data.order.shape[0]).astype(jnp.int32)
    if not goes_by_pieces(kind.network, kind.recipe):
        return run._replace(position=position)
    assert batch.grid is not None
    ends = [part[batch.grid.last] for ways in saved.ways for way in ways for part in way.state]
    piece = run.piece + 1
    there = (batch.grid.lengths > 0)[:, None]
    done = piece * (kind.recipe.truncate or 1) >= jnp.max(data.lengths[batch.rows])
    carried = jnp.where(there, jnp.concatenate(ends, axis=1), run.carried)
    return run._replace(
        position=jnp.where(done, position, run.position),
        piece=jnp.where(done, 0, piece).astype(jnp.int32),
        carried=jnp.where(done, 0, carried),
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
def slope(kind: Kind, size: int, *, gradient: bool) -> Any:
    """Return the program that adds up the loss, and its gradient, of `size` rows of a whole.

    It is called with the parameters, the gradient so far, the Data, the position in the order, and
    the sum of weights of the whole; it returns these rows' loss and the gradient with theirs.
    """
    network = traceable(kind.network)

    def go(vector: Any, total: Any, data: Data, position: Any, normaliser: Any) -> Any:
        given = (kind.network, data, position, size)
        if kind.steps:
            batch = sequence_batch(*given, kind.steps, normaliser=normaliser)
        else:
            batch = dense_batch(*given, normaliser=normaliser)
        saved = forward(kind, vector, batch)
        loss = loss_of(network, batch, saved)
        if not gradient:
            return loss, total
        return loss, total + backward(kind, network, vector, batch, saved).vector

    return jax.jit(go, donate_argnums=1)


@lru_cache(maxsize=64)
def predict(kind: Kind) -> Any:
    """Return the program for a^L of rows x, or of a grid of sequences and their lengths."""

    def go(vector: Any, x: Any, lengths: Any) -> Any:
        members = kind.network.members
        given = _given(kind, for_members(x, members), None, None, lengths)
        return mean_of_members(forward(kind, vector, given).output, members)

    return jax.jit(go)


@lru_cache(maxsize=64)
def passes(kind: Kind) -> Any:
    """Return the program for all arrays of one pass forward and back."""
    network = traceable(kind.network)

    def go(
        vector: Any, x: Any, y: Any, c: Any, masks: Any, start: Any = None, lengths: Any = None
    ) -> Any:
        batch = _given(kind, x, y, c, lengths)
        saved = forward(kind, vector, batch, masks, start)
        return saved, backward(kind, network, vector, batch, saved, masks)

    return jax.jit(go)


def _given(kind: Kind, x: Any, y: Any, c: Any, lengths: Any) -> Batch:
    grid = Grid(lengths, kind.steps) if kind.steps else None
    return Batch(None, x, y, c, None, None, grid)
