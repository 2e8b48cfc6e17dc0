"""The update: one step of one parameter as a ledger, and the parameter over the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from clearprop.explanation.chapters.spans import apart, number
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Stack,
    Symbol,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.ledger import Ledger
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Math,
    Note,
    Paragraph,
    Picture,
    Section,
    Table,
    Text,
    plain,
)
from clearprop.explanation.quantities import Quantities
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene

if TYPE_CHECKING:
    from clearprop.explanation.views import Focus, Views
    from clearprop.explanation.words import Words

Line = tuple[Formula, Formula, Formula]

# a ledger is there to be added up, so its amounts have more digits than other numbers
DIGITS = {"float32": 7, "float64": 9}
# the left side of a line that goes on with what is added to the parameter
_NOTHING = Row(())


def chapter(explanation: Views, focus: Focus, words: Words) -> Section:
    """Return the step of the focused parameter."""
    ledger, all_of = explanation.ledger(focus.weight), explanation.membership or explanation
    quantities = Quantities(all_of.trace, all_of.names, focus.sample)
    name = all_of.names.of(ledger.place)
    blocks: list[Block] = [Paragraph(_lead(ledger, name, words))]
    blocks += _notes(explanation, ledger, words)
    blocks += _members(explanation, focus, name, words)
    blocks.append(Paragraph(words.text(f"update.rule_{ledger.rule.name}")))
    blocks.append(Math(Lines(step_lines(ledger, quantities, words))))
    if getattr(ledger.rule, "epsilon_hat", False):
        blocks.append(Paragraph(words.text("update.epsilon_hat")))
    blocks += [Paragraph(words.text("update.table")), _table(ledger, quantities, words)]
    blocks += _checks(ledger, words)
    if ledger.history is not None and len(ledger.history[0]) > 1:
        blocks += _history(ledger, name, words)
    return Section("update", words.text("update.title"), tuple(blocks))


def _lead(ledger: Ledger, name: str, words: Words) -> Text:
    """Return what the step did, and how that stands to the gradient."""
    old, new = apart(ledger.old, ledger.new)
    values = {
        "weight": name,
        "step": ledger.step,
        "old": replace(old, key=ledger.place.key),
        "new": replace(new, role="update"),
        "update": number(ledger.update, "update"),
        "gradient": number(ledger.parts["gradient"], "error"),
    }
    if ledger.held:
        return words.text("update.held", **values)
    lead = words.text("update.lead", **values)
    slope = ledger.parts["gradient"] * ledger.update
    kind = "against" if slope < 0 else "along" if slope > 0 else "flat"
    return lead + words.text(f"update.{kind}", **values)


def _notes(explanation: Views, ledger: Ledger, words: Words) -> Iterator[Block]:
    recipe = explanation.trace.recipe
    n = len(explanation.trace.rows)
    if n > 1:
        several = explanation.trace.network.recurrent
        yield Paragraph(words.text(f"update.over_{'sequences' if several else 'batch'}", n=n))
    if recipe.carrier != "exact":
        yield Note(words.text("update.carrier", carrier=recipe.carrier), "warning")
    if ledger.length is not None and recipe.clip_norm is not None:
        kind = "shortened" if ledger.length > recipe.clip_norm else "short"
        values = {"length": ledger.length, "bound": float(recipe.clip_norm)}
        yield Paragraph(words.text(f"update.{kind}", **values))
    if recipe.clip_value is not None:
        yield Paragraph(words.text("update.clip_value", bound=float(recipe.clip_value)))


def _members(explanation: Views, focus: Focus, name: str, words: Words) -> Iterator[Block]:
    """Yield how the members' gradients make the one that the update used."""
    membership, place = explanation.membership, focus.weight
    if membership is None:
        return
    parts, own = membership.gradients(place), membership.is_own(place)
    entry = membership.place(place).entry(membership.trace.network)
    values = {
        "weight": name,
        "k": membership.count,
        "member": membership.number + 1,
        "own": Number(float(parts[membership.number]), 6),
        "mean": Number(float(parts.mean()), 6),
        "used": Number(float(membership.trace.gradient[entry]), 6),
    }
    yield Paragraph(words.text(f"update.member_{'own' if own else 'shared'}", **values))
    checked = words.text(f"update.check_{'own' if own else 'members'}", **values)
    yield Check(checked, membership.adds_up(place))


# the rule, in symbols with the numbers below


def _chip(symbol: Formula, value: float, role: str = "", key: str = "") -> Stack:
    return Stack(symbol, Number(value, role=role, key=key), role=role, key=key)


