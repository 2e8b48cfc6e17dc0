"""The loss of one sample as one nested expression, unfolded from back to front.

    E = Σ ½ (a_o - y_o)²
      = Σ ½ (f_o(z_o) - y_o)²
      = Σ ½ (f_o(w_oh a_h + … + b_o) - y_o)²
      = Σ ½ (f_o(w_oh f_h(z_h) + … + b_o) - y_o)²  …

Each step opens one half of a layer more, until only inputs and parameters are left. It is given in
symbols and in numbers, and evaluated: from what it is written in, forward to the loss.

A small network is unfolded whole. A larger one would fill pages, so that of each sum its first, its
largest and its last product are written and the others are one number, `⋯ (510)`; and of these
three only the largest is unfolded further.

Public names: `Unfolded`, `Unfolding`, `unfold`.
May import: `formulas`, `jacobians`, `matrices`, `names`, `places`, `neurons`, `notation`,
`quantities`, `clearprop.engines`, `clearprop.functions`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearprop.engines import Trace
from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Number,
    Row,
    Symbol,
    called,
    joined,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.jacobians import ends_of, joins, passes
from clearprop.explanation.matrices import ROOM, fold
from clearprop.explanation.names import Names
from clearprop.explanation.neurons import Forward, LayerForward, forward_of
from clearprop.explanation.notation import loss_term
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities, Quantity
from clearprop.functions import Loss

# an expression with up to so many inputs at its ends is unfolded whole
LEAVES = 48
# summands that are written of a sum in a larger one
FEW = 3
# losses in which an output stands once, so that what it is can be put in its place
_ONCE = ("half_squared_error", "mean_squared_error", "absolute_error", "cross_entropy")

Half = Literal["a", "z"]
# how a number is written: as its symbol or as its value
_Leaf = Callable[[Quantity], Formula]


@dataclass(frozen=True)
class Unfolding:
    """The loss, unfolded as far as one half of a layer.

    Attributes
    ----------
    layer : int
        What it is written in: a or z of this layer; 0 for the inputs.
    half : {"a", "z"}
    symbols, numbers : Row
        The expression, without `E =`: summands with signs between them.
    value : float
        The expression's value, computed in float64 from the trace's numbers of that half.
    """

    layer: int
    half: Half
    symbols: Row
    numbers: Row
    value: float


@dataclass(frozen=True)
class Unfolded:
    """The loss of one sample, unfolded step by step.

    Attributes
    ----------
    sample : int
        The row of the trace, counted from 0.
    steps : tuple of Unfolding
        From a^L, z^L, a^(L-1), … to the inputs.
    whole : bool
        Whether every sum is written and unfolded in full.
    loss : float
        E of the sample, the engine's own.
    size : float
        What rounding errors of the loss are relative to: the sum of absolute products of the last
        layer, each with its effect on the loss, and the loss itself.
    tolerance : float
        How large `error` may be.
    """

    sample: int
    steps: tuple[Unfolding, ...]
    whole: bool
    loss: float
    size: float
    tolerance: float

    @property
    def error(self) -> float:
        """How far the last step's value is from the engine's loss, relative to `size`."""
        apart = abs(self.steps[-1].value - self.loss)
        return apart / self.size if self.size else apart

    @property
    def agrees(self) -> bool:
        """Whether the expression is the engine's loss."""
        return self.error <= self.tolerance


def unfold(trace: Trace, names: Names, sample: int) -> Unfolded:
    """Unfold the loss of one sample from back to front.

    Parameters
    ----------
    trace : Trace
    names : Names
        What units and parameters are called.
    sample : int
        The row of the trace, counted from 0.
    """
    writer = _Writer(forward_of(trace, sample), Quantities(trace, names, sample))
    last = len(trace.network.layers)
    halves: list[tuple[int, Half]] = [(last, "a")]
    for layer in range(last, 0, -1):
        halves += [(layer, "z"), (layer - 1, "a")]
    steps = [
        Unfolding(
            layer,
            half,
            writer.loss(depth, _symbol),
            writer.loss(depth, _number),
            _value(trace, writer.forward, layer, half),
        )
        for depth, (layer, half) in enumerate(halves)
    ]
    return Unfolded(
        sample=sample,
        steps=tuple(steps),
        whole=writer.whole,
        loss=writer.forward.loss.value,
        size=_size(trace, writer.forward),
        tolerance=writer.forward.tolerance,
    )


