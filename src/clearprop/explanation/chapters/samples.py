"""Which samples push a parameter: its gradient as a sum over the batch, largest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearprop.explanation.chapters.spans import number, percent
from clearprop.explanation.contributions import Contributions
from clearprop.explanation.formulas import (
    Formula,
    Number,
    Row,
    Stack,
    Symbol,
    Total,
    product,
    row,
    sign,
)
from clearprop.explanation.pages import (
    Block,
    Check,
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
from clearprop.explanation.quantities import Quantities
from clearprop.explanation.scenes.plots import Bar, bars_scene
from clearprop.explanation.scenes.scene import Scene

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# rows of the table, and samples that are shown where there are more
ROWS, SHOWN = 12, 10


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the gradient of the focused parameter, sample by sample."""
    found = explanation.contributions(focus.weight)
    quantities = Quantities(explanation.trace, explanation.names, focus.sample)
    name = explanation.names.of(focus.weight)
    n = len(found.values)
    blocks: list[Block] = [Paragraph(_lead(found, name, words)), Math(_formula(found, quantities))]
    if found.place.layer > 1 and explanation.trace.masks[found.place.layer - 2] is not None:
        blocks.append(Paragraph(words.text("samples.dropout")))
    if n > 1:
        blocks.append(Paragraph(words.text("samples.coefficient")))
        blocks.append(_table(found, focus.sample, words))
        if found.size:
            blocks.append(Picture(_scene(found, name, words), plain(())))
    checked = {"total": found.total, "gradient": found.gradient}
    blocks.append(Check(words.text("samples.check", n=n, **checked), found.adds_up))
    return Section("samples", words.text("samples.title", weight=name), tuple(blocks))


def _lead(found: Contributions, name: str, words: Words) -> Text:
    """Return the finding: who pushes, and how much of it cancels."""
    n = len(found.values)
    gradient = number(found.gradient, "error")
    lead = words.text("samples.lead", weight=name, gradient=gradient, n=n)
    if n == 1:
        return lead
    if not found.size:
        return lead + words.text("samples.nobody")
    most = _most(found)
    return (
        *lead,
        *words.text("samples.most", n=most, share=percent(found.shares[:most].sum())),
        *words.text("samples.cancelled", share=percent(found.cancelled)),
    )


def _most(found: Contributions) -> int:
    """Return how many of the largest contributions make up half of all pushing."""
    return 1 + int((found.shares.cumsum() < 0.5 - 1e-12).sum())


def _formula(found: Contributions, quantities: Quantities) -> Row:
    """Return ∂E/∂w = Σ_i δ_i a_i, with the forward scale where there is one."""
    place = found.place
    gradient = quantities.gradient(place)
    if len(found.values) == 1:
        return row(gradient.chip(), sign("="), product(_factors(found, quantities)))
    names, trace = quantities.names, quantities.trace
    delta = Symbol("δ", f"{names.unit(place.layer, place.unit)}, i", role="error")
    factors = [delta]
    scale = trace.network.operations[place.layer - 1].scale
    if place.source is not None:
        if scale != 1:
            factors.insert(0, Symbol("s"))
        source = names.unit(place.layer - 1, place.source)
        factors.append(Symbol("a", f"{source}, i", role="signal"))
    return row(
        gradient.symbol,
        sign("="),
        Total(Symbol("i"), product(factors)),
        sign("="),
        gradient.number(),
    )


def _factors(found: Contributions, quantities: Quantities) -> list[Formula]:
    """Return the factors of the only sample's product."""
    place = found.place
    factors: list[Formula] = [quantities.delta(place.layer, place.unit).chip()]
    if place.source is None:
        return factors
    scale = quantities.trace.network.operations[place.layer - 1].scale
    if scale != 1:
        factors.append(Stack(Symbol("s"), Number(scale)))
    return [*factors, quantities.a(place.layer - 1, place.source).chip()]


def _table(found: Contributions, sample: int, words: Words) -> Table:
    """Return the largest contributions, and the rest in one row."""
    weight = not found.place.is_bias
    n = len(found.values)
    shown = n if n <= ROWS else SHOWN
    titles = ["sample", "row", "delta", *(["signal"] if weight else []), "value", "share", "sum"]
    columns = tuple(Column(words.text(f"samples.{title}"), "right") for title in titles)
    sums = found.cumulated
    rows = [_row(found, at, float(sums[at]), sample) for at in range(shown)]
    if n > shown:
        rest = float(found.values[shown:].sum())
        share = percent(found.shares[shown:].sum())
        label = words.text("samples.rest", n=n - shown)
        empty: list[Text] = [()] * (3 if weight else 2)
        total = float(sums[-1])
        rows.append((label, *empty, (Number(rest),), (share,), (Number(total),)))
    return Table(columns, tuple(rows), words.text("samples.caption"))


def _row(found: Contributions, at: int, total: float, sample: int) -> tuple[Text, ...]:
    place, number = found.place, int(found.samples[at])
    value = float(found.values[at])
    here = number == sample
    # keys belong to the focused sample alone
    delta_key = f"d{place.layer}.{place.unit}" if here else ""
    signal_key = f"a{place.layer - 1}.{place.source}" if here else ""
    cells: list[Text] = [
        (Span(str(number), "strong" if here else ""),),
        plain(str(int(found.rows[at]))),
        (Number(float(found.deltas[at]), role="error", key=delta_key),),
    ]
    if not place.is_bias:
        cells.append((Number(float(found.signals[at]), role="signal", key=signal_key),))
    role = "negative" if value < 0 else "positive"
    return (
        *cells,
        (Number(value, role=role),),
        (percent(found.shares[at]),),
        (Number(total),),
    )


def _scene(found: Contributions, name: str, words: Words) -> Scene:
    """Return the largest contributions as bars, and the rest as one."""
    n = len(found.values)
    shown = n if n <= ROWS else SHOWN
    bars = [
        Bar(words("samples.bar", sample=int(sample)), float(value))
        for sample, value in zip(found.samples[:shown], found.values[:shown], strict=True)
    ]
    if n > shown:
        rest = float(found.values[shown:].sum())
        bars.append(Bar(words("samples.rest", n=n - shown), rest, role="muted"))
    up, down = int((found.values > 0).sum()), int((found.values < 0).sum())
    return bars_scene(
        words("samples.picture", weight=name, up=up, down=down),
        bars,
        label=words("samples.label", weight=name),
        description=words("samples.picture_text", weight=name),
        lang=words.lang,
    )
