"""How errors that are carried back in another way differ from the gradient's, number by number.

Public names: `difference`.
May import: `clearprop.explanation`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator

from clearprop.explanation.carrying import Carried, CarrierComparison
from clearprop.explanation.chapters.carriers import finding
from clearprop.explanation.formulas import Number, Symbol
from clearprop.explanation.matrices import leading
from clearprop.explanation.names import Names
from clearprop.explanation.pages import Block, Column, Paragraph, Table, Text, plain
from clearprop.explanation.words import Words

UNITS = 4  # of a layer that have a row


def difference(found: CarrierComparison, carrier: str, names: Names, say: Words) -> Iterator[Block]:
    """Yield what another way does to the first layer, and its δ beside the exact ones."""
    if len(names.network.layers) == 1:
        yield Paragraph(say.text("carriers.one_layer"))
        return
    if told := finding(found, carrier, say):
        yield Paragraph(told)
    yield _table(found.carriers["exact"], found.carriers[carrier], names, say)


def _table(exact: Carried, other: Carried, names: Names, say: Words) -> Table:
    """Return a row a hidden unit: δ of the gradient, what is carried, and δ of the update."""
    late = (Column((Symbol("e", role="error"),), "right"),) if other.late else ()
    name = say(f"carriers.name_{other.name}")
    columns = (
        Column(say.text("studio_microscope.unit")),
        Column(say.text("studio_microscope.exact_delta"), "right"),
        *late,
        Column(say.text("studio_microscope.other_delta", carrier=name), "right"),
    )
    rows: list[tuple[Text, ...]] = []
    for layer in range(len(exact.deltas) - 1):
        true, used, carried = exact.deltas[layer], other.deltas[layer], other.errors[layer]
        assert true is not None
        for unit in leading(true[0], room=UNITS, folded=UNITS):
            cells = [true, *([carried] if other.late else []), used]
            keys = [f"d{layer + 1}.{unit}", *([f"c{layer + 1}.{unit}"] if other.late else []), ""]
            numbers = [
                (Number(float(cell[0, unit]), role="error", key=key),)
                if cell is not None
                else say.text("carriers.unreached")
                for cell, key in zip(cells, keys, strict=True)
            ]
            rows.append((plain(names.unit(layer + 1, unit)), *numbers))
    return Table(columns, tuple(rows), say.text("studio_microscope.difference"))
