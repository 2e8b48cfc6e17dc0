"""Where results go: consoles, JSON, destinations that can be written to, warnings as lines.

Public names: `console`, `print_json`, `note`, `notes_from_warnings`, `check_destination`,
`silence`.
Imports click, `language`, `clearprop.errors`, and Rich when a console is made.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.language import said
from clearprop.errors import FileError

if TYPE_CHECKING:
    from rich.console import Console

# where there is no terminal to ask, in a log say
WIDTH_OF_LOGS = 100


def console(*, error: bool = False) -> Console:
    """Return a Rich console on standard output or standard error.

    Text is printed as it is: names of files and columns may hold what looks like markup.
    """
    from rich.console import Console

    width = None if (sys.stderr if error else sys.stdout).isatty() else WIDTH_OF_LOGS
    return Console(stderr=error, highlight=False, markup=False, emoji=False, width=width)


def print_json(document: dict[str, Any]) -> None:
    """Print a document; numbers that JSON lacks become null."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    text = json.dumps(_plain(document), ensure_ascii=encoding != "utf8", indent=2)
    click.echo(text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return None
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    # dates, durations and decimals
    return str(value)


_silent: list[bool] = []


def silence() -> None:
    """Say no notes in this process: another one says the same."""
    _silent.append(True)


def note(message: str) -> None:
    """Say something to heed, on standard error."""
    if not _silent:
        click.echo(said(f"Note: {message}"), err=True)


@contextmanager
def notes_from_warnings() -> Iterator[list[str]]:
    """Show the warnings raised inside as notes; gives a list that is filled with them."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("always", RuntimeWarning)
        yield messages
    messages += dict.fromkeys(str(warning.message) for warning in caught)
    for message in messages:
        note(message)


def check_destination(path: str, option: str, keep: str | None = None) -> Path:
    """Refuse a destination that cannot be written to, before hours of work.

    Parameters
    ----------
    keep : str, optional
        A file that must not be overwritten: the one that is read.

    Raises
    ------
    FileError
        If it is a folder, a device, the file to keep or read-only, or its folder is missing or
        cannot be written to.
    """
    destination = Path(path)
    folder = destination.resolve().parent
    if destination.is_dir():
        raise FileError(f"{option} names the folder {path!r}; a file name was expected.")
    if not folder.is_dir():
        raise FileError(f"The folder of {option} {path!r} does not exist. Create it first.")
    if not os.access(folder, os.W_OK):
        raise FileError(f"The folder of {option} {path!r} cannot be written to. Choose another.")
    if not destination.exists():
        return destination
    if not destination.is_file():
        raise FileError(f"{option} {path!r} is a device or a pipe; a file name was expected.")
    if keep is not None and Path(keep).exists() and destination.samefile(keep):
        raise FileError(f"{option} {path!r} is the file that is read. Choose another name.")
    if not os.access(destination, os.W_OK):
        raise FileError(f"{option} {path!r} is read-only. Choose another name.")
    return destination
