"""What the pane shows of how a run fares, and its commands.

Readings are made while the pane is open (`watching`). The experiment and the landscape are jobs on
a thread of their own, which can be stopped; what they find is shown as it comes.

Public names: `Health`.
May import: the other modules of this folder, `jobs`, `panes`, `clearprop.explanation`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from clearprop.explanation.chapters.landscape import surface_blocks
from clearprop.explanation.chapters.vanishing import units_told, verdict
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Block, Note, Paragraph
from clearprop.explanation.render.html import blocks_html, inline_of
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words, words
from clearprop.studio.frames import names_of
from clearprop.studio.health import duels
from clearprop.studio.health.charts import gradient_chart, histogram_chart, saturation_chart
from clearprop.studio.health.experiment import Duel, duel
from clearprop.studio.health.hills import Hills, hills, taken
from clearprop.studio.health.watching import Watch
from clearprop.studio.jobs import Job
from clearprop.studio.panes import Contents, Work
from clearprop.studio.samples import Samples
from clearprop.studio.trainer import Trainer

LONG_AGO = 1.5  # seconds without a look, after which what went by is read
Shown = tuple[dict[str, Scene], dict[str, str], dict[str, str]]


class Health:
    """How a run fares."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._watch: Watch | None = None
        self._shown: Contents | None = None
        self._seen: tuple[Any, ...] = ()
        self._looked = 0.0
        self._duel: Job | None = None
        self._duel_of: Samples | None = None
        self._hills: Job | None = None
        self._hills_of: Trainer | None = None

    def close(self) -> None:
        """End what is being computed."""
        for job in (self._duel, self._hills):
            if job is not None:
                job.stop()
        self._watch = None

    def to_document(self) -> dict[str, Any]:
        """Return what the pane's controls show."""
        self._drop_foreign()
        return {"duel": _state_of(self._duel), "hills": _state_of(self._hills)}

    # commands

    def heard(self) -> None:
        """Take notice that there is something new."""

    def start_duel(self, depth: int) -> None:
        """Set the sigmoid against ReLU at a depth."""
        self.stop_duel()
        trainer = self._work.trainer
        samples, seed = trainer.samples, trainer.setup.seed
        self._duel_of = samples
        self._duel = Job(partial(duel, samples, int(depth), seed), self._say)

    def stop_duel(self) -> None:
        """End the experiment; what was found stays."""
        if self._duel is not None:
            self._duel.stop()

    def draw_hills(self) -> None:
        """Draw the landscape with the path so far."""
        self.stop_hills()
        self._hills_of = self._work.trainer
        self._hills = Job(partial(hills, taken(self._work.trainer)), self._say)

    def stop_hills(self) -> None:
        """End the drawing."""
        if self._hills is not None:
            self._hills.stop()

    def _say(self) -> None:
        self._work.send("health.heard")

    def _drop_foreign(self) -> None:
        """Let go of what was found of other data, or of a run that is no more."""
        if self._duel is not None and self._duel_of is not self._work.trainer.samples:
            self._duel.stop()
            self._duel = self._duel_of = None
        if self._hills is not None and self._hills_of is not self._work.trainer:
            self._hills.stop()
            self._hills = self._hills_of = None

    # what there is to see

    def contents(self) -> Contents | None:
        """Return what there is to see; None where the run plays and no reading is due."""
        work, began = self._work, time.perf_counter()
        watch, fresh = self._looked_at(playing=work.playing)
        self._drop_foreign()
        seen = (work.view.lang, *map(_found_of, (self._duel, self._hills)), work.trainer.state.step)
        if work.playing and not fresh and seen[:-1] == self._seen[:-1]:
            return None
        if fresh or seen != self._seen or self._shown is None:
            self._seen, self._shown = seen, self._made(watch, words(work.view.lang))
            watch.spent(time.perf_counter() - began)
        if not watch.complete and not work.playing:
            self._say()
        return self._shown

    def _looked_at(self, *, playing: bool) -> tuple[Watch, bool]:
        """Return the readings, and whether there is a new one."""
        trainer, now = self._work.trainer, time.monotonic()
        if self._watch is None or not self._watch.is_of(trainer):
            if self._watch is not None:
                self._watch.leave()
            self._watch = Watch(trainer)
            self._watch.catch_up()
        elif self._watch.complete and (not playing or now > self._looked + LONG_AGO):
            self._watch.catch_up()
        self._looked = now
        return self._watch, self._watch.look(playing=playing)

    def _made(self, watch: Watch, say: Words) -> Contents:
        trainer = self._work.trainer
        step = trainer.state.step
        blocks = tuple(self._told(watch, say))
        pictures = {
            "health-gradients": gradient_chart(watch, step, say),
            "health-saturation": saturation_chart(watch, step, say),
            "health-bins": histogram_chart(watch, say),
        }
        html = {"health-verdict": f"<div>{blocks_html(blocks, say.lang)}</div>"}
        texts = {"health-rows": say("health.rows", rows=watch.rows, n=trainer.block.rows)}
        for more in (self._of_duel(say), self._of_hills(say)):
            pictures |= more[0]
            html |= more[1]
            texts |= more[2]
        return Contents(pictures, html, texts)

    def _told(self, watch: Watch, say: Words) -> Iterator[Block]:
        """Yield the verdict, what to do about it, and the units that take little part."""
        trainer, found = self._work.trainer, watch.found
        names = names_of(trainer)
        yield Paragraph(verdict(found, names, say))
        if found.fault:
            yield Note(say.text("vanishing.remedy"), "warning")
            return
        if not found.steps:
            yield Paragraph(say.text("health.no_hidden"))
        elif trainer.setup.carrier != "exact":
            carrier = trainer.setup.carrier
            yield Note(say.text("vanishing.carrier", carrier=carrier), "warning")
        yield from units_told(found, names, say)
        if len(watch.readings) < 2:
            yield Paragraph(say.text("health.play"))

    def _of_duel(self, say: Words) -> Shown:
        job = self._duel
        found: Duel | None = None if job is None else job.found
        if job is None or found is None:
            return {}, {"health-duel": ""}, {"health-duel-said": _said(job, say, "duel_hint")}
        said = _said(job, say, "") or duels.told(found, say)
        pictures = {
            "health-duel-gradients": duels.gradient_chart(found, say),
            "health-duel-losses": duels.loss_chart(found, say),
        }
        table = f"<div>{blocks_html((duels.table(found, say),), say.lang)}</div>"
        return pictures, {"health-duel": table}, {"health-duel-said": said}

    def _of_hills(self, say: Words) -> Shown:
        job = self._hills
        found: Hills | None = None if job is None else job.found
        if job is None or found is None:
            early = "hills_hint" if self._work.trainer.state.step else "hills_early"
            return {}, {"health-hills": ""}, {"health-hills-said": _said(job, say, early)}
        said = _said(job, say, "") or say("health.hills_key", step=found.step)
        if not np.isfinite(found.surface.heights).all():
            html = f"<p>{inline_of(say.text('health.hills_not_finite'))}</p>"
            return {}, {"health-hills": html}, {"health-hills-said": said}
        title, about = None, say.text("health.hills_step")
        if found.surface.shares is not None:
            title = say(
                "health.hills_title", steps=found.step, before=found.before, after=found.after
            )
            share, points = figure(100 * sum(found.surface.shares), 3), len(found.surface.path)
            about = say.text("health.hills_run", share=share, points=points)
        picture = surface_blocks(found.surface, found.names, say, title)
        blocks = (Paragraph(about), *picture)
        html = f"<div>{blocks_html(blocks, say.lang)}</div>"
        return {}, {"health-hills": html}, {"health-hills-said": said}


def _state_of(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {"state": "", "share": 0.0}
    return {"state": job.state, "share": job.share}


def _found_of(job: Job | None) -> tuple[Any, ...]:
    return () if job is None else (id(job), job.state, job.share)


def _said(job: Job | None, say: Words, otherwise: str) -> str:
    """Return where a job stands; nothing, or what else is to be said, where it is done."""
    if job is None or job.state == "done":
        return say(f"health.{otherwise}") if otherwise else ""
    share = figure(100 * job.share, 2)
    return say(f"health.{job.state}", share=share, problem=job.problem)
