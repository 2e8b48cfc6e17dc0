"""The network as a picture: signals forward, errors backward, the focused parameter's paths lit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearprop.explanation.pages import Block, Paragraph, Picture, Section
from clearprop.explanation.scenes.network import ROOM, network_scene
from clearprop.explanation.scenes.scene import Words as Letters

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the picture of the network, with what its marks mean."""
    trace = explanation.trace
    blocks: list[Block] = [Paragraph(words.text("network.lead"))]
    if len(trace.rows) > 1:
        coefficient = float(trace.coefficients[focus.sample])
        of_sample = words.text(
            "network.of_sample", sample=focus.sample, n=len(trace.rows), coefficient=coefficient
        )
        blocks.append(Paragraph(of_sample))
    # one row spans no plane
    scene = network_scene(explanation, focus, words=words, planes=len(trace.rows) > 1)
    roomy = any(isinstance(mark, Letters) and mark.key[:1] == "z" for mark in scene.marks)
    name = explanation.names.of(focus.weight)
    caption = words.text("network.caption" if roomy else "network.caption_small", weight=name)
    blocks.append(Picture(scene, caption))
    if max(trace.network.shape) > ROOM:
        blocks.append(Paragraph(words.text("network.folded")))
    return Section("network", words.text("network.title"), tuple(blocks))
