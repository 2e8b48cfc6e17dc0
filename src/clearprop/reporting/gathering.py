"""`report(model, X, y)`: everything that a report tells, gathered as plain data.

Nothing is drawn here and no language is known; `page` makes sections of it. What takes long on a
large table is done on some of its rows (`Limits`), and the report says on how many.

Public names: `Limits`, `Report`, `report`.
May import: the other modules of this room, `clearprop.estimators`, `clearprop.explanation`,
`clearprop.tables`, NumPy, Polars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from clearprop.errors import SettingError
from clearprop.estimators.tabular_data import named, target_frame
from clearprop.explanation import Explanation, explain
from clearprop.explanation.attributions import Attributions, attributions
from clearprop.reporting.answers import Answers, answers_of
from clearprop.reporting.baselines import Baseline, baselines_for
from clearprop.reporting.calibration import Calibration, calibration_of
from clearprop.reporting.columns import ColumnFacts, column_facts
from clearprop.reporting.comparison import NETWORK, Comparison, compare
from clearprop.reporting.coverage import Coverage, coverage_of
from clearprop.reporting.mistakes import Confusion, Residuals, confusion_of, residuals_of
from clearprop.reporting.permuting import Permuted, permuted
from clearprop.reporting.telling import Telling, telling_rows
from clearprop.tables import ColumnWarning, DroppedColumn, inspect_columns

# what may stay open of the sum of a telling row's contributions, so that its digits agree
CLOSE = 1e-3


@dataclass(frozen=True)
class Limits:
    """How much work a report may be.

    Attributes
    ----------
    permuted_rows, repeats, permuted_columns : int
        Rows, shuffles of each column, and columns (the most important by gradients) of the
        permutation importance.
    gradient_rows : int
        Rows of the importance by gradients.
    inspected_rows : int
        Rows that columns are looked over on.
    health_rows : int
        Rows of the batch whose errors are followed back.
    """

    permuted_rows: int = 2000
    repeats: int = 5
    permuted_columns: int = 60
    gradient_rows: int = 300
    inspected_rows: int = 50_000
    health_rows: int = 256


@dataclass(frozen=True, eq=False)
class Report:
    """What there is to say of a model on rows that it has not seen.

    Attributes
    ----------
    model : fitted tabular estimator
    name : str
        Of the table.
    made : date
    rows, trained_rows : int
        Rows that it is measured on, and that it learned from (validation rows included; 0 where
        they are not at hand).
    validation_rows : int or None
        How many of these found the best epoch; None where that is not known.
    seen : bool
        Whether the rows it is measured on are those it learned from: then all is too good.
    numbers : (rows,) int array
        What the rows it is measured on are called: their places in the whole table, from 1.
    doubts : tuple of ColumnWarning
        What is doubtful about columns.
    columns : tuple of ColumnFacts
    answers : Answers
    comparison : Comparison
    baselines : tuple of Baseline
    confusion : tuple of Confusion
    residuals : tuple of Residuals
    calibration : Calibration or None
    coverage : tuple of Coverage
        Of prediction intervals, where the model has some.
    permuted : tuple of Permuted
    permuted_rows, repeats : int
    moved : Attributions
        What columns contributed to some rows.
    telling : tuple of Telling
    told : Attributions
        What columns contributed to the telling rows.
    told_rows : table
    told_answers : Answers
    pictured, examined : Explanation
        Of one row, and of a batch of rows.
    """

    model: Any
    name: str
    made: date
    rows: int
    trained_rows: int
    validation_rows: int | None
    seen: bool
    numbers: np.ndarray
    doubts: tuple[ColumnWarning, ...]
    columns: tuple[ColumnFacts, ...]
    answers: Answers
    comparison: Comparison
    baselines: tuple[Baseline, ...]
    confusion: tuple[Confusion, ...]
    residuals: tuple[Residuals, ...]
    calibration: Calibration | None
    coverage: tuple[Coverage, ...]
    permuted: tuple[Permuted, ...]
    permuted_rows: int
    repeats: int
    moved: Attributions
    telling: tuple[Telling, ...]
    told: Attributions
    told_rows: pl.DataFrame
    told_answers: Answers
    pictured: Explanation
    examined: Explanation

    def page(self, lang: str = "en") -> Any:
        """Return the report as a page of sections; see `clearprop.explanation.pages`."""
        from clearprop.reporting.page import page_of

        return page_of(self, lang)

    def to_html(self, lang: str = "en") -> str:
        """Return one self-contained HTML page, in English or Chinese ("zh")."""
        from clearprop.explanation.render.html import html_of

        return html_of(self.page(lang))

    def _repr_html_(self) -> str:
        from clearprop.explanation.render.html import fragment_of

        return fragment_of(self.page())


def report(
    model: Any,
    X: Any,
    y: Any,
    *,
    training: tuple[Any, Any] | None = None,
    name: str = "",
    row_numbers: Sequence[int] | np.ndarray | None = None,
    validation_rows: int | None = None,
    sample_weight: Any = None,
    groups: Any = None,
    seed: int = 0,
    limits: Limits | None = None,
) -> Report:
    """Gather a report on a fitted tabular estimator.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
    X, y : as for the model's `score`
        Rows that it has not seen: what it is measured on.
    training : (X, y), optional
        What it was fitted on. Without it there are no baselines to compare with, and nothing is
        said of missing values in training.
    name : str
        What the table is called.
    row_numbers : sequence of int, (n,), optional
        What the rows of X are called; counted from 1 where absent.
    validation_rows : int, optional
        How many of the training rows found the best epoch.
    sample_weight : array, optional
        Of the training rows, for the baselines.
    groups : array, (n,), optional
        Rows of one group belong together; intervals then come from drawing whole groups.
    seed : int
        Of draws and shuffles.
    limits : Limits, optional

    Raises
    ------
    SettingError
        The model is not for tables.
    DataError, ShapeError
        The rows do not fit the model.

    Examples
    --------
    >>> from clearprop import TabularClassifier, report
    >>> table = {"size": list(range(60)), "kind": ["a", "b", "c"] * 20}
    >>> large = [size > 30 for size in range(60)]
    >>> model = TabularClassifier(max_epochs=5).fit(table, large)
    >>> page = report(model, table, large).to_html(lang="zh")
    """
    if not hasattr(model, "encoder_"):
        raise SettingError(
            f"A report is on a fitted TabularClassifier or TabularRegressor, but a "
            f"{type(model).__name__} that knows no columns came."
        )
    limits = limits or Limits()
    frame, targets = target_frame(X, y)
    targets = named(targets, model.target_)
    known = None if training is None else target_frame(*training)
    seen = training is not None and training[0] is X
    known = known and (known[0], named(known[1], model.target_))
    answers = answers_of(model, frame, targets)
    baselines = tuple(
        []
        if known is None
        else baselines_for(model, frame, known, weights=sample_weight, seed=seed)
    )
    importance = _importance(model, (frame, targets), answers, known, seed, limits)
    with_numbers = answers.kind == "numbers"
    called = np.arange(frame.height) + 1 if row_numbers is None else np.asarray(row_numbers)
    return Report(
        model=model,
        name=name,
        made=date.today(),
        rows=frame.height,
        trained_rows=0 if known is None else known[0].height,
        validation_rows=validation_rows,
        seen=seen,
        numbers=called,
        doubts=_doubts(model, known or (frame, targets), limits),
        columns=column_facts(model.encoder_, frame, known and known[0]),
        answers=answers,
        comparison=_compared(answers, baselines, seed, groups),
        baselines=baselines,
        confusion=() if with_numbers else confusion_of(answers),
        residuals=residuals_of(answers, seed) if with_numbers else (),
        calibration=None if with_numbers else calibration_of(answers),
        coverage=coverage_of(model, frame, answers.truth) if with_numbers else (),
        **importance,
        **_told(model, frame, targets, answers, known),
        examined=_explained(model, frame[: limits.health_rows], targets[: limits.health_rows]),
    )


def _doubts(
    model: Any, rows: tuple[pl.DataFrame, pl.DataFrame], limits: Limits
) -> tuple[ColumnWarning, ...]:
    """Return what is doubtful about the columns that the network reads."""
    read = [c.name for c in model.encoder_.columns if not isinstance(c, DroppedColumn)]
    frame, targets = (part.head(limits.inspected_rows) for part in rows)
    return tuple(inspect_columns(frame.select(read), targets, model._task))


def _compared(
    answers: Answers, baselines: Sequence[Baseline], seed: int, groups: Any
) -> Comparison:
    """Return the network and the baselines under all measures."""
    models = {NETWORK: answers} | {one.name: answers.with_given(one.given) for one in baselines}
    codes = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    return compare(models, seed=seed, groups=codes)


def _importance(
    model: Any,
    rows: tuple[pl.DataFrame, pl.DataFrame],
    answers: Answers,
    known: tuple[pl.DataFrame, pl.DataFrame] | None,
    seed: int,
    limits: Limits,
) -> dict[str, Any]:
    """Return what columns are worth by gradients and by shuffling, on some of the rows."""
    frame, targets = rows
    generator = np.random.Generator(np.random.Philox(seed))
    order = generator.permutation(frame.height)
    background = frame if known is None else known[0]
    some = np.sort(order[: limits.gradient_rows])
    moved = attributions(model, frame[some], background=background)
    chosen = [moved.columns[k] for k in moved.order[: limits.permuted_columns]]
    shuffled = np.sort(order[: limits.permuted_rows])
    part = answers_of(model, frame[shuffled], targets[shuffled])
    found = permuted(model, frame[shuffled], part, chosen, repeats=limits.repeats, seed=seed)
    return {
        "moved": moved,
        "permuted": tuple(found),
        "permuted_rows": len(shuffled),
        "repeats": limits.repeats,
    }


def _told(
    model: Any,
    frame: pl.DataFrame,
    targets: pl.DataFrame,
    answers: Answers,
    known: tuple[pl.DataFrame, pl.DataFrame] | None,
) -> dict[str, Any]:
    """Return the telling rows with what columns contributed to them, and the network on one."""
    telling = telling_rows(answers, _unlike(model, frame))
    rows = [one.row for one in telling]
    background = frame if known is None else known[0]
    first = slice(rows[0], rows[0] + 1)
    return {
        "telling": telling,
        "told": attributions(model, frame[rows], background=background, tolerance=CLOSE),
        "told_rows": frame[rows],
        "told_answers": answers_of(model, frame[rows], targets[rows]),
        "pictured": _explained(model, frame[first], targets[first]),
    }


def _unlike(model: Any, frame: pl.DataFrame) -> np.ndarray:
    """Return how far each row's features are from those of an average row, (n,)."""
    x = model.encoder_.transform(frame)
    return np.asarray(np.linalg.norm(x - x.mean(axis=0), axis=1))


def _explained(model: Any, frame: pl.DataFrame, targets: pl.DataFrame) -> Explanation:
    found = explain(model, frame, targets)
    assert isinstance(found, Explanation)
    return found
