"""What of the pass can run at the same time: the rule, the graph with its times, the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearprop.explanation.pages import (
    Block,
    Column,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
)
from clearprop.explanation.parallel import Schedule, Task
from clearprop.explanation.scenes.tasks import label_of, seconds_text, tasks_scene

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# tasks that the table shows, the largest; the rest is one row
ROWS = 13


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the schedule of the trace's pass, measured on its engine."""
    return section_of(explanation.schedule(), words)


def section_of(schedule: Schedule, words: Words) -> Section:
    """Return a schedule as a section."""
    widest = max((t for t in schedule.tasks if t.part == "z"), key=lambda task: task.width)
    sizes = {"layer": widest.layer, "units": widest.units, "wide": widest.width}
    blocks: list[Block] = [
        Paragraph(words.text("parallel.lead")),
        Paragraph(words.text("parallel.width", n=schedule.samples, **sizes)),
        Paragraph(words.text("parallel.path", length=schedule.length)),
        Picture(tasks_scene(schedule, words), _picture_text(schedule, words)),
        Paragraph(
            words.text(
                "parallel.speedup",
                work=schedule.work,
                critical=schedule.critical_work,
                speedup=schedule.speedup,
            )
        ),
        Paragraph(_measured(schedule, words)),
        _table(schedule, words),
        Paragraph(words.text("parallel.update_last")),
        Paragraph(words.text("parallel.recurrent")),
    ]
    return Section("parallel", words.text("parallel.title"), tuple(blocks))


def _picture_text(schedule: Schedule, words: Words) -> Text:
    timed = schedule.seconds is not None
    return words.text("parallel.picture_text" if timed else "parallel.picture_untimed")


def _measured(schedule: Schedule, words: Words) -> Text:
    if schedule.seconds is None:
        return words.text("parallel.not_measured")
    longest = max(schedule.tasks, key=lambda task: task.seconds or 0.0)
    share = (longest.seconds or 0.0) / schedule.seconds
    return words.text(
        "parallel.measured",
        engine=schedule.engine,
        seconds=_time(schedule.seconds),
        part=Span(label_of(longest, words), "strong"),
        share=Span(f"{100 * share:.0f} %", full=repr(share)),
    )


def _table(schedule: Schedule, words: Words) -> Table:
    timed = schedule.seconds is not None
    keys = ("task", "at_once", "products", "work", *(["time"] if timed else []))
    columns = tuple(
        Column(words.text(f"parallel.{key}"), "right" if key != "task" else "left") for key in keys
    )
    shown, rest = _split(schedule)
    critical = {task.name for task in schedule.critical_path}
    rows = [_row(task, task.name in critical, timed, words) for task in shown]
    if rest:
        rows.append(_rest(rest, timed, words))
    return Table(columns, tuple(rows), words.text("parallel.caption"))


def _split(schedule: Schedule) -> tuple[list[Task], list[Task]]:
    """Return the tasks to show, in the order of the pass, and the others."""
    if len(schedule.tasks) <= ROWS:
        return list(schedule.tasks), []
    timed = schedule.seconds is not None
    order = sorted(schedule.tasks, key=lambda t: -((t.seconds or 0.0) if timed else t.work))
    largest = {task.name for task in order[: ROWS - 1]}
    shown = [task for task in schedule.tasks if task.name in largest]
    return shown, [task for task in schedule.tasks if task.name not in largest]


def _row(task: Task, critical: bool, timed: bool, words: Words) -> tuple[Text, ...]:
    name = Span(label_of(task, words), "strong" if critical else "")
    cells: list[Text] = [(name,), *(_count(c) for c in (task.width, task.depth, task.work))]
    if timed:
        cells.append((Span("–"),) if task.seconds is None else (_time(task.seconds),))
    return tuple(cells)


def _rest(tasks: list[Task], timed: bool, words: Words) -> tuple[Text, ...]:
    """Return the row that sums the tasks that are not shown."""
    empty: Text = (Span(""),)
    cells = [words.text("parallel.more", n=len(tasks)), empty, empty]
    cells.append(_count(sum(task.work for task in tasks)))
    if timed:
        cells.append((_time(sum(task.seconds or 0.0 for task in tasks)),))
    return tuple(cells)


def _count(number: int) -> Text:
    return (Span(f"{number:,}"),)


def _time(seconds: float) -> Span:
    return Span(seconds_text(seconds), full=f"{seconds!r} s")
