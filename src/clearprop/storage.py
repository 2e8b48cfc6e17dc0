"""Write a file whole or not at all.

The bytes go to a new file in the same folder, which is flushed to the disk and then takes the name
of the target in one step. Whoever reads at the same time, and whoever looks after a power cut or a
full disk, finds the old file or the new one, never a half.

Public names: `replace_file`, `replacing`.
May import: `clearprop.errors`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from clearprop.errors import FileError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to that appears, or replaces the old one, only when complete.

    Parameters
    ----------
    path : Path
        A link is followed, so that the file that it points to is replaced.

    Raises
    ------
    FileError
        The folder is missing or not writable, the target is a folder, a device or read-only, or
        the disk is full. Nothing is left behind, and an existing file is as it was.
    """
    with _as_file_error(path):
        target = _target(path)
        mode = _check_target(target)
        # short and of its own, so that a long name of the target leaves room for it
        temporary = target.parent / f".clearprop-{secrets.token_hex(8)}.tmp"
        try:
            with temporary.open("xb") as file:
                if mode is not None:
                    temporary.chmod(mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)


def replace_file(path: Path, chunks: Iterable[Any]) -> None:
    """Write chunks of bytes, one after the other, as `replacing` does."""
    with replacing(path) as file:
        for chunk in chunks:
            file.write(chunk)


@contextlib.contextmanager
def _as_file_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{str(path)!r} could not be written: {error.strerror or error}. Nothing was changed; "
            f"make room or choose another place, and save again."
        ) from error


def _target(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path))
    except ValueError as error:  # a null byte in the name
        raise FileError(f"{str(path)!r} is no name for a file: {error}.") from error


def _check_target(target: Path) -> int | None:
    """Refuse what must not be replaced; return the permissions of an existing file."""
    if target.is_dir():
        raise FileError(f"{str(target)!r} is a folder. Give the name of a file in it.")
    if not target.parent.is_dir():
        raise FileError(
            f"The folder {str(target.parent)!r} does not exist. Create it first, or choose another."
        )
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise FileError(f"{str(target)!r} is a device or a pipe. Give the name of a file.")
    if not os.access(target, os.W_OK):
        raise FileError(f"{str(target)!r} is read-only. Make it writable, or choose another name.")
    return stat.S_IMODE(mode)


def _sync_folder(folder: Path) -> None:
    # makes the new name last through a power cut; Windows has no such call, nor some network disks
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
