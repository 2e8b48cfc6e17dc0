"""`clearprop example`: worked examples, each a page that walks through it."""

from __future__ import annotations

from typing import Any

import click

from clearprop.cli.output import console
from clearprop.cli.pages import (
    destinations,
    language_option,
    page_files,
    printed,
    show_page,
    write_files,
)


@click.command("example", short_help="Walk through a worked example; without a name, list them.")
@click.argument("name", required=False)
@language_option
@page_files
def command(name: str | None, lang: str, **files: Any) -> None:
    """Walk through the worked example NAME; without a name, list the examples there are.

    Names may be letters of the origin texts' figures, too: G is two-two-two.
    """
    from clearprop.explanation.examples import example

    if name is None:
        given = [option for option, path in files.items() if path is not None]
        if given:
            raise click.UsageError(f"--{given[0]} goes with the NAME of an example.")
        _list(lang)
        return
    places = destinations(files)
    page = example(name).page(lang)
    if places:
        write_files(places, lambda kind: printed(page, kind))
    else:
        show_page(page)


def _list(lang: str) -> None:
    from rich.table import Table

    from clearprop.explanation.examples import EXAMPLES
    from clearprop.explanation.pages import Text

    def said(text: Text) -> str:
        return "".join(getattr(part, "text", "") for part in text)

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for one in EXAMPLES.values():
        grid.add_row(one.name, said(one.title(lang)))
        grid.add_row("", said(one.lead(lang)), style="dim")
    console().print(grid)
