"""What can be taken away, each made from a copy of the run: a name, a type, bytes.

Nothing here touches the run that goes on: a taking may be made on any thread, at its leisure.

Public names: `Held`, `TAKINGS`, `Taken`, `Wish`, `take`, `trainer_of`.
May import: the modules of this folder, `trainer`, `samples`, `uploads`, `clearprop.files`,
`clearprop.studio.told`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

from clearprop.engines.native.threads import available_threads
from clearprop.errors import EngineError, FileError
from clearprop.files import save_bytes
from clearprop.studio.samples import Samples
from clearprop.studio.sharing.code import code_of, file_name
from clearprop.studio.sharing.links import PREFIX, pack
from clearprop.studio.sharing.models import model_of
from clearprop.studio.sharing.pictures import (
    GROUNDS,
    PICTURES,
    explanation_of_run,
    svg_of_run,
)
from clearprop.studio.sharing.snapshots import Snapshot
from clearprop.studio.told import ToldError
from clearprop.studio.trainer import Trainer
from clearprop.studio.uploads import Upload
from clearprop.studio.views import View

BYTES = "application/octet-stream"
# steps, and multiplications, that going back to the first step may take
MOST_STEPS, MOST_AGAIN = 20_000, 1_000_000_000


@dataclass(frozen=True, eq=False)
class Held:
    """A copy of a run and of what is looked at.

    Attributes
    ----------
    snapshot : Snapshot
        Without its table, which is `upload`'s.
    samples : Samples
    view : View
    upload : Upload, optional
        The person's own table, where the run learns from it.
    engine : str
        What the desk asks for.
    """

    snapshot: Snapshot
    samples: Samples
    view: View
    upload: Upload | None
    engine: str = "auto"


@dataclass(frozen=True)
class Wish:
    """How a taking is wanted.

    Attributes
    ----------
    picture : str
        A name of `PICTURES`.
    ground : {"light", "dark"}
    lang : {"en", "zh"}
    """

    picture: str = "network"
    ground: str = "light"
    lang: str = "en"

    def __post_init__(self) -> None:
        if self.picture not in PICTURES or self.ground not in GROUNDS:
            raise ToldError("studio_sharing.no_such_thing")


@dataclass(frozen=True)
class Taken:
    """What is taken away.

    Attributes
    ----------
    name : str
        Of the file.
    kind : str
        Its media type.
    data : bytes
    """

    name: str
    kind: str
    data: bytes


def take(what: str, held: Held, wish: Wish) -> Taken:
    """Make one of `TAKINGS`.

    Raises
    ------
    ToldError
        There is no such thing, or it cannot be had of this run.
    """
    if what not in TAKINGS:
        raise ToldError("studio_sharing.no_such_thing")
    ending, kind, make = TAKINGS[what]
    made = make(replace(held, view=replace(held.view, lang=wish.lang)), wish)
    data = made if isinstance(made, bytes) else made.encode("utf-8")
    return Taken(f"{file_name(held.snapshot.parameters.network)}{ending}", kind, data)


def trainer_of(snapshot: Snapshot, samples: Samples, engine: str = "auto") -> Trainer:
    """Return the run of a snapshot, which goes on with the same bits.

    An engine that cannot run the snapshot's plan, as on a machine with fewer cores, makes its own;
    then the bits are the same up to rounding.

    Raises
    ------
    FileError
        The snapshot is not one of such a run.
    """
    setup, state = snapshot.setup, snapshot.state
    start = snapshot.model.first if snapshot.model is not None else None
    trainer = None
    if state.plan.threads <= available_threads():
        try:
            trainer = Trainer(setup, samples, state.plan.engine, start, state.plan)
        except EngineError:
            trainer = None
    trainer = trainer or Trainer(setup, samples, engine, start)
    if trainer.network != snapshot.parameters.network:
        raise FileError(
            f"The run's network is {snapshot.parameters.network}, but its setup makes "
            f"{trainer.network}. Take another copy of the file."
        )
    if state.position >= trainer.block.rows or state.seed != setup.seed:
        raise FileError("The run's place in its epoch is none. Take another copy of the file.")
    own = replace(state, plan=trainer.engine.plan)
    trainer.take_over(own, snapshot.points, whole=snapshot.whole and _soon(trainer, state.step))
    return trainer


def _soon(trainer: Trainer, steps: int) -> bool:
    """Whether training from the first weights to a step takes no more than some seconds."""
    rows = min(trainer.setup.batch_size, trainer.block.rows)
    return steps <= MOST_STEPS and steps * rows * trainer.network.size <= MOST_AGAIN


def _with_table(held: Held) -> Snapshot:
    """Return the snapshot with the table that it learns from."""
    if held.upload is None:
        return held.snapshot
    packed = io.BytesIO()
    held.upload.frame.write_parquet(packed, compression="zstd")
    return replace(held.snapshot, table=(held.upload.name, packed.getvalue()))


def _link(held: Held, wish: Wish) -> str:
    if held.upload is not None:
        raise ToldError("studio_sharing.link_has_table", name=held.upload.name)
    return PREFIX + pack(held.snapshot)


def _run(held: Held, wish: Wish) -> bytes:
    return save_bytes(_with_table(held))


def _code(held: Held, wish: Wish) -> str:
    return code_of(held.snapshot, held.samples)


def _model(held: Held, wish: Wish) -> bytes:
    return save_bytes(model_of(held.snapshot, held.samples))


def _svg(held: Held, wish: Wish) -> str:
    trainer = trainer_of(held.snapshot, held.samples, held.engine)
    return svg_of_run(trainer, held.view, wish.picture, wish.ground)


def _page(held: Held, wish: Wish) -> str:
    return explanation_of_run(trainer_of(held.snapshot, held.samples, held.engine), held.view)


# what → the end of the file's name, its media type, how it is made
TAKINGS: dict[str, tuple[str, str, Callable[[Held, Wish], str | bytes]]] = {
    "link": (".txt", "text/plain; charset=utf-8", _link),
    "run": ("-run.clearprop", BYTES, _run),
    "code": (".py", "text/x-python; charset=utf-8", _code),
    "model": (".clearprop", BYTES, _model),
    "svg": (".svg", "image/svg+xml", _svg),
    "page": (".html", "text/html; charset=utf-8", _page),
}
