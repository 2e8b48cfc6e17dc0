"""The command line: one verb a file.

    train      train a network on a table          check   hold the gradients against differences
    predict    predict the rows of a table         info    say what a model file holds
    evaluate   measure a model on a table

What a person reads goes to standard output, progress and warnings to standard error; `--json` gives
one JSON object on standard output instead. Exit codes: 0 done, 1 failed, 2 wrong usage.

May import everything; heavy libraries only inside the verbs, so that `--help` is quick.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from clearprop import __version__

# verb → its module, which has a click command named `command`
VERBS = {name: f"clearprop.cli.{name}" for name in ("train", "predict", "evaluate", "check", "info")}


class _Verbs(click.Group):
    """Loads a verb's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from clearprop.functions.spelling import suggest

            raise click.UsageError(f"There is no verb {args[0]!r}. {suggest(args[0], VERBS)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="clearprop")
def cli() -> None:
    """Train neural networks on your own tables, and see through every number.

    \b
    clearprop train examples/breast-cancer.csv --target diagnosis
    clearprop predict breast-cancer.clearprop new-rows.csv
    """


def main() -> None:
    """Run the command line; errors of clearprop become one message and exit code 1."""
    from clearprop.errors import ClearpropError

    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(1)
    except ClearpropError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # the reader of our output has gone, as `head` does; nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError:
        click.echo("Error: The machine's memory is not enough for this table.", err=True)
        sys.exit(1)
