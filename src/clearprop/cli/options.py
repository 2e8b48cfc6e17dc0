"""Options and parameter types that several verbs share. Imports click only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Units(click.ParamType):
    """`128,64` as a list of whole numbers; `none` for no hidden layer."""

    name = "units"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        """Return the units of each hidden layer."""
        if isinstance(value, list):
            return value
        if value.strip().lower() in ("", "none"):
            return []
        try:
            units = [int(part) for part in value.split(",")]
        except ValueError:
            units = [0]
        if any(count < 1 for count in units):
            self.fail(
                f"{value!r} is not a list of layer sizes such as 128,64, or none.", param, ctx
            )
        return units


class Default(click.Option):
    """An option whose default stands elsewhere; it is shown as it is, without parentheses."""

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what click writes in brackets behind the help."""
        extra = super().get_help_extra(ctx)
        if "default" in extra:
            extra["default"] = extra["default"].removeprefix("(").removesuffix(")")
        return extra


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json to a verb."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object, for machines."
    )(command)


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --format and --labels, which say how a table is read."""
    kinds = click.Choice(["csv", "tsv", "parquet", "arrow", "jsonl"])
    described = click.option(
        "--format", "file_format", type=kinds, help="What TABLE is, if its name does not say."
    )
    labelled = click.option(
        "--labels",
        type=click.Path(),
        metavar="FILE",
        help="The IDX file of the labels, if TABLE is an IDX file.",
    )
    return described(labelled(command))


def memory_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --memory, the bound within which a table is streamed."""
    return click.option(
        "--memory",
        metavar="SIZE",
        help="Stay below this, 1GB say: TABLE, Parquet or Arrow files or a folder of them, is read "
        "group by group if it does not fit.",
    )(command)


def setting(name: str, default: str, help_text: str, **options: Any) -> Decorator:
    """Return an option that is None where it is not given; its default, as shown, is a model's."""
    return click.option(name, cls=Default, show_default=default, help=help_text, **options)
