"""How the error fares on its way back: the verdict, its figures, and the same network otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

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
    called,
    row,
    sign,
)
from clearprop.explanation.gradient_check import entry_name
from clearprop.explanation.health import (
    FLAT,
    STEEPEST,
    Diagnosis,
    LayerHealth,
    hidden_functions,
    twin_of,
)
from clearprop.explanation.matrices import fold
from clearprop.explanation.names import Names
from clearprop.explanation.notation import of_layer
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import (
    Block,
    Bullets,
    Check,
    Column,
    Inline,
    Math,
    Note,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
)
from clearprop.explanation.places import Place
from clearprop.explanation.scenes.plots import Series, curve_scene
from clearprop.explanation.scenes.scene import Scene

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words
    from clearprop.training.blame import Fault

# layers that the table shows one by one, and the units that are named of each
ROWS, SHOWN, UNITS = 12, 9, 8
BELOW = figure(FLAT, 1)
# activations with a word to say about their slope
REASONS = ("sigmoid", "tanh", "relu")
# how far the product of the parts may be from ‖δ^1‖ / ‖δ^L‖, relative to it, by rounding alone
ROUNDING = 1e-9


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the verdict, each layer's figures, and the twin's beside them."""
    found, names = explanation.health, explanation.names
    blocks: list[Block] = [Paragraph(verdict(found, names, words))]
    carrier = explanation.trace.recipe.carrier
    if found.fault:
        # sharing in proportion divides by sums of weights
        divided = carrier == "proportional" and explanation.carriers.vanishing
        remedy = "remedy_shares" if divided and found.fault.operation == "delta" else "remedy"
        blocks += [Note(words.text(f"vanishing.{remedy}"), "warning"), _table(found, words)]
    elif found.steps:
        if carrier != "exact":
            blocks.append(Note(words.text("vanishing.carrier", carrier=carrier), "warning"))
        blocks += _way_back(explanation, found, words)
    blocks += units_told(found, names, words)
    return Section("vanishing", words.text("vanishing.title"), tuple(blocks))


def verdict(found: Diagnosis, names: Names, words: Words) -> Text:
    """Return a diagnosis in one or two sentences, with the figures that it rests on."""
    if found.fault:
        return words.text("vanishing.fault", fault=fault_text(found.fault, names, words))
    if found.silent_layer:
        line = found.layers[found.silent_layer - 1]
        return words.text(
            "vanishing.dead", layer=line.layer, dead=line.dead, units=line.units, flat=BELOW
        )
    if not found.steps:
        return words.text("vanishing.healthy_alone")
    if found.total is None:
        return words.text("vanishing.no_error")
    said = words.text(
        f"vanishing.{found.kind}",
        n=found.steps,
        first=found.layers[0].delta_norm,
        last=found.layers[-1].delta_norm,
        total=found.total,
        per_step=found.per_step,
    )
    slopes, weights = found.per_step_slopes, found.per_step_weights
    if slopes is None or weights is None:
        return said
    key = f"vanishing.{_cause(found.kind, slopes, weights)}"
    return _sentences(words, said, words.text(key, slopes=slopes, weights=weights))


def fault_text(fault: Fault, names: Names, words: Words) -> Text:
    """Return what the first number that is not finite is, and where."""
    key, values = f"vanishing.fault_{fault.operation}", {"value": fault.value}
    if fault.operation in ("parameter", "gradient"):
        assert fault.unit is not None
        place = Place(fault.layer, fault.unit, fault.source)
        if fault.operation == "parameter":
            key = f"vanishing.fault_{'bias' if place.is_bias else 'weight'}"
        entry = entry_name(names.network, place.entry(names.network))
        return words.text(key, name=Span(names.of(place), "code"), entry=entry, **values)
    unit = "" if fault.unit is None else names.unit(fault.layer, fault.unit)
    return words.text(
        key,
        unit=Span(unit, "strong"),
        layer=fault.layer,
        sample=fault.sample,
        row=fault.row,
        **values,
    )


def _cause(kind: str, slopes: float, weights: float) -> str:
    """Return which of the two parts the verdict comes from."""
    if kind == "vanishing":
        return "by_slopes" if slopes < weights else "by_weights"
    if kind == "exploding":
        return "by_slopes" if slopes > weights else "by_weights"
    return "neither"


