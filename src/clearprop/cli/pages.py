"""Pages of explanations on the command line: in which language, and where to.

A page goes to the terminal, or as one file each to where `--html`, `--markdown` and `--latex` say;
files appear whole or not at all.

Public names: `Files`, `language_option`, `page_files`, `show_page`, `write_files`.
May import: `clearprop.cli.output`, `clearprop.storage`, the printers of `clearprop.explanation`
when they print.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearprop.cli.output import check_destination, console

if TYPE_CHECKING:
    from clearprop.explanation.pages import Page

# option → what it writes; the languages are those of the catalogue, which is not loaded for --help
KINDS = {"html": "one self-contained HTML page", "markdown": "Markdown", "latex": "LaTeX"}
LANGUAGES = ("en", "zh")

# destinations by option
Files = dict[str, Path]


def language_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --lang to a verb."""
    return click.option(
        "--lang",
        type=click.Choice(LANGUAGES),
        default="en",
        show_default=True,
        envvar="CLEARPROP_LANG",
        help="Language of the page; CLEARPROP_LANG in the environment says it for all runs.",
    )(command)


def page_files(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --html, --markdown and --latex to a verb."""
    for name, what in reversed(KINDS.items()):
        command = click.option(
            f"--{name}",
            type=click.Path(),
            metavar="FILE",
            help=f"Write the page as {what}, in place of the terminal.",
        )(command)
    return command


def destinations(options: dict[str, str | None], keep: tuple[str, ...] = ()) -> Files:
    """Return where files go, by option; refuse what cannot be written before any work.

    Parameters
    ----------
    options : dict
        Option name → path as it was typed, or None.
    keep : tuple of str
        Files that must not be overwritten: those that are read.

    Raises
    ------
    UsageError
        If two options name one file.
    FileError
        If a destination cannot be written to, or is a file that is read.
    """
    files: Files = {}
    for name, path in options.items():
        if path is None:
            continue
        for kept in keep or ("",):
            files[name] = check_destination(path, f"--{name}", kept or None)
    taken: dict[Path, str] = {}
    for name, place in files.items():
        other = taken.setdefault(place.resolve(), name)
        if other != name:
            raise click.UsageError(f"--{other} and --{name} name the same file, {str(place)!r}.")
    return files


def write_files(files: Files, texts: Callable[[str], str]) -> None:
    """Write each file; `texts` gives the text of an option."""
    from clearprop.storage import replace_file

    for name, path in files.items():
        replace_file(path, [texts(name).encode()])
        click.echo(f"Wrote {path}.", err=True)


def printed(page: Page, kind: str) -> str:
    """Return a page as the text of `--html`, `--markdown` or `--latex`."""
    from importlib import import_module

    module = import_module(f"clearprop.explanation.render.{kind}")
    text: str = getattr(module, f"{kind}_of")(page)
    return text


def show_page(page: Page) -> None:
    """Print a page to the terminal."""
    from clearprop.explanation.render.terminal import rich_of

    console().print(rich_of(page))
