"""The page's part of a run's health: pictures over the steps, the experiment, the landscape.

Public names: `HealthPane`.
May import: `tags`, `experiment`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from clearprop.studio.health.experiment import LEAST_DEPTH, MOST_DEPTH
from clearprop.studio.tags import Slider, Speech, Tag, button, heading

FIRST_DEPTH = 10
RUNNING = ("waiting", "running")


class HealthPane:
    """How the run fares."""

    from_script: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, speech: Speech, do: Callable[..., Any]) -> None:
        self._speech, self._do = speech, do
        self._depth = FIRST_DEPTH

    def build(self) -> None:
        """Build the elements."""
        with Tag("div", class_="health-now"):
            with Tag("div", class_="cp card"):
                Tag("div", data_html="health-verdict", id="cp-verdict-of-run")
                Tag("p", class_="hint", data_live="health-rows")
            for name, key in (("gradients", "gradients"), ("saturation", "saturation"),
                              ("bins", "activations")):  # fmt: skip
                with Tag("div", class_="card"):
                    heading(self._speech, f"health.{key}")
                    Tag("div", id=f"cp-health-{name}")
                    if name == "bins":
                        self._speech.on(Tag("p", class_="hint"), "health.bins_key")
        with Tag("div", class_="health-more"):
            with Tag("div", class_="card duel"):
                self._duel_card()
            with Tag("div", class_="card hills"):
                self._hills_card()

    def _duel_card(self) -> None:
        say = self._speech
        heading(say, "health.duel")
        with Tag("div", class_="asks"):
            bounds = (LEAST_DEPTH, MOST_DEPTH, 1)
            depth = Slider(say, "health.depth", bounds, self._set_depth)
            depth.tag.put(id="cp-depth")
            depth.show(FIRST_DEPTH)
            self._run, self._stop_duel, self._duel_done = self._buttons(
                "duel", "run", self._start_duel
            )
        with Tag("div", class_="pair-of-pictures"):
            Tag("div", id="cp-health-duel-gradients")
            Tag("div", id="cp-health-duel-losses")
        Tag("div", class_="cp", data_html="health-duel", id="cp-duel-table")

    def _hills_card(self) -> None:
        heading(self._speech, "health.hills")
        with Tag("div", class_="asks"):
            self._draw, self._stop_hills, self._hills_done = self._buttons(
                "hills", "draw", partial(self._do, "health.draw_hills")
            )
        Tag("div", class_="cp", data_html="health-hills", id="cp-hills")

    def _buttons(self, name: str, key: str, act: Callable[[], Any]) -> tuple[Tag, Tag, Tag]:
        """Build what starts and stops a job, how far it is, and what is said of it."""
        say = self._speech
        start = button(say, f"health.{key}", act, id=f"cp-{key}-{name}", class_="primary")
        stop = button(say, "health.stop", partial(self._do, f"health.stop_{name}"),
                      id=f"cp-stop-{name}", hidden="")  # fmt: skip
        done = Tag("progress", max=1, value=0, hidden="")
        say.on(done, f"health.{name}", "aria-label")
        said = f"health-{name}-said"
        Tag("p", class_="hint", data_live=said, id=f"cp-{name}-said", role="status")
        return start, stop, done

    def _set_depth(self, depth: float) -> None:
        self._depth = int(depth)

    def _start_duel(self) -> None:
        self._do("health.start_duel", self._depth)

    def show(self, state: dict[str, Any]) -> None:
        """Show what the session said."""
        shown = state["health"]
        for job, stop, done in (
            (shown["duel"], self._stop_duel, self._duel_done),
            (shown["hills"], self._stop_hills, self._hills_done),
        ):
            runs = job["state"] in RUNNING
            stop.put(hidden=None if runs else "")
            done.put(hidden=None if runs else "", value=job["share"])