def _line(left: Formula, right: Formula) -> Line:
    return left, sign("="), right


def _minus(left: Formula, *right: Formula) -> Row:
    parts = [part for term in right for part in (sign("−"), term)]
    return row(left, *parts)


def step_lines(ledger: Ledger, quantities: Quantities, words: Words) -> tuple[Line, ...]:
    """Return g, η and the rule's own lines."""
    gradient = quantities.gradient(ledger.place).chip()
    parts: list[Formula] = [gradient]
    for name, value in ledger.parts.items():
        if name != "gradient":
            parts.append(_chip(Label(words(f"update.part_{name}")), value))
    lines = []
    plain_descent = ledger.rule.name == "gd" and len(parts) == 1
    if not plain_descent:
        lines.append(_line(_g(ledger), plus(parts)))
    if ledger.schedule != 1:
        factors = [
            _chip(Symbol("η", "0"), ledger.learning_rate),
            _chip(Label(words("update.schedule")), ledger.schedule),
        ]
        lines.append(_line(_eta(ledger), product(factors)))
    lines += _RULES[ledger.rule.name](ledger, gradient if plain_descent else _g(ledger))
    new, old = quantities.updated(ledger.place).chip(), quantities.of(ledger.place).chip()
    # the rule's last lines are what is added
    changes = [line for line in lines if line[0] == _NOTHING]
    first, *others = changes
    last = new, sign("="), row(old, first[1], first[2])
    return *(line for line in lines if line not in changes), last, *others


def _eta(ledger: Ledger) -> Stack:
    return _chip(Symbol("η"), ledger.rate)


def _g(ledger: Ledger) -> Stack:
    return _chip(Symbol("g"), ledger.gradient, "error")


def _segment(ledger: Ledger) -> list[Formula]:
    """Return the segment's factor where it is not 1."""
    return [] if ledger.segment_rate == 1 else [_chip(Symbol("r"), ledger.segment_rate)]


def _change(operator: str, *factors: Formula) -> Line:
    return _NOTHING, sign(operator), product(factors)


def _gd(ledger: Ledger, g: Formula) -> list[Line]:
    return [_change("−", *_segment(ledger), _eta(ledger), g)]


def _slot(ledger: Ledger, name: str, letter: str) -> tuple[Stack, Stack]:
    """Return a slot before and after, as chips."""
    slot = next(slot for slot in ledger.slots if slot.name == name)
    before, after = Symbol(letter, "−"), Symbol(letter)
    return _chip(before, slot.before, "muted"), _chip(after, slot.after)


def _velocity(ledger: Ledger, g: Formula) -> Line:
    before, after = _slot(ledger, "velocity", "v")
    mu = _chip(Symbol("μ"), ledger.rule.momentum)  # type: ignore[attr-defined]
    return _line(after, _minus(product([mu, before]), product([_eta(ledger), g])))


def _momentum(ledger: Ledger, g: Formula) -> list[Line]:
    after = _slot(ledger, "velocity", "v")[1]
    return [_velocity(ledger, g), _change("+", *_segment(ledger), after)]


def _nesterov(ledger: Ledger, g: Formula) -> list[Line]:
    after, segment = _slot(ledger, "velocity", "v")[1], _segment(ledger)
    mu = _chip(Symbol("μ"), ledger.rule.momentum)  # type: ignore[attr-defined]
    ahead = _change("+", *segment, mu, after), _change("−", *segment, _eta(ledger), g)
    return [_velocity(ledger, g), *ahead]


def _average(ledger: Ledger, name: str, letter: str, rate: Symbol, kept: float, power: int) -> Line:
    """Return m = β m₋ + (1 − β) g, or the same of v with g²."""
    before, after = _slot(ledger, name, letter)
    part = _chip(Group(row(Number(1), sign("−"), rate)), 1 - kept)
    g: Formula = Symbol("g", role="error")
    if power == 2:
        g = Script(g, sup=Number(2))
    new = _chip(g, ledger.gradient**power, "error")
    return _line(after, plus([product([_chip(rate, kept), before]), product([part, new])]))


def _scaling(ledger: Ledger, v: Symbol) -> Stack:
    """Return 1 / (√v + ε)."""
    assert ledger.scaling is not None
    epsilon = Symbol("ε", sup="′" if getattr(ledger.rule, "epsilon_hat", False) else "")
    below = row(sign("√"), v, sign("+"), epsilon)
    return _chip(Fraction(Number(1), below), ledger.scaling)


