"""The loss: what each output unit adds to a sample's, and each sample to the batch's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Number,
    Row,
    Stack,
    Symbol,
    Total,
    plus,
    row,
    sign,
)
from clearprop.explanation.matrices import leading
from clearprop.explanation.neurons import LossTerms
from clearprop.explanation.notation import loss_term
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Math,
    Paragraph,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.quantities import Quantities
from clearprop.functions import CustomLoss

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# rows of a table before the rest is summed in one
ROWS = 10
# terms that are written out before the rest is one; so many fit on a line
TERMS = 4


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the loss of the focused sample and of the batch."""
    forward = explanation.forward(focus.sample)
    quantities = Quantities(explanation.trace, explanation.names, focus.sample)
    blocks = [
        *_of_sample(forward.loss, quantities, words, forward.tolerance),
        *_of_batch(forward.loss, words, forward.tolerance),
    ]
    return Section("loss", words.text("loss.title"), tuple(blocks))


def _of_sample(
    loss: LossTerms, quantities: Quantities, words: Words, tolerance: float
) -> Iterator[Block]:
    if isinstance(loss.loss, CustomLoss) or loss.terms is None:
        yield Paragraph(words.text("loss.lead_own", name=Span(str(loss.loss), "code")))
        yield Math(row(_letter(loss), sign("="), Number(loss.value, key="E", role="error")))
        return
    yield Paragraph(words.text("loss.lead", name=Span(str(loss.loss), "code")))
    a, y = Symbol("a", "k"), Symbol("y", "k")
    term = loss_term(loss.loss, a, y, len(loss.terms))
    yield Math(row(_letter(loss), sign("="), Total(Symbol("k"), _as_body(term))))
    if loss.loss.label_smoothing:
        yield Paragraph(words.text("loss.smoothed", smoothing=loss.loss.label_smoothing))
    if loss.from_z:
        yield Paragraph(words.text("loss.from_z"))
    if len(loss.losses) > 1:
        yield Paragraph(words.text("loss.of_sample", sample=loss.sample, n=len(loss.losses)))
    shown = leading(loss.terms, room=ROWS, folded=ROWS)
    yield _outputs(loss, loss.terms, shown, quantities, words)
    yield Math(loss_sum(loss, loss.terms, quantities, words))
    total = float(loss.terms.sum())
    checked = words.text("loss.check", sum=_told(total), value=_told(loss.value, "E"))
    yield Check(checked, loss.error <= tolerance)


def _letter(loss: LossTerms) -> Symbol:
    """Return the letter of the sample's loss: E, or E_i where it is one of a batch."""
    return Symbol("E", "i" if len(loss.losses) > 1 else "", role="error", key="E")


def _as_body(term: Formula) -> Formula:
    """Return a term as it stands behind a Σ: a sum in brackets."""
    if isinstance(term, Row) and any(part in (sign("+"), sign("−")) for part in term.parts[1:]):
        return Group(term)
    return term


def _outputs(
    loss: LossTerms,
    terms: np.ndarray,
    shown: tuple[int, ...],
    quantities: Quantities,
    words: Words,
) -> Table:
    """Return a row an output unit: its name, y, a and term; the rest in one row."""
    columns = (
        Column(words.text("loss.output")),
        Column((Symbol("y"),), "right"),
        Column((Symbol("a"),), "right"),
        Column(words.text("loss.term"), "right"),
    )
    last = quantities.last
    rows: list[tuple[Text, ...]] = [
        (
            plain(quantities.names.unit(last, unit)),
            (quantities.target(unit).number(),),
            (quantities.a(last, unit).number(),),
            (Number(float(terms[unit]), role="error"),),
        )
        for unit in shown
    ]
    hidden = len(terms) - len(shown)
    if hidden:
        rest = Number(_rest(terms, shown), role="error")
        rows.append((words.text("loss.rest_outputs", n=hidden), (), (), (rest,)))
    return Table(columns, tuple(rows))


def _rest(values: np.ndarray, shown: tuple[int, ...]) -> float:
    """Return the sum of what is not shown."""
    return float(np.delete(values, shown).sum())


def loss_sum(loss: LossTerms, terms: np.ndarray, quantities: Quantities, words: Words) -> Row:
    """Return E as the sum of its terms, each written out above its number."""
    assert not isinstance(loss.loss, CustomLoss)
    shown = leading(terms, room=TERMS, folded=TERMS)
    parts: list[Formula] = []
    for unit in shown:
        a, y = quantities.a(quantities.last, unit), quantities.target(unit)
        above = loss_term(loss.loss, a.symbol, y.symbol, len(terms))
        parts.append(Stack(above, Number(float(terms[unit]), role="error"), role="error"))
    hidden = len(terms) - len(shown)
    if hidden:
        label = Label(words("loss.rest_outputs", n=hidden), role="muted")
        parts.append(Stack(label, Number(_rest(terms, shown), role="muted")))
    value = Number(loss.value, role="error", key="E")
    return row(Stack(_letter(loss), value, role="error", key="E"), sign("="), plus(parts))


def _of_batch(loss: LossTerms, words: Words, tolerance: float) -> Iterator[Block]:
    if len(loss.losses) > 1:
        yield Paragraph(words.text("loss.batch"))
        each = row(Symbol("c", "i"), Symbol("E", "i"))
        yield Math(row(Symbol("E", role="error"), sign("="), Total(Symbol("i"), each)))
        yield _samples(loss, words)
        total = float(loss.shares.sum())
        apart = abs(total - loss.total)
        checked = words.text("loss.check_batch", sum=_told(total), total=_told(loss.total))
        yield Check(checked, apart <= tolerance * float(np.abs(loss.shares).sum()))
    if loss.penalty:
        objective = loss.total + loss.penalty
        yield Paragraph(words.text("loss.penalty", penalty=loss.penalty, objective=objective))


def _samples(loss: LossTerms, words: Words) -> Table:
    """Return a row a sample: its coefficient, loss and share, the largest first."""
    shares = loss.shares
    order = np.argsort(-np.abs(shares), kind="stable")[:ROWS]
    heads = (Symbol("c", "i"), Symbol("E", "i"), row(Symbol("c", "i"), Symbol("E", "i")))
    columns = (
        Column(words.text("loss.sample")),
        *(Column((head,), "right") for head in heads),
    )
    rows: list[tuple[Text, ...]] = [
        (
            plain(str(sample)),
            (Number(float(loss.coefficients[sample])),),
            (Number(float(loss.losses[sample])),),
            (Number(float(shares[sample]), role="error"),),
        )
        for sample in order
    ]
    hidden = len(shares) - len(order)
    if hidden:
        rest = Number(_rest(shares, tuple(int(sample) for sample in order)), role="error")
        rows.append((words.text("loss.rest_samples", n=hidden), (), (), (rest,)))
    return Table(columns, tuple(rows))


def _told(value: float, key: str = "") -> Number:
    return Number(value, 6, role="error", key=key)
