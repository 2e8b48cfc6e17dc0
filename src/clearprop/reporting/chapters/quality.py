"""How good the network is on rows that it has not seen, beside other models."""

from __future__ import annotations

from collections.abc import Iterator

from clearprop.explanation.pages import (
    Block,
    Column,
    Details,
    Note,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.words import Words
from clearprop.reporting.amounts import points
from clearprop.reporting.chapters.texts import (
    SHARES,
    comma,
    figure_text,
    joined,
    name_of,
    range_text,
    short_range,
    target_text,
    value_text,
)
from clearprop.reporting.comparison import NETWORK, Comparison, Figure
from clearprop.reporting.gathering import Report
from clearprop.reporting.pictures import Range, ranges_scene
from clearprop.reporting.resampling import Interval


def chapter(report: Report, say: Words) -> Section:
    """Return the measures with their intervals."""
    found = report.comparison
    opening = joined(say, finding(report, say), verdict(found, say))
    blocks: list[Block] = [Paragraph(opening)]
    if report.seen:
        blocks.append(Note(say.text("report.seen"), "warning"))
    elif not report.baselines:
        blocks.append(Note(say.text("report.no_baselines")))
    if report.baselines:
        blocks.append(_picture(found, say))
    blocks.append(_table(found, say))
    if report.baselines:
        blocks.append(_differences(found, say))
        blocks.append(Paragraph(_who(report, say)))
    return Section("quality", say.text("report.quality_title"), tuple(blocks))


def finding(report: Report, say: Words) -> Text:
    """Say how good the network is, beside a guess."""
    found = report.comparison
    figures = found.figures[NETWORK]
    kind = report.answers.kind
    rows = "seen_rows" if report.seen else "unseen_rows"
    values = {"n": found.rows, "which": say(f"report.{rows}"), "target": target_text(report, say)}
    if kind == "numbers":
        main = figures["mae"]
        values["mae"] = figure_text("mae", main, strong=True)
        values["range"] = range_text("mae", main.interval, say)
        said = say.text("report.off_by", **values)
        guess = found.figures.get("guess")
        if guess:
            other = value_text("mae", guess["mae"].value)
            said = joined(say, said, say.text("report.off_by_guess", mae=other))
        return said
    main = figures[found.main]
    values["share"] = figure_text(found.main, main, strong=True)
    values["range"] = range_text(found.main, main.interval, say)
    values["right"] = round(main.value * found.rows)
    said = say.text(f"report.right_{kind}", **values)
    guess = found.figures.get("guess")
    if guess:
        given = next(one.given for one in report.baselines if one.name == "guess")
        share = value_text(found.main, guess[found.main].value)
        answer = Span(report.answers.names[int(given[0].argmax())], "strong")
        said = joined(say, said, say.text(f"report.guess_{kind}", share=share, answer=answer))
    return said


def verdict(found: Comparison, say: Words) -> Text:
    """Say how the network does beside the best of the other models, and whether by chance."""
    measure = "mae" if "mae" in found.measures else found.main
    best = found.best_other(measure)
    if best is None:
        return ()
    figure = found.figures[best][measure]
    return say.text(
        f"report.verdict_{figure.verdict}",
        model=Span(name_of(best, say), "strong"),
        value=value_text(measure, figure.value),
        ahead=ahead_text(measure, abs(figure.ahead), say),
        range=_ahead_range(measure, figure, say),
    )


def ahead_text(measure: str, ahead: float, say: Words) -> str:
    """Return a difference: points of percent, or the measure's own unit."""
    if measure in SHARES:
        return say("report.points", value=points(ahead).removeprefix("+"))
    return value_text(measure, ahead)


def _ahead_range(measure: str, figure: Figure, say: Words) -> str:
    low, high = figure.ahead_interval
    if figure.verdict == "worse":
        low, high = -high, -low
    if measure in SHARES:
        low, high = (points(end).removeprefix("+") for end in (low, high))  # type: ignore[assignment]
        return say("report.range", low=low, high=high)
    return range_text(measure, Interval(low, high), say)


def _picture(found: Comparison, say: Words) -> Picture:
    measure = "mae" if "mae" in found.measures else found.main
    sign = 100.0 if measure in SHARES else 1.0
    best = found.best_other(measure)
    assert best is not None
    ranges = [
        Range(
            name_of(model, say),
            sign * figures[measure].value,
            sign * figures[measure].interval.low,
            sign * figures[measure].interval.high,
            value_text(measure, figures[measure].value),
            "positive" if model == NETWORK else "muted",
        )
        for model, figures in found.figures.items()
    ]
    kind = found.figures[best][measure].verdict
    title = say(
        f"report.picture_{kind}", measure=say(f"report.{measure}"), model=name_of(best, say)
    )
    title = title[:1].upper() + title[1:]
    unit = "report.in_percent" if measure in SHARES else "report.in_units"
    label = say(unit, measure=say(f"report.{measure}"))
    direction = "higher" if found.higher_is_better[measure] else "lower"
    text = say("report.picture_text", better=say(f"report.{direction}"))
    return Picture(ranges_scene(title, ranges, label=label, description=text), plain(text))


def _table(found: Comparison, say: Words) -> Table:
    columns = [Column(say.text("report.model"))]
    columns += [Column(_head(found, key, say), "right") for key in found.measures]
    rows = []
    for model, figures in found.figures.items():
        cells: list[Text] = [(Span(name_of(model, say), "strong" if model == NETWORK else ""),)]
        for key in found.measures:
            is_best = _best(found, key) == figures[key].value and len(found.figures) > 1
            interval = Span(f" ({short_range(key, figures[key].interval)})", "muted")
            cells.append((figure_text(key, figures[key], strong=is_best), interval))
        rows.append(tuple(cells))
    return Table(tuple(columns), tuple(rows), intervals_text(found, say))


def _head(found: Comparison, key: str, say: Words) -> Text:
    arrow = "↑" if found.higher_is_better[key] else "↓"
    return (Span(f"{say(f'report.{key}')} {arrow}"),)


def _best(found: Comparison, key: str) -> float:
    values = [figures[key].value for figures in found.figures.values()]
    return max(values) if found.higher_is_better[key] else min(values)


def intervals_text(found: Comparison, say: Words) -> Text:
    """Say where the intervals come from."""
    if found.groups:
        drawn = say.text("report.intervals_groups", n=found.groups, draws=found.draws)
    else:
        drawn = say.text("report.intervals", draws=found.draws)
    if not found.by_wilson:
        return drawn
    names = comma(say).join(
        say(f"report.{key}") for key in found.measures if key in found.by_wilson
    )
    return joined(say, drawn, say.text("report.intervals_wilson", measures=names))


def _differences(found: Comparison, say: Words) -> Details:
    columns = [Column(say.text("report.against"))]
    columns += [Column(plain(say(f"report.{key}")), "right") for key in found.measures]
    rows = []
    for model, figures in found.figures.items():
        if model == NETWORK:
            continue
        cells: list[Text] = [plain(name_of(model, say))]
        cells += [tuple(_ahead(key, figures[key], say)) for key in found.measures]
        rows.append(tuple(cells))
    table = Table(tuple(columns), tuple(rows), say.text("report.differences_text"))
    return Details(say.text("report.differences"), (table,))


def _ahead(key: str, figure: Figure, say: Words) -> Iterator[Span]:
    sign = "+" if figure.ahead > 0 else "−" if figure.ahead < 0 else ""
    role = {"better": "positive", "worse": "negative", "alike": ""}[figure.verdict]
    yield Span(f"{sign}{ahead_text(key, abs(figure.ahead), say)}", role, full=repr(figure.ahead))
    yield Span(f" {say(f'report.is_{figure.verdict}')}", "muted")


def _who(report: Report, say: Words) -> Text:
    """Say what the other models are, and on how many rows they learned."""
    said = say.text("report.who")
    for one in report.baselines:
        if one.rows < report.trained_rows:
            some = say.text(
                "report.on_part", model=name_of(one.name, say), some=one.rows,
                rows=report.trained_rows,
            )  # fmt: skip
            said = joined(say, said, some)
    return said
