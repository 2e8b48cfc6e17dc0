"""Exercises as a page: to be printed and filled in, with or without the solutions.

Public names: `sheet`, `given_text`, `solution_blocks`.
May import: `exercise`, `pages`, `formulas`, `words`.
"""

from __future__ import annotations

from collections.abc import Sequence

from clearprop.errors import SettingError
from clearprop.explanation.exercises.exercise import Exercise
from clearprop.explanation.formulas import Formula, Number, row, sign
from clearprop.explanation.pages import (
    Blank,
    Block,
    Bullets,
    Details,
    Inline,
    Math,
    Page,
    Paragraph,
    Section,
    Span,
    Text,
)
from clearprop.explanation.words import Words, words


def sheet(exercises: Sequence[Exercise], *, solutions: bool = False, title: str = "") -> Page:
    """Return a sheet of exercises.

    Parameters
    ----------
    exercises : sequence of Exercise
        In one language, which is the sheet's.
    solutions : bool
        Whether each is followed by its solution; by room for an answer otherwise.
    title : str
        What the numbers are of, such as an example's name.

    Raises
    ------
    SettingError
        If there are no exercises.
    """
    if not exercises:
        raise SettingError("A sheet needs at least one exercise, but none came.")
    say = words(exercises[0].lang)
    sections = tuple(
        Section(f"exercise-{place}", _heading(say, place), _blocks(one, say, solutions))
        for place, one in enumerate(exercises, start=1)
    )
    lead = say.text("exercises.lead_solved" if solutions else "exercises.lead", n=len(exercises))
    return Page(say.text("exercises.title", of=title), lead, sections, say.lang)


def _heading(say: Words, place: int) -> Text:
    return say.text("exercises.heading", place=place)


def _blocks(one: Exercise, say: Words, solutions: bool) -> tuple[Block, ...]:
    blocks: list[Block] = [Paragraph(one.question), Paragraph(given_text(one, say))]
    if not solutions:
        return (*blocks, Blank(say.text("exercises.answer")))
    return (*blocks, *solution_blocks(one, say))


def given_text(one: Exercise, say: Words) -> Text:
    """Return what a question gives, the functions first, in a sentence."""
    digits = max(4, one.digits)
    parts: list[Formula] = list(one.functions)
    for quantity in one.given:
        number = Number(quantity.value, digits, role=quantity.symbol.role, key=quantity.key)
        parts.append(row(quantity.symbol, sign("="), number, key=quantity.key))
    listed: list[Inline] = []
    for part in parts:
        listed += [*say.text("exercises.between"), part] if listed else [part]
    return say.text("exercises.given", numbers=tuple(listed))


def solution_blocks(one: Exercise, say: Words) -> tuple[Block, ...]:
    """Return the worked solution and what the usual mistakes lead to."""
    steps = tuple(Math(step.formula) for step in one.steps)
    answer = Number(one.answer, max(one.digits, 4))
    blocks: list[Block] = [
        Paragraph(say.text("exercises.solution")),
        *steps,
        Paragraph((Span("✓ ", "update"), *say.text("exercises.answer_is", answer=answer))),
    ]
    if one.turns:
        turns = tuple(
            _turn(say, turn.said, Number(turn.value, max(one.digits, 4))) for turn in one.turns
        )
        summary = say.text("exercises.turns", n=len(turns))
        blocks.append(Details(summary, (Bullets(turns),)))
    return tuple(blocks)


def _turn(say: Words, said: Text, value: Number) -> Text:
    return say.text("exercises.turn_line", value=value, said=said)
