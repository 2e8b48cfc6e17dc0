"""Which inputs at which steps moved an output, and how the loss changes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.spans import number, percent
from clearprop.explanation.chapters.steps import heat
from clearprop.explanation.formulas import (
    Label,
    Lines,
    Number,
    Script,
    Symbol,
    Total,
    row,
    sign,
)
from clearprop.explanation.matrices import by_sign
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Details,
    Math,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.quantities import partial
from clearprop.explanation.scenes.step_heat import Heated
from clearprop.explanation.through_time.inputs import InputsMoved

if TYPE_CHECKING:
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words

# inputs of the table
SHOWN = 8


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return what moved the largest output of the focused sequence."""
    found = explanation.inputs_moved(focus.sample)
    names = explanation.names
    network = explanation.trace.network
    output = names.unit(len(network.layers), found.output)
    lead = words.text(
        "moved.lead",
        output=Span(output, "strong"),
        step=found.step + 1,
        value=number(found.value, "signal"),
        zero=number(found.at_zero),
        n=found.slopes.size,
    )
    blocks: list[Block] = [Paragraph(lead), Math(_formula()), _table(found, explanation, words)]
    columns = names.units(0)
    times = np.arange(len(found.slopes))
    if found.integrated.any():
        heated = Heated(found.integrated.T, columns, times, words("moved.part"))
        top = int(np.argmax(np.abs(found.by_step))) + 1
        title = words("moved.picture", output=output, step=top)
        blocks.append(Picture(heat(title, heated, words), words.text("moved.picture_text")))
    apart = {"n": found.nudged, "apart": found.apart}
    blocks.append(Check(words.text("moved.check_slopes", **apart), found.holds))
    total = {
        "total": Number(found.moved, 6),
        "change": Number(found.value - found.at_zero, 6),
    }
    blocks.append(Check(words.text("moved.check_complete", **total), found.complete))
    blocks.append(_error(found, columns, words))
    return Section("moved", words.text("moved.title", output=output), tuple(blocks))


def _formula() -> Lines:
    """Return what the integrated gradients are, and that they add up."""
    a, x = Symbol("a"), Symbol("x", "t", role="signal")
    slope = partial(a, x)
    integral = row(
        x, sign("·"), Script(sign("∫"), sub=Number(0), sup=Number(1)), slope, Label(" ds")
    )
    change = row(Symbol("a"), Label("(x)"), sign("−"), Symbol("a"), Label("(0)"))
    return Lines(
        (
            (Symbol("g", "t"), sign("="), integral),
            (Total(Symbol("t"), Symbol("g", "t")), sign("="), change),
        )
    )


def _table(found: InputsMoved, explanation: SequenceExplanation, words: Words) -> Table:
    x = explanation.forward(found.sequence).x
    order = np.argsort(-np.abs(found.integrated).ravel(), kind="stable")[:SHOWN]
    size = float(np.abs(found.integrated).sum()) or 1.0
    titles = ("step", "column", "value", "slope", "product", "part", "share")
    columns = tuple(
        Column(
            words.text("steps.step" if title == "step" else f"moved.{title}"),
            "left" if title == "column" else "right",
        )
        for title in titles
    )
    rows: list[tuple[Text, ...]] = []
    for entry in order:
        t, k = divmod(int(entry), x.shape[1])
        part = float(found.integrated[t, k])
        rows.append(
            (
                plain(str(t + 1)),
                plain(explanation.names.unit(0, k)),
                (Number(float(x[t, k]), role="signal", key=f"a0.{k}t{t}"),),
                (Number(float(found.slopes[t, k])),),
                (Number(float(found.products[t, k])),),
                (Number(part, role=by_sign(part)),),
                (percent(abs(part) / size),),
            )
        )
    left = x.size - len(order)
    caption = words.text("moved.caption")
    if left:
        caption += words.text("moved.left_out", n=left)
    return Table(columns, tuple(rows), caption)


def _error(found: InputsMoved, columns: list[str], words: Words) -> Details:
    """Return ∂E/∂x, behind a summary."""
    left = partial(Symbol("E"), Symbol("x", "t"))
    W = Script(Symbol("W"), sup=Label("T"))
    formula = row(left, sign("="), Total(Label(words("moved.ways")), row(W, Symbol("δ", "t"))))
    blocks: list[Block] = [Paragraph(words.text("moved.error")), Math(formula)]
    if found.error_slopes.any():
        times = np.arange(len(found.error_slopes))
        heated = Heated(found.error_slopes.T, columns, times, "∂E/∂x")
        scene = heat(words("moved.error_picture"), heated, words)
        blocks.append(Picture(scene, words.text("moved.error_text")))
    return Details(words.text("moved.error_title"), tuple(blocks))
