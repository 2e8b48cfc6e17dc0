"""The network as a frozen description, and its parameters as one flat vector with named views.

A `Network` says what is computed; it holds no numbers that training changes. Those live in one
flat vector, the same for engines, files, optimisers and checkpoints, laid out by `Segment`s in the
order W1, b1, W2, b2, …. `Parameters` gives views of that vector by the book's names.

On paper W^l has shape (units of l, units of l-1), so that z = W a + b. In the vector it is stored
column by column (Fortran order): `weights[l]` is a view of that shape, and its transpose is the
C-contiguous (fan_in, units) array that scikit-learn calls `coefs_`.

A network *lowers* to a tuple of `Operation`s, one per layer, which is what engines run.

Public names: `Dense`, `Network`, `Operation`, `Parameters`, `Segment`.
May import: `clearprop.functions`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np

from clearprop.errors import SettingError, ShapeError
from clearprop.functions import Activation, CustomLoss, Loss, activation, check_pair, loss
from clearprop.functions.initialisers import INITIALISERS
from clearprop.functions.spelling import suggest

DTypeName = Literal["float32", "float64"]


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: z = s W a + b, a = f(z), then dropout.

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
        LeCun for selu, Glorot for the rest.
    scale : float or "ntk"
        The forward scale s; `"ntk"` is 1/√fan_in (Jacot, Gabriel and Hongler 2018).
    rate, bias_rate : float
        Factors on the learning rate of W and of b. 0 holds them fixed.
    """

    units: int
    activation: str | Activation = "relu"
    dropout: float = 0.0
    init: str = "auto"
    scale: float | Literal["ntk"] = 1.0
    rate: float = 1.0
    bias_rate: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", activation(self.activation))
        if isinstance(self.units, bool) or not isinstance(self.units, int | np.integer):
            raise SettingError(f"A layer's units must be a whole number, but {self.units!r} came.")
        object.__setattr__(self, "units", int(self.units))
        if self.units < 1:
            raise SettingError(f"A layer needs at least 1 unit, but {self.units} came.")
        if not 0 <= self.dropout < 1:
            raise SettingError(f"dropout must lie in [0, 1), but {self.dropout} came.")
        if self.init not in INITIALISERS:
            raise SettingError(
                f"There is no initialiser {self.init!r}. {suggest(self.init, INITIALISERS)}"
            )
        number = isinstance(self.scale, int | float | np.number)
        if self.scale != "ntk" and not (number and 0 < self.scale < np.inf):
            raise SettingError(f"scale must be above 0 or 'ntk', but {self.scale!r} came.")
        for name in ("rate", "bias_rate"):
            if not 0 <= getattr(self, name) < np.inf:
                raise SettingError(f"{name} must be 0 or above, but {getattr(self, name)} came.")

    @property
    def function(self) -> Activation:
        """The activation, resolved from its name."""
        return activation(self.activation)


@dataclass(frozen=True)
class Segment:
    """Where one array stands in the flat vector, and how training treats it.

    Attributes
    ----------
    name : str
        `"W1"`, `"b1"`, …
    layer : int
        The book's layer number, 1 for the first.
    shape : tuple of int
        (units, fan_in) for weights, (units,) for biases.
    start, stop : int
        Its place in the vector.
    scale : float
        Forward scale s: z = s W a + b.
    rate : float
        Factor on the learning rate.
    penalised : bool
        Whether L1 and L2 penalties and weight decay apply; true for weights, false for biases.
    """

    name: str
    layer: int
    shape: tuple[int, ...]
    start: int
    scale: float
    rate: float
    penalised: bool

    @property
    def stop(self) -> int:
        """The place behind the segment's last number."""
        return self.start + int(np.prod(self.shape))

    def view(self, vector: Any) -> Any:
        """Return this segment of a vector in its shape, without copying (NumPy, JAX)."""
        flat = vector[self.start : self.stop]
        return flat if len(self.shape) == 1 else flat.reshape(self.shape[::-1]).T


@dataclass(frozen=True)
class Operation:
    """One step of the forward pass, as engines see it: a dense layer.

    It saves z, a and, where `dropout` > 0, the mask; its local Jacobian ∂z/∂(input) is s W.
    """

    layer: int
    fan_in: int
    units: int
    activation: Activation
    dropout: float
    scale: float
    weight: Segment
    bias: Segment


