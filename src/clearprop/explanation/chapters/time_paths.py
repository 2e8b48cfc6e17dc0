"""Paths through time: which error at which step came back to which use of the weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.chapters.spans import number, percent
from clearprop.explanation.chapters.steps import heat
from clearprop.explanation.chapters.time_letters import TimeLetters
from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Stack,
    Symbol,
    Total,
    product,
    row,
    sign,
)
from clearprop.explanation.matrices import by_sign
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
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import letter_of, partial
from clearprop.explanation.scenes.step_heat import Heated
from clearprop.explanation.through_time.pairs import Pairs
from clearprop.explanation.through_time.routes import Route, Routes

if TYPE_CHECKING:
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.views import Focus
    from clearprop.explanation.words import Words

# steps up to which the whole matrix of pairs is drawn; distances that the table shows
SQUARE, DISTANCES = 40, 12
# factors that stand on one line; units of a path that stay on one line of the table
ON_A_LINE, TOGETHER = 5, 4


def chapter(explanation: SequenceExplanation, focus: Focus, words: Words) -> Section:
    """Return the paths through time to the focused parameter."""
    place = focus.weight
    title = words.text("time_paths.title")
    if explanation.names.recurrence(place.layer) is None:
        name = Span(explanation.names.of(place), "strong")
        said = Paragraph(words.text("time_paths.not_fed_back", weight=name, layer=place.layer))
        return Section("time_paths", title, (said,))
    pairs = explanation.pairs(place, focus.sample)
    letters = TimeLetters(explanation.trace, explanation.names, place)
    blocks: list[Block] = [
        Paragraph(words.text("time_paths.lead", weight=letters.weight)),
        Math(_linear()),
        *_pairs(pairs, explanation, words),
    ]
    if explanation.names.recurrence(place.layer).cell == "elman":  # type: ignore[union-attr]
        routes = explanation.routes(place, focus.sample, paths=focus.paths)
        blocks += _routes(routes, letters, words)
    else:
        blocks.append(Paragraph(words.text("time_paths.gated")))
    values = {"total": Number(pairs.total, 6), "gradient": Number(pairs.gradient, 6)}
    blocks.append(Check(words.text("time_paths.check", **values), pairs.agrees))
    return Section("time_paths", title, tuple(blocks))


def _linear() -> Lines:
    """Return ∂E/∂h_t = Σ_T J⋯J (what came from above at T)."""
    left = partial(Symbol("E"), Symbol("h", "t"))

    def jacobian_of(foot: str) -> Script:
        return Script(Symbol("J", foot), sup=Label("T"))

    chain = row(
        jacobian_of("t+1"), sign("⋯"), jacobian_of("T"), sign("·"), Symbol("e", "T", role="error")
    )
    jacobian = partial(Symbol("h", "t"), Symbol("h", "t−1"))
    return Lines(
        (
            (left, sign("="), Total(row(Symbol("T"), sign("≥"), Symbol("t")), chain)),
            (Symbol("J", "t"), sign("="), jacobian),
        )
    )


def _pairs(pairs: Pairs, explanation: SequenceExplanation, words: Words) -> Iterator[Block]:
    """Yield the contributions by where the error came in, and by how far they reached."""
    steps = len(pairs.times)
    stacked = pairs.place.layer < explanation.trace.network.read_behind
    if stacked:
        yield Note(words.text("time_paths.stacked", layer=pairs.place.layer))
    if pairs.sources <= 1:
        yield Paragraph(words.text("time_paths.one_source"))
    elif steps <= SQUARE:
        order = np.argsort(pairs.times)
        values = pairs.values[np.ix_(order, order)].T
        names = [words("time_paths.came_in", step=int(t) + 1) for t in pairs.times[order]]
        heated = Heated(values, names, np.sort(pairs.times), words("time_paths.pair"))
        title = words("time_paths.matrix", n=steps)
        scene = heat(title, heated, words, "time_paths.acted")
        yield Picture(scene, words.text("time_paths.matrix_text"))
    yield _distances(pairs, words)


def _distances(pairs: Pairs, words: Words) -> Table:
    by_distance = pairs.by_distance
    size = float(np.abs(by_distance).sum()) or 1.0
    shown = min(DISTANCES, len(by_distance))
    columns = tuple(
        Column(words.text(f"time_paths.{title}"), "right") for title in ("distance", "adds", "part")
    )
    rows: list[tuple[Text, ...]] = [
        (
            plain(str(distance)),
            (Number(float(value), role=by_sign(float(value))),),
            (percent(abs(float(value)) / size),),
        )
        for distance, value in enumerate(by_distance[:shown])
    ]
    if shown < len(by_distance):
        rest = by_distance[shown:]
        value = float(rest.sum())
        part = percent(float(np.abs(rest).sum()) / size)
        rows.append((words.text("time_paths.farther"), (Number(value),), (part,)))
    return Table(columns, tuple(rows), words.text("time_paths.by_distance"))


# unit by unit


def _routes(routes: Routes, letters: TimeLetters, words: Words) -> Iterator[Block]:
    if not routes.routes:
        yield Paragraph(words.text("time_paths.none"))
        return
    many = Span(f"{routes.count:,}" if routes.count < 10**9 else figure(routes.count))
    yield Paragraph(words.text("time_paths.routes", n=routes.count, count=many))
    best = routes.routes[0]
    units = Span(_units(best, letters), "strong")
    yield Paragraph(words.text("time_paths.strongest", units=units))
    yield Math(_chips(best, letters, words))
    if routes.count > 1:
        yield _table(routes, letters, words)


def _units(route: Route, letters: TimeLetters) -> str:
    names, first = letters.names, _first(letters)
    found = [
        f"{names.unit(letters.place.layer, first + unit)}, {time + 1}"
        for unit, time in zip(route.units, route.times, strict=True)
    ]
    return (" → " if len(found) > TOGETHER else "\u00a0→\u00a0").join(found)


def _first(letters: TimeLetters) -> int:
    recurrence = letters.names.recurrence(letters.place.layer)
    assert recurrence is not None
    return letters.place.way * recurrence.size


def _chips(route: Route, letters: TimeLetters, words: Words) -> Lines:
    """Return the path's factors, letters above numbers."""
    chips = list(_factors(route, letters))
    left = Stack(Label(words("time_paths.path")), Number(route.product, role="error"), role="error")
    rows: list[tuple[Formula, ...]] = []
    for at in range(0, len(chips), ON_A_LINE):
        parts = product(chips[at : at + ON_A_LINE])
        rows.append((Row(()) if at else left, sign("·" if at else "="), parts))
    return Lines(tuple(rows))


