"""The page's part of the microscope: what is chosen, the timeline, the picture, the reading.

The timeline belongs to the pane's own script (`static/microscope`), which knows how many moments
there are; choices are the browser's own controls.

Public names: `MicroscopePane`.
May import: `tags`, `slide` (names of choices), `clearprop.explanation` (of zooms).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from clearprop.explanation.scenes.moments import ZOOMS
from clearprop.studio.microscope.scope import PHASES
from clearprop.studio.microscope.slide import CARRIERS, READINGS
from clearprop.studio.tags import VALUE, Choice, Speech, Tag, button, weight_search


class MicroscopePane:
    """The pass of one sample, and the derivation of a weight."""

    from_script: ClassVar[frozenset[str]] = frozenset({"go_to", "step", "zoom_by", "pick"})

    def __init__(self, speech: Speech, do: Callable[..., Any]) -> None:
        self._speech, self._do = speech, do
        self._zooms: dict[str, Tag] = {}
        self._readings: dict[str, Tag] = {}

    def build(self) -> None:
        """Build the elements."""
        say = self._speech
        with Tag("div", class_="choices"):
            self._choices()
        with Tag("div", class_="halves"):
            stage = Tag("div", class_="stage", id="cp-scope", role="group", tabindex="0")
            with say.on(stage, "scope_stage", "aria-label"):
                self._timeline()
                Tag("div", id="cp-pass", data_motion="", data_arrows="vertical",
                    data_picks="microscope.pick")  # fmt: skip
                say.on(Tag("p", class_="hint"), "scope_pick")
            with Tag("div", class_="text"):
                self._reading()

    # building

    def _choices(self) -> None:
        say = self._speech
        with say.on(Tag("div", class_="switch", role="group"), "zoom", "aria-label"):
            for name in ZOOMS:
                self._zooms[name] = button(
                    say, f"zoom_{name}", partial(self._do, "microscope.set_zoom", name),
                    long=f"zoom_{name}_long", id=f"cp-zoom-{name}",
                )  # fmt: skip
        ways = [(name, f"carrier_{name}") for name in CARRIERS]
        with Tag("div", class_="wide-field"):
            self._carrier = Choice(
                say, "scope_carrier", ways, partial(self._do, "microscope.carry"),
                id="cp-scope-carrier",
            )  # fmt: skip
        with Tag("label", class_="field row-number"):
            say.on(Tag("span"), "scope_row")
            self._row = Tag("input", type="number", min=0, id="cp-scope-row")
        self._row.on("change", lambda event: self._pick_row(str(event.args)), js_handler=VALUE)
        weight_search(say, partial(self._do, "microscope.pick"), id="cp-scope-find")
        with Tag("p", class_="slide"):
            Tag("b", data_live="slide", id="cp-slide")
            say.on(Tag("span", class_="behind", hidden=""), "scope_behind")
            button(say, "scope_again", partial(self._do, "microscope.look_again"),
                   id="cp-look-again", class_="behind", hidden="")  # fmt: skip

    def _timeline(self) -> None:
        say = self._speech
        with say.on(Tag("div", class_="passing", role="group"), "scope_time", "aria-label"):
            for name, sign in (("back", "‹"), ("play", "▶"), ("on", "›")):
                button(say, f"scope_{name}", sign=sign, class_="small", id=f"cp-pass-{name}")
            with Tag("div", class_="track"):
                with Tag("div", class_="phases"):
                    for phase in PHASES:
                        button(say, f"phase_{phase}", data_phase=phase)
                # its place is the script's: a value given here would be put back at every update
                time = Tag("input", type="range", min=0, max=0, id="cp-moment")
                say.on(time, "moment", "aria-label")
            Tag("span", class_="count", data_live="moment_count")
        Tag("p", class_="said", data_live="moment", id="cp-moment-said", role="status")

    def _reading(self) -> None:
        say = self._speech
        with say.on(Tag("div", class_="readings", role="group"), "scope_reading", "aria-label"):
            for name in READINGS:
                self._readings[name] = button(
                    say, f"reading_{name}", partial(self._do, "microscope.read", name),
                    long=f"reading_{name}_long", id=f"cp-read-{name}",
                )  # fmt: skip
        Tag("div", id="cp-neuron", class_="neuron", hidden="")
        Tag("div", class_="cp reading", data_html="reading", id="cp-reading")
        with Tag("div", class_="differing", id="cp-differing"):
            say.on(Tag("h3"), "scope_difference")
            Tag("div", class_="cp", data_html="difference", id="cp-difference")

    # what a person does

    def _pick_row(self, text: str) -> None:
        if text.strip():
            self._do("pick_row", int(float(text)))

    # what the session says

    def show(self, state: dict[str, Any]) -> None:
        """Show where the microscope stands."""
        shown = state["microscope"]
        for name, tag in self._zooms.items():
            tag.put(aria_pressed="true" if name == shown["zoom"] else "false")
        for name, tag in self._readings.items():
            tag.put(aria_pressed="true" if name == shown["reading"] else "false")
        self._carrier.show(shown["carrier"])
        self._row.put(value=shown["row"], max=shown["rows"] - 1)
