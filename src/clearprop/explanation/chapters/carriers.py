"""Errors carried back four ways, on one sample in numbers, and held against the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.carrying import Carried, CarrierComparison
from clearprop.explanation.chapters.errands import Errands
from clearprop.explanation.chapters.spans import number
from clearprop.explanation.formulas import Number
from clearprop.explanation.matrices import fold
from clearprop.explanation.pages import (
    Block,
    Bullets,
    Column,
    Note,
    Paragraph,
    Section,
    Span,
    Table,
    Text,
)
from clearprop.explanation.quantities import Quantities

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# layers that the table shows one by one, and those shown of more
ROWS, SHOWN = 12, 9
# angles in degrees, and lengths, up to which words call two updates alike
NEARLY, CLOSE = 10.0, 1.1
# how far from at right angles still counts as no direction at all
SIDEWAYS = 10.0
# a unit's shares are pointed out from so many times its error on; so many units are named
LARGE_SHARE, NAMED = 3.0, 3

OTHERS = ("proportional", "transposed", "random")


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the carriers' story, their numbers on one sample, and what became of the update."""
    title = words.text("carriers.title")
    if len(explanation.trace.network.layers) == 1:
        return Section("carriers", title, (Paragraph(words.text("carriers.one_layer")),))
    found = explanation.carriers
    errands = Errands(found, Quantities(explanation.trace, explanation.names, focus.sample), words)
    blocks: list[Block] = [Paragraph(words.text("carriers.lead")), *errands.start()]
    blocks += [*errands.in_proportion(), *errands.transposed(), *errands.exact(), *errands.random()]
    blocks += [Paragraph(words.text("carriers.compared", n=len(explanation.trace.rows)))]
    blocks += [_table(found, words), *_findings(found, words)]
    blocks += _vanishing(found, explanation, words)
    return Section("carriers", title, tuple(blocks))


# over the batch, layer by layer


def _table(found: CarrierComparison, words: Words) -> Table:
    """Return angle and ratio of lengths, a row a layer and a column a carrier."""
    names = [name for name in OTHERS if name in found.carriers]
    columns = (
        Column(words.text("carriers.layer"), "right"),
        *(Column(words.text(f"carriers.name_{name}"), "right") for name in names),
    )
    layers = len(found.carriers["exact"].errors)
    shown = fold(np.arange(layers, 0, -1), room=ROWS, folded=SHOWN).shown
    rows = tuple(
        (
            (Number(layer + 1),),
            *(_cell(found.carriers[name], layer, words) for name in names),
        )
        for layer in shown
    )
    caption = words.text("carriers.caption")
    if layers > len(shown):
        caption += words.text("carriers.left_out", n=layers - len(shown))
    return Table(columns, rows, caption)


def _cell(carried: Carried, layer: int, words: Words) -> Text:
    angle, ratio = carried.angles[layer], carried.ratios[layer]
    if carried.errors[layer] is None:
        return words.text("carriers.unreached")
    if angle is None or ratio is None:
        return words.text("carriers.nothing")
    return words.text("carriers.cell", angle=_degrees(angle), ratio=number(ratio, digits=3))


def _degrees(angle: float) -> Span:
    """Return an angle to the hundredth: below that it may be rounding."""
    return Span(f"{angle:.2f}", full=repr(angle))


def _findings(found: CarrierComparison, words: Words) -> Iterator[Block]:
    """Return what became of the first layer's update with each carrier."""
    items = [text for name in OTHERS if (text := finding(found, name, words))]
    if items:
        yield Bullets(tuple(items))


def finding(found: CarrierComparison, name: str, words: Words) -> Text:
    """Return what became of the first layer's update with one carrier; nothing if it has none."""
    carried = found.carriers.get(name)
    if carried is None or carried.angles[0] is None or carried.ratios[0] is None:
        return ()
    angle, ratio = carried.angles[0], carried.ratios[0]
    return words.text(
        f"carriers.finding_{_direction(angle)}_{_length(ratio)}",
        carrier=Span(words(f"carriers.name_{name}"), "strong"),
        angle=_degrees(angle),
        ratio=number(ratio, digits=3),
    )


def _direction(angle: float) -> str:
    if angle <= NEARLY:
        return "same"
    if angle < 90 - SIDEWAYS:
        return "off"
    return "across" if angle <= 90 + SIDEWAYS else "against"


def _length(ratio: float) -> str:
    if ratio > CLOSE:
        return "long"
    return "short" if ratio < 1 / CLOSE else "right"


def _vanishing(found: CarrierComparison, explanation: Explanation, words: Words) -> Iterator[Block]:
    """Return which units cannot share their errors out, and whose shares are large."""
    for unit in found.vanishing[:NAMED]:
        name = explanation.names.unit(unit.layer, unit.unit)
        values = {"unit": name, "layer": unit.layer, "total": unit.total, "size": unit.size}
        yield Note(words.text("carriers.vanishing", **values), "warning")
    more = len(found.vanishing) - NAMED
    if more > 0:
        yield Paragraph(words.text("carriers.vanishing_more", n=more))
    weakest = found.weakest
    if weakest is None or weakest.size < LARGE_SHARE * abs(weakest.total):
        return
    yield Paragraph(
        words.text(
            "carriers.weakest",
            unit=explanation.names.unit(weakest.layer, weakest.unit),
            layer=weakest.layer,
            total=weakest.total,
            size=weakest.size,
            times=weakest.size / abs(weakest.total),
        )
    )
