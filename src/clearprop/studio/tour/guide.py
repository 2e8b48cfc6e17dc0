"""Where a person stands on the tour, what the pane shows of it, and its commands.

Booklets are made on a thread of their own, since that takes a second or two; exercises are checked
at once, as they are typed.

Public names: `Tour`.
May import: `booklets`, `jobs`, `panes`, `clearprop.explanation`, `clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from html import escape
from typing import Any, cast

from clearprop.errors import SettingError
from clearprop.explanation.examples import EXAMPLES
from clearprop.explanation.exercises import Exercise, Verdict, check
from clearprop.explanation.exercises.sheets import solution_blocks
from clearprop.explanation.pages import Block, Math, Paragraph
from clearprop.explanation.render.html import blocks_html
from clearprop.explanation.words import words
from clearprop.functions.spelling import suggest
from clearprop.studio.jobs import Job, Tell
from clearprop.studio.panes import Contents, Work
from clearprop.studio.tour.booklets import (
    Booklet,
    Sheet,
    booklet,
    exercise_sheet,
    practice,
)

LONGEST = 40  # letters of an answer
Ready = tuple[Booklet, tuple[Exercise, ...]]


class Tour:
    """A walk through the examples."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._name = next(iter(EXAMPLES))
        self._place, self._seed = 0, 0
        self._job: Job | None = None
        self._job_of: tuple[Any, ...] = ()
        self._given: dict[int, str] = {}
        self._solved: set[int] = set()
        self._told: set[int] = set()
        self._shown: Contents | None = None
        self._shown_of: tuple[Any, ...] = ()

    def close(self) -> None:
        """End what is being made."""
        if self._job is not None:
            self._job.stop()

    def to_document(self) -> dict[str, Any]:
        """Return what the pane's controls show."""
        ready = self._ready()
        return {
            "example": self._name,
            "at": self._place,
            "titles": [] if ready is None else self._titles(ready),
            "asked": self._asked(ready) is not None,
        }

    def _titles(self, ready: Ready) -> list[str]:
        say = words(self._work.view.lang)
        headings = (say("exercises.heading", place=k + 1) for k in range(len(ready[1])))
        return [*(sheet.title for sheet in ready[0].sheets), *headings]

    # commands

    def heard(self) -> None:
        """Take notice that there is something new."""

    def open(self, name: str) -> None:
        """Begin an example."""
        if name not in EXAMPLES:
            raise SettingError(f"There is no example {name!r}. {suggest(name, EXAMPLES)}")
        self._name, self._place, self._seed = name, 0, 0
        self._forget()

    def go_to(self, place: int) -> None:
        """Turn to a page."""
        self._place = max(0, int(place))

    def go_by(self, pages: int) -> None:
        """Turn some pages, backwards where negative."""
        self.go_to(self._place + int(pages))

    def begin_exercises(self) -> None:
        """Turn to the first exercise."""
        ready = self._ready()
        if ready is not None:
            self._place = len(ready[0].sheets)

    def answer(self, text: str) -> None:
        """Take what was typed so far."""
        ready = self._ready()
        if self._asked(ready) is not None:
            self._given[self._number(ready)] = str(text)[:LONGEST]

    def tell_solution(self) -> None:
        """Show the solution of the exercise, step by step."""
        ready = self._ready()
        if self._asked(ready) is not None:
            self._told.add(self._number(ready))

    def ask_others(self) -> None:
        """Ask for other numbers."""
        self.begin_exercises()
        self._seed += 1
        self._forget()

    def _forget(self) -> None:
        self._given, self._solved, self._told = {}, set(), set()

    # what there is to see

    def _ready(self) -> Ready | None:
        """Return the booklet and the exercises, once they are made."""
        wanted = (self._name, self._work.view.lang, self._seed)
        if self._job_of == wanted and self._job is not None and self._job.state == "done":
            return cast(Ready, self._job.found)
        return None

    def _begin_making(self) -> None:
        wanted = (self._name, self._work.view.lang, self._seed)
        if self._job_of != wanted or (self._job is not None and self._job.state == "stopped"):
            self.close()
            self._job_of = wanted
            self._job = Job(partial(_written, *wanted), partial(self._work.send, "tour.heard"))

    def _number(self, ready: Ready | None) -> int:
        """Return which exercise is before the person, from 0; below 0 for a page of the text."""
        return -1 if ready is None else self._place - len(ready[0].sheets)

    def _asked(self, ready: Ready | None) -> Exercise | None:
        number = self._number(ready)
        return ready[1][number] if ready is not None and 0 <= number < len(ready[1]) else None

    def contents(self) -> Contents | None:
        """Return the page that is turned to; while it is being made, that."""
        self._begin_making()
        ready = self._ready()
        if ready is None:
            say = words(self._work.view.lang)
            problem = self._job.problem if self._job is not None else ""
            said = say("tour.failed", problem=problem) if problem else say("tour.making")
            return _shown(Sheet("", "", f'<p class="making">{escape(said)}</p>', ()), "", "")
        self._place = min(self._place, len(ready[0].sheets) + len(ready[1]) - 1)
        number = self._number(ready)
        of = (*self._job_of, self._place, self._given.get(number), number in self._told)
        if self._shown is None or of != self._shown_of:
            self._shown, self._shown_of = self._made(ready), of
        return self._shown

    def _made(self, ready: Ready) -> Contents:
        book, exercises = ready
        say = words(self._work.view.lang)
        number = self._number(ready)
        if number < 0:
            sheet, verdict, solution = book.sheets[self._place], "", ""
        else:
            sheet = exercise_sheet(book, exercises, number)
            verdict, solution = self._of_answer(exercises[number], number)
        at = say("tour.at", at=self._place + 1, all=len(book.sheets) + len(exercises))
        shown = _shown(sheet, verdict, solution)
        page = {"id": [*self._job_of, self._place], "about": list(sheet.about),
                "given": self._given.get(number, "")}  # fmt: skip
        texts = {"tour-lead": book.lead, "tour-score": self._score(len(exercises)), "tour-at": at}
        return replace(shown, texts={**shown.texts, **texts}, data={"page": page})

    def _of_answer(self, one: Exercise, number: int) -> tuple[str, str]:
        """Return what is said of an answer, and the solution where that was asked for, as HTML."""
        given = self._given.get(number, "").strip()
        verdict = _verdict(one, given)
        if verdict is not None and verdict.right:
            self._solved.add(number)
        else:
            self._solved.discard(number)
        solution = ""
        if number in self._told:
            blocks = blocks_html(solution_blocks(one, words(one.lang)), one.lang)
            solution = f'<div class="solution">{blocks}</div>'
        return _said(one, given, verdict), solution

    def _score(self, count: int) -> str:
        say = words(self._work.view.lang)
        return say("exercises.score", right=len(self._solved), n=count) if count else ""


