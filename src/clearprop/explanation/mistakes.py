"""What comes out if later layers are updated before the errors of earlier layers are computed.

The first origin text says to update the later weights first and then to use the intermediate values
for the earlier ones. These values are the deltas, computed with the weights as they were. Read as
"use the weights already updated", BP2 takes the new weights,

    δ^l = (s W'^(l+1)ᵀ δ^(l+1)) ⊙ f'(z^l),     W' = W after its update,

and every layer before the last gets a wrong gradient. Here both are computed, layer by layer from
the last, with the update rule, penalty and clipping of the trace's own step.

Public names: `LayerMistake`, `Mistake`, `ParameterMistake`, `early_update`.
May import: `carrying`, `jacobians`, `layer_gradients`, `places`, `clearprop.engines`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Plan, Trace, TrainState
from clearprop.engines.ledger import update_terms
from clearprop.explanation.carrying import apart
from clearprop.explanation.jacobians import carried_to, is_exact
from clearprop.explanation.layer_gradients import layer_gradients
from clearprop.explanation.places import Place
from clearprop.network import Network, Operation


@dataclass(frozen=True)
class LayerMistake:
    """One layer's mistaken gradient beside the true one, its weights and biases together.

    Attributes
    ----------
    layer : int
        1 for the first.
    angle : float or None
        Between the two, in degrees, 0 to 180; None where either is zero.
    ratio : float or None
        The length of the mistaken one over that of the true one; None where that is zero.
    """

    layer: int
    angle: float | None
    ratio: float | None


@dataclass(frozen=True)
class ParameterMistake:
    """One parameter's step with the true gradient and with the mistaken one.

    Attributes
    ----------
    before : float
    gradient, mistaken : float
        ∂E/∂θ, true and mistaken.
    right, wrong : float
        The new value, true and mistaken.
    """

    before: float
    gradient: float
    mistaken: float
    right: float
    wrong: float


@dataclass(frozen=True, eq=False)
class Mistake:
    """The step of a trace with updates made too early, beside the step as it should be.

    Attributes
    ----------
    network : Network
    layers : tuple of LayerMistake
        First layer first; the last layer's gradient is right either way.
    deltas, mistaken_deltas : tuples of (n, units) arrays
        δ^1 … δ^L, true and mistaken; with the sample's coefficient.
    before : (network.size,) array
        The parameters before the step.
    gradient, mistaken : (network.size,) arrays
        ∂E/∂θ, true and mistaken.
    right, wrong : (network.size,) arrays
        The parameters after the step.
    """

    network: Network
    layers: tuple[LayerMistake, ...]
    deltas: tuple[np.ndarray, ...]
    mistaken_deltas: tuple[np.ndarray, ...]
    before: np.ndarray
    gradient: np.ndarray
    mistaken: np.ndarray
    right: np.ndarray
    wrong: np.ndarray

    def of(self, place: Place) -> ParameterMistake:
        """Return the step of one parameter."""
        entry = place.entry(self.network)
        vectors = (self.before, self.gradient, self.mistaken, self.right, self.wrong)
        return ParameterMistake(*(float(vector[entry]) for vector in vectors))


def early_update(trace: Trace) -> Mistake:
    """Take the step of a trace with updates made too early.

    Where training carried errors back in another way, both steps are those of exact errors.
    """
    with np.errstate(all="ignore"):
        deltas, gradient, right = _as_it_was(trace) if is_exact(trace) else _step(trace)
        mistaken_deltas, mistaken, wrong = _step(trace, early=True)
    return Mistake(
        network=trace.network,
        layers=tuple(_compared(o, mistaken, gradient) for o in trace.network.operations),
        deltas=tuple(deltas),
        mistaken_deltas=tuple(mistaken_deltas),
        before=trace.vector.astype(np.float64),
        gradient=gradient,
        mistaken=mistaken,
        right=right,
        wrong=wrong,
    )


_Step = tuple[list[np.ndarray], np.ndarray, np.ndarray]


def _as_it_was(trace: Trace) -> _Step:
    """Return the deltas, the gradient and the new parameters of the trace itself."""
    after = trace.vector.astype(np.float64) + trace.update
    return [delta.astype(np.float64) for delta in trace.delta], _double(trace.gradient), after


def _step(trace: Trace, *, early: bool = False) -> _Step:
    """Return deltas, gradient and new parameters; with `early`, BP2 takes the new weights."""
    operations = trace.network.operations
    after, gradient = _double(trace.vector), _double(trace.gradient)
    # the last layer's are the same in any case
    deltas, carried = [_double(trace.delta[-1])], None
    for index in reversed(range(len(operations))):
        segments = operations[index].segments
        if index < len(operations) - 1:
            sums = layer_gradients(trace, index + 1, deltas[0], carried)
            for segment, (value, _) in zip(segments, sums.values(), strict=True):
                segment.view(gradient)[...] = value
        if early:
            own = slice(segments[0].start, segments[-1].stop)
            after[own] += _update(trace, gradient)[own]
        if index:
            carried = carried_to(replace(trace, vector=after), index, deltas[0])
            deltas.insert(0, carried * _slopes(trace, index - 1))
    return deltas, gradient, after if early else after + _update(trace, gradient)


def _slopes(trace: Trace, index: int) -> np.ndarray:
    """Return ∂a/∂z of a hidden layer with its dropout mask, (n, units)."""
    operation, mask = trace.network.operations[index], trace.masks[index]
    arrays = (_double(array) for array in (trace.vector, trace.z[index], trace.a[index]))
    slopes: np.ndarray = operation.slope(np, *arrays)
    return slopes if mask is None else slopes * mask


def _update(trace: Trace, gradient: np.ndarray) -> np.ndarray:
    """Return the change that the trace's rule, penalty and clipping make of a gradient."""
    state = TrainState(
        _double(trace.vector), _double(trace.slots), Plan(trace.engine), step=trace.step
    )
    terms, _ = update_terms(
        trace.network, trace.recipe, state, gradient, trace.constants, trace.penalty_factor
    )
    change: np.ndarray = np.sum(list(terms.values()), axis=0)
    return change


def _double(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)


def _compared(operation: Operation, mistaken: np.ndarray, true: np.ndarray) -> LayerMistake:
    return LayerMistake(operation.layer, *apart(operation, mistaken, true))
