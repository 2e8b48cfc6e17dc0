"""Which inputs at which steps moved an output.

Three answers, each an array of steps × columns. The *slopes* ∂a/∂x_t say how the output would
change if an input did. A slope times its input, *slope · input*, says how much the input accounts
for as far as the output is a straight line. *Integrated gradients* (`integrals`) take the slope on
the whole way from an input of zeros, and so add up exactly:

    x_t ⊙ ∫₀¹ ∂a/∂x_t (s x) ds        Σ = a(x) - a(0)

Beside them stands how the loss changes with each input, ∂E/∂x_t = Σ_ways Wᵀ δ_t. All are the
backward pass of the trace, begun with another seed; the slopes are held against differences of the
forward pass.

Public names: `InputsMoved`, `inputs_moved`.
May import: `run`, `integrals`, `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import unrolled
from clearprop.engines.trace import SequenceTrace
from clearprop.errors import SettingError
from clearprop.explanation.integrals import mean_slope
from clearprop.explanation.through_time.run import Run, run_of

# nodes of the integral over the way from zeros, and nodes that go through the network at a time
NODES, AT_ONCE = 64, 16
# inputs that are nudged at most, by how much, and how far the slopes may be from the differences
NUDGED, NUDGE, APART = 64, 1e-5, 1e-6
# what the integral's rule may leave open, relative to its absolute terms
OPEN = 1e-3


@dataclass(frozen=True, eq=False)
class InputsMoved:
    """How one output of one sequence depends on the inputs.

    Attributes
    ----------
    sequence : int
    output : int
        The output unit, counted from 0.
    step : int
        The step at which it is read, counted from 0.
    value, at_zero : float
        The output, and what it is for a sequence of zeros.
    slopes : (T, inputs) array
        ∂a/∂x_t.
    products : (T, inputs) array
        Slopes times inputs.
    integrated : (T, inputs) array
        Integrated gradients from zeros.
    error_slopes : (T, inputs) array
        ∂E/∂x_t, with the sequence's coefficient in it.
    nudged : int
        Inputs whose slopes were held against differences.
    apart : float
        ‖slopes - differences‖ / (‖slopes‖ + ‖differences‖) over these.
    """

    sequence: int
    output: int
    step: int
    value: float
    at_zero: float
    slopes: np.ndarray
    products: np.ndarray
    integrated: np.ndarray
    error_slopes: np.ndarray
    nudged: int
    apart: float

    @property
    def holds(self) -> bool:
        """Whether the slopes are those of the forward pass."""
        return self.apart <= APART

    @property
    def moved(self) -> float:
        """Σ integrated gradients, which should be `value` - `at_zero`."""
        return math.fsum(self.integrated.ravel())

    @property
    def complete(self) -> bool:
        """Whether the integrated gradients add up to what the inputs did to the output."""
        gap = abs(self.moved - (self.value - self.at_zero))
        return gap <= OPEN * max(math.fsum(np.abs(self.integrated).ravel()), abs(self.value))

    @property
    def by_step(self) -> np.ndarray:
        """What each step did to the output, (T,)."""
        return self.integrated.sum(axis=1)

    @property
    def by_column(self) -> np.ndarray:
        """What each column did to the output, (inputs,)."""
        return self.integrated.sum(axis=0)


def inputs_moved(
    trace: SequenceTrace, sequence: int, output: int | None = None, step: int | None = None
) -> InputsMoved:
    """Return how one output depends on the inputs of a sequence.

    Parameters
    ----------
    output : int, optional
        The largest output at that step where absent.
    step : int, optional
        Where every step is read out; the last step where absent.

    Raises
    ------
    SettingError
        If there is no such output, or none at that step.
    """
    # slopes are true ones, wherever training cut errors off
    run = replace(run_of(trace, sequence), cut=None)
    step = run.steps - 1 if step is None else step
    if step not in run.read_at:
        raise SettingError(
            f"Outputs are read at steps {run.read_at[0]} to {run.read_at[-1]}, counted from 0, but "
            f"step={step} came."
        )
    row = run.read_at.index(step)
    output = int(np.argmax(run.output[row])) if output is None else output
    if not 0 <= output < run.network.outputs:
        raise SettingError(
            f"The network has outputs 0 to {run.network.outputs - 1}, but output={output} came."
        )
    slopes = run.back(_seed(run, run.saved.a[-1], run.saved.z[-1], row, output)).inputs
    integrated, at_zero = _integrated(run, row, output)
    nudged, apart = _held(run, slopes, row, output)
    return InputsMoved(
        sequence,
        output,
        step,
        float(run.output[row, output]),
        at_zero,
        slopes,
        slopes * run.x,
        integrated,
        run.gradients.inputs,
        nudged,
        apart,
    )


def _seed(run: Run, a: np.ndarray, z: np.ndarray, row: int, output: int) -> np.ndarray:
    """Return ∂a_output/∂z of one row of the outputs, zeros elsewhere."""
    f, seed = run.network.operations[-1].activation, np.zeros_like(a)
    if f.elementwise:
        seed[row, output] = f.derivative(np, z[row], a[row])[output]
    else:
        # softmax: ∂a_k/∂z_j = a_k (1_(k=j) - a_j)
        seed[row] = -a[row, output] * a[row]
        seed[row, output] += a[row, output]
    return seed


def _row_of(run: Run, row: int, copy: int, rank: np.ndarray, copies: int) -> int:
    """Return the row of the outputs of one of several sequences that went through together."""
    return row * copies + int(rank[copy]) if len(run.output) > 1 else copy


def _integrated(run: Run, row: int, output: int) -> tuple[np.ndarray, float]:
    """Return the integrated gradients, (T, inputs), and the output for zeros."""
    slopes = mean_slope(lambda shares: _slopes_at(run, shares, row, output), NODES, AT_ONCE)
    saved, packing, _ = run.forward(np.zeros((1, *run.x.shape)), 1)
    at_zero = float(saved.output[_row_of(run, row, 0, packing.rank, 1), output])
    return run.x * slopes, at_zero


def _slopes_at(run: Run, shares: np.ndarray, row: int, output: int) -> np.ndarray:
    """Return ∂a/∂x at some shares of the way from zeros to x, (shares, T, inputs)."""
    count = len(shares)
    saved, packing, masks = run.forward(shares[:, None, None] * run.x, count)
    seed = np.zeros_like(saved.output)
    for copy in range(count):
        at = _row_of(run, row, copy, packing.rank, count)
        seed += _seed(run, saved.a[-1], saved.z[-1], at, output)
    arguments = (np, run.network, run.vector, None, None, saved, packing, masks, run.cut)
    slopes = unrolled.backward(*arguments, seed=seed).inputs
    return np.stack([slopes[packing.of(copy)] for copy in range(count)])


def _held(run: Run, slopes: np.ndarray, row: int, output: int) -> tuple[int, float]:
    """Return how many slopes were held against differences, and how far apart they are."""
    flat = slopes.ravel()
    order = np.argsort(-np.abs(flat), kind="stable")
    # half of them the largest, the others spread over the rest
    spread = order[NUDGED // 2 :][:: max(1, (len(order) - NUDGED // 2) // (NUDGED // 2))]
    chosen = np.concatenate([order[: NUDGED // 2], spread[: NUDGED // 2]])
    copies = 2 * len(chosen)
    x = np.repeat(run.x[None], copies, axis=0).reshape(copies, -1)
    for place, entry in enumerate(chosen):
        x[2 * place, entry] += NUDGE
        x[2 * place + 1, entry] -= NUDGE
    saved, packing, _ = run.forward(x.reshape(copies, *run.x.shape), copies)
    rows = [_row_of(run, row, copy, packing.rank, copies) for copy in range(copies)]
    values = saved.output[rows, output]
    differences = (values[::2] - values[1::2]) / (2 * NUDGE)
    scale = np.linalg.norm(flat[chosen]) + np.linalg.norm(differences)
    gap = np.linalg.norm(flat[chosen] - differences)
    return len(chosen), float(gap / scale) if scale else float(gap)
