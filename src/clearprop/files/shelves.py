"""A folder of checkpoints: their names, which of them are whole, and which may go.

A checkpoint's file is named by the step that it stands at. What is in the folder besides is left
alone, apart from what a process that was killed in mid-write has left unfinished.

Public names: `Shelf`.
May import: the other modules of this room, `clearprop.errors`, `clearprop.storage`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from clearprop.errors import FileError
from clearprop.files.checkpoint_parts import Checkpoint
from clearprop.files.reading import describe, load
from clearprop.files.writing import save

_NAME = re.compile(r"step-(\d{12,18})\.checkpoint")


class Shelf:
    """The checkpoints in a folder.

    Parameters
    ----------
    folder : Path
    keep : int
        How many are kept; older ones go when a new one is safely there.
    say : callable
        Told of files that cannot be read or removed.

    Attributes
    ----------
    whole : list of Path
        Those that are known to be whole, the oldest first. No others are ever removed.
    """

    def __init__(self, folder: Path, keep: int, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.whole: list[Path] = []
        self._keep, self._say = keep, say

    def names(self) -> list[Path]:
        """Return all files that are called as checkpoints, the oldest first."""
        if not self.folder.is_dir():
            return []
        found = (path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
        return sorted(found, key=lambda path: int(path.name[5:].split(".")[0]))

    def newest(self) -> tuple[Path, Checkpoint] | None:
        """Return the newest checkpoint that is whole; None where the folder has none at all.

        Raises
        ------
        FileError
            There are some, and none is whole.
        """
        names = self.names()
        found = None
        for path in reversed(names):
            try:
                if found is None:
                    found = path, self._read(path)
                else:
                    describe(path)  # which reads all of it
                self.whole.insert(0, path)
            except FileError as error:
                self._say(f"A checkpoint cannot be used and is left alone: {error}")
        if names and found is None:
            raise FileError(
                f"None of the {len(names)} checkpoints in {str(self.folder)!r} is whole. Name "
                f"another folder to begin anew."
            )
        return found

    def put(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint, and then let the oldest go.

        Raises
        ------
        FileError
            It cannot be written; all others are there as before.
        """
        path = self.folder / f"step-{checkpoint.snapshot.state.step:012d}.checkpoint"
        save(checkpoint, path)
        self.whole = [*(other for other in self.whole if other != path), path]
        while len(self.whole) > self._keep:
            oldest = self.whole.pop(0)
            try:
                oldest.unlink(missing_ok=True)
            except OSError as error:
                self._say(f"{str(oldest)!r} could not be removed: {error.strerror}.")
        return path

    def sweep(self) -> None:
        """Remove what was never finished: only the one who holds the folder's lock may do so."""
        for path in self.folder.glob(".clearprop-*.tmp"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _read(self, path: Path) -> Checkpoint:
        found = load(path)
        if not isinstance(found, Checkpoint):
            raise FileError(f"{str(path)!r} holds a {type(found).__name__} and no checkpoint.")
        return found
