"""Carriers: how the errors at the output are carried back to the layers before.

The gradient carries δ by BP1 and BP2. Other ways are taught, and one was proposed for brains; each
is one row here, and all differ from BP2 in two things only: the matrix C that stands in the place
of s W, and whether f' is part of what is carried or enters only where weights are updated.

    exact         C = s W                     δ^l = (Cᵀ δ^(l+1)) ⊙ m^l ⊙ f'(z^l)       BP2
    random        C = s B, fixed              δ^l = (Cᵀ δ^(l+1)) ⊙ m^l ⊙ f'(z^l)
    transposed    C = s W                     e^l = (Cᵀ e^(l+1)) ⊙ m^l,   δ^l = e^l ⊙ f'(z^l)
    proportional  C_jk = w_jk / Σ_k' w_jk'    e^l = (Cᵀ e^(l+1)) ⊙ m^l,   δ^l = e^l ⊙ f'(z^l)

BP3 and BP4 then take δ, whatever carried it. Where errors are carried without f', they start as
e^L = c ∇_a E, if the output works unit by unit; where the output's delta is one piece (softmax, a
loss matched with its activation, a loss of the user's own) they start as δ^L. So the last layer's
update is the gradient's with every carrier, and a network with one layer has nothing to carry. With
one hidden layer before an output that starts as δ^L, transposed is exact: there is no later slope
that it could leave out.

The dropout mask m is part of the way and not of the slope: a dropped unit gets no error and hands
none on, and a kept one gets its error times the 1 / (1 - rate) by which its signal went forward. In
proportion, shares are those of the whole layer; with the factor they add up to one on the average
over masks.

Public names: `CARRIERS`, `Carrier`, `Exact`, `Proportional`, `Random`, `Transposed`, `carrier_for`,
`output_error`, `separable`, `vanishing_sums`.
May import: `clearprop.functions`, `clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from clearprop.equations.chance import PURPOSES
from clearprop.errors import SettingError
from clearprop.functions import CustomLoss
from clearprop.functions.spelling import suggest
from clearprop.network import Network, Operation, Parameters


class Carrier(ABC):
    """A way to carry errors back.

    Attributes
    ----------
    name : str
    late : bool
        f'(z) is no part of what is carried and enters only at the update.
    """

    name: ClassVar[str]
    late: ClassVar[bool]

    @classmethod
    def of(cls, network: Network, seed: int) -> Self:
        """Return the carrier for a network; `seed` is for those that draw."""
        return cls()

    @abstractmethod
    def matrix(self, xp: Any, operation: Operation, vector: Any) -> Any:
        """Return C, (units, fan_in), through which the errors of a layer go to the one before."""


class Exact(Carrier):
    """C = s W, with f': the gradient (BP1, BP2)."""

    name = "exact"
    late = False

    def matrix(self, xp: Any, operation: Operation, vector: Any) -> Any:
        """C = s W."""
        return operation.scale * operation.weight.view(vector)


class Transposed(Carrier):
    """C = s W, without f': the picture series of the second origin text."""

    name = "transposed"
    late = True

    def matrix(self, xp: Any, operation: Operation, vector: Any) -> Any:
        """C = s W."""
        return operation.scale * operation.weight.view(vector)


class Proportional(Carrier):
    """Each error is shared out in proportion to the weights that feed its unit (first text, 1.2).

    The forward scale is the same for all of them and falls out. Where the weights into a unit add
    up to next to nothing there are no shares: they are NaN, and the step will not be taken.
    """

    name = "proportional"
    late = True

    def matrix(self, xp: Any, operation: Operation, vector: Any) -> Any:
        """C_jk = w_jk / Σ_k' w_jk', NaN where the sum vanishes."""
        W = operation.weight.view(vector)
        total = xp.sum(W, axis=1, keepdims=True)
        sound = xp.abs(total) > share_threshold(W.dtype) * xp.sum(xp.abs(W), axis=1, keepdims=True)
        return xp.where(sound, W / xp.where(sound, total, 1), xp.nan)