def _sentences(words: Words, *texts: Text) -> Text:
    """Return sentences one after another; Chinese sets no space between them."""
    between = () if words.lang == "zh" else (Span(" "),)
    joined: tuple[Inline, ...] = ()
    for text in texts:
        joined += (*between, *text) if joined else text
    return joined


def _way_back(explanation: Explanation, found: Diagnosis, words: Words) -> Iterator[Block]:
    yield Paragraph(words.text("vanishing.formula"))
    yield Math(_formula(any(o.scale != 1 for o in explanation.trace.network.operations)))
    yield _table(found, words)
    if found.samples > 1:
        yield Paragraph(words.text("vanishing.over_batch", n=found.samples))
    if any(mask is not None for mask in explanation.trace.masks):
        yield Paragraph(words.text("vanishing.dropout"))
    if found.total is not None and found.product is not None:
        text = words.text("vanishing.check", product=found.product, total=found.total)
        yield Check(text, found.error <= ROUNDING)
        yield from _beside(explanation, found, words)


def _formula(scaled: bool) -> Lines:
    """Return BP2, and below it the lengths that it leads to."""
    here, after = of_layer("δ", "l", "error"), of_layer("δ", "l+1", "error")
    W = Script(Group(of_layer("W", "l+1")), sup=Label("T"))
    carried = row(*([Symbol("s")] if scaled else []), W, after)
    slope = row(Symbol("f′"), Group(of_layer("z", "l")))
    parts = (
        Fraction(_length(carried), _length(after)),
        sign("·"),
        Fraction(_length(here), _length(carried)),
    )
    return Lines(
        (
            (here, sign("="), row(Group(carried), sign("⊙"), slope)),
            (Fraction(_length(here), _length(after)), sign("="), row(*parts)),
        )
    )


def _length(body: Formula) -> Row:
    return row(sign("‖"), body, sign("‖"))


def _table(found: Diagnosis, words: Words) -> Table:
    def title(key: str) -> Text:
        return words.text(f"vanishing.{key}")

    columns = (
        Column(title("layer")),
        Column((Span("‖δ‖"),), "right", "error"),
        Column(title("back"), "right"),
        Column(title("weights_part"), "right"),
        Column(title("slopes_part"), "right"),
        Column((Span("‖∂E/∂W‖"),), "right", "error"),
        Column(title("flat"), "right"),
    )
    rows = tuple(_line(run, words) for run in _runs(found.layers))
    caption = words.text("vanishing.caption", flat=BELOW)
    if len(rows) < len(found.layers):
        caption = _sentences(words, caption, words.text("vanishing.folded"))
    return Table(columns, rows, caption)


def _runs(layers: Sequence[LayerHealth]) -> Iterator[tuple[LayerHealth, ...]]:
    """Yield the table's rows from the last layer to the first; what is left out of it as one."""
    sizes = [abs(math.log(line.step)) if line.step else 0.0 for line in layers]
    shown, run = set(fold(sizes, room=ROWS, folded=SHOWN).shown), []
    for index in range(len(layers) - 1, -1, -1):
        if index not in shown:
            run.append(layers[index])
            continue
        if run:
            yield tuple(run)
            run = []
        yield (layers[index],)


def _line(run: tuple[LayerHealth, ...], words: Words) -> tuple[Text, ...]:
    """Return a row; that of several layers has the products of their parts."""
    line = run[-1]
    name: Text = (Span(f"{line.layer}\u00a0{line.activation}"),)
    if len(run) > 1:
        name = words.text("vanishing.between", first=run[0].layer, last=line.layer)
    return (
        name,
        _cell(line.delta_norm),
        _cell(_times(other.step for other in run)),
        _cell(_times(other.through_weights for other in run)),
        _cell(_times(other.through_slopes for other in run)),
        _cell(line.gradient_norm),
        _percent([other.flat for other in run]),
    )


def _times(parts: Iterator[float | None]) -> float | None:
    known = list(parts)
    return None if None in known else math.prod(part for part in known if part is not None)


def _percent(shares: Sequence[float | None]) -> Text:
    known = [share for share in shares if share is not None]
    if not known:
        return (Span("–"),)
    mean = sum(known) / len(known)
    return (Span(f"{100 * mean:.0f} %", full=repr(mean)),)


def _cell(value: float | None) -> Text:
    return (Span("–"),) if value is None else (Span(figure(value), full=repr(value)),)


