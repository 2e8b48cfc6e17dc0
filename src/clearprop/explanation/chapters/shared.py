"""What the gradients into one unit share: its δ, summed over paths once and read by all of them.

A part beside the chapter `chain`, whose words it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.factors import Letters
from clearprop.explanation.formulas import Formula, Label, Lines, Row, Stack, product, row, sign
from clearprop.explanation.matrices import leading
from clearprop.explanation.pages import Block, Math, Paragraph, Span
from clearprop.explanation.paths import Chain
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities, letter_of

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# paths that are written out, and gradients
PATHS, GRADIENTS = 4, 5


def shared_blocks(explanation: Explanation, focus: Focus, words: Words) -> Iterator[Block]:
    """Yield how a parameter's path sum becomes a δ, and who else reads it.

    δ_j = Σ over the paths of all factors but the last, and ∂E/∂w_jk = δ_j a_k for every k.
    """
    chain = explanation.chain(focus.weight, focus.sample, paths=PATHS)
    read = Quantities(explanation.trace, explanation.names, focus.sample)
    place = focus.weight
    unit = Span(read.names.unit(place.layer, place.unit), "strong")
    weight = letter_of(read.names, place)
    yield Paragraph(words.text("chain.shared", weight=weight, unit=unit))
    yield Math(Lines(tuple(_delta(chain, read, words))))
    yield Paragraph(words.text("chain.read_by", unit=unit))
    yield Math(Lines(tuple(_readers(place, read))))


def _delta(chain: Chain, read: Quantities, words: Words) -> Iterator[tuple[Formula, ...]]:
    """Yield δ = Σ of products, a line a path."""
    letters, place = Letters(chain, read), chain.place
    left: Formula = read.delta(place.layer, place.unit).chip()
    mark = sign("=")
    for path in chain.paths:
        yield left, mark, product([letters.chip(factor) for factor in path.factors[:-1]])
        left, mark = Row(()), sign("+")
    if chain.remaining:
        yield left, mark, Label(words("chain.others", n=chain.remaining), role="muted")


def _readers(place: Place, read: Quantities) -> Iterator[tuple[Formula, ...]]:
    """Yield ∂E/∂w = δ · a of weights into the unit, the asked one among them, and its bias."""
    trace, layer = read.trace, place.layer
    places = [Place(layer, place.unit, k) for k in range(trace.network.shape[layer - 1])]
    sizes = np.array([trace.gradient[one.entry(trace.network)] for one in places])
    wanted = () if place.source is None else (place.source,)
    delta: Stack = read.delta(layer, place.unit).chip()
    for source in sorted(leading(sizes, wanted, room=GRADIENTS, folded=GRADIENTS)):
        signal = read.a(layer - 1, source).chip()
        yield read.gradient(places[source]).chip(), sign("="), product([delta, signal])
    bias = Place(layer, place.unit, None)
    yield read.gradient(bias).chip(), sign("="), row(delta)
