"""Write a model file whole or not at all.

The bytes go to a new file in the same folder, which is flushed to the disk and then takes the name
of the target in one step. Whoever reads at the same time, and whoever looks after a power cut or a
full disk, finds the old file or the new one, never a half.

Public names: `replace_file`, `save`.
May import: the other modules of this room, `clearprop.errors`, NumPy, and the package's version.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from clearprop import __version__
from clearprop.errors import FileError
from clearprop.files.containers import lay_out, seal
from clearprop.files.models import to_parts
from clearprop.files.trees import split_parts


def save(model: Any, path: str | os.PathLike[str]) -> Path:
    """Save a model in one file, without pickle.

    Parameters
    ----------
    model : object
        A fitted estimator of clearprop, a `Network`, or `Parameters`.
    path : str or path
        Where to; the usual suffix is `.clearprop`, and none is added. An existing file is
        replaced once the new one is complete, and keeps its permissions.

    Returns
    -------
    path : Path
        The file, as it was given.

    Raises
    ------
    SettingError
        The model holds something that a model file cannot hold.
    FileError
        The file cannot be written there; an existing one is left as it was.

    Examples
    --------
    >>> import clearprop
    >>> clearprop.save(model, "iris.clearprop")  # doctest: +SKIP
    """
    document, arrays = split_parts(to_parts(model))
    blank, order = lay_out(document, arrays, __version__)
    data = [arrays[name].reshape(-1).view(np.uint8) for name in order]
    hasher = hashlib.sha256(blank)
    for values in data:
        hasher.update(values.data)
    replace_file(Path(path), [seal(blank, hasher.hexdigest()), *data])
    return Path(path)


def replace_file(path: Path, chunks: Iterable[Any]) -> None:
    """Write chunks of bytes to a file that appears, or replaces the old one, only when complete.

    Parameters
    ----------
    path : Path
        A link is followed, so that the file that it points to is replaced.
    chunks : iterable of bytes-like
        Written one after the other.

    Raises
    ------
    FileError
        The folder is missing or not writable, the target is a folder, a device or read-only, or
        the disk is full. Nothing is left behind, and an existing file is as it was.
    """
    with _as_file_error(path):
        target = Path(os.path.realpath(path))
        mode = _check_target(target)
        # short and of its own, so that a long name of the target leaves room for it
        temporary = target.parent / f".clearprop-{secrets.token_hex(8)}.tmp"
        try:
            with temporary.open("xb") as file:
                if mode is not None:
                    temporary.chmod(mode)
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)


@contextlib.contextmanager
def _as_file_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{str(path)!r} could not be written: {error.strerror or error}. Nothing was changed; "
            f"make room or choose another place, and save again."
        ) from error
    except ValueError as error:  # a null byte in the name
        if isinstance(error, FileError):
            raise
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
