"""The command line: one verb a file.

    train      train a network on a table      explain    account for every number of a model
    predict    predict the rows of a table     example    walk through a worked example
    evaluate   measure a model on a table      exercises  ask for numbers, and check answers
    report     a page on a model and a table   check      hold gradients against differences
    info       say what a model file holds     export     a model as ONNX, or for PyTorch
    studio     train live in the browser

What a person reads goes to standard output, progress and warnings to standard error; `--json` gives
one JSON object on standard output instead. Help and errors are in the language that `--lang`,
CLEARPROP_LANG or the locale says (`language`, `helping`, `zh/`). Exit codes: 0 done, 1 failed, 2
wrong usage.

May import everything; heavy libraries only inside the verbs, so that `--help` is quick.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

import click

from clearprop import __version__
from clearprop.cli.helping import show_error, translated
from clearprop.cli.language import LANGUAGES, language_of, said, speaking

# verb → its module, which has a click command named `command`
VERBS = {
    "train": "clearprop.cli.train",
    "predict": "clearprop.cli.predict",
    "evaluate": "clearprop.cli.evaluate",
    "report": "clearprop.cli.reporting",
    "explain": "clearprop.cli.explain",
    "example": "clearprop.cli.example",
    "exercises": "clearprop.cli.exercise",
    "check": "clearprop.cli.check",
    "info": "clearprop.cli.info",
    "export": "clearprop.cli.export",
    "studio": "clearprop.cli.studio",
}


class _Verbs(click.Group):
    """Loads a verb's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = translated(importlib.import_module(VERBS[cmd_name]).command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from clearprop.functions.spelling import suggest

            raise click.UsageError(f"There is no verb {args[0]!r}. {suggest(args[0], VERBS)}")
        return super().resolve_command(ctx, args)


_HELP = """Train neural networks on your own tables, and see through every number.

\b
clearprop train examples/breast-cancer.csv --target diagnosis
clearprop predict breast-cancer.clearprop new-rows.csv
clearprop explain breast-cancer.clearprop examples/breast-cancer.csv --row 7
clearprop example two-two-two
"""


@click.group(
    cls=_Verbs,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="clearprop")
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    expose_value=False,
    help="Language of help, accounts and pages; else CLEARPROP_LANG, or the locale.",
)
def cli() -> None:
    """Run a verb."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors of clearprop become one message and exit code 1.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process where absent.

    Raises
    ------
    SystemExit
        Always.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        # a terminal that lacks a sign shows ? and the work goes on
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        with speaking(language_of(arguments, os.environ)):
            code, message = _run(arguments)
        if code and message and "--json" in arguments:
            click.echo(json.dumps({"error": message}))
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader of our output has gone, as `head` does; nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _run(arguments: list[str]) -> tuple[int, str]:
    """Run a verb; return its exit code and what went wrong, which has been said."""
    from clearprop.errors import ClearpropError

    # what a verb's own --lang is, where nothing is said
    lang = {verb: {"lang": language_of(arguments, os.environ)} for verb in VERBS}
    try:
        translated(cli)(arguments, prog_name="clearprop", standalone_mode=False, default_map=lang)
    except SystemExit as verdict:
        return int(verdict.code or 0), ""
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code, ""
    except click.ClickException as error:
        return error.exit_code, show_error(error)
    except (click.Abort, KeyboardInterrupt):
        interrupted = "Interrupted. Nothing was saved."
        click.echo(said(interrupted), err=True)
        return 1, interrupted
    except ClearpropError as error:
        return _failed(str(error))
    except MemoryError:
        return _failed("The machine's memory is not enough for this table.")
    return 0, ""


def _failed(english: str) -> tuple[int, str]:
    click.echo(said(f"Error: {said(english)}"), err=True)
    return 1, english
