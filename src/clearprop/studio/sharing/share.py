"""The part of a desk that takes away and brings back.

`hold` copies the run, from which `takings` makes everything at its leisure. What is brought is a
link, a file of a run, or a model with its table; each is checked whole before the desk changes.

Public names: `Sharing`.
May import: the modules of this folder, `uploads`, `samples`, `clearprop.files`,
`clearprop.studio.told`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearprop.errors import ClearpropError
from clearprop.files import load
from clearprop.network import Parameters
from clearprop.studio.sharing.links import MOST_LETTERS, unpack
from clearprop.studio.sharing.opening import Opened, held_model, opened
from clearprop.studio.sharing.snapshots import Snapshot
from clearprop.studio.sharing.takings import Held, trainer_of
from clearprop.studio.told import ToldError
from clearprop.studio.trainer import Trainer
from clearprop.studio.uploads import Upload, read_upload, table_samples
from clearprop.studio.views import SPEEDS

if TYPE_CHECKING:
    from clearprop.studio.desk import Desk


class Sharing:
    """Take away and bring back.

    Attributes
    ----------
    waiting : Opened, optional
        A model whose table has not come yet.
    brought : str
        What was brought last, as a key of the words; empty where nothing was.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.waiting: Opened | None = None
        self.brought = ""
        self._members = 1

    def to_document(self) -> dict[str, Any]:
        """Return what the dialog shows."""
        waiting = self.waiting
        model = self._desk.origin
        return {
            "own_table": self._desk.trainer.setup.data == "table",
            "waiting": None if waiting is None else {
                "name": waiting.model.name,
                "target": waiting.target,
                "columns": list(waiting.columns),
            },
            "brought": self.brought,
            "model": model.name if model else "",
            "members": self._members,
        }  # fmt: skip

    # take away

    def hold(self) -> Held:
        """Return a copy of the run as it stands."""
        desk, trainer = self._desk, self._desk.trainer
        state = trainer.state.copy()
        own = trainer.setup.data == "table"
        snapshot = Snapshot(
            setup=trainer.setup, parameters=Parameters(trainer.network, state.vector), state=state,
            points=tuple(trainer.points), weight=desk.view.weight.key, row=desk.view.row,
            output=desk.view.output, speed=desk.speed, whole=trainer.timeline.whole,
            model=desk.origin,
        )  # fmt: skip
        return Held(snapshot, trainer.samples, desk.view, desk.upload if own else None, desk.engine)

    # bring back

    def open_link(self, text: str) -> None:
        """Go on with the run of a link."""
        self._restore(unpack(text), None)

    def open_link_file(self, path: str, name: str) -> None:
        """Go on with the run of a link that was sent as a file, since it may be long."""
        sent = Path(path).read_bytes()[: MOST_LETTERS + 1000]
        self.open_link(sent.decode("utf-8", "replace"))

    def open_file(self, path: str, name: str) -> None:
        """Open a run's file; or keep a model until its table comes.

        A run goes on where it stood. A table that the run learns from is in its file.
        """
        found = load(path)
        if not isinstance(found, Snapshot):
            self.waiting = held_model(found, name)
            return
        upload = None
        if found.table is not None:
            place = Path(path).with_suffix(".parquet")
            place.write_bytes(found.table[1])
            upload = replace(read_upload(place, "table.parquet"), name=found.table[0])
        self._restore(found, upload)

    def open_table(self, path: str, name: str) -> None:
        """Begin with the model that waits, on its table."""
        if self.waiting is None:
            raise ToldError("studio_sharing.model_first")
        waiting, desk = self.waiting, self._desk
        table = read_upload(Path(path), name, waiting.model.encoder.text_columns)
        setup, upload = opened(waiting, table, desk.trainer.setup)
        samples = _samples(upload, setup)
        trainer = Trainer(setup, samples, desk.engine, waiting.model.first)
        self._members = waiting.members
        self.waiting, self.brought = None, "model"
        desk.take_over(trainer, upload, waiting.model)

    def leave_model(self) -> None:
        """Wait for no table any more."""
        self.waiting = None

    def _restore(self, found: Snapshot, upload: Upload | None) -> None:
        desk = self._desk
        setup, model = found.setup, found.model
        if (setup.data == "table") != (upload is not None):
            raise ToldError("studio_sharing.no_link")
        if upload is not None and model is not None:
            upload = replace(upload, encoder=model.encoder, fitted=model.target)
        samples = desk.samples_for(setup) if upload is None else _samples(upload, setup)
        trainer = trainer_of(found, samples, desk.engine)
        self.waiting, self.brought, self._members = None, "run", 1
        desk.take_over(trainer, upload, model)
        self._look(found)

    def _look(self, found: Snapshot) -> None:
        """Look at what was looked at, as far as it is there."""
        desk = self._desk
        if found.speed in SPEEDS:
            desk.speed = found.speed
        for act in (
            partial(desk.pick_weight, found.weight), partial(desk.pick_row, found.row),
            partial(desk.pick_output, found.output),
        ):  # fmt: skip
            try:
                act()
            except ClearpropError:
                # what was looked at is no part of the run
                continue


def _samples(upload: Upload, setup: Any) -> Any:
    return table_samples(upload, setup.target, train_share=setup.train_share, seed=setup.seed)
