"""Functions and layers as formulas: activations and losses written out, the letters of layers.

The letter of a whole layer has the layer's number at its head (W with head (2)). The letters of
single units and parameters, with their values, come from `quantities`.

Public names: `activation_formula`, `loss_term`, `of_layer`.
May import: `formulas`, `clearprop.functions`.
"""

from __future__ import annotations

from collections.abc import Callable

from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Number,
    Row,
    Script,
    Symbol,
    called,
    row,
    sign,
)
from clearprop.functions import Activation, Loss


def of_layer(letter: str, layer: int | str, role: str = "") -> Symbol:
    """Return the letter of a whole layer: W, b, z, a, δ, with the layer's number at its head."""
    return Symbol(letter, "", f"({layer})", role=role)


def activation_formula(f: Activation, z: Formula) -> Formula:
    """Return f(z) written out."""
    return _ACTIVATIONS[f.name](z, f.alpha or 0.0)


def loss_term(loss: Loss, a: Formula, y: Formula, outputs: int) -> Formula:
    """Return what one output unit adds to the loss of a sample, written out."""
    return _LOSS_TERMS[loss.name](a, y, outputs, loss.parameter or 0.0)


def _half() -> Fraction:
    return Fraction(Number(1), Number(2))


def _squared(body: Formula) -> Script:
    return Script(Group(body), sup=Number(2))


def _exp(power: Formula) -> Script:
    return Script(Symbol("e"), sup=power)


def _minus(left: Formula, right: Formula) -> Row:
    return row(left, sign("−"), right)


def _over(outputs: int, body: Formula) -> Formula:
    """Return body / K, and the body itself for one output."""
    if outputs == 1:
        return body
    return row(Fraction(Number(1), Number(outputs)), body)


def _cases(z: Formula, otherwise: Formula) -> Row:
    """Return z where z > 0 and something else otherwise, as one sum of maximum and minimum."""
    return row(_maximum(z), sign("+"), otherwise)


def _maximum(z: Formula) -> Row:
    return _called("max", row(Number(0), sign(","), z))


def _minimum(z: Formula) -> Row:
    return _called("min", row(Number(0), sign(","), z))


def _called(name: str, argument: Formula) -> Row:
    return called(Label(name), argument)


def _bent(z: Formula, alpha: float) -> Row:
    """Return max(0, z) + α (e^min(0, z) − 1)."""
    return _cases(z, row(Number(alpha), Group(_minus(_exp(_minimum(z)), Number(1)))))


def _selu(z: Formula, alpha: float) -> Row:
    from clearprop.functions.activations import SELU_ALPHA, SELU_SCALE

    return row(Number(SELU_SCALE), Group(_bent(z, SELU_ALPHA)))


def _sigmoid(z: Formula) -> Fraction:
    return Fraction(Number(1), row(Number(1), sign("+"), _exp(row(sign("−"), z))))


def _softplus(z: Formula) -> Row:
    return _called("log", row(Number(1), sign("+"), _exp(z)))


def _softmax(z: Formula) -> Fraction:
    foot = Symbol("z", "k") if not isinstance(z, Symbol) else Symbol(z.name, "k")
    return Fraction(_exp(z), row(Script(sign("∑"), sub=Symbol("k")), _exp(foot)))


_ACTIVATIONS: dict[str, Callable[[Formula, float], Formula]] = {
    "identity": lambda z, alpha: z,
    "sigmoid": lambda z, alpha: _sigmoid(z),
    "tanh": lambda z, alpha: row(Label("tanh "), z),
    "relu": lambda z, alpha: _maximum(z),
    "leaky_relu": lambda z, alpha: _cases(z, row(Number(alpha), sign("·"), _minimum(z))),
    "elu": _bent,
    "selu": _selu,
    "gelu": lambda z, alpha: row(z, called(Symbol("Φ"), z)),
    "silu": lambda z, alpha: row(z, sign("·"), _sigmoid(z)),
    "mish": lambda z, alpha: row(z, sign("·"), _called("tanh", _softplus(z))),
    "softplus": lambda z, alpha: _softplus(z),
    "exp": lambda z, alpha: _exp(z),
    "softmax": lambda z, alpha: _softmax(z),
}


def _log(body: Formula) -> Row:
    return row(Label("log "), body)


def _poisson(a: Formula, y: Formula) -> Row:
    return row(_minus(a, y), sign("+"), y, sign("·"), _log(Fraction(y, a)))


def _binary(a: Formula, y: Formula) -> Row:
    other = row(Group(_minus(Number(1), y)), sign("·"), _log(Group(_minus(Number(1), a))))
    return row(sign("−"), y, sign("·"), _log(a), sign("−"), other)


def _huber(a: Formula, y: Formula, threshold: float) -> Row:
    """Return m (|a − y| − m/2) with m = min(|a − y|, d), which is Huber's loss in one piece."""
    size = Group(_minus(a, y), "||")
    least = _called("min", row(size, sign(","), Number(threshold)))
    return row(least, sign("·"), Group(_minus(size, row(_half(), sign("·"), least))))


_LOSS_TERMS: dict[str, Callable[[Formula, Formula, int, float], Formula]] = {
    "half_squared_error": lambda a, y, n, p: row(_half(), _squared(_minus(a, y))),
    "mean_squared_error": lambda a, y, n, p: _over(n, _squared(_minus(a, y))),
    "absolute_error": lambda a, y, n, p: _over(n, Group(_minus(a, y), "||")),
    "huber": lambda a, y, n, p: _over(n, _huber(a, y, p)),
    "poisson": lambda a, y, n, p: _poisson(a, y),
    "binary_cross_entropy": lambda a, y, n, p: _binary(a, y),
    "cross_entropy": lambda a, y, n, p: row(sign("−"), y, sign("·"), _log(a)),
}
