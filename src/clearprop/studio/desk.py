"""What lies before one person: the run, what is looked at, and everything that can be done to it.

Every public method is a command of the page. It is carried out whole or, with an error for people,
not at all.

Its parts of their own (the panes of the drawer) are attributes; a command with a dot,
`microscope.go_to`, is one of a part's public methods.

Public names: `Desk`, `PANES`, `first_weight`.
May import: `frames`, `views`, the parts, `samples`, `setups`, `trainer`, `uploads`,
`clearprop.errors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clearprop.errors import SettingError
from clearprop.explanation.places import Place
from clearprop.functions.spelling import suggest
from clearprop.network import Network
from clearprop.studio.frames import names_of
from clearprop.studio.health.doctor import Health
from clearprop.studio.microscope.scope import Microscope
from clearprop.studio.panes import Pane, Work
from clearprop.studio.samples import Samples, toy_samples
from clearprop.studio.setups import IN_FLIGHT, Setup, usual_loss
from clearprop.studio.sharing.share import Sharing
from clearprop.studio.sharing.snapshots import Model
from clearprop.studio.told import ToldError
from clearprop.studio.tour.guide import Tour
from clearprop.studio.trainer import Trainer
from clearprop.studio.uploads import Upload, read_upload, table_samples
from clearprop.studio.views import SPEEDS, View

# what of a setup the samples depend on
OF_SAMPLES = ("data", "target", "noise", "train_share", "rows", "seed")
# and what the network depends on, besides the samples' inputs and outputs
OF_NETWORK = ("data", "target", "hidden", "loss", "dropout")

# the parts that have a pane, by its name; a desk has them as attributes of that name
PANES: dict[str, Callable[[Work], Pane]] = {
    "microscope": Microscope,
    "health": Health,
    "tour": Tour,
}


def first_weight(network: Network) -> Place:
    """Return the weight that is looked into to begin with: the first of the first dense layer."""
    layer = next(o.layer for o in network.operations if o.kind == "dense")
    return Place(layer, 0, 0)


class Desk:
    """A run and what is looked at.

    Attributes
    ----------
    trainer : Trainer
    view : View
    playing : bool
    speed : str
        A name of `session.SPEEDS`.
    upload : Upload, optional
        The person's own table.
    origin : Model, optional
        The model that the run began with, where one was brought.
    engine : str
        The name that engines are built by.
    sharing : Sharing
    send : callable
        Has a command carried out on the thread that the desk belongs to.
    """

    def __init__(self, setup: Setup | None = None, engine: str = "auto") -> None:
        self.engine = engine
        self.upload: Upload | None = None
        self.origin: Model | None = None
        self.view = View()
        self.playing, self.speed = False, "calm"
        setup = setup or Setup()
        self.trainer = Trainer(setup, self.samples_for(setup), engine)
        self.send: Callable[..., None] = self.command
        self.trainer.when_measured = self._measured
        self._panes = {name: make(self) for name, make in PANES.items()}
        self.sharing = Sharing(self)
        self._parts: dict[str, Any] = {**self._panes, "sharing": self.sharing}

    @property
    def pane(self) -> Pane | None:
        """The part whose pane is open."""
        return self._panes.get(self.view.pane)

    def command(self, name: str, *arguments: Any) -> Any:
        """Carry out a command by its name, `reset` or `microscope.go_to`."""
        part, _, method = name.rpartition(".")
        return getattr(self._parts[part] if part else self, method)(*arguments)

    def close(self) -> None:
        """Let go of everything large, and end what a pane still has computed."""
        for pane in self._panes.values():
            pane.close()
        del self.trainer
        self.upload = self.origin = None

    def to_document(self) -> dict[str, Any]:
        """Return what the page's controls show."""
        samples = self.trainer.samples
        return {
            "playing": self.playing,
            "speed": self.speed,
            "setup": self.trainer.setup.to_document(),
            "loss": str(self.trainer.network.loss),
            "kind": samples.kind,
            "inputs": len(samples.inputs),
            "outputs": list(samples.outputs),
            "output": self.view.output,
            "rows": [len(samples.x), len(samples.held_x)],
            "columns": self.upload.columns if self.upload else [],
            "upload": self.upload.name if self.upload else "",
            "network": str(self.trainer.network),
            "parameters": self.trainer.network.size,
            "pane": self.view.pane,
        } | {name: part.to_document() for name, part in self._parts.items()}

    def _measured(self) -> None:
        """Have a measure taken over that another thread has made."""
        self.send("collect")

    def collect(self) -> None:
        """Take over what was measured meanwhile."""
        self.trainer.collect()

    # how it goes

    def play(self) -> None:
        """Go on training."""
        if self.trainer.failure:
            raise SettingError(self.trainer.failure)
        self.playing = True

    def pause(self) -> None:
        """Stand still."""
        self.playing = False

    def set_speed(self, speed: str) -> None:
        """Train at another pace."""
        if speed not in SPEEDS:
            raise SettingError(f"There is no speed {speed!r}. {suggest(speed, SPEEDS)}")
        self.speed = speed

    def step_sample(self) -> None:
        """Take one step on the next sample alone."""
        self.playing = False
        self.trainer.advance_sample()

    def step_batch(self) -> None:
        """Take one step on the next batch."""
        self.playing = False
        self.trainer.advance(1)

    def step_epoch(self) -> None:
        """Take the steps that are left of the epoch."""
        self.playing = False
        self.trainer.advance(max(1, self.trainer.steps_of_epoch))

    def go_to(self, step: int) -> None:
        """Go back, or again forward, to a step that the run has been at."""
        self.playing = False
        self.trainer.go_to(int(step))

    def go_by(self, steps: int) -> None:
        """Go by some steps, backwards where negative."""
        self.go_to(self.trainer.state.step + int(steps))

    def reset(self) -> None:
        """Begin the run anew."""
        self.playing = False
        self._begin(self.trainer.setup, self.trainer.samples)

    # what is chosen

    def choose(self, chosen: dict[str, Any]) -> None:
        """Choose anything of the setup; what needs it begins a new run, which goes on playing."""
        setup = self._chosen(chosen)
        if setup == self.trainer.setup:
            return
        if set(chosen) <= set(IN_FLIGHT):
            self.trainer.change(setup)
            return
        renewed = any(
            getattr(setup, name) != getattr(self.trainer.setup, name) for name in OF_SAMPLES
        )
        self._begin(setup, self.samples_for(setup) if renewed else self.trainer.samples)

    def _chosen(self, chosen: dict[str, Any]) -> Setup:
        if "hidden" in chosen:
            chosen = chosen | {"hidden": tuple((units, f) for units, f in chosen["hidden"])}
        return replace(self.trainer.setup, **chosen)

    def samples_for(self, setup: Setup) -> Samples:
        """Return the rows that a setup learns from."""
        if setup.data != "table":
            return toy_samples(
                setup.data, rows=setup.rows, noise=setup.noise, train_share=setup.train_share,
                seed=setup.seed,
            )  # fmt: skip
        if self.upload is None:
            raise ToldError("studio_problems.no_table")
        share, seed = setup.train_share, setup.seed
        return table_samples(self.upload, setup.target, train_share=share, seed=seed)

    def _begin(self, setup: Setup, samples: Samples) -> None:
        """Begin a run; the one before stays where that fails."""
        same_kind = samples.kind == self.trainer.samples.kind
        loss = setup.loss_for(samples.kind) if same_kind else usual_loss(samples.kind)
        setup = replace(setup, loss=loss)
        # a brought model's network is left when another one is chosen
        now = self.trainer.setup
        stays = all(getattr(setup, name) == getattr(now, name) for name in OF_NETWORK)
        origin = self.origin if stays else None
        start = origin.first if origin is not None else None
        self._show(Trainer(setup, samples, self.engine, start))
        self.origin = origin

    def take_over(self, trainer: Trainer, upload: Upload | None, origin: Model | None) -> None:
        """Go on with a run that was brought, standing still."""
        self.playing = False
        self._show(trainer)
        self.upload, self.origin = upload or self.upload, origin

    def _show(self, trainer: Trainer) -> None:
        """Put another run in the place of the one before, and look at what it has."""
        same = trainer.network == self.trainer.network
        self.trainer, samples = trainer, trainer.samples
        trainer.when_measured = self._measured
        if not same:
            self.view = replace(self.view, weight=first_weight(trainer.network))
        row = min(self.view.row, len(samples.x) - 1)
        output = self.view.output if self.view.output < len(samples.outputs) else 0
        self.view = replace(self.view, row=row, output=output)

    def open_table(self, path: str, name: str) -> None:
        """Learn from a table that was sent; its last column is the target to begin with."""
        before = self.upload, self.origin
        self.upload, self.origin = read_upload(Path(path), name), None
        self.playing = False
        try:
            target = self.upload.columns[-1]
            setup = replace(self.trainer.setup, data="table", target=target)
            self._begin(setup, self.samples_for(setup))
        except Exception:
            self.upload, self.origin = before
            raise

    # what is looked at

    def look(self, chosen: dict[str, Any]) -> None:
        """Look at something else: language, shape, output, pane."""
        self.view = replace(self.view, **chosen)

    def pick_row(self, row: int) -> None:
        """Show the numbers of another training row."""
        if not 0 <= row < len(self.trainer.samples.x):
            raise SettingError(f"There is no training row {row}.")
        self.view = replace(self.view, row=row)

    def pick_output(self, output: int) -> None:
        """Show the surface of another output."""
        if not 0 <= output < len(self.trainer.samples.outputs):
            raise SettingError(f"There is no output {output}.")
        self.view = replace(self.view, output=output)

    def pick_weight(self, name: str) -> None:
        """Look into another parameter, by its name or by its key."""
        self.view = replace(self.view, weight=self._place(name))

    def _place(self, name: str) -> Place:
        network = self.trainer.network
        letter, numbers = name[:1], name[1:].split(".")
        if letter in ("w", "b") and all(part.isdigit() for part in numbers):
            layer, unit, *source = map(int, numbers)
            if (letter == "b") == (not source) and 1 <= layer <= len(network.layers):
                place = Place(layer, unit, source[0] if source else None)
                fits = unit < network.shape[layer]
                if fits and (not source or source[0] < network.shape[layer - 1]):
                    return place
        return names_of(self.trainer).find(name)

    def set_weight(self, value: float) -> None:
        """Put another number in the place of the parameter that is looked into."""
        self.trainer.set_parameter(self.view.weight.entry(self.trainer.network), float(value))