def _value(trace: Trace, forward: Forward, layer: int, half: Half) -> float:
    """Return the loss computed in float64 from one half of a layer on."""
    last = len(forward.layers)
    z, a = forward.layers[-1].z, forward.layers[-1].a
    with np.errstate(all="ignore"):
        if half == "z":
            here = forward.layers[layer - 1]
            z, a = here.z, here.a_for(here.z)
            handed_on = _masked(here, a)
        else:
            handed_on = forward.layers[layer].received if layer < last else a
        for after in forward.layers[layer:]:
            z = after.z_for(handed_on)
            a = after.a_for(z)
            handed_on = _masked(after, a)
        f, y = forward.layers[-1].activation, forward.loss.targets
        return float(trace.network.objective.value(np, f, y[None], z[None], a[None])[0])


def _masked(layer: LayerForward, a: np.ndarray) -> np.ndarray:
    return a if layer.mask is None else a * layer.mask


def _size(trace: Trace, forward: Forward) -> float:
    last = forward.layers[-1]
    with np.errstate(all="ignore"):
        errors = np.abs(ends_of(trace, forward.sample).errors.sum(axis=1))
        sums = np.abs(last.products).sum(axis=1) + np.abs(last.biases)
        rounding = np.abs(last.a - forward.loss.targets) * np.abs(last.a)
    return float(abs(forward.loss.value) + forward.loss.size + errors @ sums + rounding.sum())


def _symbol(quantity: Quantity) -> Formula:
    return quantity.symbol


def _number(quantity: Quantity) -> Formula:
    return quantity.number()


