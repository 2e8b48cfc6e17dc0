"""What the page shows, as files: its pictures as SVG, and the explanation as one HTML page.

A picture is the scene that the page paints, with its heat maps filled in, on a ground of one's
choice. The browser makes a PNG of it.

Public names: `PICTURES`, `explanation_of_run`, `svg_of_run`.
May import: `drawings`, `frames`, `surfaces`, `trainer`, `views`, `clearprop.explanation`, NumPy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearprop.explanation.explanation import Explanation
from clearprop.explanation.render.svg import svg_of
from clearprop.explanation.scenes.palette import DARK, LIGHT
from clearprop.explanation.scenes.scene import Heat, Mark, Scene
from clearprop.explanation.words import words
from clearprop.studio.drawings import Look, NetworkDrawing
from clearprop.studio.frames import asked, curves, names_of
from clearprop.studio.surfaces import Grids, answer_scene
from clearprop.studio.trainer import Trainer
from clearprop.studio.views import View

PICTURES = ("network", "answers", "curves")
GROUNDS = {"light": LIGHT, "dark": DARK}
# rows that the page of the explanation is about
MOST_ROWS = 32


def svg_of_run(trainer: Trainer, view: View, picture: str, ground: str) -> str:
    """Return one of the page's pictures as an SVG file."""
    with np.errstate(all="ignore"):
        return svg_of(_scene(trainer, view, picture), GROUNDS[ground])


def _scene(trainer: Trainer, view: View, picture: str) -> Scene:
    say = words(view.lang)
    if picture == "network":
        look = Look(view.weight, view.row, view.upright, view.lang)
        plane = trainer.samples.span if len(trainer.samples.inputs) == 2 else None
        drawing = NetworkDrawing(names_of(trainer), look, say, plane)
        return _filled(*drawing.draw(trainer.trace(view.row)))
    if picture == "answers":
        return _filled(*answer_scene(asked(trainer, view, say)))
    return curves(trainer, view.lang, say)


def _filled(scene: Scene, grids: Grids) -> Scene:
    """Return a scene whose heat maps hold their cells themselves."""

    def filled(mark: Mark) -> Mark:
        if not isinstance(mark, Heat) or mark.key not in grids:
            return mark
        return replace(mark, values=tuple(map(tuple, grids[mark.key].tolist())))

    return replace(scene, marks=tuple(map(filled, scene.marks)))


def explanation_of_run(trainer: Trainer, view: View) -> str:
    """Return the explanation of the row that is looked at, among some others, as an HTML page."""
    rows = np.unique([view.row, *range(min(MOST_ROWS, trainer.block.rows))])
    with np.errstate(all="ignore"):
        trace = trainer.engine.trace(trainer.state, trainer.block, rows, dropout=False)
        explanation = Explanation(trace, names_of(trainer))
        sample = int(np.searchsorted(rows, view.row))
        return explanation.to_html(weight=view.weight, sample=sample, lang=view.lang)
