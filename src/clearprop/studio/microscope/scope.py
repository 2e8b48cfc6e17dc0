"""The microscope: what is chosen, which slide lies there, and what of it is shown.

The slide is taken from the run when the pane is opened, whenever the run stands still somewhere
else, and when asked for; while the run plays it stays, whatever is chosen. So the microscope costs
a playing run nothing.

Public names: `Microscope`.
May import: `slide`, `panes`, `trainer`, `frames` (names), `clearprop.explanation`,
`clearprop.engines`, `clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clearprop.engines import Recipe, TrainState
from clearprop.equations import carrier_for
from clearprop.errors import SettingError
from clearprop.explanation.names import Names
from clearprop.explanation.scenes.moments import ZOOMS, Moment, Phase, Zoom
from clearprop.explanation.words import words
from clearprop.functions.spelling import suggest
from clearprop.studio.microscope.slide import READINGS, Slide, Stain
from clearprop.studio.panes import Contents, Work
from clearprop.studio.trainer import Trainer

PHASES: tuple[Phase, ...] = ("forward", "loss", "error", "backward", "update")
# what of a moment flies along the edges
_ROLES = {"forward": "signal", "loss": "signal", "error": "error", "backward": "error"}


@dataclass(frozen=True, eq=False)
class _Held:
    """A state of a run, kept."""

    trainer: Trainer
    state: TrainState
    recipe: Recipe

    def is_of(self, trainer: Trainer) -> bool:
        """Whether the run stands there."""
        state, here = self.state, trainer.state
        return (
            trainer is self.trainer
            and here.step == state.step
            and self.recipe == trainer.engine.recipe
            and here.vector.tobytes() == state.vector.tobytes()
        )


class Microscope:
    """One sample's pass, moment by moment, and the derivation of a weight."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._zoom: Zoom = "neuron"
        self._carrier = ""  # the run's own
        self._reading = "moment"
        self._at, self._before = 0, 0
        self._flown = 0
        self._again = False
        self._held: _Held | None = None
        self._shown: tuple[tuple[Any, ...], Contents] | None = None
        self._slides: dict[tuple[Any, ...], Slide] = {}

    def close(self) -> None:
        """Let go of the slides."""
        self._held, self._shown, self._slides = None, None, {}

    def to_document(self) -> dict[str, Any]:
        """Return what the pane's controls show."""
        samples = self._work.trainer.samples
        return {
            "zoom": self._zoom,
            "carrier": self._carrier or self._work.trainer.setup.carrier,
            "reading": self._reading,
            "row": self._work.view.row,
            "rows": len(samples.x),
        }

    # what a person does

    def go_to(self, moment: int) -> None:
        """Show a moment of the pass."""
        self._before, self._at = self._at, max(0, int(moment))
        self._reading = "moment"
        self._flown += 1

    def step(self, by: int) -> None:
        """Go some moments forward, or back."""
        self.go_to(self._at + int(by))

    def set_zoom(self, zoom: str) -> None:
        """Look at whole layers, at neurons or at single multiplications, at the same place."""
        if zoom not in ZOOMS:
            raise SettingError(f"There is no zoom {zoom!r}. {suggest(zoom, ZOOMS)}")
        if self._held is not None and zoom != self._zoom:
            here = self._moment(self._slide())
            self._at = _same_place(self._slide().moments(zoom), here)
            self._before = self._at
        self._zoom = zoom

    def zoom_by(self, by: int) -> None:
        """Look closer, or from farther off."""
        place = ZOOMS.index(self._zoom) + int(by)
        self.set_zoom(ZOOMS[min(max(0, place), len(ZOOMS) - 1)])

    def carry(self, carrier: str) -> None:
        """Show errors carried back in another way; training goes on in its own."""
        trainer = self._work.trainer
        carrier_for(carrier, trainer.network, trainer.state.seed)
        self._carrier = carrier

    def read(self, reading: str) -> None:
        """Read something else beside the picture."""
        if reading not in READINGS:
            raise SettingError(f"There is no reading {reading!r}. {suggest(reading, READINGS)}")
        self._reading = reading

    def pick(self, name: str) -> None:
        """Read the derivation of a weight."""
        self._work.send("pick_weight", name)
        if self._reading == "moment":
            self._reading = "chain"

    def look_again(self) -> None:
        """Take a slide of where the run is now, while it plays."""
        self._again = True

    # what is shown

    def contents(self) -> Contents:
        """Return what there is to see."""
        self._take()
        slide = self._slide()
        self._at = min(self._at, len(slide.moments(self._zoom)) - 1)
        key = (slide, self._zoom, self._at, self._flown, self._reading, self._work.playing)
        if self._shown is None or self._shown[0] != key:
            self._shown = key, self._contents(slide)
        return self._shown[1]

    def _contents(self, slide: Slide) -> Contents:
        moment = self._moment(slide)
        derived = self._reading != "moment"
        neuron = None if derived or self._zoom == "layer" else slide.neuron(moment)
        pictures = {"pass": slide.paths if derived else slide.picture(moment)}
        if neuron is not None:
            pictures["neuron"] = neuron
        html = {
            "reading": slide.reading(self._reading) if derived else slide.formulas(moment),
            "difference": slide.difference,
        }
        return Contents(pictures, html, self._texts(slide, moment), self._data(slide, moment))

    def _texts(self, slide: Slide, moment: Moment) -> dict[str, str]:
        say = words(slide.stain.lang)
        assert self._held is not None
        values = {"row": self._work.view.row, "step": self._held.state.step}
        said = slide.paths.title if self._reading != "moment" else moment.said
        count = {"at": self._at + 1, "n": len(slide.moments(self._zoom))}
        return {
            "moment": said,
            "moment_count": say("studio_microscope.count", **count),
            "slide": say("studio_microscope.slide", **values),
        }

    def _data(self, slide: Slide, moment: Moment) -> dict[str, Any]:
        moments = slide.moments(self._zoom)
        phases = [one.phase for one in moments]
        return {
            "at": self._at,
            "moments": len(moments),
            "phase": moment.phase,
            "phases": {name: [phases.index(name), phases.count(name)] for name in PHASES
                       if name in phases},
            "reading": self._reading,
            "behind": self._work.playing,
            "neuron": self._reading == "moment" and self._zoom != "layer"
            and slide.neuron(moment) is not None,
            "flow": self._flow(slide),
        }  # fmt: skip

    def _flow(self, slide: Slide) -> dict[str, Any]:
        """Return what travels now: what happened in a moment, or the same back to before it."""
        by, moments = self._at - self._before, slide.moments(self._zoom)
        back = by == -1
        moment = moments[min(self._at + 1, len(moments) - 1)] if back else moments[self._at]
        ways = slide.ways(moment) if abs(by) == 1 and self._reading == "moment" else []
        role = _ROLES.get(moment.phase, "update")
        return {"count": self._flown, "ways": ways, "role": role, "back": back}

    # slides

    def _take(self) -> None:
        """Keep the state of the run where another slide is due."""
        trainer = self._work.trainer
        held = self._held
        anew = held is None or held.trainer is not trainer or self._again
        if anew or not (self._work.playing or (held is not None and held.is_of(trainer))):
            if held is not None and held.trainer.network.shape != trainer.network.shape:
                self._at = self._before = 0
            self._held = _Held(trainer, trainer.state.copy(), trainer.engine.recipe)
            self._slides = {}
        self._again = False

    def _slide(self) -> Slide:
        held, view = self._held, self._work.view
        assert held is not None
        carrier = self._carrier or held.recipe.carrier
        key = (view.row, view.weight, view.lang, view.upright, carrier)
        if key not in self._slides:
            # one at a time: a slide of a large network is large
            self._slides = {key: self._made(held, carrier)}
        return self._slides[key]

    def _made(self, held: _Held, carrier: str) -> Slide:
        trainer, view = held.trainer, self._work.view
        own, shown = (
            trainer.trace_of(held.state, held.recipe, view.row, carrier=way)
            for way in (held.recipe.carrier, carrier)
        )
        names = Names(trainer.network, trainer.samples.inputs, trainer.samples.outputs)
        stain = Stain(view.weight, view.lang, view.upright)
        return Slide(own, shown, names, stain, held.state.seed)

    def _moment(self, slide: Slide) -> Moment:
        moments = slide.moments(self._zoom)
        return moments[min(self._at, len(moments) - 1)]


def _same_place(moments: tuple[Moment, ...], here: Moment) -> int:
    """Return the first moment that is about the same units, as another zoom has it."""
    return next(
        place
        for place, moment in enumerate(moments)
        if (moment.phase, moment.layer) == (here.phase, here.layer)
        and not {*moment.units}.isdisjoint(here.units)
    )
