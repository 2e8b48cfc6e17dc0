"""What one parameter moves in its own layer, of each sample: the last factor of the chain rule.

    W, b   ∂z_j/∂w_jk = s a_k,  ∂z_j/∂b_j = 1
    g      ∂z_j/∂g_j = x_j
    t      ∂a_j/∂t_j = m_j (f(z_j) - z_j), behind the slope: it is multiplied by ∂E/∂a and not by δ
    W, b   of a periodic layer: ∂v_ck/∂w_ckq = cos θ_cq,  ∂v_ck/∂b_ck = 1
    f, p   ∂v_ck/∂f_cq = -w_ckq sin θ_cq 2π x_c,  ∂v_ck/∂p_cq = -w_ckq sin θ_cq 2π, for all k: a
           frequency moves all units that its column is made into

A sample's part of the gradient is the sum over these units of the error there times what is moved.

Public names: `Reach`, `reach_of`.
May import: `jacobians`, `places`, `waves`, `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.jacobians import carried_to
from clearprop.explanation.places import Place, source_of, units_of
from clearprop.explanation.waves import TURN, waves_of
from clearprop.network import Waves


@dataclass(frozen=True, eq=False)
class Reach:
    """The units that a parameter moves.

    Attributes
    ----------
    units : tuple of int
        Of its layer, counted from 0.
    moved : (n, units) array
        ∂z/∂θ of these units, or ∂a/∂θ with `behind`.
    errors : (n, units) array
        ∂E/∂z of these units, or ∂E/∂a with `behind`; with the sample's coefficient in it.
    behind : bool
        The parameter stands behind the activation: it is t.
    """

    units: tuple[int, ...]
    moved: np.ndarray
    errors: np.ndarray
    behind: bool = False

    @property
    def pushes(self) -> np.ndarray:
        """What each sample adds to the gradient, (n,)."""
        return np.asarray((self.errors * self.moved).sum(axis=1))

    @property
    def sizes(self) -> np.ndarray:
        """The same with absolute values, which rounding is relative to."""
        return np.asarray(np.abs(self.errors * self.moved).sum(axis=1))


def reach_of(trace: Trace, place: Place) -> Reach:
    """Return what a parameter moves."""
    operation, index = trace.network.operations[place.layer - 1], place.layer - 1
    if place.array == "t":
        z, mask = _double(trace.z[index]), trace.masks[index]
        bent = operation.activation.value(np, z) - z
        bent = bent if mask is None else bent * _double(mask)
        errors = carried_to(trace, place.layer)
        return Reach((place.unit,), bent[:, [place.unit]], errors[:, [place.unit]], behind=True)
    units = units_of(trace.network, place)
    if isinstance(operation, Waves):
        moved = _by_waves(trace, operation, place)
    elif place.is_bias:
        moved = np.ones((len(trace.rows), 1))
    else:
        source = source_of(trace.network, place)
        assert source is not None, "weights and gains take up a signal"
        moved = operation.scale * _double(trace.inputs[index][:, [source]])
    return Reach(units, moved, _double(trace.delta[index][:, list(units)]))


def _by_waves(trace: Trace, waves: Waves, place: Place) -> np.ndarray:
    if place.source is None:
        return np.ones((len(trace.rows), 1))
    numbers = waves_of(trace, waves.layer)
    if not place.array:
        column = place.unit // (waves.features - 1)
        return numbers.cosines[:, column, place.source][:, None]
    inner = TURN * (numbers.x[:, [place.unit]] if place.array == "f" else 1.0)
    return np.asarray(numbers.bends[:, place.unit, :, place.source] * inner)


def _double(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, dtype=np.float64)
