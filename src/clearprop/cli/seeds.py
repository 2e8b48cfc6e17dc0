"""`clearprop train --seeds N`: the same training from N starts at once, and what they differ by.

The rows are divided once, by --seed; the networks differ in their start, the order of their rows
and what dropout drops. On xla's engine they are trained in one program, elsewhere as many at a time
as there are cores.

    --of-seeds best    the network with the best validation score; without validation rows the one
                       with the lowest training loss
    --of-seeds mean    all of them, as one model whose answers are averaged
    --of-seeds all     each as a file of its own beside the best: MODEL-seed0.clearprop, …

Public names: `SeedResult`, `run_seeds`, `seeds_table`.
May import: `clearprop.estimators`, `clearprop.training`, `clearprop.files` and what these may.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.cli.output import notes_from_warnings
from clearprop.cli.training_job import Job
from clearprop.errors import DivergenceError


@dataclass(frozen=True)
class SeedResult:
    """What came out of one seed.

    Attributes
    ----------
    seed : int
    epoch : int
        The best one, whose parameters are kept; the last one where there is no validation.
    score : float
        What chooses the best seed, higher is better; minus infinity where training left the finite
        numbers before an epoch was done.
    metrics : list of Metric
        On the held-out rows; empty where there are none.
    """

    seed: int
    epoch: int
    score: float
    metrics: list[Any]

    def to_document(self) -> dict[str, Any]:
        """Return the result as plain data."""
        metrics = {metric.name: metric.value for metric in self.metrics}
        return {"seed": self.seed, "epoch": self.epoch, "score": self.score, "metrics": metrics}


def run_seeds(
    job: Job, count: int, keep: str, destination: Path, *, loud: bool
) -> list[SeedResult]:
    """Train, leave the model that is kept with the job, and return what came of every seed."""
    from clearprop.engines import Block
    from clearprop.training import seeded, train_many

    first = job.prepared.run
    settings = seeded(first.settings, range(first.settings.seed, first.settings.seed + count))
    block = first.block
    assert isinstance(block, Block), "streams have been refused"
    parts = (first.network, block, settings)
    with notes_from_warnings() as messages:
        if loud:
            from clearprop.cli.progress import ProgressBar

            with ProgressBar(job.prepared.choices.max_epochs) as bar:
                outcomes = train_many(*parts, validation=first.validation, listeners=[bar])
        else:
            outcomes = train_many(*parts, validation=first.validation)
        results = [
            _result(job, own.seed, outcome, destination if keep == "all" else None)
            for own, outcome in zip(settings, outcomes, strict=True)
        ]
        scores = [result.score for result in results]
        # where none of them got anywhere, `keep` says so of the first
        sound = [k for k in range(count) if scores[k] > -np.inf] or [0]
        chosen = sound if keep == "mean" else [int(np.argmax(scores))]
        _keep(job, settings[chosen[0]].seed, [outcomes[number] for number in chosen])
    job.notes += messages
    job.metrics = job.measured()
    job.model.metrics_ = [metric.to_document() for metric in job.metrics]
    return results


def _keep(job: Job, seed: int, outcomes: list[Any]) -> None:
    """Let the model take over networks that learned from the same rows."""
    prepared = job.prepared
    same = replace(prepared, divisions=prepared.divisions[:1] * len(outcomes))
    job.model.keep(same, outcomes)
    job.model.set_params(random_state=seed)


def _result(job: Job, seed: int, outcome: Any, destination: Path | None) -> SeedResult:
    try:
        _keep(job, seed, [outcome])
    except DivergenceError:
        return SeedResult(seed, 0, -np.inf, [])
    if destination is not None:
        from clearprop.files import save

        save(job.model, destination.with_stem(f"{destination.stem}-seed{seed}"))
    history = outcome.history
    at = (history.best_epoch or len(history)) - 1
    score = -np.inf
    if len(history):
        score = -history.objective[at]
        if history.validation_loss:
            score = -history.validation_loss[at]
        if history.validation_score:
            score = history.validation_score[at]
    return SeedResult(seed, at + 1, float(score), job.measured())


def seeds_table(results: list[SeedResult], kept: str) -> Any:
    """Return a line a seed, and below them the mean and the spread of each column."""
    from rich.text import Text

    from clearprop.cli.report import table
    from clearprop.explanation.numbers import figure

    grid = table()
    best = max(results, key=lambda result: result.score)
    names = [metric.name for metric in best.metrics]
    for name in ("seed", "epoch", "score", *names):
        grid.add_column(name, justify="right")
    for result in results:
        if result.score == -np.inf:
            grid.add_row(str(result.seed), "diverged")
            continue
        style = "bold" if result is best and kept != "mean" else ""
        values = [result.score, *(metric.value for metric in result.metrics)]
        cells = [str(result.seed), str(result.epoch), *map(figure, values)]
        grid.add_row(*(Text(cell, style=style) for cell in cells))
    sound = [result for result in results if result.score > -np.inf]
    columns = np.array([[r.score, *(m.value for m in r.metrics)] for r in sound])
    spread = columns.std(axis=0, ddof=1) if len(sound) > 1 else np.zeros(columns.shape[1])
    for label, row in (("mean", columns.mean(axis=0)), ("±", spread)):
        grid.add_row(label, "", *(figure(value) for value in row), style="dim")
    return grid
