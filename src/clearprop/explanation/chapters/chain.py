"""The chain rule of the focused parameter: the strongest path, all paths, and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from clearprop.explanation.chapters.early_update import early_update_blocks
from clearprop.explanation.chapters.factors import Letters, in_line
from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Stack,
    Symbol,
    called,
    product,
    row,
    sign,
)
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import (
    Block,
    Check,
    Column,
    Details,
    Math,
    Note,
    Paragraph,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.path_factors import ChainPath
from clearprop.explanation.paths import Chain
from clearprop.explanation.places import Place, source_of, units_of
from clearprop.explanation.quantities import Quantities, letter_of, partial
from clearprop.explanation.unfolding import Unfolded, Unfolding

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus
    from clearprop.explanation.words import Words

# factors that stand on one line
ON_A_LINE = 6
# paths of so many factors have a column for each in the table
COLUMNS = 7
# units of a path that are not broken over two lines
TOGETHER = 4
# steps of the unfolded loss that are shown: all of up to so many, else the first ones and the last
STEPS, FIRST = 7, 4


def chapter(explanation: Explanation, focus: Focus, words: Words) -> Section:
    """Return the chain rule of the focused parameter and sample."""
    chain = explanation.chain(focus.weight, focus.sample, paths=focus.paths)
    quantities = Quantities(explanation.trace, explanation.names, focus.sample)
    letters = Letters(chain, quantities)
    blocks: list[Block] = [
        *_question(chain, quantities, words),
        *_strongest(chain, letters, words),
        *_notes(chain, quantities, words),
    ]
    if chain.count_of_paths > 1:
        blocks.append(Paragraph(words.text("chain.all_paths", n=_counted(chain.count_of_paths))))
        blocks.append(_table(chain, letters, words))
    whose = "of_member" if explanation.membership else "used"
    blocks += [*_checks(chain, whose, words), Paragraph(_pointer(quantities, focus.weight, words))]
    unfolded = explanation.unfolded(focus.sample)
    blocks.append(Details(words.text("chain.unfolded"), tuple(_unfolded(unfolded, words))))
    if len(explanation.trace.network.layers) > 1:
        inside = early_update_blocks(explanation.mistake, letters, words)
        blocks.append(Details(words.text("chain.mistake"), tuple(inside)))
    return Section("chain", words.text("chain.title"), tuple(blocks))


# the question, and the strongest path


def _question(chain: Chain, quantities: Quantities, words: Words) -> Iterator[Block]:
    weight = _parameter(chain.place, quantities)
    gradient = Number(chain.total, role="error", key=_gradient_key(chain))
    yield Paragraph(words.text("chain.question", weight=weight, gradient=gradient))
    if chain.samples > 1:
        values = {"sample": chain.sample, "n": chain.samples, "coefficient": chain.coefficient}
        yield Paragraph(words.text("chain.sample", **values))
    names, place = quantities.names, chain.place
    units = units_of(names.network, place)
    kind = {"t": "rule_slope"}.get(place.array, "rule" if len(units) == 1 else "rule_column")
    unit = names.unit(place.layer, units[0] - (len(units) > 1))
    yield Paragraph(words.text(f"chain.{kind}", weight=weight, unit=Span(unit, "strong")))


def _parameter(place: Place, quantities: Quantities) -> Symbol:
    return letter_of(quantities.names, place)


def _gradient_key(chain: Chain) -> str:
    """Return the key of the gradient, which is that of the whole batch."""
    return chain.place.gradient_key if chain.samples == 1 else ""


def _strongest(chain: Chain, letters: Letters, words: Words) -> Iterator[Block]:
    """Return the largest path as derivatives, then its letters above their numbers."""
    path, place = chain.paths[0], chain.place
    gradient = partial(Symbol("E"), _parameter(place, letters.quantities))
    several = chain.count_of_paths > 1
    more = [sign("+"), sign("⋯")] if several else []
    yield Math(_broken(gradient, letters.derivatives(path), more))
    if several:
        units = Span(_units(chain, path, letters.quantities), "strong")
        yield Paragraph(words.text("chain.strongest", units=units))
        left: Formula = Label(words("chain.path"))
        value = Number(path.product, role="error")
    else:
        left, value = gradient, Number(path.product, role="error", key=_gradient_key(chain))
    chips = [letters.chip(factor) for factor in path.factors]
    yield Math(_broken(Stack(left, value, role="error", key=value.key), chips, []))


def _broken(left: Formula, factors: Sequence[Formula], end: Sequence[Formula]) -> Lines:
    """Return left = product, over as many lines as it takes."""
    lines = [
        list(product(factors[at : at + ON_A_LINE]).parts)
        for at in range(0, len(factors), ON_A_LINE)
    ]
    lines[-1] += end
    rows = [(left, sign("="), Row(tuple(lines[0])))]
    rows += [(Row(()), sign("·"), Row(tuple(line))) for line in lines[1:]]
    return Lines(tuple(rows))


def _notes(chain: Chain, quantities: Quantities, words: Words) -> Iterator[Block]:
    """Return what is out of the ordinary with this sample."""
    place, names = chain.place, quantities.names
    unit = names.unit(place.layer, units_of(names.network, place)[0])
    source = source_of(names.network, place)
    if chain.collapsed:
        yield Note(words.text(f"chain.{chain.collapsed}"))
    kinds = {factor.kind for factor in chain.paths[0].factors}
    if "mask" in kinds:
        yield Note(words.text("chain.mask"))
    for kind in ("scale", "gain", "wave", "bent"):
        if kind in kinds:
            yield Note(words.text(f"chain.{kind}"))
    network = names.network
    if any(
        network.operations[f.layer - 1].parametric
        for f in chain.paths[0].factors
        if f.kind == "slope"
    ):
        yield Note(words.text("chain.learnt"))
    if chain.slope == 0 and place.array != "t":
        yield Note(words.text("chain.dead", unit=unit), "warning")
    elif source is not None and chain.signal == 0:
        named = names.unit(place.layer - 1, source)
        yield Note(words.text("chain.silent", source=named), "warning")


# all paths


def _units(chain: Chain, path: ChainPath, quantities: Quantities) -> str:
    """Return the units that a path passes, from the loss back."""
    last, names = quantities.last, quantities.names
    found = [names.unit(last - step, unit) for step, unit in enumerate(path.units)]
    if _is_joined(chain, quantities):
        found.insert(0, names.unit(last, path.end))
    # a few units stay on one line
    return (" → " if len(found) > TOGETHER else "\u00a0→\u00a0").join(found)


def _is_joined(chain: Chain, quantities: Quantities) -> bool:
    """Whether a path may end in another output than the one whose z it passes: softmax."""
    last = quantities.trace.network.operations[-1].activation
    return not (last.elementwise or chain.collapsed)


def _table(chain: Chain, letters: Letters, words: Words) -> Table:
    """Return a row for each of the largest paths, one for all others, and their sum."""
    first = chain.paths[0].factors
    kinds = [factor.kind for factor in first]
    alike = all([factor.kind for factor in path.factors] == kinds for path in chain.paths)
    width = len(first) if alike and len(first) <= COLUMNS else 0
    columns = (
        Column(words.text("chain.units")),
        *(Column((_TITLES[factor.kind],), "right") for factor in first[:width]),
        Column(words.text("chain.product"), "right"),
    )
    rows = [_path_row(chain, path, letters, width) for path in chain.paths]
    empty: list[Text] = [()] * width
    if chain.remaining:
        others = words.text("chain.others", n=_counted(chain.remaining))
        rows.append((others, *empty, (Number(chain.remainder),)))
    total = Number(chain.total, role="error", key=_gradient_key(chain))
    rows.append((words.text("chain.sum"), *empty, (total,)))
    caption = words.text("chain.joined") if _is_joined(chain, letters.quantities) else ()
    return Table(columns, tuple(rows), caption)


# what the factors of a column share
_TITLES: dict[str, Formula] = {
    "coefficient": Symbol("c"),
    "loss": in_line(Symbol("E"), Symbol("a")),
    "output": in_line(Symbol("a"), Symbol("z")),
    "error": in_line(Symbol("E"), Symbol("z")),
    "scale": Symbol("s"),
    "weight": Symbol("w"),
    "mask": Symbol("m"),
    "slope": row(Symbol("f′"), Group(Symbol("z"))),
    "gain": Symbol("g"),
    "wave": in_line(Symbol("v"), Symbol("x")),
    "bent": row(called(Symbol("f"), Symbol("z")), sign("−"), Symbol("z")),
    "cosine": Label("cos"),
    "sine": row(sign("−"), Label("sin")),
    "turn": in_line(Symbol("θ"), Symbol("f")),
    "signal": Symbol("a"),
    "one": in_line(Symbol("z"), Symbol("b")),
}


def _path_row(chain: Chain, path: ChainPath, letters: Letters, width: int) -> tuple[Text, ...]:
    units = _units(chain, path, letters.quantities)
    numbers = [(letters.number(factor),) for factor in path.factors[:width]]
    return (plain(units), *numbers, (Number(path.product),))


def _counted(count: int) -> Span:
    """Return a number of paths: whole up to a billion, then as a power of ten."""
    return Span(f"{count:,}" if count < 10**9 else figure(count), full=str(count))


def _checks(chain: Chain, whose: str, words: Words) -> Iterator[Block]:
    """Yield that the paths, and the samples, add up to the gradient; `whose` says which it is."""
    total = Number(chain.total, 6)
    used = Number(chain.gradient, 6, key=_gradient_key(chain))
    if chain.carrier != "exact":
        values = {"total": total, "used": used, "carrier": chain.carrier}
        yield Note(words.text("chain.carried", **values), "warning")
    else:
        # one path alone is a product and no sum
        kind = "sum" if chain.count_of_paths > 1 else "one"
        over = "of_sample" if chain.samples > 1 else whose
        yield Check(
            words.text(f"chain.check_{kind}_{over}", total=total, gradient=used), chain.agrees
        )
    if chain.samples > 1:
        values = {
            "n": chain.samples,
            "total": Number(chain.batch_sum, 6),
            "gradient": Number(chain.batch_gradient, 6, key=chain.place.gradient_key),
        }
        yield Check(words.text(f"chain.check_batch_{whose}", **values), chain.batch_agrees)


def _pointer(quantities: Quantities, place: Place, words: Words) -> Text:
    """Return where the gradient goes: w′ = w − η ∂E/∂w."""
    weight = _parameter(place, quantities)
    step = row(Symbol("η"), sign("·"), in_line(Symbol("E"), weight))
    formula = row(replace(weight, sup="′", key=""), sign("="), weight, sign("−"), step)
    return words.text("chain.pointer", formula=formula)


# the loss unfolded


def _unfolded(unfolded: Unfolded, words: Words) -> Iterator[Block]:
    yield Paragraph(words.text("chain.unfolding"))
    if not unfolded.whole:
        yield Paragraph(words.text("chain.folded"))
    steps = list(unfolded.steps)
    hidden = len(steps) - FIRST - 1 if len(steps) > STEPS else 0
    for step in steps[:FIRST] if hidden else steps[:-1]:
        yield from _step(step, words)
    if hidden:
        yield Paragraph(words.text("chain.more_steps", n=hidden))
    yield from _step(steps[-1], words)
    values = {"total": Number(steps[-1].value, 6), "loss": Number(unfolded.loss, 6)}
    yield Check(words.text("chain.check_loss", **values), unfolded.agrees)


def _step(step: Unfolding, words: Words) -> Iterator[Block]:
    """Return one unfolding, in symbols and in numbers."""
    kind = step.half if step.layer else "x"
    yield Paragraph(words.text(f"chain.written_in_{kind}", layer=step.layer))
    E = Symbol("E", role="error", key="E")
    yield Math(Lines((*_summands(E, step.symbols), *_summands(Row(()), step.numbers))))


def _summands(left: Formula, expression: Row) -> Iterator[tuple[Formula, ...]]:
    """Return left = expression with a line for each summand."""
    first, *others = expression.parts
    yield left, sign("="), first
    for mark, summand in zip(others[::2], others[1::2], strict=True):
        yield Row(()), mark, summand
