"""How many sessions there may be, their keys, and the folders that their uploads stay in.

Public names: `FullError`, `Place`, `Sessions`.
May import: `desk`, `session`, `clearprop.errors`.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clearprop.errors import ClearpropError
from clearprop.studio.desk import Desk
from clearprop.studio.session import Session, Tell


class FullError(ClearpropError):
    """There are as many sessions as there may be."""


@dataclass(frozen=True, eq=False)
class Place:
    """A session with what belongs to it.

    Attributes
    ----------
    key : str
        Nobody guesses it; uploads name it.
    session : Session
    folder : Path
        Where its uploads are; it goes with the session.
    """

    key: str
    session: Session
    folder: Path
    _temporary: tempfile.TemporaryDirectory[str]

    def free(self) -> None:
        """End the session and remove its folder."""
        self.session.close()
        self._temporary.cleanup()


class Sessions:
    """The sessions of one server."""

    def __init__(self, most: int = 8, make: Callable[[], Desk] = Desk) -> None:
        self.most, self._make = most, make
        self._places: dict[str, Place] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)

    def open(self, tell: Tell) -> Place:
        """Begin a session.

        Raises
        ------
        FullError
            There are as many as there may be.
        """
        with self._lock:
            if len(self._places) >= self.most:
                raise FullError(f"{self.most} sessions are open, which is as many as there may be.")
            temporary = tempfile.TemporaryDirectory(prefix="clearprop-studio-")
            session = Session(self._make, tell)
            place = Place(secrets.token_urlsafe(24), session, Path(temporary.name), temporary)
            self._places[place.key] = place
        return place

    def get(self, key: str) -> Place | None:
        """Return a session by its key."""
        return self._places.get(key)

    def close(self, key: str) -> None:
        """End a session, if it is there."""
        with self._lock:
            place = self._places.pop(key, None)
        if place is not None:
            place.free()

    def close_all(self) -> None:
        """End all sessions."""
        for key in list(self._places):
            self.close(key)
