"""The forward pass of one sequence step by step: the cell, one unit, all states, what is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.time_letters import TimeLetters
from clearprop.explanation.formulas import (
    Formula,
    Label,
    Lines,
    Number,
    Row,
    Symbol,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import fold
from clearprop.explanation.notation import activation_formula
from clearprop.explanation.pages import (
    Block,
    Column,
    Math,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import letter_of
from clearprop.explanation.scenes.step_heat import Heated, step_heat
from clearprop.explanation.through_time.forward import StepByStep
from clearprop.network import Recurrence

if TYPE_CHECKING:
    from clearprop.explanation.scenes.scene import Scene
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words

# summands of z that are written out at most, and steps at which they are
SUMMANDS, STEPS = 5, 4
# summands that stand on one line
TOGETHER = 2
# rows of a table, and rows shown of a longer one
ROWS, SHOWN = 12, 8


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return the forward pass of the focused sequence."""
    found = explanation.forward(focus.sample)
    blocks: list[Block] = [Paragraph(words.text("steps.lead", n=found.steps))]
    for operation in explanation.trace.network.recurrences:
        said = {"layer": operation.layer, "units": operation.size}
        blocks.append(Paragraph(words.text(f"steps.cell_{operation.cell}", **said)))
        blocks.append(Math(_formula(operation)))
        blocks += _written_out(explanation, focus, operation, words)
        names = explanation.names.units(operation.layer)
        heated = Heated(found.a[operation.layer - 1].T, names, np.arange(found.steps), "h")
        title = words("steps.heat", layer=operation.layer, n=found.steps)
        blocks.append(Picture(heat(title, heated, words), words.text("steps.heat_text")))
    blocks += _outputs(explanation, found, words)
    return Section("steps", words.text("steps.title"), tuple(blocks))


def _formula(operation: Recurrence) -> Lines:
    """Return the equations of a layer's cell, line by line."""
    f = operation.activation.name
    return Lines(
        tuple(
            (Label(name), sign("="), Label(f"{f}(z)" if body == "f(z)" else body))
            for name, body in _EQUATIONS[operation.cell]
        )
    )


_EQUATIONS = {
    "elman": (("z", "W x + U h⁻ + b"), ("h", "f(z)")),
    "lstm": (
        ("z", "W x + U h⁻ + b"),
        ("i, f, o", "σ(z)"),
        ("g", "tanh(z)"),
        ("c", "f ⊙ c⁻ + i ⊙ g"),
        ("h", "o ⊙ tanh(c)"),
    ),
    "gru": (
        ("r, u", "σ(W x + U h⁻ + b)"),
        ("n", "tanh(W x + b + r ⊙ (U h⁻ + c))"),
        ("h", "(1 − u) ⊙ n + u ⊙ h⁻"),
    ),
}


def heat(title: str, heated: Heated, words: Words, axis: str = "steps.axis") -> Scene:
    """Return a heat map over the steps of time."""
    more = words("steps.more_rows", n="{n}")
    text = words("steps.heat_text")
    return step_heat(title, heated, axis=words(axis), more=more, description=text)


def _written_out(
    explanation: SequenceExplanation, focus: Focus, operation: Recurrence, words: Words
) -> Iterator[Block]:
    """Yield z and h of one unit of an Elman layer, summand by summand, where there are few."""
    place = focus.weight
    few = operation.fan_in + operation.size + 1 <= SUMMANDS
    if operation.cell != "elman" or place.layer != operation.layer or not few:
        return
    unit = Span(explanation.names.into(place), "strong")
    yield Paragraph(words.text("steps.unit", unit=unit))
    trace = explanation.trace
    rows = trace.packing.of(focus.sample)
    chosen = fold(trace.delta[operation.layer - 1][rows, 0], room=STEPS, folded=3).shown
    yield Math(Lines(tuple(line for t in chosen for line in _unit_at(explanation, place, rows, t))))