@dataclass(frozen=True, eq=False)
class Random(Carrier):
    """C = s B with matrices B that never change (Lillicrap, Cownden, Tweed and Akerman 2016).

    Attributes
    ----------
    feedback : (network.size,) array
        B, laid out as the parameters; what stands in the places of W1 and of biases is not read.
    """

    feedback: Any

    name = "random"
    late = False

    @classmethod
    def of(cls, network: Network, seed: int) -> Self:
        """Draw B as the weights are drawn, with NumPy's Philox from a stream of its own."""
        for number, layer in enumerate(network.layers[1:], start=2):
            if getattr(layer, "init", None) == "zeros":
                raise SettingError(
                    f"Random feedback is drawn as the weights are, but those of layer {number} "
                    f"start at zero, so no error would come through. Choose another init for it."
                )
        key = np.array([seed & (2**64 - 1), PURPOSES["feedback"]], dtype=np.uint64)
        generator = np.random.Generator(np.random.Philox(key=key))
        return cls(Parameters.initial(network, generator).vector)

    def matrix(self, xp: Any, operation: Operation, vector: Any) -> Any:
        """C = s B."""
        return operation.scale * operation.weight.view(self.feedback)


CARRIERS: dict[str, type[Carrier]] = {
    carrier.name: carrier for carrier in (Exact, Transposed, Proportional, Random)
}


def carrier_for(name: str, network: Network, seed: int = 0) -> Carrier:
    """Return a carrier by name; `seed` draws random feedback.

    Raises
    ------
    SettingError
        If there is no carrier of that name, or it has nothing to draw from.
    """
    check_carrier(name)
    return CARRIERS[name].of(network, seed)


def check_carrier(name: str) -> None:
    """Raise SettingError where there is no carrier of that name."""
    if name not in CARRIERS:
        raise SettingError(f"There is no carrier {name!r}. {suggest(name, CARRIERS)}")


def separable(network: Network) -> bool:
    """Whether the output's delta is ∇_a E ⊙ f'(z^L) in two pieces, so that ∇_a E can be carried."""
    loss, last = network.objective, network.operations[-1].activation
    return last.elementwise and not isinstance(loss, CustomLoss) and not loss.is_match(last)


def output_error(xp: Any, network: Network, y: Any, a: Any, c: Any, delta: Any) -> Any:
    """e^L, where errors without f' start: c ∇_a E, or δ^L if that is one piece; (n, outputs)."""
    loss = network.objective
    if isinstance(loss, CustomLoss) or not separable(network):
        return delta
    return c[:, None] * loss.kind.gradient(xp, y, a, loss.parameter)


class VanishingSum(NamedTuple):
    """A unit whose error cannot be shared out: Σ_k w_jk is nothing beside Σ_k |w_jk|.

    Attributes
    ----------
    layer : int
        1 for the first.
    unit : int
        Counted from 0.
    total, size : float
        The two sums.
    """

    layer: int
    unit: int
    total: float
    size: float


def share_threshold(dtype: Any) -> float:
    """Return the part of Σ|w| below which a sum Σw is not divided by: √ε of the precision.

    There cancellation has taken half of the sum's digits (3.5e-4 in float32, 1.5e-8 in float64).
    """
    return float(np.sqrt(np.finfo(dtype).eps))


def vanishing_sums(network: Network, vector: np.ndarray) -> list[VanishingSum]:
    """Return the units whose errors `Proportional` cannot share out, layer by layer.

    The first layer's sums do not count: nothing lies before it to share with.
    """
    found = []
    for operation in network.operations[1:]:
        W = operation.weight.view(vector)
        totals, sizes = W.sum(axis=1), np.abs(W).sum(axis=1)
        for unit in np.flatnonzero(~(np.abs(totals) > share_threshold(W.dtype) * sizes)):
            pair = float(totals[unit]), float(sizes[unit])
            found.append(VanishingSum(operation.layer, int(unit), *pair))
    return found
