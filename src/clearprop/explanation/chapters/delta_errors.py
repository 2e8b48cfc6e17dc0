"""One layer's BP1 or BP2 as the actual matrices, of the focused sample; a part of the chapter on δ.

Public names: `errors_of`.
May import: `layer_view`, `formulas`, `jacobians`, `matrices`, `notation`, `pages`, `places`,
`quantities`.
"""

from __future__ import annotations

from collections.abc import Iterator

from clearprop.explanation.chapters.layer_view import EMPTY, LayerView, scaled, transposed
from clearprop.explanation.formulas import (
    Formula,
    Group,
    Label,
    Lines,
    Number,
    Script,
    Symbol,
    called,
    row,
    sign,
)
from clearprop.explanation.jacobians import Ends, is_front
from clearprop.explanation.matrices import by_sign, column, matrix, numbered
from clearprop.explanation.notation import of_layer
from clearprop.explanation.pages import Block, Math, Paragraph
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantities


def errors_of(view: LayerView) -> Iterator[Block]:
    """Yield BP1 or BP2 of the focused sample."""
    if view.layer.is_output:
        yield from _bp1(view)
    else:
        yield from _bp2(view)


def _bp1(view: LayerView) -> Iterator[Block]:
    ends = view.deltas.ends(view.sample)
    yield Paragraph(view.words.text("deltas.bp1_here"))
    if ends.collapsed:
        yield Paragraph(view.words.text(f"deltas.{ends.collapsed}"))
    else:
        yield Math(_bp1_factors(view, ends))
    if view.deltas.matched:
        if not ends.collapsed:
            name = "matched" if view.batch > 1 else "matched_single"
            yield Paragraph(view.words.text(f"deltas.{name}"))
        yield Math(_difference(view))
    elif ends.collapsed:
        yield Math(row(view.letter(), sign("="), view.delta()))


def _bp1_factors(view: LayerView, ends: Ends) -> Lines:
    """Return c ∇_a E ⊙ f'(z), or c Jᵀ ∇_a E."""
    here, units = view.number, view.units
    nabla = row(Symbol("∇", "a"), view.loss())
    slopes = column(ends.loss_slopes, units, key=lambda unit: f"e{unit}", role="error")
    z = of_layer("z", here)
    if view.layer.activation.elementwise:
        symbols = [nabla, sign("⊙"), called(Symbol("f", sup="′"), z)]
        factor = column(ends.jacobian[:, 0], units, key=numbered("f", here))
        numbers: list[Formula] = [slopes, sign("⊙"), factor]
    else:
        # ∂a_p/∂z_o in row o and column p is the transpose of J already
        jacobian = Script(called(Symbol("J"), z), sup=Label("T"))
        symbols, numbers = (
            [jacobian, sign("·"), nabla],
            [matrix(ends.jacobian, units, units), slopes],
        )
    return view.equation(row(*_c(view)[0], *symbols), row(*_c(view)[1], *numbers))


def _difference(view: LayerView) -> Lines:
    """Return c (a - y), which a loss and the activation that matches it share."""
    units, here = view.units, view.number
    outputs, targets = (array[view.sample] for array in (view.deltas.outputs, view.deltas.targets))
    a = column(outputs, units, key=numbered("a", here), role="signal")
    y = column(targets, units, key=lambda unit: f"y{unit}")
    symbol, value = _c(view)
    letters: Formula = row(of_layer("a", here, "signal"), sign("−"), Symbol("y"))
    numbers: Formula = row(a, sign("−"), y)
    if symbol:
        letters, numbers = Group(letters), Group(numbers)
    return view.equation(row(*symbol, letters), row(*value, numbers))


def _c(view: LayerView) -> tuple[list[Formula], list[Formula]]:
    """Return the sample's coefficient as a factor; nothing where it is 1."""
    c = float(view.deltas.coefficients[view.sample])
    if c == 1:
        return [], []
    return [Symbol("c"), sign("·")], [Number(c), sign("·")]


def _bp2(view: LayerView) -> Iterator[Block]:
    behind = view.number + 1
    yield Paragraph(view.words.text("deltas.bp2_here", behind=behind))
    if view.deltas.layers[behind - 1].operation.scale != 1:
        yield Paragraph(view.words.text("deltas.scale"))
    if view.layer.mask is not None:
        yield Paragraph(view.words.text("deltas.dropout"))
    if view.layer.operation.parametric:
        yield Paragraph(view.words.text("deltas.learnt"))
    if is_front(view.layer.operation):
        yield Paragraph(view.words.text("deltas.no_slope"))
    yield Math(_bp2_factors(view))


def _bp2_factors(view: LayerView) -> Lines:
    """Return (s Wᵀ δ) ⊙ f'(z) ⊙ m."""
    here, units, layer = view.number, view.units, view.layer
    assert layer.carried is not None
    assert layer.slopes is not None
    letters, numbers = _from_behind(view)
    carried = column(layer.carried[view.sample], units, key=numbered("c", here), role="error")
    if is_front(layer.operation):
        return Lines(
            (
                (view.letter(), sign("="), row(*letters)),
                (EMPTY, sign("="), row(*numbers)),
                (EMPTY, sign("="), view.delta()),
            )
        )
    slopes = column(layer.slopes[view.sample], units, key=numbered("f", here))
    function = Symbol("f", "t" if layer.operation.parametric else "", "′")
    slope = called(function, of_layer("z", here))
    symbols, tail = [Group(row(*letters)), sign("⊙"), slope], [sign("⊙"), slopes]
    if layer.mask is not None:
        symbols += [sign("⊙"), Symbol("m")]
        tail += [sign("⊙"), column(layer.mask[view.sample], units)]
    return Lines(
        (
            (view.letter(), sign("="), row(*symbols)),
            (EMPTY, sign("="), row(*numbers, *tail)),
            (EMPTY, sign("="), row(carried, *tail)),
            (EMPTY, sign("="), view.delta()),
        )
    )


def _from_behind(view: LayerView) -> tuple[list[Formula], list[Formula]]:
    """Return what carries the error of the layer behind back, and that error: s Wᵀ δ, g ⊙ δ."""
    here, behind, units = view.number, view.number + 1, view.units
    after = view.deltas.layers[here]
    trace, operation = view.deltas.trace, after.operation
    letter, errors = of_layer("δ", behind, "error"), after.delta[view.sample]
    if operation.kind == "scaling":
        gains = operation.named("g").view(trace.vector)
        keyed = column(
            gains,
            units,
            key=lambda unit: Place(behind, unit, None, "g").key,
            role=by_sign,
            labels=view.names.units(here),
        )
        carried = column(errors, units, key=numbered("d", behind), role="error")
        return [of_layer("g", behind), sign("⊙"), letter], [keyed, sign("⊙"), carried]
    dense = operation.kind == "dense"
    weights = Quantities(trace, view.names, view.sample).weights(behind)
    matrix_of = matrix(
        weights.T,
        units,
        view.behind,
        key=lambda unit, into: f"w{behind}.{into}.{unit}" if dense else "",
        role=by_sign,
        row_labels=view.names.units(here),
        column_labels=view.names.units(behind),
    )
    carried = column(errors, view.behind, key=numbered("d", behind), role="error")
    name = of_layer("W" if dense else "J", behind)
    return scaled(operation.scale, [transposed(name), letter], [matrix_of, carried])
