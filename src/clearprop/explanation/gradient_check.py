"""Back-propagation against central differences, in float64, with the worst entries named.

    ∂E/∂w ≈ (E(w + h) - E(w - h)) / 2h

One parameter after another is nudged by h = 10⁻⁵, and the loss computed anew from the definition:
nothing of back-propagation is in it. `check_gradient` takes any model and any data, and holds an
engine's gradient at float64 against it; `check_trace` holds the very gradient that a step of
training used.

A difference that straddles a kink (relu at 0) is no derivative. The slopes to the right and to the
left differ there by the same however short the step is, while curvature lets them differ in
proportion to it; so two lengths of step tell a kink. Such entries are counted and left out.

Public names: `CheckedEntry`, `GradientCheck`, `check_gradient`, `check_trace`, `entry_name`,
`loss_of`, `slope_of_weight`.
May import: `names`, `places`, `rerun`, `through_time.run`, `clearprop.training`,
`clearprop.engines`, `clearprop.equations`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop import equations as eq
from clearprop.engines import Block, Recipe, Trace, build, unrolled
from clearprop.engines.trace import SequenceTrace
from clearprop.equations import Penalty
from clearprop.errors import SettingError
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.explanation.rerun import rerun_of
from clearprop.explanation.through_time.run import start_of
from clearprop.network import Network, Parameters

STEP = 1e-5
# the second, shorter step, by which a kink is told from curvature
SHORT = 1e-6
# a float32 gradient is held against float64 differences: its own rounding, which many layers
# amplify, is allowed for
TOLERANCES = {"float64": 1e-6, "float32": 1e-3}
# entries that are named, those that differ most first
NAMED = 8
# multiplications that the check of a trace takes at most, so that a page answers in a second, and
# how many of them a layer's calls cost beside its own
BUDGET, OVERHEAD = 2e9, 6e4
FEWEST, MOST = 24, 2000

Loss = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class CheckedEntry:
    """One parameter's gradient, held against a difference.

    Attributes
    ----------
    entry : str
        Its place in the arrays, such as `"W1[3, 7]"`.
    name : str
        What people call it, such as `"h1.4<-x8"`.
    backprop, differences : float
    """

    entry: str
    name: str
    backprop: float
    differences: float

    @property
    def apart(self) -> float:
        """|backprop - differences|."""
        return abs(self.backprop - self.differences)


@dataclass(frozen=True)
class GradientCheck:
    """The outcome of a gradient check.

    Attributes
    ----------
    error : float
        ‖backprop - differences‖ / (‖backprop‖ + ‖differences‖) over the entries checked.
    tolerance : float
    checked, kinks, size : int
        Entries compared, entries left out at kinks, and parameters in all.
    worst : str
        The entry that differs most, such as `"W1[3, 7]"`.
    name : str
        The same entry as people call it, such as `"h1.4<-x8"`.
    backprop, differences : float
        Its two values.
    largest : tuple of CheckedEntry
        The entries that differ most, the worst first; at most `NAMED`.
    left_out : tuple of str
        Names of entries left out at kinks; at most `NAMED`.
    """

    error: float
    tolerance: float
    checked: int
    kinks: int
    size: int
    worst: str
    name: str
    backprop: float
    differences: float
    largest: tuple[CheckedEntry, ...]
    left_out: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance, and anything was checked."""
        return self.checked > 0 and self.error <= self.tolerance


