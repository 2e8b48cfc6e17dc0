"""An exercise: a question with numbers, its answer, the way there, and the verdict on an answer.

Numbers are given to four digits, so an answer worked out from them is off by a little for every
factor and summand; the tolerance allows that and no more. Who is further off is told where: the
answer is held against the numbers that the usual mistakes lead to, and against the results on the
way.

Public names: `Exercise`, `Verdict`, `check`, `exercise`, `finished`.
May import: `asked`, the solutions, `answers`, `quantities`, `pages`, `words`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clearprop.errors import SettingError
from clearprop.explanation.exercises import backward, carriers, forward, gradients, routes
from clearprop.explanation.exercises.answers import parse_number
from clearprop.explanation.exercises.asked import Asked, asked_of
from clearprop.explanation.exercises.working import Desk, Step, Working, WrongTurn, digits_for
from clearprop.explanation.formulas import Formula, Number
from clearprop.explanation.pages import Text
from clearprop.explanation.quantities import Quantities, Quantity
from clearprop.explanation.words import Words, words

# kind → how it is worked out
SOLUTIONS: dict[str, Callable[[Desk, Asked], Working]] = {
    "z": forward.weighted_input,
    "a": forward.activation,
    "slope": forward.slope,
    "loss": forward.loss,
    "error": backward.error,
    "delta": backward.delta,
    "carried": carriers.carried,
    "share": carriers.share,
    "gradient": gradients.gradient,
    "path": routes.path,
    "new": gradients.new,
}
# kinds that are worked out from δ, which must be that of the gradient
_OF_DELTA = ("delta", "gradient", "path", "new")
# what four digits of a factor and of a summand may be off by, relative to them
PER_FACTOR, PER_SUMMAND = 5e-4, 5e-4
# a result on the way is known by so much of it
RESULT = 2e-3
# an answer so near the right one has been rounded on the way
ROUNDED = 0.03
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Exercise:
    """A number to be worked out.

    Attributes
    ----------
    key : str
        The words that ask for it: `delta h1`.
    kind : str
        A name of `asked.KINDS`.
    lang : str
        The language of the texts.
    question : Text
    functions : tuple of Formula
        The activation function and the loss, where they are needed.
    given : tuple of Quantity
        The numbers that the question gives.
    answer : float
    tolerance : float
        How far an answer may be from it.
    digits : int
        Significant digits that are enough.
    steps : tuple of Step
        The worked solution; the value of the last one is the answer.
    turns : tuple of WrongTurn
        The usual mistakes that lead to another number.
    """

    key: str
    kind: str
    lang: str
    question: Text
    functions: tuple[Formula, ...]
    given: tuple[Quantity, ...]
    answer: float
    tolerance: float
    digits: int
    steps: tuple[Step, ...]
    turns: tuple[WrongTurn, ...]


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer.

    Attributes
    ----------
    right : bool
    given : float
        The answer as it was read.
    step : int or None
        The step, counted from 0, from which to go on; None for a right answer.
    turn : str
        The name of the wrong turn, `"part"` for a result on the way, `"sign"`, `"point"` for a
        decimal point that slipped, `"rounded"`, `"first"` where nothing fits; empty where right.
    said : Text
        The verdict in words.
    formula : Formula or None
        That step in symbols, for who wants to try again; the exercise's steps have its numbers.
    """

    right: bool
    given: float
    step: int | None
    turn: str
    said: Text
    formula: Formula | None = None


def exercise(
    explanation: Any,
    asked: str | Asked,
    *,
    lang: str = "en",
    sample: int | None = None,
) -> Exercise:
    """Return the exercise that asks for one number of a network.

    Parameters
    ----------
    explanation : Explanation or SequenceExplanation
    asked : str or Asked
        Such as `"delta h1"`; see `asked`, and `in_time` for numbers at a step of time.
    lang : {"en", "zh"}
    sample : int, optional
        The row of the explanation, counted from 0, that the numbers belong to; the first where
        absent.

    Raises
    ------
    SettingError
        If there is no such number, or none that can be worked out by hand.
    """
    if explanation.trace.network.recurrent:
        from clearprop.explanation.exercises.in_time import exercise_in_time

        return exercise_in_time(explanation, str(asked), lang=lang, sample=sample)
    if isinstance(asked, str):
        asked = asked_of(explanation.names, asked)
    say, trace = words(lang), explanation.trace
    carrier = trace.recipe.carrier
    if asked.kind in _OF_DELTA and carrier != "exact":
        raise SettingError(
            f"The explanation's errors were carried back by {carrier!r}, so its δ is not the "
            f"gradient's. Explain the model with the exact carrier, or ask for z, a or the loss."
        )
    sample = explanation.focus(sample=sample if sample is not None else 0).sample
    numbers = Quantities(trace, explanation.names, sample)
    work = SOLUTIONS[asked.kind](Desk(numbers, say), asked)
    if not all(math.isfinite(step.value) for step in work.steps):
        raise SettingError(
            f"'{asked.typed(explanation.names)}' is not a finite number, so it cannot be worked "
            f"out. Ask for another one."
        )
    return _finished(say, asked, numbers, work)