class _Writer:
    """Writes the loss of one sample, opened as far as a depth.

    At depth 0 the outputs a^L are left as they are, at depth 1 z^L, at depth 2 a^(L-1), and so on.
    """

    def __init__(self, forward: Forward, quantities: Quantities) -> None:
        self.forward = forward
        self.quantities = quantities
        self.objective = forward.loss.loss
        self.last = len(forward.layers)
        terms = forward.loss.terms
        # an output without a share in the loss, such as one that is not the class, is not written
        self.terms = np.ones_like(forward.loss.outputs) if terms is None else terms
        self.whole = self._leaves() <= LEAVES

    def _leaves(self) -> int:
        """Return how many inputs an expression that leaves nothing out ends in."""
        layers = self.forward.layers
        leaves = int(np.count_nonzero(self.terms)) or 1
        if not layers[-1].activation.elementwise:
            leaves *= layers[-1].units
        for layer in layers:
            if layer.kind != "dense":
                continue  # a unit that is prepared has one input
            # wider layers are never written in full
            leaves *= len(layer.received) if len(layer.received) <= ROOM else LEAVES + 1
        return leaves

    def loss(self, depth: int, leaf: _Leaf) -> Row:
        """Return the loss as a sum over the output units."""
        if not isinstance(self.objective, Loss):
            outputs = [self._a(self.last, k, depth, leaf) for k in range(len(self.terms))]
            return row(called(Label(self.objective.name), joined(",", outputs)))
        shares = np.flatnonzero(self.terms) if self.terms.any() else np.arange(1)
        shown = [int(shares[k]) for k in self._shown(self.terms[shares])]
        largest = max(shown, key=lambda k: abs(self.terms[k]))
        parts = [
            self._term(k, depth if self.whole or k == largest else 0, leaf, written_out=not depth)
            for k in shown
        ]
        rest = self.terms.sum() - self.terms[shown].sum()
        return _summed([*parts, *_rest(len(shares) - len(shown), float(rest), leaf)])

    def _term(self, unit: int, depth: int, leaf: _Leaf, *, written_out: bool) -> Formula:
        """Return what one output unit adds; ℓ(a, y) where a stands in it more than once."""
        assert isinstance(self.objective, Loss)
        a = self._a(self.last, unit, depth, leaf)
        y = leaf(self.quantities.target(unit))
        if written_out or self.objective.name in _ONCE:
            return loss_term(self.objective, a, y, len(self.terms))
        return called(Symbol("ℓ"), row(a, sign(","), y))

    def _a(self, layer: int, unit: int, depth: int, leaf: _Leaf) -> Formula:
        """Return what a unit hands on."""
        if layer == 0 or depth <= 2 * (self.last - layer):
            return leaf(self.quantities.a(layer, unit))
        here = self.forward.layers[layer - 1]
        name = self.quantities.names.unit(layer, unit)
        if not here.activation.elementwise:
            return called(Symbol("softmax", name), self._all_z(layer, unit, depth, leaf))
        z = self._z(layer, unit, depth, leaf)
        if here.kind != "dense":
            return z
        a = Group(z) if here.activation.name == "identity" else called(Symbol("f", name), z)
        if here.mask is None:
            return a
        mask = Quantity(Symbol("m", name), float(here.mask[unit]))
        return product([leaf(mask), a])

    def _all_z(self, layer: int, unit: int, depth: int, leaf: _Leaf) -> Formula:
        """Return what softmax takes: z of all units, with ⋯ for those left out."""
        room = ROOM if self.whole else FEW
        units = fold(self.forward.layers[layer - 1].a, [unit], room=room, folded=FEW)
        return joined(
            ",",
            [
                sign("⋯")
                if other is None
                else self._z(layer, other, depth if self.whole or other == unit else 0, leaf)
                for other in units.places
            ],
        )

    def _z(self, layer: int, unit: int, depth: int, leaf: _Leaf) -> Formula:
        """Return a unit's weighted input."""
        if depth <= 2 * (self.last - layer) + 1:
            return leaf(self.quantities.z(layer, unit))
        here = self.forward.layers[layer - 1]
        if here.kind != "dense":
            return self._prepared(here, unit, depth, leaf)
        products = here.neuron(unit).products
        shown = self._shown(products)
        largest = max(shown, key=lambda source: abs(products[source]))
        scale = [] if here.scale == 1 else [leaf(Quantity(Symbol("s"), here.scale))]
        terms: list[Formula] = [
            product(
                [
                    *scale,
                    leaf(self.quantities.of(Place(layer, unit, source))),
                    self._a(
                        layer - 1, source, depth if self.whole or source == largest else 0, leaf
                    ),
                ]
            )
            for source in shown
        ]
        rest = float(products.sum() - products[list(shown)].sum())
        bias = self.quantities.of(Place(layer, unit, None))
        # a bias that is held at 0 is none
        held = not bias.value and not self.quantities.trace.network.layers[layer - 1].bias_rate
        biases = [] if held else [leaf(bias)]
        return plus([*terms, *_rest(len(products) - len(shown), rest, leaf), *biases])

    def _prepared(self, here: LayerForward, unit: int, depth: int, leaf: _Leaf) -> Formula:
        """Return g x, an input that passes unchanged, or v(x) of a wave."""
        network, names = self.quantities.trace.network, self.quantities.names
        edges = joins(network, here.layer)
        assert edges is not None, "each unit has one input"
        x = self._a(here.layer - 1, int(np.flatnonzero(edges[unit])[0]), depth, leaf)
        if here.kind == "scaling":
            gain = self.quantities.of(Place(here.layer, unit, None, "g"))
            return product([leaf(gain), x])
        if passes(network.operations[here.layer - 1], unit):
            return x
        return called(Symbol("v", names.unit(here.layer, unit)), x)

    def _shown(self, sizes: np.ndarray) -> tuple[int, ...]:
        """Return which of some summands are written."""
        return fold(sizes, room=ROOM if self.whole else FEW, folded=FEW).shown


def _summed(terms: list[Formula]) -> Row:
    """Return summands with + between them, and − for + where one begins with it."""
    woven = terms[:1]
    for term in terms[1:]:
        if isinstance(term, Row) and term.parts[:1] == (sign("−"),):
            woven += [sign("−"), Row(term.parts[1:])]
        else:
            woven += [sign("+"), term]
    return Row(tuple(woven))


def _rest(count: int, value: float, leaf: _Leaf) -> list[Formula]:
    """Return the summands that are not written, as `⋯ (510)` or as their sum."""
    if not count:
        return []
    symbol = Row((sign("⋯"), Group(Number(count))), role="muted")
    return [leaf(Quantity(symbol, value))]