def _shown(sheet: Sheet, verdict: str, solution: str) -> Contents:
    html = {
        "tour-picture": sheet.picture,
        "tour-text": sheet.text,
        "tour-verdict": verdict,
        "tour-solution": solution,
    }
    return Contents(html=html, texts={"tour-title": sheet.title})


def _written(name: str, lang: str, seed: int, tell: Tell) -> Ready:
    book = booklet(name, lang)
    tell(0.8)
    return book, practice(name, lang, seed)


def _verdict(one: Exercise, given: str) -> Verdict | None:
    """Return the verdict on an answer; None where it is no number, or not yet."""
    try:
        return check(one, given)
    except SettingError:
        return None


def _said(one: Exercise, given: str, verdict: Verdict | None) -> str:
    """Return a verdict as HTML: right, close, wrong, or that it cannot be read yet."""
    say = words(one.lang)
    if not given:
        return f'<p class="verdict unread">{escape(say("tour.type"))}</p>'
    if verdict is None:
        return f'<p class="verdict unread">{escape(say("tour.unread"))}</p>'
    kind = "right" if verdict.right else "close" if verdict.turn == "rounded" else "wrong"
    mark = {"right": "✓", "close": "≈", "wrong": "✗"}[kind]
    blocks: list[Block] = [Paragraph(verdict.said)]
    if verdict.formula is not None:
        blocks.append(Math(verdict.formula))
    name = escape(say(f"tour.{kind}"))
    return (
        f'<div class="verdict {kind}"><span class="mark" role="img" aria-label="{name}">{mark}'
        f"</span><div>{blocks_html(blocks, one.lang)}</div></div>"
    )