def _factors(route: Route, letters: TimeLetters) -> Iterator[Formula]:
    """Yield e, then a slope and a weight a step, and at last what came along."""
    place, names, first = letters.place, letters.names, _first(letters)
    unit, time = route.units[0], route.times[0]
    name = names.unit(place.layer, first + unit)
    yield letters.chip(Symbol("e", f"{name}, {time + 1}", role="error"), route.error)
    for k, slope in enumerate(route.slopes):
        unit, time = route.units[k], route.times[k]
        name = names.unit(place.layer, first + unit)
        key = f"f{place.layer}.{first + unit}t{time}"
        inside = Group(Symbol("z", f"{name}, {time + 1}"))
        yield letters.chip(row(Symbol("f′"), inside, key=key), slope)
        if k < len(route.weights):
            between = Place(place.layer, unit, route.units[k + 1], "U", place.way)
            weight = letter_of(names, between, by_sign(route.weights[k]))
            yield letters.chip(weight, route.weights[k])
    signal = letters.signal(route.times[-1])
    if signal is not None:
        yield letters.chip(signal, route.signal)


def _table(routes: Routes, letters: TimeLetters, words: Words) -> Table:
    columns = (
        Column(words.text("time_paths.units")),
        Column(words.text("time_paths.distance"), "right"),
        Column(words.text("time_paths.product"), "right"),
    )
    rows: list[tuple[Text, ...]] = [
        (
            plain(_units(route, letters)),
            plain(str(len(route.units) - 1)),
            (Number(route.product, role=by_sign(route.product)),),
        )
        for route in routes.routes
    ]
    if routes.remaining:
        count = Span(
            f"{routes.remaining:,}" if routes.remaining < 10**9 else figure(routes.remaining)
        )
        others = words.text("time_paths.others", n=routes.remaining, count=count)
        rows.append((others, (), (Number(routes.rest),)))
    rows.append((words.text("time_paths.sum"), (), (number(routes.total, "error"),)))
    return Table(columns, tuple(rows), words.text("time_paths.e_said"))
