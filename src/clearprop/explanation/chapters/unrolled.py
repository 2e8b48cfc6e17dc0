"""A network of sequences unrolled in time, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearprop.explanation.pages import Block, Paragraph, Picture, Section, Span
from clearprop.explanation.scenes.unrolled import unrolled_scene

if TYPE_CHECKING:
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return the picture, with what it shows."""
    trace = explanation.trace
    steps = int(trace.packing.lengths[focus.sample])
    blocks: list[Block] = [Paragraph(words.text("unrolled.lead", n=steps))]
    if len(trace.rows) > 1:
        place = {"sequence": focus.sample, "n": len(trace.rows)}
        blocks.append(Paragraph(words.text("unrolled.of_batch", **place)))
    blocks.append(Paragraph(words.text(f"unrolled.read_{trace.network.readout}")))
    scene = unrolled_scene(explanation, focus, words=words)
    name = Span(explanation.names.of(focus.weight), "strong")
    blocks.append(Picture(scene, words.text("unrolled.caption", weight=name)))
    if len(trace.network.recurrences[0].ways) > 1 or any(
        operation.ways[0].reverse for operation in trace.network.recurrences
    ):
        blocks.append(Paragraph(words.text("unrolled.back")))
    return Section("unrolled", words.text("unrolled.title"), tuple(blocks))
