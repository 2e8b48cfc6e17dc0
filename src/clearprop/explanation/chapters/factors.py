"""The factors of a chain as formulas: the letter of each, and the derivative that it is.

Public names: `Letters`, `in_line`.
May import: `formulas`, `places`, `path_factors`, `paths`, `quantities`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from clearprop.explanation.formulas import (
    Formula,
    Label,
    Number,
    Stack,
    Symbol,
    called,
    row,
    sign,
)
from clearprop.explanation.path_factors import ChainPath, Factor
from clearprop.explanation.paths import Chain
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities, partial

# roles of the factors that stand for an error
_ROLES = {"loss": "error", "error": "error", "signal": "signal"}


def in_line(above: Symbol, below: Symbol) -> Formula:
    """Return ∂above/∂below as it stands within a line of text."""
    top, bottom = (replace(symbol, name=f"∂{symbol.name}") for symbol in (above, below))
    return row(top, sign("/"), bottom)


@dataclass(frozen=True)
class Letters:
    """Writes the factors of a chain's paths.

    Attributes
    ----------
    chain : Chain
    quantities : Quantities
        Of the chain's sample.
    """

    chain: Chain
    quantities: Quantities

    def chip(self, factor: Factor) -> Stack:
        """Return a factor's letter above its number."""
        symbol, number = self.letter(factor), self.number(factor)
        return Stack(symbol, number, role=number.role, key=factor.key)

    def number(self, factor: Factor, digits: int = 4) -> Number:
        """Return a factor's number."""
        role = _ROLES.get(factor.kind, "")
        if factor.kind in ("weight", "gain"):
            role = "negative" if factor.value < 0 else "positive"
        return Number(factor.value, digits, role=role, key=factor.key)

    def letter(self, factor: Factor) -> Formula:
        """Return a factor's letter: w, f′(z), a, …; a derivative where it has no letter."""
        q, layer, units = self.quantities, factor.layer, factor.units
        match factor.kind:
            case "coefficient":
                return Symbol("c")
            case "loss":
                return replace(partial(self._loss(), q.a(layer, units[0]).symbol), role="error")
            case "output" if self._is_elementwise():
                return q.slope(layer, units[0]).symbol
            case "output":
                return self._output(layer, *units)
            case "error":
                return replace(partial(self._loss(), q.z(layer, units[0]).symbol), role="error")
            case "scale":
                return Symbol("s")
            case "weight":
                return q.of(Place(layer, units[0], units[1])).symbol
            case "gain":
                return q.of(Place(layer, units[0], None, "g")).symbol
            case "wave":
                return partial(q.z(layer, units[0]).symbol, q.a(layer - 1, units[1]).symbol)
            case "cosine":
                return called(Label("cos "), self._angle(layer, units))
            case "sine":
                return row(sign("−"), called(Label("sin "), self._angle(layer, units)))
            case "turn" if self.chain.place.array == "p":
                return row(Number(2), Symbol("π"))
            case "turn":
                waves = q.names.waves(layer)
                assert waves is not None
                x = q.a(layer - 1, waves.columns[units[0]]).symbol
                return row(Number(2), Symbol("π"), sign("·"), x)
            case "bent":
                z = q.z(layer, units[0]).symbol
                return row(called(Symbol("f"), z), sign("−"), z)
            case "mask":
                return Symbol("m", q.names.unit(layer, units[0]))
            case "slope":
                return q.slope(layer, units[0]).symbol
            case "signal":
                return q.a(layer, units[0]).symbol
        return self._by_parameter(units[0])

    def _angle(self, layer: int, at: tuple[int, ...]) -> Symbol:
        """Return θ of a cosine."""
        waves = self.quantities.names.waves(layer)
        assert waves is not None
        return Symbol("θ", self.quantities.names.cosine(waves, *at))

    def derivatives(self, path: ChainPath) -> list[Formula]:
        """Return the same path as derivatives: ∂E/∂a, ∂a/∂z, ∂z/∂a, …, ∂z/∂w."""
        inside = self.chain.place.array in ("f", "p")
        # of what is inside a cosine the last three factors are one derivative
        found = [self._derivative(factor) for factor in path.factors[: -3 if inside else -1]]
        last = self._by_parameter(path.units[-1])
        return [*(part for part in found if part is not None), last]

    def _derivative(self, factor: Factor) -> Formula | None:
        """Return ∂…/∂… of a factor; None for one that is a part of the next's."""
        q, layer, units = self.quantities, factor.layer, factor.units
        match factor.kind:
            case "coefficient":
                return partial(Symbol("E"), self._loss())
            case "output":
                return self._output(layer, *units)
            case "weight":
                into, source = units
                return partial(q.z(layer, into).symbol, q.a(layer - 1, source).symbol)
            case "gain":
                into = units[0]
                return partial(q.z(layer, into).symbol, q.a(layer - 1, into).symbol)
            case "slope":
                return partial(q.a(layer, units[0]).symbol, q.z(layer, units[0]).symbol)
            case "scale" | "mask":
                return None
        return self.letter(factor)

    def _loss(self) -> Symbol:
        """Return E, or E of the sample where its coefficient is a factor."""
        return Symbol("E") if self.chain.coefficient == 1 else Symbol("E", "i")

    def _output(self, layer: int, end: int, output: int) -> Formula:
        q = self.quantities
        return partial(q.a(layer, end).symbol, q.z(layer, output).symbol)

    def _by_parameter(self, unit: int) -> Formula:
        """Return ∂z/∂w, the last of all derivatives; ∂a/∂t of a learnt part of an activation."""
        q, place = self.quantities, self.chain.place
        moved = q.a if place.array == "t" else q.z
        return partial(moved(place.layer, unit).symbol, q.of(place).symbol)

    def _is_elementwise(self) -> bool:
        return self.quantities.trace.network.operations[-1].activation.elementwise
