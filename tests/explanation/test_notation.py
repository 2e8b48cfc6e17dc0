"""Activations and losses written out: what stands there has the value that is computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Number,
    Row,
    Script,
    Sign,
    Symbol,
)
from clearprop.explanation.notation import activation_formula, loss_term
from clearprop.functions import LOSSES, activation, loss
from problems import HIDDEN, NUMBERED

FUNCTIONS = {
    "max": max,
    "min": min,
    "tanh": math.tanh,
    "log": math.log,
    "Φ": lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))),
}
SIGNS = {"+": "+", "−": "-", "·": "*", ",": ","}


def value_of(formula: Formula) -> float:
    """Evaluate a formula as a reader would."""
    return eval(_code(formula), {"exp": math.exp, "abs": abs, **FUNCTIONS})


def _code(formula: Formula) -> str:
    match formula:
        case Number(value=value):
            return f"({value!r})"
        case Group(body=body, brackets=brackets):
            return f"{'abs' if brackets == '||' else ''}({_code(body)})"
        case Fraction(top=top, bottom=bottom):
            return f"(({_code(top)})/({_code(bottom)}))"
        case Script(base=Symbol(name="e"), sup=power):
            return f"exp({_code(power)})"
        case Script(base=base, sup=power):
            return f"({_code(base)}**{_code(power)})"
        case Row(parts=parts):
            return _row(parts)
    raise AssertionError(formula)


def _row(parts: tuple[Formula, ...]) -> str:
    """Write a row: names apply to what follows them, neighbours without a sign are multiplied."""
    code, operand, at = "", False, 0
    while at < len(parts):
        part = parts[at]
        if isinstance(part, Sign):
            code, operand = code + SIGNS[part.text], False
        else:
            if operand:
                code += "*"
            name = getattr(part, "text", "") or getattr(part, "name", "")
            if isinstance(part, Label) or name == "Φ":
                at += 1
                code += f"{name.strip()}({_code(parts[at]).removeprefix('abs')})"
            else:
                code += f"({_code(part)})" if isinstance(part, Row) else _code(part)
            operand = True
        at += 1
    return code


@pytest.mark.parametrize("name", [*HIDDEN, *NUMBERED])
@pytest.mark.parametrize("z", [-1.3, 0.4, 2.0])
def test_activations(name, z):
    f = activation(name)
    wanted = float(f.value(np, np.array([z]))[0])
    assert value_of(activation_formula(f, Number(z))) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("name", [*LOSSES, "huber(0.2)"])
@pytest.mark.parametrize(("a", "y"), [(0.25, 0.75), (0.9, 0.4)])
def test_losses(name, a, y):
    objective = loss(name)
    # one output beside two that are exact and add nothing: what K divides by is seen
    outputs, share = (3, 1 / 3) if objective.kind.over_outputs == "mean" else (1, 1.0)
    arrays = (np.array([[value]]) for value in (y, a))
    wanted = share * float(objective.kind.value(np, *arrays, objective.parameter)[0])
    term = loss_term(objective, Number(a), Number(y), outputs)
    assert value_of(term) == pytest.approx(wanted, rel=1e-12)
