"""What a notebook shows of a run: the network on one row, the curves, where the run stands.

    {"network": message, "curves": message,      (`clearprop.studio.wire`; null where there is none)
     "line": "Epoch 3 of 20 · step 450 · loss 0.21",
     "caption": what the lit path says, or why there is no picture,
     "lang": "zh-Hans"}

Public names: `Picturing`.
May import: `clearprop.studio` (`drawings`, `wire`), `clearprop.explanation`, `clearprop.training`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.engines import SequenceTrace
from clearprop.explanation.names import Names
from clearprop.explanation.numbers import figure
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.words import words
from clearprop.network import Network
from clearprop.studio.drawings import Look, NetworkDrawing
from clearprop.studio.wire import Grids, Stream
from clearprop.training import Batches, Epoch, Event, Running, Stop

CURVES = (360.0, 220.0)
_TAGS = {"en": "en", "zh": "zh-Hans"}


class Picturing:
    """One run as a notebook shows it.

    Parameters
    ----------
    running : Running
    row : int
        The training row whose pass is drawn.
    weight : str, optional
        The parameter whose strongest path is lit, by its name; the first weight where absent.
    lang : {"en", "zh"}
    """

    def __init__(self, running: Running, row: int, weight: str | None, lang: str) -> None:
        self._running, self._row, self._weight = running, row, weight
        self._say = words(lang)
        self._losses: tuple[list[float], list[float]] = ([], [])
        self._held: tuple[list[float], list[float]] = ([], [])
        self._line = ""
        network = running.engine.network
        self._drawing = self._new_drawing({}) if _is_drawn(network) else None

    def hear(self, event: Event) -> None:
        """Take in an event."""
        if isinstance(event, Epoch):
            self._losses[0].append(event.epoch)
            self._losses[1].append(event.loss)
            if event.validation_loss is not None:
                self._held[0].append(event.epoch)
                self._held[1].append(event.validation_loss)
            self._tell(event.epoch, self._running.state().step, event.loss)
        elif isinstance(event, Batches):
            self._tell(event.epoch, event.step, float(np.mean(event.losses)))
        elif isinstance(event, Stop):
            self._line += f" · {self._say(f'notebook.{event.reason}')}"

    def _tell(self, epoch: int, step: int, loss: float) -> None:
        epochs = self._running.settings.recipe.epochs
        self._line = self._say(
            "notebook.line", epoch=epoch, epochs=epochs, step=f"{step:,}", loss=figure(loss)
        )

    def name(self, names: dict[str, tuple[str, ...]]) -> None:
        """Call units by other names: `Names`' keyword arguments."""
        if self._drawing is not None:
            self._drawing = self._new_drawing(names)

    def frame(self) -> dict[str, Any]:
        """Return all that there is to show now."""
        with np.errstate(all="ignore"):
            network, caption = self._network()
            curves = self._curves()
        lang = _TAGS[self._say.lang]
        frame = {"network": network, "curves": curves, "caption": caption, "lang": lang}
        return frame | {"line": self._line or self._say("notebook.begins")}

    def _new_drawing(self, names: dict[str, tuple[str, ...]]) -> NetworkDrawing:
        known = Names(self._running.engine.network, **names)  # type: ignore[arg-type]
        first = next(k for k, one in enumerate(known.network.operations, 1) if one.kind == "dense")
        place = known.find(self._weight) if self._weight else Place(first, 0, 0)
        return NetworkDrawing(known, Look(place, self._row, False, self._say.lang), self._say, None)

    def _network(self) -> tuple[dict[str, Any] | None, str]:
        drawing = self._drawing
        if drawing is None:
            return None, self._say("notebook.not_drawn")
        trace = self._running.trace(self._row)
        assert not isinstance(trace, SequenceTrace)  # of a network that is drawn
        scene, grids = drawing.draw(trace)
        caption = self._say(
            "notebook.caption", weight=drawing.names.of(drawing.look.weight),
            gradient=drawing.chain.gradient, row=self._row, n=drawing.chain.count_of_paths,
        )  # fmt: skip
        return _message(scene, grids), caption

    def _curves(self) -> dict[str, Any] | None:
        say = self._say
        if len(self._losses[0]) < 2:
            return None
        lines = [Series(say("studio.curve_train"), *self._losses, "signal", ())]
        if self._held[0]:
            lines.append(Series(say("studio.curve_held"), *self._held, "contrast", (7, 4)))
        scene = curve_scene(
            "", lines, x_label=say("studio.epochs"), y_label=say("studio.loss"), lang=say.lang,
            description=say("notebook.curves"), width=CURVES[0], height=CURVES[1],
        )  # fmt: skip
        return _message(scene)


def _is_drawn(network: Network) -> bool:
    """Whether one row's pass fits one picture: not through time, nor through many members."""
    return not network.recurrent and network.members == 1


def _message(scene: Any, grids: Grids | None = None) -> dict[str, Any]:
    # whole each time: a page that is shown late, or again, has nothing that a change could build on
    return Stream().message(scene, grids)
