"""One step as a series of pictures: the signal forward, the loss, the error back, the update.

Each picture lights one neuron with the edges at work, and shows the numbers that are known by
then; its title says in a sentence what happens.

Public names: `signal_scenes`.
May import: `board`, `figures`, `layout`, `moments`, `network`, `scene`, `words`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.scenes.board import Board
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.layout import Layout
from clearprop.explanation.scenes.moments import moments_of
from clearprop.explanation.scenes.network import draw, folded_layout
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words as Catalogue
from clearprop.explanation.words import words as catalogue

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus


def signal_scenes(
    explanation: Explanation,
    focus: Focus,
    *,
    carried: Sequence[np.ndarray] | None = None,
    words: Catalogue | None = None,
    lang: str = "en",
) -> tuple[Scene, ...]:
    """Return the pictures of one step, neuron by neuron.

    First the forward pass, a picture a neuron; then the loss; the error at the outputs; the error
    carried back, a picture a hidden neuron, last layer first; and the update of the weights into
    each neuron. Neurons that are folded away have no picture of their own.

    Parameters
    ----------
    explanation : Explanation
    focus : Focus
        The sample; where layers are folded, units on its parameter's strongest path are shown.
    carried : sequence of (units,) arrays, optional
        Errors to show in place of δ, those of another carrier; one array a layer, first first.
    words : Words, optional
        The catalogue; that of `lang` where absent.
    lang : {"en", "zh"}
    """
    say = words or catalogue(lang)
    figures = Figures(explanation.trace, explanation.names, focus.sample, carried)
    chain = explanation.chain(focus.weight, focus.sample, paths=1)
    broad = _series(figures, folded_layout(figures, chain), say)
    narrow = _series(figures, folded_layout(figures, chain, upright=True), say)
    by_title = {scene.title: scene for scene in narrow}
    return tuple(replace(scene, narrow=by_title.get(scene.title)) for scene in broad)


def _series(figures: Figures, layout: Layout, say: Catalogue) -> list[Scene]:
    return [
        draw(Board(figures, layout, moment.plan, say), moment.said, "", legend=False)
        for moment in moments_of(figures, layout, say)
    ]
