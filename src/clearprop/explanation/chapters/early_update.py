"""The common mistake with its numbers: later layers updated before earlier deltas are computed.

A part of the chapter `chain`.

Public names: `early_update_blocks`.
May import: the analyses, `factors`, `formulas`, `matrices`, `pages`, `quantities`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.factors import Letters, in_line
from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Lines,
    Number,
    Script,
    Sign,
    Stack,
    Symbol,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.jacobians import joins
from clearprop.explanation.matrices import by_sign, leading
from clearprop.explanation.mistakes import Mistake
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Block, Column, Math, Paragraph, Table, plain
from clearprop.explanation.places import Place, units_of
from clearprop.explanation.quantities import Quantities, letter_of, partial

if TYPE_CHECKING:
    from clearprop.explanation.words import Words

# digits in which a step and a wrong step can be told apart
DIGITS = 9


def early_update_blocks(mistake: Mistake, letters: Letters, words: Words) -> Iterator[Block]:
    """Return δ through old and through new weights, what the parameter becomes, and each layer."""
    chain, q = letters.chain, letters.quantities
    place, hidden = chain.place, chain.place.layer < q.last
    yield Paragraph(words.text("chain.mistake_lead"))
    yield Math(_equations())
    # the δ of a learnt part of an activation, and those of a frequency, are not those of one unit
    if hidden and place.array not in ("t", "f", "p"):
        unit = q.names.unit(place.layer, units_of(q.trace.network, place)[0])
        yield Paragraph(words.text("chain.mistake_unit", unit=unit))
        right = _delta(mistake.before, mistake.deltas, letters, words)
        wrong = _delta(mistake.wrong, mistake.mistaken_deltas, letters, words, mark="′")
        yield Math(Lines((right, wrong)))
    weight = letter_of(q.names, place)
    yield Paragraph(
        words.text("chain.mistake_new" if hidden else "chain.mistake_last", weight=weight)
    )
    yield _new_values(mistake, place, weight, words)
    yield Paragraph(words.text("chain.mistake_layers"))
    yield _layers(mistake, words)


def _equations() -> Lines:
    """Return BP2 as it is and as it is misread."""
    slope = row(Symbol("f′"), Group(Symbol("z", "", "l")))

    def line(mark: str) -> tuple[Formula, Sign, Formula]:
        delta, after = (Symbol(f"δ{mark}", "", head, role="error") for head in ("l", "l+1"))
        W = Script(Group(Symbol(f"W{mark}", "", "l+1")), sup=Label("T"))
        return delta, sign("="), row(W, after, sign("⊙"), slope)

    return Lines((line(""), line("′")))


def _delta(
    vector: np.ndarray,
    deltas: tuple[np.ndarray, ...],
    letters: Letters,
    words: Words,
    *,
    mark: str = "",
) -> tuple[Formula, Sign, Formula]:
    """Return δ of the unit that the parameter leads into, through the weights of a vector.

    `mark` tells mistaken letters from right ones.
    """
    q, chain = letters.quantities, letters.chain
    layer, unit = chain.place.layer, units_of(q.trace.network, chain.place)[0]
    operation = q.trace.network.operations[layer]
    behind = Quantities(replace(q.trace, vector=vector), q.names, chain.sample)
    weights = behind.weights(layer + 1)[:, unit]
    edges = joins(q.trace.network, layer + 1)
    after = deltas[layer][chain.sample]
    products = weights * after if edges is None else np.where(edges[:, unit], weights * after, 0)
    units = np.arange(len(products)) if edges is None else np.flatnonzero(edges[:, unit])
    shown = [int(units[m]) for m in leading(products[units])]
    terms: list[Formula] = []
    for m in shown:
        role = "update" if mark else by_sign(float(weights[m]))
        letter = _factor(letters, (layer + 1, m, unit), role, mark)
        # the last layer's δ is right either way
        error = _error(letters, layer + 1, m, mark if layer + 1 < q.last else "")
        terms.append(product([_chip(letter, weights[m]), _chip(error, after[m])]))
    if len(shown) < len(units):
        rest = products.sum() - products[list(shown)].sum()
        label = Label(words("chain.rest", n=len(units) - len(shown)), role="muted")
        terms.append(_chip(label, rest))
    scale = [] if operation.scale == 1 else [_chip(Symbol("s"), operation.scale)]
    left = _chip(_error(letters, layer, unit, mark), deltas[layer - 1][chain.sample, unit])
    through = [
        letters.chip(factor)
        for factor in chain.paths[0].factors
        if factor.kind in ("mask", "slope") and factor.layer == layer
    ]
    return left, sign("="), product([*scale, Group(plus(terms)), *through])


def _factor(letters: Letters, edge: tuple[int, int, int], role: str, mark: str) -> Formula:
    """Return the letter of what an edge multiplies by: w, g, or ∂v/∂x of a wave."""
    q, (layer, into, source) = letters.quantities, edge
    kind = q.trace.network.operations[layer - 1].kind
    if kind == "periodic":
        return partial(q.z(layer, into).symbol, q.a(layer - 1, source).symbol)
    place = Place(layer, into, source) if kind == "dense" else Place(layer, into, None, "g")
    return replace(letter_of(q.names, place, role), sup=mark, key="" if mark else place.key)


def _error(letters: Letters, layer: int, unit: int, mark: str) -> Symbol:
    """Return the letter of a unit's δ."""
    key = "" if mark else f"d{layer}.{unit}"
    return Symbol(f"δ{mark}", letters.quantities.names.unit(layer, unit), role="error", key=key)


def _chip(symbol: Formula, value: float) -> Stack:
    role, key = symbol.role, symbol.key
    return Stack(symbol, Number(float(value), role=role, key=key), role=role, key=key)


def _new_values(mistake: Mistake, place: Place, weight: Symbol, words: Words) -> Table:
    """Return the gradient and the new value of the parameter, right and wrong."""
    step = mistake.of(place)
    columns = (
        Column(()),
        Column((in_line(Symbol("E"), weight),), "right"),
        Column((replace(weight, sup="′", key=""),), "right"),
    )
    rows = (
        (words.text("chain.right"), (_long(step.gradient),), (_long(step.right),)),
        (words.text("chain.wrong"), (_long(step.mistaken),), (_long(step.wrong),)),
    )
    return Table(columns, rows)


def _long(value: float) -> Number:
    return Number(value, DIGITS)


def _layers(mistake: Mistake, words: Words) -> Table:
    columns = (
        Column(words.text("chain.layer")),
        Column(words.text("chain.angle"), "right"),
        Column(words.text("chain.ratio"), "right"),
    )
    rows = []
    for layer in mistake.layers:
        angle = "–" if layer.angle is None else f"{figure(layer.angle)}°"
        ratio = "–" if layer.ratio is None else figure(layer.ratio)
        rows.append((plain(str(layer.layer)), plain(angle), plain(ratio)))
    return Table(columns, tuple(rows))
