"""`--processes`: one command as several processes that train one network together.

    --processes 4                                   here: this process starts the three others
    --processes 4 --coordinator HOST:PORT --process-index I      started by hand, on any machines
    --processes auto                                SLURM, Open MPI, Kubernetes or a TPU pod says

The first process speaks and writes; the others compute in silence. What is not said on the command
line may stand in CLEARPROP_PROCESSES, CLEARPROP_COORDINATOR and CLEARPROP_PROCESS_INDEX.

Public names: `process_options`, `together`.
May import: click, `clearprop.cli.output`, `clearprop.errors`; `clearprop.engines.xla` when asked
for.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from clearprop.cli.output import silence
from clearprop.errors import ClearpropError

_VARIABLES = {
    "processes": "CLEARPROP_PROCESSES",
    "coordinator": "CLEARPROP_COORDINATOR",
    "process_index": "CLEARPROP_PROCESS_INDEX",
}


class _Processes(click.ParamType):
    """A whole number from 1 on, or `auto`."""

    name = "processes"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the number, or `"auto"`."""
        if value == "auto" or isinstance(value, int):
            return value
        if not value.isdecimal() or not int(value):
            self.fail(f"{value!r} is neither a whole number from 1 on nor auto.", param, ctx)
        return int(value)


def process_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--processes`, `--coordinator` and `--process-index` to a verb."""
    for option in (
        click.option(
            "--process-index",
            type=click.IntRange(0),
            metavar="I",
            envvar=_VARIABLES["process_index"],
            help="Which of the processes this is, from 0 on.",
        ),
        click.option(
            "--coordinator",
            metavar="HOST:PORT",
            envvar=_VARIABLES["coordinator"],
            help="Where the first process waits for the others; without, all are started here.",
        ),
        click.option(
            "--processes",
            type=_Processes(),
            metavar="N|auto",
            envvar=_VARIABLES["processes"],
            help="Train as so many processes that share out the rows of each batch (xla engine); "
            "auto: as SLURM, Open MPI or Kubernetes started them.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def together(options: dict[str, Any]) -> Iterator[int]:
    """Be one of the processes that were asked for inside the `with` block; gives its index.

    An error inside of it ends the process at once, since the others are not waited for.
    """
    wanted = options["processes"]
    _check(options)
    if wanted in (None, 1):
        yield 0
        return
    from clearprop.engines import xla  # noqa: F401 - says how to get JAX where it is missing
    from clearprop.engines.xla.world import World, joined

    address, index, others = options["coordinator"], options["process_index"], _Others()
    if wanted != "auto" and address is None:
        address, index = f"127.0.0.1:{_free_port()}", 0
        others.start(wanted, address)
    count = None if wanted == "auto" else wanted
    _hide_foreign_words()
    try:
        with joined(World(address, count, index)) as own:
            if own:
                silence()
            yield own
    except BaseException as error:
        others.end()
        _leave(error, "" if address is None or not index else f"Process {index}: ")
    others.wait()


def _hide_foreign_words() -> None:
    """Keep standard output for what this package prints: Gloo says there whom it has met."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    os.dup2(nowhere, 1)
    sys.stdout = open(kept, "w", encoding=sys.stdout.encoding, errors="replace")  # noqa: SIM115


def _leave(error: BaseException, name: str) -> None:
    """Say what went wrong and end, without what a process does at its end: it would wait."""
    code = 1
    if isinstance(error, click.ClickException):
        code, message = error.exit_code, error.format_message()
    elif isinstance(error, ClearpropError):
        message = str(error)
    elif isinstance(error, KeyboardInterrupt):
        message = "Interrupted. Nothing was saved."
    else:
        message = "".join(traceback.format_exception(error))
    click.echo(f"Error: {name}{message}", err=True)
    sys.stdout.flush()
    os._exit(code)


def _check(options: dict[str, Any]) -> None:
    wanted, address, index = (options[name] for name in _VARIABLES)
    if wanted is None:
        if address is not None or index is not None:
            raise click.UsageError("--coordinator and --process-index go with --processes N.")
        return
    if wanted == 1:
        return
    if options["engine"] != "xla":
        raise click.UsageError("--processes is for --engine xla.")
    if options["search_minutes"] or options["folds"] not in (None, 1):
        raise click.UsageError("--processes trains one network: leave searches and folds out.")
    if wanted == "auto" and (address is not None or index is not None):
        raise click.UsageError("With --coordinator say how many --processes there are.")
    if (address is None) != (index is None):
        raise click.UsageError("--coordinator and --process-index go together.")
    if index is not None and index >= wanted:
        raise click.UsageError(
            f"Processes are numbered from 0 to {wanted - 1}, but --process-index {index} came."
        )


class _Others:
    """The processes that this one has started; they end with it."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, count: int, address: str) -> None:
        """Start the processes 1 to count - 1 with the command line of this one."""
        command = [sys.executable, "-m", "clearprop", *sys.argv[1:]]
        told = {_VARIABLES["coordinator"]: address, _VARIABLES["processes"]: str(count)}
        for index in range(1, count):
            environment = {**os.environ, **told, _VARIABLES["process_index"]: str(index)}
            self._started.append(
                subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            )

    def wait(self) -> None:
        """Wait for their end."""
        for process in self._started:
            process.wait()

    def end(self) -> None:
        """End them: they would find out by themselves, but later."""
        for process in self._started:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
