"""Several processes that train one network together, on one machine or on many.

`joined` brings them together (`jax.distributed`): by an address that all are told, or by what
SLURM, Open MPI, Kubernetes or a TPU pod tell each of them. From then on JAX knows the devices of
all, an engine's mesh goes over them (`Site`), and every process runs the same loop on the same
rows.

What a process decides by its own clock or from its own keyboard has to be the same on all of them:
`agreed_least` and `agreed_any` ask the others. A process that dies would let the others wait for
ever, so each says every second that it is alive, and listens: one that is silent for longer than
`patience` ends the others with a message.

Public names: `World`, `agreed_any`, `agreed_least`, `check_alike`, `joined`, `with_others`.
May import: `clearprop.errors`, JAX, NumPy.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from clearprop.errors import ClearpropError, EngineError

# seconds between two signs of life, and those after which a process without any counts as gone
BEAT = 1.0
PATIENCE = 20.0
# seconds in which all processes have to come
ARRIVAL = 300.0
# seconds that a process may take for what it does alone at the end
WORK_AFTERWARDS = 3600
_FOLDER = "clearprop/alive/"
_RESUME = "Start the same command again with --resume: it goes on from the last checkpoint."


@dataclass(frozen=True)
class World:
    """Which processes there are, as far as a process is told; the rest is found out.

    Attributes
    ----------
    coordinator : str, optional
        HOST:PORT at which the first process waits for the others.
    processes : int, optional
        How many there are.
    index : int, optional
        Which one this is, from 0 on.
    patience : float
        Seconds of silence after which a process counts as gone.
    arrival : float
        Seconds in which all of them have to come.
    """

    coordinator: str | None = None
    processes: int | None = None
    index: int | None = None
    patience: float = PATIENCE
    arrival: float = ARRIVAL


@contextmanager
def joined(world: World) -> Iterator[int]:
    """Be one of several processes inside the `with` block; gives this one's index.

    Raises
    ------
    EngineError
        If nothing says which processes there are, or not all of them came in time.
    """
    _join(world)
    watch = _Watch(world.patience)
    watch.start()
    try:
        yield jax.process_index()
        # waits for the others, which may have more to do; the watch goes on meanwhile
        jax.distributed.shutdown()
    finally:
        # after an error it leaves without a word, and the others find out
        watch.stop()


def _join(world: World) -> None:
    local = (world.coordinator or "").startswith(("127.", "localhost:"))
    try:
        jax.distributed.initialize(
            world.coordinator,
            world.processes,
            world.index,
            initialization_timeout=int(world.arrival),
            # the watch is sooner, and says what to do; this is for when it cannot speak
            heartbeat_timeout_seconds=int(max(10, 3 * world.patience)),
            shutdown_timeout_seconds=WORK_AFTERWARDS,
            coordinator_bind_address=world.coordinator if local else None,
        )
    except ValueError as error:
        raise EngineError(
            f"Several processes are to work together, but nothing says which ({error}) On SLURM, "
            f"Open MPI or Kubernetes start the command by srun, mpirun or an indexed job. "
            f"Elsewhere say it: --coordinator HOST:PORT --processes N --process-index I. On one "
            f"machine --processes N is enough."
        ) from error
    except (RuntimeError, jax.errors.JaxRuntimeError) as error:
        raise EngineError(
            f"The processes did not come together within {world.arrival:g} s ({_first(error)}). "
            f"All of them have to be started, and have to reach the first one at "
            f"{world.coordinator or 'its address'}."
        ) from error


def _first(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


class _Watch(threading.Thread):
    """Says that this process is alive, and ends it when another one is not."""

    def __init__(self, patience: float) -> None:
        super().__init__(name="clearprop-watch", daemon=True)
        from jax._src import distributed  # the store that jax.distributed shares, which has no door

        self._store: Any = distributed.global_state.client
        self._patience, self._stopped = patience, threading.Event()
        self._own, self._beats = jax.process_index(), 0
        self._seen: dict[int, tuple[str, float]] = {}

    def run(self) -> None:
        """Beat and listen until told to stop."""
        spoke = time.monotonic()
        while not self._stopped.wait(BEAT):
            try:
                self._beats += 1
                own = f"{_FOLDER}{self._own}"
                self._store.key_value_set(own, str(self._beats), allow_overwrite=True)
                gone = self._silent(dict(self._store.key_value_dir_get(_FOLDER)))
                spoke = time.monotonic()
            except Exception as error:
                if time.monotonic() - spoke < self._patience:
                    continue
                gone = f"The first process, which the others meet at, is gone ({_first(error)})"
            if gone and not self._stopped.is_set():
                _end(f"{gone}, so this one ends as well. {_RESUME}")

    def stop(self) -> None:
        """Neither say anything nor listen any more."""
        self._stopped.set()

    def _silent(self, words: dict[str, str]) -> str:
        """Return what there is to say of a process that has gone; empty where there is none."""
        now = time.monotonic()
        for index in range(jax.process_count()):
            word = words.get(f"{_FOLDER}{index}", "")
            before, since = self._seen.get(index, ("", now))
            if word != before:
                since = now
            self._seen[index] = word, since
            if index != self._own and now - since > self._patience:
                return (
                    f"Process {index} of {jax.process_count()} has said nothing for "
                    f"{self._patience:g} s and is gone"
                )
        return ""


def _end(message: str) -> None:
    """End this process, whatever it waits for."""
    print(f"Error: {message}", file=sys.stderr, flush=True)
    os._exit(1)


@contextmanager
def with_others(processes: int) -> Iterator[None]:
    """Turn what a computation with other processes fails of into one sentence."""
    try:
        yield
    # XLA's errors come as one or the other, by where the connection was missed
    except (jax.errors.JaxRuntimeError, RuntimeError, ValueError) as error:
        if processes == 1 or isinstance(error, ClearpropError):
            raise
        raise EngineError(
            f"Another process of this run has ended or cannot be reached any more "
            f"({_first(error)}). {_RESUME}"
        ) from error


def agreed_least(number: int) -> int:
    """Return the least of all processes' numbers."""
    return int(_all(number).min())


def agreed_any(wish: bool) -> bool:
    """Return whether any process wishes it."""
    return bool(_all(int(wish)).max())


def check_alike(digest: int) -> None:
    """Raise an EngineError unless all processes hold the same."""
    found = _all(digest & 0x7FFFFFFF)
    other = np.flatnonzero(found != found[0])
    if len(other):
        raise EngineError(
            f"Process {other[0]} holds other rows, or another network, than process 0. All of them "
            f"need the same table and the same options."
        )


def _all(number: int) -> np.ndarray:
    from jax.experimental import multihost_utils

    with jax.enable_x64(False):
        return np.asarray(multihost_utils.process_allgather(np.int32(number)))
