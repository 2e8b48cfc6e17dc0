"""Exercises: numbers asked for instead of told, and what is said of an answer.

The idea: every number of an explanation can be asked for. Its worked solution is built from the
same Trace, together with the numbers that the usual mistakes lead to, so that a wrong answer can be
met with the step at which it parts from the right way.

    asked.py      which number: `delta h1`, `gradient w5`, `path w1 o1`, in words that people type
    working.py    a solution in the making: what is given, steps, wrong turns
    forward.py    z, a, f'(z) and the loss
    backward.py   ∂E/∂a and δ
    carriers.py   errors carried without slope
    gradients.py  gradients and new weights
    routes.py     the product along one path
    in_time.py    numbers of a network of sequences, at a step of time
    exercise.py   Exercise, and the verdict on an answer
    answers.py    numbers as people type them
    choosing.py   which numbers a sheet asks for
    sheets.py     exercises as a page

May import: the other modules of the explanation, `clearprop.engines`, `clearprop.functions`,
`clearprop.errors`, NumPy.
"""

from clearprop.explanation.exercises.answers import parse_number
from clearprop.explanation.exercises.asked import KINDS, Asked, asked_of
from clearprop.explanation.exercises.choosing import exercises_for
from clearprop.explanation.exercises.exercise import Exercise, Verdict, check, exercise
from clearprop.explanation.exercises.sheets import sheet
from clearprop.explanation.exercises.working import Step, WrongTurn

__all__ = [
    "KINDS",
    "Asked",
    "Exercise",
    "Step",
    "Verdict",
    "WrongTurn",
    "asked_of",
    "check",
    "exercise",
    "exercises_for",
    "parse_number",
    "sheet",
]