def _finished(say: Words, asked: Asked, numbers: Quantities, work: Working) -> Exercise:
    digits = digits_for(work.value, _tolerance(work))
    question = _question(say, asked, numbers, digits)
    return finished(say, (asked.typed(numbers.names), asked.kind), question, work)


def finished(say: Words, key: tuple[str, str], question: Text, work: Working) -> Exercise:
    """Return the exercise of a worked solution; `key` is its key and its kind."""
    answer, tolerance = work.value, _tolerance(work)
    turns = [
        turn
        for turn in work.turns
        if math.isfinite(turn.value) and abs(turn.value - answer) > tolerance
    ]
    return Exercise(
        key=key[0],
        kind=key[1],
        lang=say.lang,
        question=question,
        functions=tuple(work.functions.values()),
        given=tuple(work.given.values()),
        answer=answer,
        tolerance=tolerance,
        digits=digits_for(answer, tolerance),
        steps=tuple(work.steps),
        turns=tuple(turns),
    )


def _tolerance(work: Working) -> float:
    if work.tolerance is not None:
        return work.tolerance
    rounding = PER_FACTOR * work.factors * abs(work.value) + PER_SUMMAND * work.size
    return max(rounding, _SMALLEST)


def _question(say: Words, asked: Asked, numbers: Quantities, digits: int) -> Text:
    names, places = numbers.names, {}
    if asked.place is not None:
        places["weight"] = names.of(asked.place)
        through = [names.unit(asked.layer + 1 + k, unit) for k, unit in enumerate(asked.route)]
        places["path"] = " → ".join([names.unit(asked.layer, asked.unit), *through])
    elif asked.kind != "loss":
        places["unit"] = names.unit(asked.layer, asked.unit)
    kind = asked.kind
    if kind == "gradient" and len(numbers.trace.rows) > 1:
        kind = "gradient_of_batch"
    question = say.text(f"exercises.ask_{kind}", **places)
    return (*question, *say.text("exercises.enough", n=digits))


def check(exercise: Exercise, given: float | str) -> Verdict:
    """Return the verdict on an answer.

    Parameters
    ----------
    exercise : Exercise
    given : float or str
        A number, or what was typed; see `answers.parse_number`.

    Raises
    ------
    SettingError
        If what was typed is not a number.
    """
    value = parse_number(given) if isinstance(given, str) else float(given)
    say = words(exercise.lang)
    if abs(value - exercise.answer) <= exercise.tolerance:
        said = say.text("exercises.right", answer=Number(exercise.answer, exercise.digits + 1))
        return Verdict(True, value, None, "", said)
    turn, step, what = _parting(exercise, value, say)
    said = (*what, *say.text("exercises.from_step", step=step + 1))
    return Verdict(False, value, step, turn, said, exercise.steps[step].rule)


def _parting(exercise: Exercise, value: float, say: Words) -> tuple[str, int, Text]:
    """Return where a wrong answer parts from the right way: what it is, the step, in words."""
    if turn := _nearest(exercise, value):
        return turn.name, turn.step, say.text("exercises.wrong_turn", said=turn.said)
    for place, step in enumerate(exercise.steps[:-1]):
        if _near(exercise, value, step.value):
            said = say.text("exercises.wrong_part", step=place + 1)
            return "part", place + 1, said
    last = len(exercise.steps) - 1
    if _near(exercise, value, -exercise.answer):
        return "sign", 0, say.text("exercises.wrong_sign")
    ratio = abs(value / exercise.answer) if exercise.answer else 0.0
    power = round(math.log10(ratio)) if ratio else 0
    if power and _near(exercise, value / 10.0**power, exercise.answer):
        return "point", last, say.text("exercises.wrong_point")
    if abs(value - exercise.answer) <= ROUNDED * abs(exercise.answer):
        return "rounded", 0, say.text("exercises.wrong_rounded", digits=exercise.digits)
    return "first", 0, say.text("exercises.wrong_first")


def _nearest(exercise: Exercise, value: float) -> WrongTurn | None:
    """Return the wrong turn that leads to a number, the nearest if there are several."""
    near = [turn for turn in exercise.turns if _near(exercise, value, turn.value)]
    return min(near, key=lambda turn: abs(turn.value - value), default=None)


def _near(exercise: Exercise, value: float, other: float) -> bool:
    """Whether two numbers are the same within what rounding does to numbers of their size."""
    size = abs(other / exercise.answer) if exercise.answer else 1.0
    # results on the way may be far smaller than an answer that is told to many digits
    bound = max(exercise.tolerance * size, min(RESULT * abs(other), exercise.tolerance))
    return abs(value - other) <= bound
