"""Multiplications of the three ways to the gradient: formula, count of a run, growth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.counting import Counts
from clearprop.explanation.formulas import (
    Formula,
    Fraction,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Symbol,
    Total,
    joined,
    row,
    sign,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import (
    Block,
    Bullets,
    Check,
    Column,
    Details,
    Math,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.scenes.plots import Series, curve_scene

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

WAYS = ("paths", "chain", "deltas")
# what the pictures hold fixed: units of a layer over depth, layers over width
WIDTH, DEPTH = 8, 3
# from here on a count is shown with four digits, and whole on pointing
LONG = 10**9


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the counts of the network, and how they grow with depth and width."""
    counts = explanation.counts
    blocks = [
        Paragraph(words.text("counting.lead")),
        *_front(explanation, words),
        Bullets(tuple(words.text(f"counting.{way}_what") for way in WAYS)),
        Paragraph(words.text("counting.counts")),
        *_this_network(counts, words),
        Paragraph(words.text("counting.formulas")),
        Math(_formulas(words)),
        *_growth(counts, words),
    ]
    return Section("counting", words.text("counting.title"), tuple(blocks))


def _front(explanation: Explanation, words: Words) -> list[Block]:
    """Return that layers which prepare inputs are not counted, where there are any."""
    front = len(explanation.trace.network.shape) - len(explanation.counts.shape)
    return [Paragraph(words.text("counting.front", layer=front + 1))] if front else []


def _this_network(counts: Counts, words: Words) -> Iterator[Block]:
    """Yield the counts of the network, and that runs and formulas agree."""
    yield Paragraph(
        words.text(
            "counting.here",
            shape="-".join(map(str, counts.shape)),
            parameters=counts.parameters,
            paths=_whole(counts.paths_in_all),
        )
    )
    columns = (
        Column(words.text("counting.way")),
        Column(words.text("counting.formula"), "right"),
        Column(words.text("counting.counted"), "right"),
    )
    rows: list[tuple[Text, ...]] = []
    for count in counts.ways:
        counted = words.text("counting.not_run", bound=count.bound)
        if count.counted is not None:
            counted = (_whole(count.counted),)
        rows.append((words.text(f"counting.{count.way}"), (_whole(count.formula),), counted))
    yield Table(columns, tuple(rows))
    yield Check(words.text("counting.check"), counts.agrees)
    chain, paths = (count.formula / counts.deltas.formula for count in (counts.chain, counts.paths))
    yield Paragraph(words.text("counting.saving", chain=float(chain), paths=float(paths)))


def _whole(count: int) -> Span:
    """Return a count whole, or its first digits where it is long."""
    if count < LONG:
        return Span(f"{count:,}")
    return Span(figure(count), full=f"{count:,}")


# the formulas of the analysis, in symbols


def _formulas(words: Words) -> Lines:
    """Return N of the three ways over l = 1 … L, and what stands for what."""
    here, before, after = _n("l"), _n("l−1"), _n("l+1")
    steps = row(Number(2), Group(row(Symbol("L"), sign("−"), Symbol("l"))))
    of_path = row(before, Group(_plus(steps, Number(2))), sign("+"), steps, sign("+"), Number(1))
    reached = row(here, after, sign("⋯"), _n("L"))
    r, d = Symbol("r", "l"), Symbol("d", "l")
    of_weight = row(before, Group(_plus(r, Number(1))), sign("+"), r)
    over = Symbol("l")
    behind = Total(row(Symbol("m"), sign(">"), Symbol("l")), Symbol("d", "m"))
    comma = sign(",")
    rows: tuple[tuple[Formula, Formula, Formula], ...] = (
        (_count("paths", words), sign("="), Total(over, row(reached, Group(of_path)))),
        (_count("chain", words), sign("="), Total(over, row(here, Group(of_weight)))),
        (_count("deltas", words), sign("="), Total(over, Group(_plus(d, row(here, before))))),
        (
            d,
            sign("="),
            row(here, Group(_plus(after, Number(1))), comma, _last("d"), sign("="), _n("L")),
        ),
        (
            r,
            sign("="),
            row(_plus(after, Number(1), behind), comma, _last("r"), sign("="), Number(1)),
        ),
    )
    return Lines(rows)


def _n(foot: str) -> Symbol:
    return Symbol("n", foot)


def _last(letter: str) -> Row:
    return row(Label(" "), Symbol(letter, "L"))


def _count(way: str, words: Words) -> Symbol:
    return Symbol("N", words(f"counting.{way}_short"))


def _plus(*parts: Formula) -> Row:
    return joined("+", parts)


def _leading(words: Words) -> Lines:
    """Return the leading terms for n units in each of L layers."""
    n, depth = Symbol("n"), Symbol("L")
    paths = row(Number(2), depth, sign("·"), Script(n, sup=row(depth, sign("+"), Number(1))))
    pairs = [Group(row(depth, sign("−"), Number(back))) for back in (1, 2)]
    half = Fraction(Number(1), Number(2))
    chain = row(half, *pairs, sign("·"), Script(n, sup=Number(4)))
    twice = Group(row(Number(2), depth, sign("−"), Number(1)))
    deltas = row(twice, sign("·"), Script(n, sup=Number(2)))
    terms = zip(WAYS, (paths, chain, deltas), strict=True)
    return Lines(tuple((_count(way, words), sign("≈"), term) for way, term in terms))


# growth


def _growth(counts: Counts, words: Words) -> Iterator[Block]:
    """Yield the three over depth and over width, as formulas, pictures and tables."""
    growth = counts.growth
    over_depth, over_width = growth.with_depth(WIDTH), growth.with_width(DEPTH)
    step = int(over_depth["deltas"][-1] - over_depth["deltas"][-2])
    titles = {
        "depth": words("counting.depth_title", width=WIDTH, step=step),
        "width": words("counting.width_title"),
    }
    labels = {
        "depth": words("counting.depth_axis", width=WIDTH),
        "width": words("counting.width_axis", depth=DEPTH),
    }
    yield Paragraph(words.text("counting.growth"))
    yield Math(_leading(words))
    for name, places, found in (
        ("depth", growth.depths, over_depth),
        ("width", growth.widths, over_width),
    ):
        text = words.text(f"counting.{name}_text")
        scene = curve_scene(
            titles[name],
            [Series(words(f"counting.{way}"), places, found[way].astype(float)) for way in WAYS],
            x_label=labels[name],
            y_label=words("counting.axis"),
            log_x=name == "width",
            log_y=True,
            description=words(f"counting.{name}_text"),
            lang=words.lang,
            width=620.0,
        )
        letter, shown = ("L", places) if name == "depth" else ("n", 2 ** np.arange(7))
        table = _table(letter, shown, places, found, words)
        yield Picture(scene, text)
        yield Details(words.text("counting.table"), (table,))


def _table(
    letter: str,
    shown: np.ndarray,
    places: np.ndarray,
    found: dict[str, np.ndarray],
    words: Words,
) -> Table:
    """Return the counts at some of the places."""
    names = (words.text(f"counting.{way}") for way in WAYS)
    columns = (
        Column((Symbol(letter),), "right"),
        *(Column(name, "right") for name in names),
    )
    rows: list[tuple[Text, ...]] = []
    for at in np.searchsorted(places, shown):
        cells = ((_whole(int(found[way][at])),) for way in WAYS)
        rows.append((plain(str(places[at])), *cells))
    return Table(columns, tuple(rows))