def check_gradient(
    model: Any,
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    names: Names | None = None,
    penalty: Penalty | None = None,
    engine: str = "native",
    entries: int = MOST,
    tolerance: float | None = None,
) -> GradientCheck:
    """Compare an engine's gradient with central differences of the reference engine's loss.

    Parameters
    ----------
    model : fitted estimator, Outcome, Parameters, Network or Trace
        The network and where to check it; both are taken to float64. A network is checked at fresh
        parameters. For a Trace, see `check_trace`; `penalty` and `engine` have no say there.
    X, y, sample_weight
        Data, as for the model's `fit`; a few dozen rows are enough. Not for a Trace, which has its
        own.
    names : Names, optional
        What parameters are called; the model's columns and classes where absent.
    penalty : Penalty, optional
        The model's own where absent, none for Parameters and a Network.
    engine : {"native", "reference"}
        Whose gradient is checked. No units are dropped.
    entries : int
        At most this many parameters are nudged; in larger networks half of them are those of the
        largest gradient, the others drawn.
    tolerance : float, optional
        The relative difference that is put up with, 10⁻⁶ where absent; 10⁻³ for the gradient of a
        float32 trace.

    Raises
    ------
    SettingError
        If the model is none of these, or there are no data.
    ShapeError, DataError
        If the data do not fit the network.
    """
    if isinstance(model, Trace):
        names = names or Names(model.network)
        return check_trace(model, names, entries=entries, tolerance=tolerance)
    case = _case_of(model, X, y, sample_weight)
    recipe = Recipe(penalty=case.penalty if penalty is None else penalty)
    network, vector = case.network, case.vector
    gradient = build(engine, network, recipe).gradient(vector, case.block)[1]
    reference = build("reference", network, recipe)

    def objective(point: np.ndarray) -> float:
        return reference.gradient(point, case.block)[0]

    return _compare(
        names or case.names,
        objective,
        vector,
        gradient,
        _choose(gradient, entries),
        TOLERANCES["float64"] if tolerance is None else tolerance,
    )


def check_trace(
    trace: Trace, names: Names, *, entries: int | None = None, tolerance: float | None = None
) -> GradientCheck:
    """Compare the gradient that a step of training used with differences of its loss.

    Parameters
    ----------
    trace : Trace
        Its rows, coefficients and dropout masks are held fixed; the loss is computed in float64.
    names : Names
    entries : int, optional
        As for `check_gradient`; as many as take about a second where absent.
    tolerance : float, optional
        10⁻⁶ for a float64 trace and 10⁻³ for a float32 one where absent.
    """
    if entries is None:
        # a sequence is as many rows as it has steps, which go through one after another
        calls, fewest = 1, FEWEST
        if isinstance(trace, SequenceTrace):
            calls, fewest = trace.packing.steps, FEWEST // 4
        rows = len(trace.x)
        cost = trace.network.size * (rows + 8) + OVERHEAD * len(trace.network.layers) * calls
        entries = int(np.clip(BUDGET / (4 * cost), fewest, MOST))
    return _compare(
        names,
        loss_of(trace),
        trace.vector.astype(np.float64),
        trace.gradient.astype(np.float64),
        _choose(trace.gradient, entries),
        TOLERANCES[trace.network.dtype] if tolerance is None else tolerance,
    )


def loss_of(trace: Trace) -> Loss:
    """Return E of a trace's rows as a function of the parameters, in float64.

    Targets, coefficients and dropout masks are the trace's own.
    """
    network = replace(trace.network, dtype="float64")
    x, y, c = (array.astype(np.float64) for array in (trace.x, trace.y, trace.coefficients))
    loss, last = network.objective, network.operations[-1].activation
    if isinstance(trace, SequenceTrace):
        packing, start = trace.packing, start_of(trace)
    else:
        packing, start = None, None

    def value(vector: np.ndarray) -> float:
        saved: Any
        if packing is not None:
            saved = unrolled.forward(np, network, vector, x, packing, trace.masks, start)
        else:
            saved = eq.forward(np, network, vector, x, trace.masks)
        losses = loss.value(np, last, y, saved.z[-1], saved.a[-1])
        return float(eq.total_loss(np, losses, c))

    return value


def slope_of_weight(trace: Trace, layer: int, unit: int, source: int, step: float = 1e-6) -> float:
    """Return the central difference of a trace's loss along one weight, in float64.

    Parameters
    ----------
    trace : Trace
    layer : int
        1 for the first.
    unit, source : int
        The weight leads from unit `source` of the layer before into `unit`.
    """
    loss = loss_of(trace)
    weight = trace.network.operations[layer - 1].weight
    right, left = (trace.vector.astype(np.float64) for _ in range(2))
    weight.view(right)[unit, source] += step
    weight.view(left)[unit, source] -= step
    return (loss(right) - loss(left)) / (2 * step)


def entry_name(network: Network, entry: int) -> str:
    """Return the name of one entry of the parameter vector: `"W1[3, 7]"` is row 3, column 7."""
    return Place.of_entry(network, entry).entry_name


@dataclass(frozen=True)
class _Case:
    """What is checked, in float64."""

    network: Network
    vector: np.ndarray
    block: Block
    penalty: Penalty
    names: Names


