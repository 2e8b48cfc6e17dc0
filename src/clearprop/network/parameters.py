"""`Parameters`: the flat vector of a network, with named views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from clearprop.errors import SettingError, ShapeError
from clearprop.functions.spelling import suggest
from clearprop.network import starts
from clearprop.network.description import Network
from clearprop.network.operations import Operation, Segment


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
        """W of each layer but front ones, as views, (units, fan_in); `weights[0]` is the first's.

        Of a recurrent layer it is that of its first way; by name, `parameters["U1"]`, there are
        all. An output layer with members has (members, units, fan_in).
        """
        return [operation.weight.view(self.vector) for operation in self._behind_the_front()]

    @property
    def biases(self) -> list[np.ndarray]:
        """b of each layer but front ones, as views, (units,). See `weights`."""
        return [operation.bias.view(self.vector) for operation in self._behind_the_front()]

    def _behind_the_front(self) -> list[Operation]:
        front = ("scaling", "periodic")
        return [o for o in self.network.operations if o.kind not in front]

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

    def member(self, number: int) -> Parameters:
        """Return one member's parameters, counted from 0, as those of a network of its own."""
        network = self.network.member(number)
        vector = np.empty(network.size, dtype=self.vector.dtype)
        for own, segment in zip(self.network.segments, network.segments, strict=True):
            array = own.view(self.vector)
            segment.view(vector)[...] = array[number] if own.own else array
        return Parameters(network, vector)

    @classmethod
    def initial(
        cls,
        network: Network,
        seed: int | np.random.Generator | np.random.RandomState = 0,
        rows: Any = None,
    ) -> Self:
        """Draw the start that the layers' `init` ask for.

        Weights and, for `"sklearn"`, biases are drawn layer by layer, W then b (W, U, b way by way
        in a recurrent layer), in float64 and then rounded to the network's dtype. With a
        `RandomState`, `"sklearn"` draws the very numbers that scikit-learn's classes draw.

        `rows`, (n, inputs), are what the starts look at that depend on the data: weights that
        start as `"std"` and biases that start as `"he+5"`; see `starts`. They may be sparse.
        """
        if isinstance(seed, int | np.integer):
            seed = np.random.Generator(np.random.Philox(int(seed)))
        return cls(network, starts.drawn(network, seed, rows))

    @classmethod
    def from_names(cls, network: Network, arrays: Mapping[str, Any]) -> Self:
        """Take given values by their names, such as `{"W1": …, "U1": …, "b1": …}`.

        Raises
        ------
        SettingError
            If a name is missing or unknown.
        ShapeError
            If an array does not have its segment's shape.
        """
        names = [segment.name for segment in network.segments]
        missing = [name for name in names if name not in arrays]
        unknown = [name for name in arrays if name not in names]
        if missing or unknown:
            raise SettingError(
                f"The network {network} has the parameters {', '.join(names)}; missing: "
                f"{', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}."
            )
        parameters = cls(network, np.empty(network.size, dtype=network.dtype))
        for segment in network.segments:
            _fill(parameters.vector, segment, arrays[segment.name])
        return parameters

    @classmethod
    def from_arrays(cls, network: Network, weights: Sequence[Any], biases: Sequence[Any]) -> Self:
        """Take given values: weights (units, fan_in) and biases (units,), layer by layer.

        Raises
        ------
        ShapeError
            If an array does not have its layer's shape; the message names the layer.
        """
        if network.recurrent or not network.plain:
            raise SettingError(
                f"{network} has more than weights and biases of dense layers; its parameters have "
                f"names of their own. Use Parameters.from_names."
            )
        if len(weights) != len(network.layers) or len(biases) != len(network.layers):
            raise ShapeError(
                f"The network has {len(network.layers)} layers, but {len(weights)} weight "
                f"matrices and {len(biases)} bias vectors came."
            )
        parameters = cls(network, np.empty(network.size, dtype=network.dtype))
        arrays = [array for pair in zip(weights, biases, strict=True) for array in pair]
        for segment, array in zip(network.segments, arrays, strict=True):
            _fill(parameters.vector, segment, array)
        return parameters


def _fill(vector: np.ndarray, segment: Segment, array: Any) -> None:
    values = np.asarray(array, dtype=vector.dtype)
    if values.shape != segment.shape:
        raise ShapeError(
            f"{segment.name} must have shape {segment.shape}, but {values.shape} came."
        )
    segment.view(vector)[...] = values
