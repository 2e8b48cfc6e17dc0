"""The search of `clearprop train --search-minutes`: a line a trial, then the best settings.

Public names: `search`.
May import: `clearprop.estimators` and what that may import.
"""

from __future__ import annotations

import time
from typing import Any

import click

from clearprop.cli.training_job import Job
from clearprop.explanation.numbers import figure


def search(job: Job, minutes: float, file: str | None) -> Job:
    """Search on the job's training rows; return the job with the best trial's parameters."""
    from clearprop.estimators import TabularSearch

    targets = list(job.task.targets)
    found = TabularSearch(job.model, minutes=minutes, file=file, refit=False, watchers=[_Lines()])
    found.fit(job.train.drop(targets), job.train.select(targets), **job.given)
    best = found.best_trial_
    click.echo(f"Best: trial {best.number + 1} of {len(found.trials_)}: {_told(best)}", err=True)
    return job.with_parameters(best.parameters)


class _Lines:
    """Says of every trial what it tried and how good it was, on standard error."""

    def __init__(self) -> None:
        self._began, self._best = time.perf_counter(), float("-inf")

    def __call__(self, trial: Any) -> None:
        better = trial.score > self._best
        self._best = max(self._best, trial.score)
        mark = " *" if better else ""
        seconds = f"{trial.seconds:.3g} s"
        score = figure(-trial.score)
        line = f"Trial {trial.number + 1}: error {score}{mark} ({seconds}) {_told(trial)}"
        click.echo(line, err=True)


def _told(trial: Any) -> str:
    if not trial.parameters:
        return "the settings as they were"
    parts = []
    for name, value in trial.parameters.items():
        if isinstance(value, tuple):
            value = ",".join(map(str, value))
        parts.append(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}")
    return " ".join(parts)
