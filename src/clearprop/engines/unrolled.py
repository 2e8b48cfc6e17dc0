"""A recurrent network over a batch of sequences: the equations of one step, run through time.

This is the loop that `equations.cells` leaves to engines, on any array namespace. A reverse way
reads the turned sequences, so that it too goes from row 0 on. Rows are pairs (sequence, step) up to
the readout, as `Packing` lays them out, and sequences behind it. `InTime` is what goes through time
over rows that are laid out so; an engine that lays them out otherwise brings its own.

Public names: `InTime`, `SequenceGradients`, `SequencePass`, `WayPass`, `backward`, `forward`,
`in_time`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from clearprop import equations as eq
from clearprop.equations import CELLS, Step
from clearprop.equations.cells import Cell, State
from clearprop.functions import Activation
from clearprop.network import Network, Operation, Recurrence, Way


class WayPass(NamedTuple):
    """What one way of a recurrent layer leaves behind, in the order of its own time.

    Attributes
    ----------
    x : (N, fan_in) array
    z : (N, gates · units) array
    state : tuple of (N, units) arrays
        States after each step.
    before : tuple of (N, units) arrays
        States before each step.
    inner : (N, units) array or None
        q of a GRU.
    """

    x: Any
    z: Any
    state: State
    before: State
    inner: Any

    def step(self, rows: Any) -> Step:
        """Return what the steps of these rows left behind."""
        inner = None if self.inner is None else self.inner[rows]
        return Step(self.z[rows], tuple(value[rows] for value in self.state), inner)


class SequencePass(NamedTuple):
    """The arrays of one forward pass, one entry a layer, first layer first.

    Attributes
    ----------
    inputs : list of (N or n, fan_in) arrays
        What each layer received, after dropout and readout.
    z, a : list of arrays
        Weighted inputs (of a recurrent layer those of all ways' gates, side by side) and what the
        layer hands on, before dropout; in the order of time.
    ways : list of tuples of WayPass
        One tuple a layer, empty for dense ones.
    """

    inputs: list[Any]
    z: list[Any]
    a: list[Any]
    ways: list[tuple[WayPass, ...]]

    @property
    def output(self) -> Any:
        """a^L: (n, outputs), or (N, outputs) where every step is read out."""
        return self.a[-1]


class SequenceGradients(NamedTuple):
    """What the backward pass leaves behind.

    Attributes
    ----------
    delta : list of arrays
        ∂E/∂z of each layer, of the shape of its z.
    fed_back : list of arrays
        δ' = ∂E/∂(U h) of each recurrent layer, of the shape of its δ; None for others.
    error : list of arrays
        ∂E/∂a of each layer, of the shape of its a; of a recurrent layer what came from above.
    vector : (network.size,) array
        ∂E/∂θ.
    inputs : (N, inputs) array
        ∂E/∂x.
    """

    delta: list[Any]
    fed_back: list[Any]
    error: list[Any]
    vector: Any
    inputs: Any


class InTime:
    """Goes through time, forward and back, over the rows of a `Packing`: one step after another."""

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
        """Return z, the states after and before each step, and q of a GRU: (N, …) each.

        Parameters
        ----------
        s : (N, gates · units) array
            W x + b of all steps.
        start : tuple of (n, units) arrays, optional
            Where states begin; at 0 where absent.
        """
        if start is None:
            zeros = xp.zeros((len(packing.lengths), U.shape[1]), dtype=s.dtype)
            start = (zeros,) * len(cell.states)
        state = tuple(value[packing.order] for value in start)
        steps, before = [], []
        for t in range(packing.steps):
            before.append(tuple(value[: packing.sizes[t]] for value in state))
            steps.append(cell.step(xp, f, s[packing.at(t)], U, c, before[-1]))
            state = steps[-1].state
        inner = None if steps[0].inner is None else xp.concatenate([step.inner for step in steps])
        z = xp.concatenate([step.z for step in steps])
        return z, _rows(xp, [step.state for step in steps]), _rows(xp, before), inner

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
        """Go back through time; return δ and δ' of all steps, (N, gates · units)."""
        handed: State = tuple(error[:0] for _ in cell.states)
        deltas, fed_back = [], []
        for t in reversed(range(packing.steps)):
            rows, size = packing.at(t), int(packing.sizes[t])
            step, before = found.step(rows), tuple(value[rows] for value in found.before)
            # sequences that end at t are handed nothing
            handed = tuple(_padded(xp, value, size) for value in handed)
            total = (error[rows] + handed[0], *handed[1:])
            delta, prime, handed = cell.back(xp, f, step, U, before, total)
            if cut is not None and t % cut == 0:
                handed = tuple(xp.zeros_like(value) for value in handed)
            deltas.append(delta)
            fed_back.append(prime)
        return xp.concatenate(deltas[::-1]), xp.concatenate(fed_back[::-1])

    def every(self, xp: Any, x: Any, packing: Any) -> Any:
        """Return the rows that are read out where every step is."""
        return x

    def mean(self, xp: Any, x: Any, packing: Any) -> Any:
        """Return the mean over each sequence's steps: (N, units) → (n, units)."""
        total = _add_rows(xp, x, packing.place, len(packing.lengths))
        return total / xp.asarray(packing.lengths, dtype=x.dtype)[:, None]

    def spread(self, xp: Any, error: Any, packing: Any) -> Any:
        """Carry an error back through `mean`: (n, units) → (N, units)."""
        return (error / xp.asarray(packing.lengths, dtype=error.dtype)[:, None])[packing.place]


STEP_BY_STEP = InTime()


def forward(
    xp: Any,
    network: Network,
    vector: Any,
    x: Any,
    packing: Any,
    masks: list[Any] | None = None,
    start: list[State] | None = None,
    time: InTime = STEP_BY_STEP,
) -> SequencePass:
    """Send a batch of sequences through the network.

    Parameters
    ----------
    x : (N, inputs) array
        Rows as `packing` lays them out.
    packing : Packing, or what `time` takes in its place
    masks : list, one entry a layer, optional
        Dropout masks (n, units), one row a sequence, for all its steps; None where nothing drops.
    start : list of states, one a way of each recurrent layer, optional
        Where states begin, each (n, units) in the batch's order; at 0 where absent.
    time : InTime
        What goes through time.
    """
    found = SequencePass([], [], [], [])
    starts = iter(start or [])
    for index, operation in enumerate(network.operations):
        ways: tuple[WayPass, ...] = ()
        if isinstance(operation, Recurrence):
            ways = tuple(
                _way_forward(xp, operation, way, vector, x, packing, next(starts, None), time)
                for way in operation.ways
            )
            z, a = _side_by_side(xp, operation, ways, packing)
        else:
            W, b = operation.weight.view(vector), operation.bias.view(vector)
            z = eq.affine(W, b, x, operation.scale)
            a = operation.activation.value(xp, z)
        found.inputs.append(x)
        found.z.append(z)
        found.a.append(a)
        found.ways.append(ways)
        mask = _row_mask(network, masks, index, packing)
        x = a if mask is None else a * mask
        if operation.layer == network.read_behind:
            x = _read(xp, network, operation, x, packing, time)
    return found


def _way_forward(
    xp: Any,
    operation: Recurrence,
    way: Way,
    vector: Any,
    x: Any,
    packing: Any,
    start: State | None,
    time: InTime,
) -> WayPass:
    W, U, b = (segment.view(vector) for segment in way.segments[:3])
    c = None if way.inner is None else way.inner.view(vector)
    x = in_time(way, x, packing)
    s, cell = eq.affine(W, b, x), CELLS[operation.cell]
    z, state, before, inner = time.forward(xp, cell, operation.activation, s, U, c, start, packing)
    return WayPass(x, z, state, before, inner)


def _rows(xp: Any, states: list[State]) -> State:
    """Return the states of all steps as rows, one array a part of the state."""
    return tuple(xp.concatenate(parts) for parts in zip(*states, strict=True))


def _side_by_side(
    xp: Any, operation: Recurrence, ways: tuple[WayPass, ...], packing: Any
) -> tuple[Any, Any]:
    """Return z and h of all ways in the order of time, side by side."""
    z, a = [], []
    for way, found in zip(operation.ways, ways, strict=True):
        z.append(in_time(way, found.z, packing))
        a.append(in_time(way, found.state[0], packing))
    return xp.concatenate(z, axis=-1), xp.concatenate(a, axis=-1)


def in_time(way: Way, rows: Any, packing: Any) -> Any:
    """Return rows in the order of time, from those of a way's own time; or the other way round."""
    return rows[packing.mirror] if way.reverse else rows


def _row_mask(network: Network, masks: list[Any] | None, index: int, packing: Any) -> Any:
    """Return a layer's mask with a row for each row of it: a step, or a sequence that was read."""
    mask = masks[index] if masks else None
    of_steps = index < network.read_behind or network.readout == "every"
    return mask[packing.place] if mask is not None and of_steps else mask


def _ends(operation: Operation, packing: Any) -> list[tuple[slice, Any]]:
    """Return for each way its columns and the rows at which it has gone through each sequence."""
    assert isinstance(operation, Recurrence)
    size = operation.size
    return [
        (slice(k * size, (k + 1) * size), packing.first if way.reverse else packing.last)
        for k, way in enumerate(operation.ways)
    ]


def _read(
    xp: Any, network: Network, operation: Operation, x: Any, packing: Any, time: InTime
) -> Any:
    """Return what is read out: (N, units) → (n, units), or all rows."""
    if network.readout == "every":
        return time.every(xp, x, packing)
    if network.readout == "last":
        parts = [x[rows, columns] for columns, rows in _ends(operation, packing)]
        return xp.concatenate(parts, axis=-1)
    return time.mean(xp, x, packing)


def _spread(
    xp: Any, network: Network, operation: Operation, error: Any, packing: Any, time: InTime
) -> Any:
    """Carry an error back through the readout: (n, units) → (N, units)."""
    if network.readout == "every":
        return error
    if network.readout == "mean":
        return time.spread(xp, error, packing)
    parts = [
        _put_rows(xp, error[:, columns], rows, packing.rows)
        for columns, rows in _ends(operation, packing)
    ]
    return xp.concatenate(parts, axis=-1)


def _add_rows(xp: Any, x: Any, place: Any, count: int) -> Any:
    """Return the sum of the rows of each place, (count, units)."""
    total = xp.zeros((count, x.shape[1]), dtype=x.dtype)
    if hasattr(total, "at"):
        return total.at[place].add(x)
    xp.add.at(total, place, x)
    return total


def _put_rows(xp: Any, x: Any, rows: Any, count: int) -> Any:
    """Return an array of `count` rows that has x in these rows and 0 elsewhere."""
    total = xp.zeros((count, x.shape[1]), dtype=x.dtype)
    if hasattr(total, "at"):
        return total.at[rows].set(x)
    total[rows] = x
    return total


def backward(
    xp: Any,
    network: Network,
    vector: Any,
    y: Any,
    c: Any,
    saved: SequencePass,
    packing: Any,
    masks: list[Any] | None = None,
    cut: int | None = None,
    seed: Any = None,
    time: InTime = STEP_BY_STEP,
) -> SequenceGradients:
    """Carry the error of a batch back through the network and through time.

    Parameters
    ----------
    y, c : arrays of one row an output, in the order of `saved.output`
    cut : int, optional
        Nothing is carried back over steps whose number is a multiple of this, as each way counts
        its steps: truncated back-propagation.
    seed : (n or N, outputs) array, optional
        What is carried back in place of δ^L of the loss, such as the slopes of one output.
    """
    operations = network.operations
    deltas: list[Any] = [None] * len(operations)
    fed_back: list[Any] = [None] * len(operations)
    errors: list[Any] = [None] * len(operations)
    pieces: list[Any] = []
    error: Any = None
    for index in reversed(range(len(operations))):
        operation = operations[index]
        if error is not None:
            if operation.layer == network.read_behind:
                error = _spread(xp, network, operation, error, packing, time)
            mask = _row_mask(network, masks, index, packing)
            error = error if mask is None else error * mask
        errors[index] = error
        if isinstance(operation, Recurrence):
            arguments = (xp, operation, vector, saved.ways[index], error, packing, cut, time)
            deltas[index], fed_back[index], found, error = _recurrence_backward(*arguments)
        else:
            first = error is None and seed is not None
            delta = seed if first else _delta(xp, network, operation, y, c, saved, error)
            deltas[index] = delta
            found = [eq.bp4(saved.inputs[index], delta, operation.scale), eq.bp3(xp, delta)]
            # BP2 without the derivative, which the layer before brings in
            error = eq.bp2(operation.weight.view(vector), delta, 1, operation.scale)
        pieces = found + pieces
    # the vector stores matrices column by column, hence the transpose
    flat = xp.concatenate([piece.T.reshape(-1) for piece in pieces])
    return SequenceGradients(deltas, fed_back, errors, flat, error)


def _delta(
    xp: Any, network: Network, operation: Operation, y: Any, c: Any, saved: SequencePass, error: Any
) -> Any:
    z, a, f = saved.z[operation.layer - 1], saved.a[operation.layer - 1], operation.activation
    if error is None:
        return eq.bp1(xp, network.objective, f, y, z, a, c)
    return error * f.derivative(xp, z, a)


def _recurrence_backward(
    xp: Any,
    operation: Recurrence,
    vector: Any,
    ways: tuple[WayPass, ...],
    error: Any,
    packing: Any,
    cut: int | None,
    time: InTime,
) -> tuple[Any, Any, list[Any], Any]:
    """Return δ and δ' of all ways, the gradients of their parameters, ∂E/∂(what came in)."""
    deltas, primes, pieces, handed_on = [], [], [], 0
    for k, (way, found) in enumerate(zip(operation.ways, ways, strict=True)):
        columns = slice(k * operation.size, (k + 1) * operation.size)
        own = in_time(way, error[:, columns], packing)
        W, U = way.weight.view(vector), way.recurrent.view(vector)
        cell, f = CELLS[operation.cell], operation.activation
        delta, prime = time.backward(xp, cell, f, U, found, own, packing, cut)
        pieces += [eq.bp4(found.x, delta), eq.bp4(found.before[0], prime), eq.bp3(xp, delta)]
        if way.inner is not None:
            pieces.append(eq.bp3(xp, prime[:, -operation.size :]))
        back = eq.bp2(W, delta, 1)
        deltas.append(in_time(way, delta, packing))
        primes.append(in_time(way, prime, packing))
        handed_on = handed_on + in_time(way, back, packing)
    return xp.concatenate(deltas, axis=-1), xp.concatenate(primes, axis=-1), pieces, handed_on


def _padded(xp: Any, value: Any, size: int) -> Any:
    missing = size - value.shape[0]
    if not missing:
        return value
    return xp.concatenate([value, xp.zeros((missing, value.shape[1]), dtype=value.dtype)])
