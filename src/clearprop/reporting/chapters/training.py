"""How the network was trained: the curves, and the settings."""

from __future__ import annotations

import numpy as np

from clearprop.explanation.numbers import amount
from clearprop.explanation.pages import (
    Block,
    Column,
    Details,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.scenes.plots import Series, Spot, curve_scene
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words
from clearprop.reporting.chapters.texts import joined
from clearprop.reporting.gathering import Report
from clearprop.reporting.pictures import both
from clearprop.training import History

# a last epoch so near the best one means that there was more to learn
STILL = 2


def chapter(report: Report, say: Words) -> Section:
    """Return the curves and the settings."""
    history = report.model.history_
    blocks: list[Block] = [Paragraph(_finding(report, say))]
    if len(history) > 1:
        blocks.append(Picture(_curves(history, say), say.text("report.curves_text")))
    blocks.append(Details(say.text("report.settings"), (_settings(report, say),)))
    return Section("training", say.text("report.training_title"), tuple(blocks))


def _finding(report: Report, say: Words) -> Text:
    history = report.model.history_
    epochs, best = len(history), history.best_epoch
    if not epochs:
        return say.text("report.no_epochs")
    key = _key(history)
    curve = history.validation_loss or history.loss
    networks = len(report.model.bagged_)
    said = say.text("report.bagged", n=networks) if networks > 1 else ()
    curve_said = say.text(
        f"report.curve_{key}",
        n=epochs,
        best=best or epochs,
        first=amount(curve[0]),
        last=amount(curve[(best or epochs) - 1]),
        seconds=amount(history.seconds[-1], 3),
    )
    return joined(say, said, curve_said)


def _key(history: History) -> str:
    """Return what the curves show."""
    if not history.validation_loss:
        return "alone"
    return "stopped" if len(history) - history.best_epoch > STILL else "still"


def _curves(history: History, say: Words) -> Scene:
    epochs = np.arange(1, len(history) + 1)
    series = [Series(say("report.on_training"), epochs, history.loss, "positive", ())]
    if history.validation_loss:
        name = say("report.on_validation")
        series.append(Series(name, epochs, history.validation_loss, "negative", (7, 4)))
    marks = []
    if history.best_epoch:
        label = say("report.best_epoch_mark", best=history.best_epoch)
        marks.append(Spot(history.best_epoch, None, label, "muted"))
    title = say(f"report.curve_picture_{_key(history)}", best=history.best_epoch)
    text = say("report.curves_text")
    return both(
        lambda width: curve_scene(
            title, series, x_label=say("report.epoch"), y_label=say("report.loss_axis"),
            marks=marks, description=text, lang=say.lang, width=width,
        )
    )  # fmt: skip


def _settings(report: Report, say: Words) -> Table:
    """Return the parameters that were given to the estimator, or that it chose for the table."""
    given = report.model.get_params(deep=False)
    chosen = report.model.choices_
    given |= {} if chosen is None else chosen.to_document()
    columns = (Column(say.text("report.setting")), Column(say.text("report.value")))
    rows: list[tuple[Text, ...]] = [
        ((Span(name, "code"),), plain(_written(value)))
        for name, value in given.items()
        if name not in ("callbacks", "checkpoint", "record", "warm_start")
        and value is not None
        and value != ()
    ]
    return Table(columns, tuple(rows), say.text("report.settings_text"))


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
