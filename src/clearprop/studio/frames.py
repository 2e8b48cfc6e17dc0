"""Frames: what a page is sent so that it shows where a run stands, and only what changed.

    {"network": message, "answers": message, "curves": message,   (`wire`)
     "texts": {name: text}, "time": {"at", "end"}, "weight": {…},
     "panes": {name: message}}    (`panes`; of the open one, where it has news)

Public names: `Frames`, `asked`, `curves`, `names_of`.
May import: `drawings`, `panes`, `surfaces`, `told`, `trainer`, `views`, `wire`,
`clearprop.explanation`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from clearprop.explanation.names import Names
from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.board import full
from clearprop.explanation.scenes.planes import cells_for
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words as Catalogue
from clearprop.explanation.words import words
from clearprop.studio.drawings import Look, NetworkDrawing
from clearprop.studio.panes import Contents, Pane, PaneStream
from clearprop.studio.surfaces import CELLS, Asked, answer_scene
from clearprop.studio.told import told_in
from clearprop.studio.trainer import Point, Trainer
from clearprop.studio.views import View
from clearprop.studio.wire import Stream

CURVES = (330.0, 210.0)


class Frames:
    """Makes the frames of one page."""

    def __init__(self) -> None:
        self._streams = {name: Stream() for name in ("network", "answers", "curves")}
        self._panes: dict[str, PaneStream] = {}
        self._contents: dict[str, Contents] = {}
        self._drawing: NetworkDrawing | None = None
        self._trainer: Trainer | None = None
        self._texts: dict[str, str] = {}

    def reset(self) -> None:
        """Send everything whole the next time."""
        for stream in self._streams.values():
            stream.reset()
        self._drawing, self._texts = None, {}
        self._panes, self._contents = {}, {}

    def make(
        self, trainer: Trainer, view: View, *, playing: bool = False, pane: Pane | None = None
    ) -> dict[str, Any]:
        """Return the frame of where a run stands.

        While it is `playing`, the last measure stands where another would take too long.
        """
        say = words(view.lang)
        with np.errstate(all="ignore"):
            point = trainer.last
            if not playing or trainer.may_measure():
                point = trainer.measure(keep=trainer.state.step == trainer.end)
            drawing = self._drawn(trainer, view, say)
            network, cells = drawing.draw(trainer.trace(view.row))
            answers, grids = answer_scene(asked(trainer, view, say))
            losses = curves(trainer, view.lang, say)
        place = view.weight.entry(trainer.network)
        return {
            "network": self._streams["network"].message(network, cells),
            "answers": self._streams["answers"].message(answers, grids),
            "curves": self._streams["curves"].message(losses),
            "texts": self._fresh(_texts(trainer, point, drawing, say)),
            "time": {"at": trainer.state.step, "end": trainer.end},
            "weight": {"key": view.weight.key, "value": float(trainer.state.vector[place])},
            "panes": self._pane(view.pane, pane),
        }

    def _pane(self, name: str, pane: Pane | None) -> dict[str, Any]:
        """Return the open pane's message by its name, where there is one."""
        with np.errstate(all="ignore"):
            contents = pane.contents() if pane is not None else None
        if contents is None or contents is self._contents.get(name):
            return {}
        self._contents[name] = contents
        message = self._panes.setdefault(name, PaneStream()).message(contents)
        return {name: message} if message else {}

    def _drawn(self, trainer: Trainer, view: View, say: Catalogue) -> NetworkDrawing:
        look = Look(view.weight, view.row, view.upright, view.lang)
        kept = self._drawing
        if kept is None or kept.look != look or trainer is not self._trainer:
            self._trainer = trainer
            samples = trainer.samples
            names = names_of(trainer)
            plane = samples.span if len(samples.inputs) == 2 else None
            self._drawing = kept = NetworkDrawing(names, look, say, plane)
        return kept

    def _fresh(self, texts: dict[str, str]) -> dict[str, str]:
        fresh = {name: text for name, text in texts.items() if self._texts.get(name) != text}
        self._texts = texts
        return fresh


def names_of(trainer: Trainer) -> Names:
    """Return what units and parameters are called."""
    return Names(trainer.network, trainer.samples.inputs, trainer.samples.outputs)


def asked(trainer: Trainer, view: View, say: Catalogue) -> Asked:
    """Return what is asked of the network for the picture of its answers."""
    predict = partial(trainer.engine.predict, trainer.state.vector)
    held = trainer.held_outputs
    cells = cells_for(trainer.network, CELLS)
    return Asked(trainer.samples, predict, view.output, view.row, say, held, cells)


def curves(trainer: Trainer, lang: str, say: Catalogue) -> Scene:
    """Return the loss over the epochs."""
    points = trainer.points
    epochs = [point.epoch for point in points]
    lines = [
        Series(say("studio.curve_train"), epochs, [point.loss for point in points], "signal", ()),
        Series(
            say("studio.curve_held"), epochs, [point.held_loss for point in points], "contrast",
            (7, 4),
        ),
    ]  # fmt: skip
    return curve_scene(
        "", lines, x_label=say("studio.epochs"), y_label=say("studio.loss"), lang=lang,
        description=say("studio.curves_title"), width=CURVES[0], height=CURVES[1],
    )  # fmt: skip


def _texts(
    trainer: Trainer, point: Point, drawing: NetworkDrawing, say: Catalogue
) -> dict[str, str]:
    """Return the numbers of the page, by the names of their places."""
    score = "studio.r2_value" if trainer.samples.kind == "number" else "studio.share_value"
    shown = [point.score, point.held_score]
    if trainer.samples.kind != "number":
        shown = [100 * value for value in shown]
    place, chain, trace = drawing.look.weight, drawing.chain, drawing.path
    name = drawing.names.of(place)
    entry = place.entry(trainer.network)
    route = " → ".join(_route(drawing))
    return {
        "epoch": f"{trainer.epoch:.1f}",
        "step": f"{trainer.state.step:,}",
        "loss": figure(point.loss),
        "held_loss": figure(point.held_loss),
        "score": say(score, value=shown[0]),
        "held_score": say(score, value=shown[1]),
        "failure": trainer.failure and told_in(trainer.failure, say.lang),
        "weight_name": name,
        "weight_value": full(trainer.state.vector[entry]),
        "weight_gradient": full(chain.gradient),
        "caption": say(
            "studio.caption", route=route, weight=name, product=trace.product,
            gradient=chain.gradient, n=chain.count_of_paths,
        ),
    }  # fmt: skip


def _route(drawing: NetworkDrawing) -> list[str]:
    """Return the names of the units on the lit path, from the weight's source to the loss."""
    names, place = drawing.names, drawing.look.weight
    last = len(names.network.layers)
    units = [names.unit(last - depth, unit) for depth, unit in enumerate(drawing.path.units)][::-1]
    return [names.source(place), *units, "E"]
