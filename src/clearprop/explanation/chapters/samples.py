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
from clearprop.explanation.places import Place, source_of, units_of
from clearprop.explanation.quantities import Quantities, letter_of, partial
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
    key = "samples.check_member" if explanation.membership else "samples.check"
    blocks.append(Check(words.text(key, n=n, **checked), found.adds_up))
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
    names, network = quantities.names, quantities.trace.network
    letter = "a" if place.array == "t" else "z"
    units = units_of(network, place)
    foot = f"{names.unit(place.layer, units[0])}, i" if len(units) == 1 else "u, i"
    if place.array == "t" or len(units) > 1:
        error = partial(Symbol("E"), Symbol(letter, foot))
        factors: list[Formula] = [error, partial(Symbol(letter, foot), letter_of(names, place))]
    else:
        factors = [Symbol("δ", foot, role="error"), *_signal(quantities, place, ", i")]
    over = Symbol("i") if len(units) == 1 else Symbol("i, u")
    return row(
        gradient.symbol,
        sign("="),
        Total(over, product(factors)),
        sign("="),
        gradient.number(),
    )


def _signal(quantities: Quantities, place: Place, behind: str = "") -> list[Formula]:
    """Return s a, what came along a weight, or x of a gain; ∂z/∂w of a wave, nothing of a bias."""
    names, network = quantities.names, quantities.trace.network
    source = source_of(network, place)
    if source is None:
        return []
    operation = network.operations[place.layer - 1]
    if operation.kind == "periodic":
        unit = names.unit(place.layer, units_of(network, place)[0])
        return [partial(Symbol("z", unit + behind), letter_of(names, place))]
    scale = [] if operation.scale == 1 else [Symbol("s")]
    return [*scale, Symbol("a", names.unit(place.layer - 1, source) + behind, role="signal")]


def _factors(found: Contributions, quantities: Quantities) -> list[Formula]:
    """Return the factors of the only sample's product."""
    place, network = found.place, quantities.trace.network
    if found.deltas is None or found.signals is None:
        return [Number(float(found.values[0]), role="error")]
    unit = units_of(network, place)[0]
    moved = Number(float(found.signals[0]))
    if place.array == "t":
        a = quantities.a(place.layer, unit).symbol
        error = Number(float(found.deltas[0]), role="error")
        return [
            Stack(partial(Symbol("E"), a), error),
            Stack(partial(a, letter_of(quantities.names, place)), moved),
        ]
    delta = quantities.delta(place.layer, unit).chip()
    source = source_of(network, place)
    if source is None:
        return [delta]
    operation = network.operations[place.layer - 1]
    if operation.kind == "periodic":
        return [delta, Stack(_signal(quantities, place)[0], moved)]
    scale = [] if operation.scale == 1 else [Stack(Symbol("s"), Number(operation.scale))]
    return [delta, *scale, quantities.a(place.layer - 1, source).chip()]


def _table(found: Contributions, sample: int, words: Words) -> Table:
    """Return the largest contributions, and the rest in one row."""
    alone, weight = found.deltas is not None, _has_signal(found)
    n = len(found.values)
    shown = n if n <= ROWS else SHOWN
    inside = [*(["delta"] if alone else []), *(["signal"] if weight else [])]
    titles = ["sample", "row", *inside, "value", "share", "sum"]
    columns = tuple(Column(words.text(f"samples.{title}"), "right") for title in titles)
    sums = found.cumulated
    rows = [_row(found, at, float(sums[at]), sample) for at in range(shown)]
    if n > shown:
        rest = float(found.values[shown:].sum())
        share = percent(found.shares[shown:].sum())
        label = words.text("samples.rest", n=n - shown)
        empty: list[Text] = [()] * (1 + len(inside))
        total = float(sums[-1])
        rows.append((label, *empty, (Number(rest),), (share,), (Number(total),)))
    return Table(columns, tuple(rows), words.text("samples.caption"))


def _has_signal(found: Contributions) -> bool:
    """Whether there is a factor beside δ; that of a bias is 1."""
    return found.signals is not None and not found.place.is_bias


def _row(found: Contributions, at: int, total: float, sample: int) -> tuple[Text, ...]:
    number = int(found.samples[at])
    value = float(found.values[at])
    here = number == sample
    # keys belong to the focused sample alone
    delta_key, signal_key = (found.delta_key, found.signal_key) if here else ("", "")
    cells: list[Text] = [
        (Span(str(number), "strong" if here else ""),),
        plain(str(int(found.rows[at]))),
    ]
    if found.deltas is not None:
        cells.append((Number(float(found.deltas[at]), role="error", key=delta_key),))
    if found.signals is not None and _has_signal(found):
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
