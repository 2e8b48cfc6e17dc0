"""What panes of the drawer are made of, and how what they show reaches the page.

A pane is a part of the desk that says what there is to see (`Contents`); only the open one is ever
asked. What of it has changed becomes a message:

    {"pictures": {place: message (`wire`)}, "html": {place: fragment}, "texts": {place: text},
     "data": {name: plain data, for the pane's own script}}

The page puts a picture into the element `cp-PLACE`, a fragment into `[data-html=PLACE]` and a text
into `[data-live=PLACE]`; data go to listeners of the event `clearprop:pane`.

Public names: `Contents`, `Pane`, `PaneStream`, `Work`.
May import: `trainer`, `views`, `wire`, `clearprop.explanation.scenes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from clearprop.explanation.scenes.scene import Scene
from clearprop.studio.trainer import Trainer
from clearprop.studio.views import View
from clearprop.studio.wire import Grids, Stream


class Work(Protocol):
    """What a part may know of the desk.

    Attributes
    ----------
    trainer : Trainer
        Another one as soon as a run is begun; ask for it each time.
    view : View
    playing : bool
    send : callable
        `send("health.took", value)` has a command carried out on the session's thread; for what a
        thread of its own has made.
    """

    trainer: Trainer
    view: View
    playing: bool
    send: Callable[..., None]


@dataclass(frozen=True)
class Contents:
    """What a pane shows.

    Attributes
    ----------
    pictures : mapping of str to Scene, or to Scene and the cells of its heat maps
    html : mapping of str to str
        Fragments, made and escaped by this package.
    texts : mapping of str to str
    data : mapping of str to plain data
    """

    pictures: Mapping[str, Scene | tuple[Scene, Grids]] = field(default_factory=dict)
    html: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


class Pane(Protocol):
    """A part of the desk that has a pane."""

    def to_document(self) -> dict[str, Any]:
        """Return what the pane's controls show."""

    def contents(self) -> Contents | None:
        """Return what there is to see; asked for every frame, so the same object if unchanged.

        None where the pane is to stay as it is.
        """

    def close(self) -> None:
        """End what a thread of its own computes, and let go of everything large."""


class PaneStream:
    """The messages of one pane, one after the other."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._sent: dict[tuple[str, str], Any] = {}

    def message(self, contents: Contents) -> dict[str, Any]:
        """Return what the page has to be told."""
        pictures = {}
        for place, shown in contents.pictures.items():
            scene, grids = shown if isinstance(shown, tuple) else (shown, {})
            stream = self._streams.setdefault(place, Stream())
            pictures[place] = stream.message(scene, grids)
        parts = {
            "pictures": {place: message for place, message in pictures.items() if message},
            "html": self._fresh("html", contents.html),
            "texts": self._fresh("texts", contents.texts),
            "data": self._fresh("data", contents.data),
        }
        return {name: part for name, part in parts.items() if part}

    def _fresh(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        fresh = {
            name: value
            for name, value in values.items()
            if (kind, name) not in self._sent or self._sent[kind, name] != value
        }
        self._sent |= {(kind, name): value for name, value in fresh.items()}
        return fresh
