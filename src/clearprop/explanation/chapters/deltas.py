"""δ, and BP1 to BP4: in symbols, as the actual matrices layer by layer, and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearprop.explanation.chapters.delta_errors import errors_of
from clearprop.explanation.chapters.delta_gradients import gradients_of
from clearprop.explanation.chapters.layer_view import LayerView
from clearprop.explanation.deltas import Deltas, LayerDelta
from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Lines,
    Row,
    Script,
    Symbol,
    called,
    row,
    sign,
)
from clearprop.explanation.jacobians import is_front
from clearprop.explanation.pages import (
    Block,
    Bullets,
    Check,
    Column,
    Details,
    Math,
    Note,
    Paragraph,
    Section,
    Table,
    Text,
    plain,
)
from clearprop.explanation.quantities import partial

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# units of a network whose layers stand open on the page
OPEN = 16


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the four equations with the numbers of the focused sample and of its batch."""
    deltas = explanation.deltas
    blocks = [
        *_symbols(deltas, words),
        *_notes(deltas, focus, words),
        *(_layer(deltas, layer, explanation, focus, words) for layer in reversed(deltas.layers)),
        *_sharing(deltas, words),
    ]
    return Section("deltas", words.text("deltas.title"), tuple(blocks))


def _symbols(deltas: Deltas, words: Words) -> list[Block]:
    """Return the definition of δ and the four equations in symbols."""
    four = _four()
    rows = tuple((Label(name), left, sign("="), right) for name, (left, right) in four.items())
    said = tuple(words.text(f"deltas.{name.lower()}") for name in four)
    blocks: list[Block] = [
        Paragraph(words.text("deltas.lead")),
        Math(row(_delta("j", "l"), sign("="), partial(_loss(), Symbol("z", "j", "l")))),
        Paragraph(words.text("deltas.four")),
        Math(Lines(rows)),
        Bullets(said),
        Paragraph(words.text("deltas.boxes")),
    ]
    if not deltas.layers[-1].activation.elementwise:
        jacobian = called(Symbol("J"), Symbol("z", sup="L"))
        carried = row(Script(jacobian, sup=Label("T")), _nabla())
        blocks.append(Paragraph(words.text("deltas.softmax")))
        blocks.append(Math(row(_delta("", "L"), sign("="), carried)))
    return blocks


def _four() -> dict[str, tuple[Formula, Formula]]:
    """Return both sides of the four equations in the book's letters."""
    weights = Script(Group(Symbol("W", sup="l+1")), sup=Label("T"))
    carried = Group(row(weights, _delta("", "l+1")))
    of_bias = partial(_loss(), Symbol("b", "j", "l"))
    of_weight = partial(_loss(), Symbol("w", "jk", "l"))
    signal = Symbol("a", "k", "l−1", role="signal")
    return {
        "BP1": (_delta("", "L"), row(_nabla(), sign("⊙"), _slope("L"))),
        "BP2": (_delta("", "l"), row(carried, sign("⊙"), _slope("l"))),
        "BP3": (of_bias, _delta("j", "l")),
        "BP4": (of_weight, row(signal, _delta("j", "l"))),
    }


def _delta(foot: str, head: str) -> Symbol:
    return Symbol("δ", foot, head, role="error")


def _slope(head: str) -> Formula:
    return called(Symbol("f", sup="′"), Symbol("z", sup=head))


def _nabla() -> Row:
    return row(Symbol("∇", "a"), _loss())


def _loss() -> Symbol:
    return Symbol("E", role="error")


def _notes(deltas: Deltas, focus: Focus, words: Words) -> list[Block]:
    """Return what is to be known before the numbers."""
    blocks: list[Block] = []
    rows = len(deltas.coefficients)
    if not deltas.own:
        blocks.append(Note(words.text("deltas.carried"), "warning"))
    if rows > 1:
        c = float(deltas.coefficients[focus.sample])
        text = words.text("deltas.batch", sample=focus.sample, n=rows, coefficient=c)
        blocks.append(Paragraph(text))
    return blocks


def _layer(
    deltas: Deltas, layer: LayerDelta, explanation: Explanation, focus: Focus, words: Words
) -> Details:
    """Return a layer's equations with their numbers, and the check that they hold."""
    view = LayerView(deltas, layer, explanation.names, focus, words)
    blocks: list[Block] = [*errors_of(view), *gradients_of(view)]
    if deltas.own:
        alone = "deltas.check" if layer.error else "deltas.check_exact"
        one_of = "deltas.check_member" if layer.error else "deltas.check_member_exact"
        key = alone if explanation.membership is None else one_of
        checked = words.text(key, error=layer.error)
        blocks.append(Check(checked, layer.error <= deltas.tolerance))
    kind = "output" if layer.is_output else "front" if is_front(layer.operation) else "hidden"
    units = sum(other.delta.shape[1] for other in deltas.layers)
    named = words.text(f"deltas.{layer.operation.kind}") if kind == "front" else ()
    summary = words.text(f"deltas.{kind}_layer", layer=layer.layer, kind=named)
    return Details(summary, tuple(blocks), is_open=units <= OPEN)


def _sharing(deltas: Deltas, words: Words) -> list[Block]:
    """Return how many numbers read each δ."""
    heads = ("count", "by_weights", "by_biases", "by_earlier", "reads")
    columns = (
        Column(words.text("deltas.layer")),
        *(Column(words.text(f"deltas.{head}"), "right") for head in heads),
    )
    rows: list[tuple[Text, ...]] = []
    for part in deltas.sharing:
        counts = (part.deltas, part.weights, part.biases, part.earlier, part.reads)
        rows.append((plain(str(part.layer)), *(plain(f"{count:,}") for count in counts)))
    told = words.text(
        "deltas.shared",
        parameters=deltas.trace.network.size,
        deltas=sum(part.deltas for part in deltas.sharing),
    )
    return [Paragraph(told), Table(columns, tuple(rows))]