def _beside(explanation: Explanation, found: Diagnosis, words: Words) -> Iterator[Block]:
    """Yield the picture, the twin's sentence, and why the slopes are what they are."""
    network = explanation.trace.network
    other = twin_of(network)
    if other is None:
        return
    twin, named = explanation.beside(other), Span(other, "strong")
    yield Picture(_picture(found, twin, other, words), words.text("vanishing.picture_text"))
    if twin.total is not None and math.isfinite(twin.total):
        said = words.text(
            "vanishing.twin", activation=named, total=twin.total, per_step=twin.per_step
        )
    else:
        said = words.text("vanishing.twin_lost", activation=named)
    if twin.silent_layer:
        line = twin.layers[twin.silent_layer - 1]
        silent = {"layer": line.layer, "dead": line.dead, "units": line.units}
        said = _sentences(words, said, words.text("vanishing.silent_too", **silent))
    yield Paragraph(said)
    own = hidden_functions(network)
    for name in dict.fromkeys((*own, other)):
        if name in REASONS:
            yield from _reason(name, found, words)
    learnt = any(operation.parametric for operation in network.operations)
    if set(own) == {"sigmoid"} and not learnt and not any(o.dropout for o in network.operations):
        largest = max(line.through_slopes or 0.0 for line in found.layers[:-1])
        bound = STEEPEST["sigmoid"] * (1 + ROUNDING)
        yield Check(words.text("vanishing.bound_check", largest=largest), largest <= bound)


def _reason(name: str, found: Diagnosis, words: Words) -> Iterator[Block]:
    if name != "sigmoid":
        yield Paragraph(words.text(f"vanishing.reason_{name}"))
        return
    yield Paragraph(words.text("vanishing.reason_sigmoid", n=found.steps))
    f, quarter = Symbol("f"), Fraction(Number(1), Number(4))
    slope = called(Symbol("f′"), Symbol("z"))
    bounded = row(f, sign("·"), Group(row(Number(1), sign("−"), f)), sign("≤"), quarter)
    power = Script(Group(quarter), sup=Number(found.steps))
    left = Number(STEEPEST["sigmoid"] ** found.steps)
    yield Math(Lines(((slope, sign("="), bounded), (power, sign("="), left))))


def _picture(found: Diagnosis, twin: Diagnosis, other: str, words: Words) -> Scene:
    hidden = {line.activation for line in found.layers[:-1]}
    own = hidden.pop() if len(hidden) == 1 else words("vanishing.own")
    steps = range(len(found.layers))
    series = [
        Series(name, steps, _shares(diagnosis), role, dash)
        for name, diagnosis, role, dash in (
            (own, found, "error", ()),
            (other, twin, "contrast", (7, 4)),
        )
    ]
    given = {"own": own, "other": other, "total": found.total, "twin_total": twin.total}
    return curve_scene(
        words("vanishing.picture", **given),
        series,
        x_label=words("vanishing.x_axis"),
        y_label=words("vanishing.y_axis"),
        log_y=True,
        description=words("vanishing.picture_text"),
        lang=words.lang,
        width=560,
    )


def _shares(found: Diagnosis) -> list[float]:
    """Return ‖δ^l‖ / ‖δ^L‖ of each layer, the last layer first."""
    last = found.layers[-1].delta_norm
    return [line.delta_norm / last if last else math.nan for line in reversed(found.layers)]


def units_told(found: Diagnosis, names: Names, words: Words) -> Iterator[Block]:
    """Yield the units that are silent or saturated, by name."""
    silent = "silent" if found.samples > 1 else "silent_one"
    items = []
    for line in found.layers[:-1]:
        for key, units in ((silent, line.dead_units), ("saturated", line.saturated_units)):
            if units:
                named = _named(names, line.layer, units, words)
                items.append(
                    words.text(f"vanishing.{key}", units=named, layer=line.layer, flat=BELOW)
                )
    if items:
        yield Paragraph(words.text("vanishing.units"))
        yield Bullets(tuple(items))
    elif found.steps and not found.fault:
        yield Paragraph(words.text("vanishing.none"))


def _named(names: Names, layer: int, units: Sequence[int], words: Words) -> Text:
    shown = "、".join if words.lang == "zh" else ", ".join
    listed: Text = (Span(shown(names.unit(layer, unit) for unit in units[:UNITS]), "strong"),)
    if len(units) <= UNITS:
        return listed
    return words.text("vanishing.and_more", names=listed, more=len(units) - UNITS)