@dataclass(frozen=True)
class Network:
    """A feed-forward network: inputs, layers, loss, precision.

    Attributes
    ----------
    inputs : int
        Units of layer 0, the columns of the input.
    layers : tuple of Dense
        The layers 1 to L; the last is the output layer. One layer alone is linear or logistic
        regression.
    loss : str, Loss or CustomLoss
        What training minimises; by name, or with settings, e.g. `Loss("cross_entropy",
        label_smoothing=0.1)`.
    dtype : {"float32", "float64"}
        Precision of the parameters and of all computation.

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
    """

    inputs: int
    layers: tuple[Dense, ...]
    loss: str | Loss | CustomLoss = "half_squared_error"
    dtype: DTypeName = "float32"

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
        self._check_output()

    def _check_output(self) -> None:
        output = self.layers[-1]
        if output.dropout:
            raise SettingError("The output layer cannot have dropout: it would erase predictions.")
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
        """Units of each layer, the input first."""
        return (self.inputs, *(layer.units for layer in self.layers))

    @property
    def outputs(self) -> int:
        """Units of the output layer."""
        return self.layers[-1].units

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The layout of the parameter vector: W1, b1, W2, b2, …."""
        return tuple(s for operation in self.operations for s in (operation.weight, operation.bias))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The network lowered to operations, first layer first."""
        operations: list[Operation] = []
        start, fan_in = 0, self.inputs
        for number, layer in enumerate(self.layers, start=1):
            operation = _lower(number, layer, fan_in, start)
            operations.append(operation)
            start, fan_in = operation.bias.stop, layer.units
        return tuple(operations)

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.segments[-1].stop

    def __str__(self) -> str:
        """Return the network in one line: `4 → 10 relu → 3 softmax`."""
        parts = [str(self.inputs)]
        for layer in self.layers:
            drop = f" dropout {layer.dropout:g}" if layer.dropout else ""
            parts.append(f"{layer.units} {layer.function}{drop}")
        return " → ".join(parts)


def _lower(number: int, layer: Dense, fan_in: int, start: int) -> Operation:
    scale = fan_in**-0.5 if layer.scale == "ntk" else float(layer.scale)
    weight = Segment(f"W{number}", number, (layer.units, fan_in), start, scale, layer.rate, True)
    bias = Segment(f"b{number}", number, (layer.units,), weight.stop, 1.0, layer.bias_rate, False)
    return Operation(
        number, fan_in, layer.units, layer.function, layer.dropout, scale, weight, bias
    )


@dataclass(frozen=True, eq=False)
class Parameters:
    """The flat vector of a network's parameters, with named views.

    Attributes
    ----------
    network : Network
    vector : ndarray of shape (network.size,)
        All parameters; the views below share its memory.
    """

    network: Network
    vector: np.ndarray

    def __post_init__(self) -> None:
        if self.vector.shape != (self.network.size,):
            raise ShapeError(
                f"The network {self.network} has {self.network.size} parameters, but a vector of "
                f"shape {self.vector.shape} came."
            )

    @property
    def weights(self) -> list[np.ndarray]:
        """W^1 … W^L as views, each (units, fan_in); `weights[0]` is W^1."""
        return [operation.weight.view(self.vector) for operation in self.network.operations]

    @property
    def biases(self) -> list[np.ndarray]:
        """b^1 … b^L as views, each (units,); `biases[0]` is b^1."""
        return [operation.bias.view(self.vector) for operation in self.network.operations]

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the view of one segment by its name: `parameters["W1"]`."""
        for segment in self.network.segments:
            if segment.name == name:
                return segment.view(self.vector)
        names = [segment.name for segment in self.network.segments]
        raise SettingError(f"There is no parameter {name!r}. {suggest(name, names)}")

    def copy(self) -> Parameters:
        """Return parameters with a vector of their own."""
        return replace(self, vector=self.vector.copy())

    @classmethod
    def initial(
        cls, network: Network, seed: int | np.random.Generator | np.random.RandomState = 0
    ) -> Self:
        """Draw the start that the layers' `init` ask for.

        Weights and, for `"sklearn"`, biases are drawn layer by layer, W then b, in float64 and
        then rounded to the network's dtype. With a `RandomState`, `"sklearn"` draws the very
        numbers that scikit-learn's classes draw.
        """
        if isinstance(seed, int | np.integer):
            seed = np.random.Generator(np.random.Philox(int(seed)))
        parameters = cls(network, np.zeros(network.size, dtype=network.dtype))
        for layer, operation in zip(network.layers, network.operations, strict=True):
            weight, bias = INITIALISERS[layer.init](operation, seed)
            operation.weight.view(parameters.vector)[...] = weight.T
            operation.bias.view(parameters.vector)[...] = bias
        return parameters

    @classmethod
    def from_arrays(cls, network: Network, weights: Sequence[Any], biases: Sequence[Any]) -> Self:
        """Take given values: weights (units, fan_in) and biases (units,), layer by layer.

        Raises
        ------
        ShapeError
            If an array does not have its layer's shape; the message names the layer.
        """
        if len(weights) != len(network.layers) or len(biases) != len(network.layers):
            raise ShapeError(
                f"The network has {len(network.layers)} layers, but {len(weights)} weight "
                f"matrices and {len(biases)} bias vectors came."
            )
        parameters = cls(network, np.empty(network.size, dtype=network.dtype))
        arrays = [array for pair in zip(weights, biases, strict=True) for array in pair]
        for segment, array in zip(network.segments, arrays, strict=True):
            values = np.asarray(array, dtype=network.dtype)
            if values.shape != segment.shape:
                raise ShapeError(
                    f"{segment.name} must have shape {segment.shape}, but {values.shape} came."
                )
            segment.view(parameters.vector)[...] = values
        return parameters
