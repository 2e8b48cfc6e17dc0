"""`Dense`: a fully connected layer, whose activation may be learnt as well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from clearprop.errors import SettingError
from clearprop.functions import Activation, activation
from clearprop.functions.initialisers import BIAS_STARTS, INITIALISERS
from clearprop.functions.spelling import suggest


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: z = s W a + b, a = f(z), then dropout.

    In a network of sequences a dense layer before the readout works on each step by itself.

    Attributes
    ----------
    units : int
        Neurons of the layer.
    activation : str or Activation
        f, by name: `"relu"`, `"leaky_relu(0.2)"`, …; see `clearprop.functions.ACTIVATIONS`.
    dropout : float
        Probability in [0, 1) with which training sets a unit's output to 0; the others are
        divided by 1 - dropout, so that prediction needs no change (Srivastava et al. 2014).
    init : str
        How weights start; a name of `INITIALISERS`. `"auto"` takes He for the relu family,
        LeCun for selu, Glorot for the rest. `"std"` looks at the data (see `Parameters.initial`).
    scale : float or "ntk"
        The forward scale s; `"ntk"` is 1/√fan_in (Jacot, Gabriel and Hongler 2018).
    rate, bias_rate : float
        Factors on the learning rate of W and of b. 0 holds them fixed.
    parametric : bool
        Each unit mixes f with the identity: a = z + t (f(z) - z), with t learnt and 1 at the start
        (RealMLP; Holzmüller, Grinsztajn and Steinwart 2024). Hidden layers only.
    parametric_rate : float
        Factor on the learning rate of t.
    bias_init : str
        How biases start; a name of `BIAS_STARTS`. `"auto"` leaves it to `init`.
    """

    units: int
    activation: str | Activation = "relu"
    dropout: float = 0.0
    init: str = "auto"
    scale: float | Literal["ntk"] = 1.0
    rate: float = 1.0
    bias_rate: float = 1.0
    parametric: bool = False
    parametric_rate: float = 1.0
    bias_init: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activation(self.activation))
        check_layer(self, INITIALISERS)
        check_rates(self, "parametric_rate")
        if self.bias_init not in BIAS_STARTS:
            raise SettingError(
                f"Biases cannot start as {self.bias_init!r}. {suggest(self.bias_init, BIAS_STARTS)}"
            )
        number = isinstance(self.scale, int | float | np.number)
        if self.scale != "ntk" and not (number and 0 < self.scale < np.inf):
            raise SettingError(f"scale must be above 0 or 'ntk', but {self.scale!r} came.")

    @property
    def function(self) -> Activation:
        """The activation, resolved from its name."""
        return activation(self.activation)

    def with_activation(self, name: str | Activation) -> Dense:
        """Return this layer with another activation."""
        return replace(self, activation=name)

    @property
    def outputs(self) -> int:
        """Units that are handed on: all of them."""
        return self.units

    def __str__(self) -> str:
        """Return the layer in a few words: `10 relu`."""
        parametric = "parametric " if self.parametric else ""
        return f"{self.units} {parametric}{self.function}"


def check_layer(layer: Any, initialisers: dict[str, Any]) -> None:
    """Check what layers of all kinds have: units, dropout, start, learning-rate factors."""
    if isinstance(layer.units, bool) or not isinstance(layer.units, int | np.integer):
        raise SettingError(f"A layer's units must be a whole number, but {layer.units!r} came.")
    object.__setattr__(layer, "units", int(layer.units))
    if layer.units < 1:
        raise SettingError(f"A layer needs at least 1 unit, but {layer.units} came.")
    if not 0 <= layer.dropout < 1:
        raise SettingError(f"dropout must lie in [0, 1), but {layer.dropout} came.")
    if layer.init not in initialisers:
        raise SettingError(
            f"There is no initialiser {layer.init!r}. {suggest(layer.init, initialisers)}"
        )
    check_rates(layer, "rate", "bias_rate")


def check_rates(layer: Any, *names: str) -> None:
    """Check factors on the learning rate: finite, 0 or above."""
    for name in names:
        if not 0 <= getattr(layer, name) < np.inf:
            raise SettingError(f"{name} must be 0 or above, but {getattr(layer, name)} came.")
