"""Layers whose units are fed back to them one step later: `Recurrent` (Elman), `GRU`, `LSTM`.

Their equations are in `clearprop.equations.cells`. PyTorch keeps two biases for each gate, which
only ever occur as a sum; here there is one, and one more for the GRU's candidate, whose two biases
do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from clearprop.errors import SettingError
from clearprop.functions import Activation, activation
from clearprop.functions.initialisers import RECURRENT_INITIALISERS
from clearprop.functions.spelling import suggest
from clearprop.network.dense import check_layer

Direction = Literal["forward", "backward", "both"]
DIRECTIONS = ("forward", "backward", "both")


@dataclass(frozen=True)
class RecurrentLayer:
    """What recurrent layers share; `Recurrent`, `GRU` and `LSTM` are layers.

    Attributes
    ----------
    units : int
        Units of the state h; twice as many are handed on with `direction="both"`.
    direction : {"forward", "backward", "both"}
        Which way the layer goes through time. With `"both"` two sets of weights go one each way,
        and what they found is laid side by side (Schuster and Paliwal 1997).
    dropout : float
        Probability in [0, 1) with which training sets a unit's output to 0, for all steps of a
        sequence alike (Gal and Ghahramani 2016). What is fed back is not dropped.
    init : str
        How weights start; a name of `RECURRENT_INITIALISERS`. `"auto"` draws W by Glorot's rule,
        each gate by itself, and U as orthogonal matrices (Saxe et al. 2014).
    rate, bias_rate : float
        Factors on the learning rate of W and U, and of biases. 0 holds them fixed.
    """

    cell: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]

    units: int
    direction: Direction = "forward"
    dropout: float = 0.0
    init: str = "auto"
    rate: float = 1.0
    bias_rate: float = 1.0

    def __post_init__(self) -> None:
        check_layer(self, RECURRENT_INITIALISERS)
        if self.direction not in DIRECTIONS:
            raise SettingError(
                f"There is no direction {self.direction!r}. {suggest(self.direction, DIRECTIONS)}"
            )

    @property
    def function(self) -> Activation:
        """The activation that makes the state: tanh."""
        return activation("tanh")

    def with_activation(self, name: str | Activation) -> RecurrentLayer:
        """Return this layer with another activation; a gated one has none to choose."""
        raise SettingError(
            f"The activations of {self} are fixed by its gates. Use Recurrent(…, activation=…)."
        )

    @property
    def outputs(self) -> int:
        """Units that are handed on: those of all ways."""
        return self.units * (2 if self.direction == "both" else 1)

    def __str__(self) -> str:
        """Return the layer in a few words: `32 LSTM`, `2 x 32 GRU`."""
        times = "2 x " if self.direction == "both" else ""
        back = " backward" if self.direction == "backward" else ""
        return f"{times}{self.units} {type(self).__name__}{back}"


@dataclass(frozen=True)
class Recurrent(RecurrentLayer):
    """Elman's layer: h_t = f(W x_t + U h_(t-1) + b)  (Elman 1990; PyTorch's `nn.RNN`).

    Attributes
    ----------
    activation : str or Activation
        f, an activation that works unit by unit.
    """

    cell = "elman"
    gates = ("h",)

    activation: str | Activation = "tanh"

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activation(self.activation))
        super().__post_init__()
        if not self.function.elementwise:
            raise SettingError(
                f"A recurrent layer cannot have the activation {self.function.name!r}, which is "
                f"for the output layer only. Use tanh or relu."
            )

    @property
    def function(self) -> Activation:
        """The activation, resolved from its name."""
        return activation(self.activation)

    def with_activation(self, name: str | Activation) -> Recurrent:
        """Return this layer with another activation."""
        return replace(self, activation=name)

    def __str__(self) -> str:
        """Return the layer in a few words: `16 recurrent tanh`."""
        name = super().__str__().replace("Recurrent", "recurrent")
        return f"{name} {self.function}"


@dataclass(frozen=True)
class GRU(RecurrentLayer):
    """A gated recurrent unit (Cho et al. 2014), in the form of cuDNN and PyTorch's `nn.GRU`.

    The reset gate multiplies U_n h + c after the product, so that the candidate has a bias c of its
    own inside the gate.
    """

    cell = "gru"
    gates = ("r", "u", "n")


@dataclass(frozen=True)
class LSTM(RecurrentLayer):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000, forget gate).

    Attributes
    ----------
    forget_bias : float
        Where the forget gate's bias starts; 1 lets a fresh layer remember (Jozefowicz et al. 2015).
        PyTorch starts it near 0.
    """

    cell = "lstm"
    gates = ("i", "f", "g", "o")

    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not np.isfinite(self.forget_bias):
            raise SettingError(f"forget_bias must be finite, but {self.forget_bias} came.")
