"""The page's part of the microscope.

Public names: `MicroscopePane`.
May import: `tags`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from clearprop.studio.tags import VALUE, Speech, Tag


class MicroscopePane:
    """The pass of one sample, and its timeline."""

    from_script: ClassVar[frozenset[str]] = frozenset({"go_to"})

    def __init__(self, speech: Speech, do: Callable[..., Any]) -> None:
        self._speech, self._do = speech, do

    def build(self) -> None:
        """Build the elements."""
        self._time = Tag("input", type="range", min=0, max=0, value=0, id="cp-moment")
        self._speech.on(self._time, "moment", "aria-label")
        self._time.on(
            "input", lambda event: self._do("microscope.go_to", int(str(event.args))),
            js_handler=VALUE,
        )  # fmt: skip
        Tag("p", class_="caption", data_live="moment", id="cp-moment-said")
        Tag("div", id="cp-pass")

    def show(self, state: dict[str, Any]) -> None:
        """Show where the microscope stands."""
        shown = state["microscope"]
        self._time.put(max=max(0, shown["moments"] - 1), value=shown["at"])
