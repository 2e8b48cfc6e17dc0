"""What a periodic layer does at the samples of a trace: its cosines, and its local Jacobian.

A column x_c becomes the units x_c and, for k from 1 on,

    v_ck = Σ_q W_ckq cos θ_cq + b_ck,     θ_cq = 2π (f_cq x_c + p_cq)

so that ∂v_ck/∂x_c = -Σ_q W_ckq 2π f_cq sin θ_cq is another number for each sample.

Public names: `WaveNumbers`, `waves_of`.
May import: `clearprop.engines`, `clearprop.network`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clearprop.engines import Trace
from clearprop.network import Waves

TURN = 2 * np.pi


@dataclass(frozen=True, eq=False)
class WaveNumbers:
    """A periodic layer at n samples, in float64.

    Attributes
    ----------
    waves : Waves
    x : (n, columns) array
        The columns that become waves.
    frequencies, phases : (columns, frequencies) arrays
        f and p.
    weights : (columns, features - 1, frequencies) array
        W.
    biases : (columns, features - 1) array
        b.
    """

    waves: Waves
    x: np.ndarray
    frequencies: np.ndarray
    phases: np.ndarray
    weights: np.ndarray
    biases: np.ndarray

    @property
    def angles(self) -> np.ndarray:
        """θ, (n, columns, frequencies)."""
        return np.asarray(TURN * (self.frequencies * self.x[:, :, None] + self.phases))

    @property
    def cosines(self) -> np.ndarray:
        """cos θ, (n, columns, frequencies)."""
        return np.cos(self.angles)

    @property
    def bends(self) -> np.ndarray:
        """∂v/∂θ, (n, columns, features - 1, frequencies): -W sin θ."""
        return -self.weights * np.sin(self.angles)[:, :, None]

    @property
    def slopes(self) -> np.ndarray:
        """∂v/∂x of each unit that a column is made into, (n, columns, features - 1)."""
        return np.asarray(np.einsum("ncmq,cq->ncm", self.bends, TURN * self.frequencies))

    @property
    def sums(self) -> np.ndarray:
        """Σ_q W_ckq cos θ_cq, (n, columns, features - 1)."""
        return np.asarray(np.einsum("ncq,cmq->ncm", self.cosines, self.weights))

    @property
    def made(self) -> int:
        """How many units columns are made into, themselves included."""
        return len(self.waves.columns) * self.waves.features

    @property
    def passing(self) -> np.ndarray:
        """1 where an input passes unchanged, (units, fan_in)."""
        found = np.zeros((self.waves.units, self.waves.fan_in))
        found[np.arange(0, self.made, self.waves.features), list(self.waves.columns)] = 1
        found[np.arange(self.made, self.waves.units), list(self.waves.others)] = 1
        return found

    @property
    def offsets(self) -> np.ndarray:
        """b of each unit, (units,), 0 where an input passes unchanged."""
        found = np.zeros(self.waves.units)
        self._of_columns(found)[:, 1:] = self.biases
        return found

    def products(self, sample: int) -> np.ndarray:
        """Return the sums of cosines of one sample, (units, fan_in), in their columns."""
        found = np.zeros((self.waves.units, self.waves.fan_in))
        for number, column in enumerate(self.waves.columns):
            first = number * self.waves.features
            found[first + 1 : first + self.waves.features, column] = self.sums[sample, number]
        return found

    def at(self, sample: int) -> WaveNumbers:
        """Return the same at one sample."""
        return replace(self, x=self.x[[sample]])

    def units_for(self, x: np.ndarray) -> np.ndarray:
        """Return the layer's units for one input, (fan_in,)."""
        there = replace(self, x=x[None, list(self.waves.columns)])
        found = self.passing @ x + self.offsets
        self._of_columns(found)[:, 1:] += there.sums[0]
        return np.asarray(found)

    def _of_columns(self, units: np.ndarray) -> np.ndarray:
        """View the units of columns, (units,), as (columns, features)."""
        return units[: self.made].reshape(len(self.waves.columns), self.waves.features)

    def jacobian(self, sample: int) -> np.ndarray:
        """Return ∂z/∂x of one sample, (units, fan_in)."""
        found = self.passing
        for number, column in enumerate(self.waves.columns):
            first = number * self.waves.features
            found[first + 1 : first + self.waves.features, column] = self.slopes[sample, number]
        return found

    def carried(self, delta: np.ndarray, *, absolute: bool = False) -> np.ndarray:
        """Carry errors δ, (n, units), back to the input, (n, fan_in).

        With `absolute` the slopes' terms are summed by their sizes.
        """
        waves, made = self.waves, self.made
        found = np.zeros((len(delta), waves.fan_in))
        own = delta[:, :made].reshape(len(delta), len(waves.columns), waves.features)
        slopes = self.slopes
        if absolute:
            slopes = np.einsum("ncmq,cq->ncm", np.abs(self.bends), TURN * np.abs(self.frequencies))
        back = own[:, :, 0] + np.einsum("ncm,ncm->nc", own[:, :, 1:], slopes)
        found[:, list(waves.columns)] = back
        found[:, list(waves.others)] = delta[:, made:]
        return found


def waves_of(trace: Trace, layer: int) -> WaveNumbers:
    """Return a periodic layer of a trace at all its samples."""
    waves = trace.network.operations[layer - 1]
    assert isinstance(waves, Waves)
    f, p, W, b = (
        np.asarray(waves.named(letter).view(trace.vector), dtype=np.float64) for letter in "fpWb"
    )
    columns = len(waves.columns)
    x = np.asarray(trace.inputs[layer - 1], dtype=np.float64)[:, list(waves.columns)]
    return WaveNumbers(
        waves,
        x,
        f,
        p,
        W.reshape(columns, waves.features - 1, waves.frequencies),
        b.reshape(columns, waves.features - 1),
    )
