"""One writer a folder: a lock that the system lets go of when its process ends, however it ends.

The lock is on a file in the folder (`flock`, on Windows `locking`), not the file itself: that stays
where it is, and being there means nothing. It tells who holds it, for the message to others.

Public names: `locked`.
May import: `clearprop.errors`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from clearprop.errors import FileError

NAME = "in-use"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock inside the `with` block.

    Raises
    ------
    FileError
        Somebody else holds it, be it another thread of this process.
    OSError
        The folder cannot be written to.
    """
    with (folder / NAME).open("a+b") as file:
        try:
            _take(file)
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            holder = file.read(200).decode("utf-8", "replace") or "another run"
            raise FileError(
                f"{str(folder)!r} is in use by {holder}. Two runs cannot keep their checkpoints in "
                f"one folder: wait for that one, or name another folder."
            ) from error
        _sign(file, f"process {os.getpid()} on {socket.gethostname()}")
        try:
            yield
        finally:
            _sign(file, "")
            # closing the file lets go of the lock


def _sign(file: IO[bytes], text: str) -> None:
    # on a full disk nobody can be told who it is, which is no reason not to work
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(text.encode())
        file.flush()


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        # far behind the text, which others are to be able to read
        file.seek(2**30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