def _case_of(model: Any, X: Any, y: Any, weights: Any) -> _Case:
    from clearprop.training import Outcome

    if X is None or y is None:
        raise SettingError("A gradient is checked on data: give a few dozen rows as X and y.")
    penalty = Penalty()
    if isinstance(model, Network):
        model = Parameters.initial(model)
    if isinstance(model, Outcome):
        penalty, model = model.engine.recipe.penalty, model.parameters
    if isinstance(model, Parameters):
        network = replace(model.network, dtype="float64")
        block = Block.of(network, X, y, weights)
        return _Case(network, model.vector.astype(np.float64), block, penalty, Names(network))
    if not hasattr(model, "trace"):
        raise SettingError(
            f"The gradient of a fitted estimator, the outcome of a run, Parameters, a Network or a "
            f"Trace can be checked, but {type(model).__name__} came."
        )
    trace = model.trace(X, y, weights, engine="reference", dropout=False)
    return _case_of_trace(trace, Names(trace.network, **model.unit_names()))


def _case_of_trace(trace: Trace, names: Names) -> _Case:
    network, block = rerun_of(trace, "float64")
    given = trace.recipe.penalty
    penalty = Penalty(given.l1 * trace.penalty_factor, given.l2 * trace.penalty_factor)
    return _Case(network, trace.vector.astype(np.float64), block, penalty, names)


def _slopes(
    objective: Loss, vector: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the central differences of the chosen entries, and where there is no kink."""
    here = objective(vector)
    moved = vector.copy()
    # the objective at -STEP, -SHORT, SHORT and STEP along each entry
    values = np.empty((4, len(chosen)))
    for place, entry in enumerate(chosen):
        for row, step in enumerate((-STEP, -SHORT, SHORT, STEP)):
            moved[entry] = vector[entry] + step
            values[row, place] = objective(moved)
        moved[entry] = vector[entry]
    slopes = (values[3] - values[0]) / (2 * STEP)
    # right slope less left slope; what is left when curvature is taken out is a kink
    long = (values[3] + values[0] - 2 * here) / STEP
    short = (values[2] + values[1] - 2 * here) / SHORT
    kink = np.abs(short - long * (SHORT / STEP))
    rounding = 32 * np.finfo(np.float64).eps * max(1.0, abs(here)) / SHORT
    # what is not finite is no kink, and fails
    return slopes, ~(kink > 2e-7 * np.abs(slopes).max() + rounding)


def _choose(gradient: np.ndarray, entries: int) -> np.ndarray:
    """Return the entries to nudge: all, or half the largest gradients and half drawn."""
    if gradient.size <= entries:
        return np.arange(gradient.size)
    order = np.argsort(-np.abs(gradient), kind="stable")
    largest, others = order[: entries // 2], order[entries // 2 :]
    generator = np.random.Generator(np.random.Philox(0))
    drawn = generator.choice(others, entries - len(largest), replace=False)
    return np.sort(np.concatenate([largest, drawn]))


def _compare(
    names: Names,
    objective: Loss,
    vector: np.ndarray,
    gradient: np.ndarray,
    chosen: np.ndarray,
    tolerance: float,
) -> GradientCheck:
    with np.errstate(all="ignore"):
        slopes, smooth = _slopes(objective, vector, chosen)
    gradient = gradient[chosen]
    difference = np.where(smooth, np.abs(gradient - slopes), 0)
    # what is not a number comes first
    order = np.argsort(-np.nan_to_num(difference, nan=np.inf), kind="stable")
    worst = order[smooth[order]][:NAMED] if smooth.any() else order[:1]
    named = [
        CheckedEntry(
            entry_name(names.network, int(chosen[place])),
            names.entry(int(chosen[place])),
            float(gradient[place]),
            float(slopes[place]),
        )
        for place in worst
    ]
    scale = np.linalg.norm(gradient[smooth]) + np.linalg.norm(slopes[smooth])
    error = float(np.linalg.norm(difference) / scale) if scale else float(difference.max())
    return GradientCheck(
        error=error,
        tolerance=tolerance,
        checked=int(smooth.sum()),
        kinks=int((~smooth).sum()),
        size=len(vector),
        worst=named[0].entry,
        name=named[0].name,
        backprop=named[0].backprop,
        differences=named[0].differences,
        largest=tuple(named),
        left_out=tuple(names.entry(int(entry)) for entry in chosen[~smooth][:NAMED]),
    )