def _unit_at(
    explanation: SequenceExplanation, place: Place, rows: np.ndarray, step: int
) -> Iterator[tuple[Formula, ...]]:
    """Yield z = Σ w x + Σ u h + b and h = f(z) of a unit at one step, in chips."""
    trace, names = explanation.trace, explanation.names
    index = place.layer - 1
    operation = trace.network.operations[index]
    assert isinstance(operation, Recurrence)
    parts: list[Formula] = []
    for array, count in (("", operation.fan_in), ("U", operation.size)):
        for source in range(count):
            one = Place(place.layer, place.unit, source, array, place.way)
            letters = TimeLetters(trace, names, one)
            held = trace.before if array else trace.inputs
            column = place.way * operation.size + source if array else source
            signal = letters.signal(step)
            assert signal is not None
            factors = [
                letters.chip(letter_of(names, one, _sign(trace, one)), _value(trace, one)),
                letters.chip(signal, float(held[index][rows[step], column])),
            ]
            parts.append(product(factors))
    bias = Place(place.layer, place.unit, None, "", place.way)
    letters = TimeLetters(trace, names, bias)
    if _value(trace, bias):
        parts.append(letters.chip(letter_of(names, bias, _sign(trace, bias)), _value(trace, bias)))
    column = place.way * operation.size + place.unit
    key = f"z{place.layer}.{column}t{step}"
    z = Symbol("z", f"{names.into(place)}, {step + 1}", role="signal", key=key)
    chip = letters.chip(z, float(trace.z[index][rows[step], column]))
    for at in range(0, len(parts), TOGETHER):
        some = plus(parts[at : at + TOGETHER])
        yield (Row(()), sign("+"), some) if at else (chip, sign("="), some)
    h = letters.unit(place.layer, column, step)
    value = Number(float(trace.a[index][rows[step], column]), role="signal", key=h.key)
    yield h, sign("="), row(activation_formula(operation.activation, z), sign("="), value)


def _value(trace: object, place: Place) -> float:
    return float(trace.vector[place.entry(trace.network)])  # type: ignore[attr-defined]


def _sign(trace: object, place: Place) -> str:
    return "negative" if _value(trace, place) < 0 else "positive"


def _outputs(explanation: SequenceExplanation, found: StepByStep, words: Words) -> Iterator[Block]:
    """Yield what is read out, with target and loss."""
    network, names = explanation.trace.network, explanation.names
    last = len(network.layers)
    every = network.readout == "every"
    yield Paragraph(words.text("steps.read_every" if every else "steps.read_one"))
    units = fold(np.abs(found.delta[-1]).sum(axis=0)).shown
    columns = [Column(words.text("steps.step"), "right")] if every else []
    columns += [Column((Span(names.unit(last, unit), "strong"),), "right") for unit in units]
    columns += [Column(words.text("steps.target"), "right"), Column((Symbol("E"),), "right")]
    shown = fold(np.nan_to_num(found.losses), room=ROWS, folded=SHOWN)
    rows: list[tuple[Text, ...]] = []
    for k in shown.shown:
        cells: list[Text] = [plain(str(k + 1))] if every else []
        at = k if every else found.steps - 1
        cells += [
            (Number(float(found.a[-1][k, unit]), role="signal", key=f"a{last}.{unit}t{at}"),)
            for unit in units
        ]
        target, loss = found.targets[k], Number(float(found.losses[k]), role="error")
        rows.append((*cells, _target(explanation, target), (loss,)))
    caption = words.text("steps.rows_left_out", n=shown.hidden) if shown.hidden else ()
    yield Table(tuple(columns), tuple(rows), caption)


def _target(explanation: SequenceExplanation, target: np.ndarray) -> Text:
    """Return a target: the class's name where it is one of several."""
    network = explanation.trace.network
    one_of_many = network.outputs > 1 and np.count_nonzero(target) == 1 and target.max() == 1
    if one_of_many:
        return plain(explanation.names.unit(len(network.layers), int(np.argmax(target))))
    if len(target) == 1:
        return (Number(float(target[0])),)
    return plain(", ".join(f"{value:.4g}" for value in target[:4].tolist()))
