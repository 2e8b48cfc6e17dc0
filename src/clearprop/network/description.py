"""`Network`: inputs, layers, loss and precision, described and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from clearprop.errors import SettingError
from clearprop.functions import CustomLoss, Loss, check_pair, loss
from clearprop.functions.spelling import suggest
from clearprop.network.dense import Dense
from clearprop.network.front import FrontLayer, Periodic, Scaling
from clearprop.network.operations import Operation, Recurrence, Segment, lower
from clearprop.network.recurrent import RecurrentLayer

DTypeName = Literal["float32", "float64"]
Layer = Dense | FrontLayer | RecurrentLayer
Readout = Literal["last", "every", "mean"]
READOUTS = ("last", "every", "mean")


@dataclass(frozen=True)
class Network:
    """A network: inputs, layers, loss, precision; and a readout, where it reads sequences.

    A network with a recurrent layer reads sequences of steps, one without reads single rows. One of
    rows may begin with front layers, `Periodic` and `Scaling`, and may be several networks in one.

    Attributes
    ----------
    inputs : int
        Units of layer 0, the columns of the input.
    layers : tuple of Periodic, Scaling, Dense, Recurrent, GRU or LSTM
        The layers 1 to L; the last is the output layer, which is dense. One layer alone is linear
        or logistic regression.
    loss : str, Loss or CustomLoss
        What training minimises; by name, or with settings, e.g. `Loss("cross_entropy",
        label_smoothing=0.1)`.
    dtype : {"float32", "float64"}
        Precision of the parameters and of all computation.
    readout : {"last", "every", "mean"}, optional
        What the layers behind the last recurrent one are given: its state when it has gone through
        the sequence (a backward way ends at the first step), its state at every step, which makes
        one output a step, or the mean of these. `"last"` where absent; None without recurrent
        layers.
    members : int
        So many networks that share their weights (TabM-mini; Gorishniy, Kotelnikov and Babenko
        2025): each has gains of its own in the `Scaling` before the first dense layer, and an
        output layer of its own; all else they share. They see the same rows; what is minimised is
        the mean of their losses, and what is predicted is the mean of their outputs.

    Raises
    ------
    SettingError
        If the description cannot be computed; the message names the layer and the way out.

    Examples
    --------
    >>> from clearprop import Dense, Network
    >>> network = Network(4, (Dense(10, "relu"), Dense(3, "softmax")), "cross_entropy")
    >>> network.shape
    (4, 10, 3)
    >>> from clearprop import LSTM
    >>> print(Network(12, (LSTM(32), Dense(9, "softmax")), "cross_entropy"))
    12 → 32 LSTM → last → 9 softmax
    """

    inputs: int
    layers: tuple[Layer, ...]
    loss: str | Loss | CustomLoss = "half_squared_error"
    dtype: DTypeName = "float32"
    readout: Readout | None = None
    members: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "loss", loss(self.loss))
        object.__setattr__(self, "dtype", str(np.dtype(self.dtype)))
        if self.inputs < 1:
            raise SettingError(f"A network needs at least 1 input, but {self.inputs} came.")
        if self.dtype not in ("float32", "float64"):
            raise SettingError(f"dtype must be float32 or float64, but {self.dtype} came.")
        if not self.layers:
            raise SettingError("A network needs at least one layer, its output layer.")
        for number, layer in enumerate(self.layers[:-1], start=1):
            if not layer.function.elementwise:
                raise SettingError(
                    f"Layer {number} is hidden and asks for {layer.function.name!r}, which is for "
                    f"the output layer only. Use relu, tanh or another activation there."
                )
        self._check_readout()
        self._check_output()
        self._check_front()
        self._check_members()

    def _check_readout(self) -> None:
        if not self.recurrent:
            if self.readout is not None:
                raise SettingError(
                    f"readout={self.readout!r} is for networks with a recurrent layer. Leave it "
                    f"out, or add Recurrent, GRU or LSTM."
                )
            return
        if self.readout is None:
            object.__setattr__(self, "readout", "last")
        if self.readout not in READOUTS:
            raise SettingError(
                f"There is no readout {self.readout!r}. {suggest(str(self.readout), READOUTS)}"
            )

    def _check_front(self) -> None:
        fan_in, dense = self.inputs, 0
        for number, layer in enumerate(self.layers, start=1):
            if not isinstance(layer, FrontLayer):
                dense = dense or number
                continue
            if dense:
                raise SettingError(
                    f"Layer {number} is {layer}, which prepares inputs, but layer {dense} before "
                    f"it is {self.layers[dense - 1]}. Put it at the front."
                )
            if isinstance(layer, Periodic) and max(layer.columns) >= fan_in:
                raise SettingError(
                    f"Periodic in layer {number} names input {max(layer.columns)}, but it receives "
                    f"{fan_in}, which are numbered from 0 to {fan_in - 1}."
                )
            fan_in = layer.outputs_of(fan_in)
        if self.recurrent and not self.plain:
            raise SettingError(
                "Networks of sequences cannot have Scaling, Periodic or parametric layers. Use "
                "dense and recurrent layers only."
            )

    def _check_members(self) -> None:
        if isinstance(self.members, bool) or not isinstance(self.members, int | np.integer):
            raise SettingError(f"members must be a whole number, but {self.members!r} came.")
        object.__setattr__(self, "members", int(self.members))
        if self.members < 1:
            raise SettingError(f"members must be 1 or above, but {self.members} came.")
        if self.members == 1:
            return
        if self.recurrent:
            raise SettingError("A network of sequences cannot have members. Leave them out.")
        scalings = [n for n, layer in enumerate(self.layers) if isinstance(layer, Scaling)]
        if len(scalings) != 1 or not isinstance(self.layers[scalings[0] + 1], Dense):
            raise SettingError(
                f"A network with members needs one Scaling, directly before its first dense "
                f"layer, by whose gains they differ, but it has {len(scalings) or 'none'}"
                f"{', elsewhere' if len(scalings) == 1 else ''}."
            )

    def _check_output(self) -> None:
        output = self.layers[-1]
        if isinstance(output, FrontLayer):
            raise SettingError(
                f"The last layer is {output}, but the output layer must be dense. Add Dense(…) "
                f"behind it."
            )
        if isinstance(output, RecurrentLayer):
            raise SettingError(
                f"The last layer is {output}, but the output layer must be dense, since its "
                f"activation has to fit the loss. Add Dense(…) behind it."
            )
        if output.dropout:
            raise SettingError("The output layer cannot have dropout: it would erase predictions.")
        if output.parametric:
            raise SettingError(
                "The output layer cannot be parametric: its activation belongs to the loss."
            )
        if output.function.name == "softmax" and output.units == 1:
            raise SettingError(
                "A softmax over one unit is always 1. Use one sigmoid unit with "
                "binary_cross_entropy, or one softmax unit per class."
            )
        check_pair(self.objective, output.function)

    @property
    def objective(self) -> Loss | CustomLoss:
        """The loss, resolved from its name."""
        return loss(self.loss)

    @property
    def shape(self) -> tuple[int, ...]:
        """Units that each layer hands on, the input first."""
        return (self.inputs, *(operation.units for operation in self.operations))

    @property
    def outputs(self) -> int:
        """Units of the output layer."""
        return self.operations[-1].units

    @property
    def recurrent(self) -> bool:
        """Whether the network reads sequences."""
        return any(isinstance(layer, RecurrentLayer) for layer in self.layers)

    @property
    def plain(self) -> bool:
        """Whether it has dense and recurrent layers alone, with activations that are not learnt."""
        kinds = (Dense, RecurrentLayer)
        return self.members == 1 and all(
            isinstance(layer, kinds) and not getattr(layer, "parametric", False)
            for layer in self.layers
        )

    def member(self, number: int) -> Network:
        """Return one member, counted from 0, as a network of its own: all are described alike."""
        if not 0 <= number < self.members:
            raise SettingError(
                f"The network's members are numbered from 0 to {self.members - 1}, but {number} "
                f"came."
            )
        return replace(self, members=1)

    @property
    def read_behind(self) -> int:
        """Number of the last recurrent layer, behind which sequences are read out; 0 without."""
        kinds = enumerate(self.layers, start=1)
        return max((n for n, layer in kinds if isinstance(layer, RecurrentLayer)), default=0)

    @cached_property
    def recurrences(self) -> tuple[Recurrence, ...]:
        """The operations of the recurrent layers."""
        return tuple(o for o in self.operations if isinstance(o, Recurrence))

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The layout of the parameter vector: W1, b1, W2, b2, …."""
        return tuple(segment for operation in self.operations for segment in operation.segments)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The network lowered to operations, first layer first."""
        operations: list[Operation] = []
        start, fan_in = 0, self.inputs
        members = self.members if self.members > 1 else 0
        for number, layer in enumerate(self.layers, start=1):
            last = number == len(self.layers)
            own = members if last or isinstance(layer, Scaling) else 0
            operation = lower(number, layer, fan_in, start, own)
            operations.append(operation)
            start, fan_in = operation.segments[-1].stop, operation.units
        return tuple(operations)

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.segments[-1].stop

    def __str__(self) -> str:
        """Return the network in one line: `4 → 10 relu → 3 softmax`."""
        parts = [str(self.inputs)]
        for number, layer in enumerate(self.layers, start=1):
            drop = f" dropout {layer.dropout:g}" if layer.dropout else ""
            parts.append(f"{layer}{drop}")
            if self.readout is not None and number == self.read_behind:
                parts.append(self.readout)
        line = " → ".join(parts)
        return line if self.members == 1 else f"{self.members} members of {line}"
