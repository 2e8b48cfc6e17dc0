"""The drawer below the columns: one pane at a time, chosen by tabs in its head, or none.

A pane that is not open is hidden on the page, and the session computes nothing for it. On a phone
the drawer is a tab of its own, and open while that tab is.

Public names: `Drawer`, `PANES`, `PanePart`.
May import: `tags`, the panes' page parts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Protocol

from clearprop.studio.health.pane import HealthPane
from clearprop.studio.microscope.pane import MicroscopePane
from clearprop.studio.tags import Speech, Tag, button
from clearprop.studio.tour.pane import TourPane

Do = Callable[..., Any]


class PanePart(Protocol):
    """The page's part of a pane.

    Attributes
    ----------
    from_script : frozenset of str
        The methods of the desk's part that the pane's own script may call, with the event
        `clearprop:do` on the document, detail `["microscope.METHOD", argument, …]`.
    """

    from_script: ClassVar[frozenset[str]]

    def __init__(self, speech: Speech, do: Do) -> None:
        """Keep what it speaks and acts with."""

    def build(self) -> None:
        """Build the elements."""

    def show(self, state: dict[str, Any]) -> None:
        """Show what the session said: `Desk.to_document`."""


# name: the page's part; the desk's part has the same name (`desk.PANES`)
PANES: dict[str, type[PanePart]] = {
    "microscope": MicroscopePane,
    "health": HealthPane,
    "tour": TourPane,
}


class Drawer:
    """All panes, their tabs, and which is open."""

    def __init__(self, speech: Speech, do: Do) -> None:
        self._speech, self._do = speech, do
        self._parts = {name: part(speech, do) for name, part in PANES.items()}
        self._tabs: dict[str, Tag] = {}
        self._bodies: dict[str, Tag] = {}
        self._open, self._last = "", next(iter(PANES))

    def build(self) -> None:
        """Build everything, closed."""
        say = self._speech
        with say.on(Tag("section", class_="drawer", id="cp-drawer"), "drawer", "aria-label"):
            with say.on(Tag("div", class_="heads", role="group"), "drawer", "aria-label"):
                for name in PANES:
                    self._tabs[name] = button(
                        say, f"pane_{name}", partial(self.toggle, name), long=f"pane_{name}_long",
                        aria_expanded="false", aria_controls=f"cp-pane-{name}",
                        id=f"cp-open-{name}",
                    )  # fmt: skip
                self._hint = say.on(Tag("p", class_="hint"), "drawer_hint")
                self._away = button(
                    say, "drawer_close", self._close, sign="×", class_="small", hidden="",
                    id="cp-close-drawer",
                )  # fmt: skip
            for name, part in self._parts.items():
                body = Tag("div", class_=f"pane {name}", id=f"cp-pane-{name}", hidden="")
                self._bodies[name] = body
                with body:
                    part.build()

    def toggle(self, name: str) -> None:
        """Open a pane, or close it if it is open."""
        self._look("" if name == self._open else name)

    def reveal(self, shown: bool) -> None:
        """Open the pane of before where the drawer is come into sight, and close it where not."""
        if shown != bool(self._open):
            self._look(self._last if shown else "")

    def show(self, state: dict[str, Any]) -> None:
        """Show what the session said."""
        if state["pane"] != self._open:
            self._open = state["pane"]
            self._last = self._open or self._last
            for name, body in self._bodies.items():
                here = name == self._open
                body.put(hidden=None if here else "")
                self._tabs[name].put(aria_expanded="true" if here else "false")
            self._away.put(hidden=None if self._open else "")
            self._hint.put(hidden="" if self._open else None)
        if self._open:
            self._parts[self._open].show(state)

    def from_script(self, asked: list[Any]) -> None:
        """Carry out what a pane's own script asks for, if that pane lets it."""
        name, method = str(asked[0]).split(".", 1)
        if name in PANES and method in PANES[name].from_script:
            self._do(f"{name}.{method}", *asked[1:])

    def _close(self) -> None:
        self._look("")

    def _look(self, pane: str) -> None:
        self._do("look", {"pane": pane})
