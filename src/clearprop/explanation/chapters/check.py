"""The gradient against finite differences: the verdict, the formula, the worst entries, kinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearprop.engines.trace import SequenceTrace, Trace
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Number,
    Script,
    Symbol,
    row,
    sign,
)
from clearprop.explanation.gradient_check import STEP, CheckedEntry, GradientCheck
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Math,
    Note,
    Paragraph,
    Section,
    Span,
    Table,
    Text,
)

if TYPE_CHECKING:
    from clearprop.explanation.views import Focus, Views
    from clearprop.explanation.words import Words

# values that ought to agree are shown to more digits than others
DIGITS = 8


def chapter(explanation: Views, focus: Focus, words: Words) -> Section:
    """Return the check of the gradient that the trace holds."""
    found = explanation.check()
    blocks: list[Block] = [Paragraph(words.text("check.lead")), Math(_formula())]
    carrier = explanation.trace.recipe.carrier
    cut = _cut(explanation.trace)
    if cut is not None:
        text = words.text("check.cut", steps=cut, error=found.error)
        blocks.append(Note(text, "warning"))
    elif carrier == "exact":
        blocks.append(Check(_verdict(found, words), found.passed))
    else:
        text = words.text("check.carrier", carrier=carrier, error=found.error)
        blocks.append(Note(text, "warning"))
    if found.checked + found.kinks < found.size:
        text = words.text("check.drawn", checked=found.checked + found.kinks)
        blocks.append(Paragraph(text))
    if explanation.trace.network.dtype == "float32":
        blocks.append(Paragraph(words.text("check.single")))
    if found.checked:
        blocks += [Paragraph(words.text("check.worst")), _table(found, carrier, words)]
    if found.kinks:
        names = Span(("、" if words.lang == "zh" else ", ").join(found.left_out), "code")
        blocks.append(Note(words.text("check.kinks", n=found.kinks, names=names)))
    return Section("check", words.text("check.title"), tuple(blocks))


def _cut(trace: Trace) -> int | None:
    """Return after how many steps of time errors were cut off; None where they were not."""
    if not isinstance(trace, SequenceTrace) or trace.cut is None:
        return None
    return trace.cut if trace.cut < trace.packing.steps else None


def _verdict(found: GradientCheck, words: Words) -> Text:
    if not found.checked:
        return words.text("check.nothing")
    figures = {
        "checked": found.checked,
        "size": found.size,
        "error": found.error,
        "tolerance": Span(figure(found.tolerance, 1), full=repr(found.tolerance)),
    }
    if found.passed:
        return words.text("check.passed", **figures)
    return words.text("check.failed", name=Span(found.name, "code"), **figures)


def _formula() -> Formula:
    """Return ∂E/∂w ≈ (E(w + h) − E(w − h)) / 2h, with h."""
    E, w, h = Symbol("E"), Symbol("w"), Symbol("h")

    def at(way: str) -> Formula:
        return row(E, Group(row(w, sign(way), h)))

    slope = Fraction(row(Symbol("∂"), E), row(Symbol("∂"), w), role="error")
    difference = Fraction(row(at("+"), sign("−"), at("−")), row(Number(2), h))
    step = row(h, sign("="), Script(Number(10), sup=Number(_power(STEP))))
    return row(slope, sign("≈"), difference, sign(","), step)


def _power(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _table(found: GradientCheck, carrier: str, words: Words) -> Table:
    used = "backprop" if carrier == "exact" else "carried"
    keys = ("parameter", "entry", used, "differences", "apart")
    columns = tuple(
        Column(words.text(f"check.{key}"), "left" if place < 2 else "right")
        for place, key in enumerate(keys)
    )
    return Table(columns, tuple(_line(entry) for entry in found.largest))


def _line(entry: CheckedEntry) -> tuple[Text, ...]:
    return (
        (Span(entry.name, "code"),),
        (Span(entry.entry, "code"),),
        (Span(figure(entry.backprop, DIGITS), "error", full=repr(entry.backprop)),),
        (Span(figure(entry.differences, DIGITS), full=repr(entry.differences)),),
        (Span(figure(entry.apart, 2), full=repr(entry.apart)),),
    )
