"""What of a recurrent layer's pass must wait for the step before, and what need not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearprop.explanation.chapters.spans import percent
from clearprop.explanation.formulas import Label, Lines, Script, Symbol, called, row, sign
from clearprop.explanation.pages import (
    Block,
    Column,
    Math,
    Paragraph,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.through_time.serial import Part, Serial

if TYPE_CHECKING:
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return the parts of the focused recurrent layer's pass, or of the first."""
    own = explanation.names.recurrence(focus.weight.layer)
    layer = (own or explanation.trace.network.recurrences[0]).layer
    found = explanation.serial(layer, focus.sample)
    said = {"layer": layer, "n": found.steps, "units": found.units}
    blocks: list[Block] = [
        Paragraph(words.text("serial.lead", **said)),
        Math(_formula()),
        Paragraph(words.text("serial.because")),
        _table(found, words),
        Paragraph(words.text("serial.waiting", share=percent(found.waiting_share))),
        Paragraph(words.text("serial.linear")),
    ]
    scan, back = found["scan"], found["back"]
    if found.steps > 1:
        values = {
            "n": found.steps,
            "rounds": scan.rounds,
            "work": scan.multiplications,
            "serial": back.multiplications,
        }
        blocks.append(Paragraph(words.text("serial.scan", **values)))
    blocks.append(Paragraph(words.text("serial.beside")))
    return Section("serial", words.text("serial.title"), tuple(blocks))


def _formula() -> Lines:
    """Return h_t = f(W x_t + U h_(t-1) + b), and e_(t-1) = J_tᵀ e_t + ….

    The first bends what it hands on, the second does not.
    """
    W, U, h = Symbol("W"), Symbol("U"), Symbol("h", "t−1")
    inside = row(W, Symbol("x", "t"), sign("+"), U, h, sign("+"), Symbol("b"))
    e = Symbol("e", "t", role="error")
    J = Script(Symbol("J", "t"), sup=Label("T"))
    above = Symbol("∂E/∂h", "t−1", role="error")
    return Lines(
        (
            (Symbol("h", "t"), sign("="), called(Symbol("f"), inside)),
            (Symbol("e", "t−1", role="error"), sign("="), row(J, e, sign("+"), above)),
        )
    )


def _table(found: Serial, words: Words) -> Table:
    columns = (
        Column(words.text("serial.part")),
        Column(words.text("serial.multiplications"), "right"),
        Column(words.text("serial.rounds"), "right"),
        Column(words.text("serial.waits")),
    )
    rows = tuple(_line(part, words) for part in found.parts)
    return Table(columns, rows, words.text("serial.caption", n=found.steps))


def _line(part: Part, words: Words) -> tuple[Text, ...]:
    waits = "scan_waits" if part.name == "scan" else "yes" if part.waits else "no"
    return (
        words.text(f"serial.part_{part.name}"),
        (Span(f"{part.multiplications:,}"),),
        plain(str(part.rounds)),
        words.text(f"serial.{waits}"),
    )