def _rmsprop(ledger: Ledger, g: Formula) -> list[Line]:
    kept = ledger.rule.decay  # type: ignore[attr-defined]
    factors = [*_segment(ledger), _eta(ledger), g, _scaling(ledger, Symbol("v"))]
    return [
        _average(ledger, "square", "v", Symbol("ρ"), kept, 2),
        _change("−", *factors),
    ]


def _corrected(ledger: Ledger, name: str, letter: str, rate: str, kept: float) -> Line:
    """Return m̂ = m / (1 − βᵗ)."""
    slot = next(slot for slot in ledger.slots if slot.name == name)
    assert slot.corrected is not None
    below = row(Number(1), sign("−"), Script(Symbol("β", rate), sup=Symbol("t")))
    factor = _chip(Fraction(Number(1), below), 1 / (1 - kept**ledger.step))
    hat = _chip(Symbol(f"{letter}\u0302"), slot.corrected)
    return _line(hat, product([_chip(Symbol(letter), slot.after), factor]))


def _adam(ledger: Ledger, g: Formula) -> list[Line]:
    first, second = ledger.rule.beta_1, ledger.rule.beta_2  # type: ignore[attr-defined]
    mean = _corrected(ledger, "mean", "m", "1", first)
    square = _corrected(ledger, "square", "v", "2", second)
    scaling = _scaling(ledger, Symbol("v\u0302"))
    return [
        _average(ledger, "mean", "m", Symbol("β", "1"), first, 1),
        mean,
        _average(ledger, "square", "v", Symbol("β", "2"), second, 2),
        square,
        _change("−", *_segment(ledger), _eta(ledger), mean[0], scaling),
    ]


def _adamw(ledger: Ledger, g: Formula) -> list[Line]:
    lines = _adam(ledger, g)
    if ledger.decay:
        decay = _chip(Symbol("λ"), ledger.decay / ledger.rate)
        old = _chip(Symbol("w"), ledger.old)
        lines.append(_change("−", *_segment(ledger), _eta(ledger), decay, old))
    return lines


_RULES: dict[str, Callable[[Ledger, Formula], list[Line]]] = {
    "gd": _gd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}


# the ledger


def _table(ledger: Ledger, quantities: Quantities, words: Words) -> Table:
    """Return old value, each term as value times factor, new value."""
    columns = (
        Column(()),
        Column(words.text("update.value"), "right"),
        Column(words.text("update.factor"), "right"),
        Column(words.text("update.amount"), "right", "update"),
    )
    old, new = quantities.of(ledger.place), quantities.updated(ledger.place)
    digits = DIGITS[quantities.trace.network.dtype]
    rows: list[tuple[Text, ...]] = [(words.text("update.old"), (), (), (old.number(digits),))]
    for name, amount in ledger.terms.items():
        value = _value(ledger, name)
        factor: Text = (Number(amount / value),) if value else ()
        label = words.text(f"update.term_{name}")
        rows.append((label, (Number(value),), factor, (Number(amount, digits, role="update"),)))
    if len(ledger.terms) > 1:
        total = Number(ledger.total, digits, role="update")
        rows.append((words.text("update.sum"), (), (), (total,)))
    rows.append((words.text("update.new"), (), (), (new.number(digits),)))
    return Table(columns, tuple(rows), words.text("update.caption"))


def _value(ledger: Ledger, name: str) -> float:
    """Return what a term is a multiple of."""
    if name in ledger.parts:
        return ledger.parts[name]
    return ledger.old if name == "decay" else ledger.slots[0].before


def _checks(ledger: Ledger, words: Words) -> Iterator[Block]:
    values = {"total": ledger.total, "update": ledger.update, "book": ledger.book}
    yield Check(words.text("update.check_sum", n=len(ledger.terms), **values), ledger.adds_up)
    yield Check(words.text("update.check_book", **values), ledger.agrees)


# the run


def _history(ledger: Ledger, name: str, words: Words) -> Iterator[Block]:
    yield Paragraph(words.text("update.history", weight=name))
    yield Picture(_history_scene(ledger, name, words), plain(()))


def _history_scene(ledger: Ledger, name: str, words: Words) -> Scene:
    assert ledger.history is not None
    steps, values = ledger.history
    finite = [float(value) for value in values if math.isfinite(value)] or [math.nan]
    first, last = apart(finite[0], finite[-1])
    ends = {"first": first, "last": last, "steps": int(steps[-1])}
    return curve_scene(
        words("update.history_title", weight=name, **ends),
        [Series("", steps, values, role="update", key=ledger.place.key)],
        x_label=words("update.history_steps"),
        y_label=name,
        description=words(
            "update.history_text", weight=name, low=figure(min(finite)), high=figure(max(finite))
        ),
        lang=words.lang,
    )
