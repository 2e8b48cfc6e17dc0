"""One layer's BP3 and BP4 as the actual matrices; a part of the chapter on δ.

They are sums over the batch: for one sample the product of two vectors, for several that of two
matrices with a sample a column or row.

Public names: `gradients_of`.
May import: `layer_view`, `formulas`, `matrices`, `notation`, `pages`, `places`, `quantities`,
`clearprop.network`, NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clearprop.explanation.chapters.layer_view import EMPTY, LayerView, scaled, transposed
from clearprop.explanation.formulas import (
    Formula,
    Grid,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Symbol,
    Total,
    called,
    joined,
    row,
    sign,
)
from clearprop.explanation.matrices import column, fold, line, matrix, numbered
from clearprop.explanation.notation import of_layer
from clearprop.explanation.pages import Block, Math, Paragraph, Span
from clearprop.explanation.places import Place, units_of
from clearprop.explanation.quantities import partial
from clearprop.network import Waves


def gradients_of(view: LayerView) -> Iterator[Block]:
    """Yield BP3 and BP4, which sum over the batch, as the layer's kind has them."""
    if view.layer.operation.kind == "scaling":
        yield Paragraph(view.words.text("deltas.bp4_gain"))
        yield Math(_pointwise(view, "g", "received", view.layer.received))
        return
    if view.layer.operation.kind == "periodic":
        yield from _of_waves(view)
        return
    yield Paragraph(view.words.text("deltas.bp3_here"))
    yield Math(_bp3(view))
    if view.batch == 1:
        yield Paragraph(view.words.text("deltas.bp4_here"))
    else:
        yield Paragraph(view.words.text("deltas.bp4_batch"))
    yield Math(_bp4(view))
    if "t" in view.layer.gradients:
        yield Paragraph(view.words.text("deltas.bp4_slope"))
        yield Math(_pointwise(view, "t", "bent", view.layer.bent))


def _bp3(view: LayerView) -> Row:
    delta: Formula = view.letter()
    if view.batch > 1:
        delta = Total(Symbol("i"), Symbol("δ", "i", f"({view.number})", role="error"))
    gradient = column(
        view.layer.gradients["b"],
        view.units,
        key=numbered("g", view.number),
        role="error",
        labels=view.names.units(view.number),
    )
    of_bias = partial(view.loss(), of_layer("b", view.number))
    return joined("=", [of_bias, delta, gradient])


def _bp4(view: LayerView) -> Lines:
    """Return s Σ δ aᵀ as the product of what is summed, and the gradient."""
    here, layer = view.number, view.layer
    if view.batch == 1:
        errors = column(layer.delta[0], view.units, key=numbered("d", here), role="error")
        signals = line(layer.received[0], view.sources, key=numbered("a", here - 1), role="signal")
        signal = of_layer("a", here - 1, "signal")
        left: Formula = row(view.letter(), transposed(signal))
    else:
        errors, signals = _batch_errors(view), _batch_signals(view)
        one = Symbol("a", "i", f"({here - 1})", role="signal")
        delta = Symbol("δ", "i", f"({here})", role="error")
        left = Total(Symbol("i"), row(delta, transposed(one)))
    letters, numbers = scaled(layer.operation.scale, [left], [errors])
    gradient = matrix(
        layer.gradients["W"],
        view.units,
        view.sources,
        key=numbered("g", here),
        role="error",
        row_labels=view.names.units(here),
        column_labels=view.names.units(here - 1),
    )
    # two matrices side by side would be wider than a page
    if view.batch == 1:
        numbers, more = [*numbers, signals], []
    else:
        more = [(EMPTY, sign("·"), signals)]
    return Lines(
        (
            (partial(view.loss(), of_layer("W", here)), sign("="), row(*letters)),
            (EMPTY, sign("="), row(*numbers)),
            *more,
            (EMPTY, sign("="), gradient),
        )
    )


def _pointwise(view: LayerView, letter: str, kind: str, moved: np.ndarray) -> Lines:
    """Return ∂E/∂g = Σ δ ⊙ x, or ∂E/∂t = Σ ∂E/∂a ⊙ (f(z) − z), and what comes out.

    The factors' numbers are those of the focused sample.
    """
    here, units = view.number, view.units
    errors = view.layer.delta if letter == "g" else view.layer.carried
    assert errors is not None
    head = f"({here})"
    foot = "" if view.batch == 1 else "i"
    if kind == "received":
        error: Formula = Symbol("δ", foot, head, role="error")
        signal: Formula = Symbol("a", foot, f"({here - 1})", role="signal")
    else:
        z = Symbol("z", foot, head)
        error = partial(view.loss(), Symbol("a", foot, head))
        mask = [] if view.layer.mask is None else [Symbol("m", foot), sign("⊙")]
        signal = row(*mask, Group(row(called(Symbol("f"), z), sign("−"), z)))
    product = row(error, sign("⊙"), signal)
    own = row(
        column(errors[view.sample], units, role="error"),
        sign("⊙"),
        column(moved[view.sample], units, role="signal"),
    )
    gradient = column(
        view.layer.gradients[letter],
        units,
        key=lambda unit: Place(here, unit, None, letter).gradient_key,
        role="error",
        labels=view.names.units(here),
    )
    symbols = product if view.batch == 1 else Total(Symbol("i"), product)
    numbers = own if view.batch == 1 else row(own, sign("+"), sign("⋯"))
    return Lines(
        (
            (partial(view.loss(), of_layer(letter, here)), sign("="), symbols),
            (EMPTY, sign("="), numbers),
            (EMPTY, sign("="), gradient),
        )
    )


def _of_waves(view: LayerView) -> Iterator[Block]:
    """Yield the gradients of a periodic layer: in symbols, and one column's numbers."""
    yield Paragraph(view.words.text("deltas.bp4_waves"))
    i = Symbol("i")
    delta, angle = Symbol("δ", "i,ck", role="error"), Symbol("θ", "i,cq")
    E, w = view.loss(), Symbol("w", "ckq")
    turned = row(sign("−"), w, called(Label(" sin "), angle))
    tau = Symbol("τ", "i,cq", role="error")
    two_pi, x = row(Number(2), Symbol("π")), Symbol("x", "i,c", role="signal")
    cosine = row(delta, called(Label(" cos "), angle))
    yield Math(
        Lines(
            (
                (partial(E, w), sign("="), Total(i, cosine)),
                (partial(E, Symbol("b", "ck")), sign("="), Total(i, delta)),
                (tau, sign("="), Total(Symbol("k"), row(delta, Group(turned)))),
                (partial(E, Symbol("f", "cq")), sign("="), Total(i, row(tau, two_pi, x))),
                (partial(E, Symbol("p", "cq")), sign("="), Total(i, row(tau, two_pi))),
            )
        )
    )
    waves = view.names.waves(view.number)
    assert waves is not None
    number = _column(view, waves)
    name = view.names.unit(view.number - 1, waves.columns[number])
    yield Paragraph(view.words.text("deltas.one_column", column=Span(name, "strong")))
    yield Math(_column_gradients(view, waves, number))


def _column(view: LayerView, waves: Waves) -> int:
    """Return the column that is shown: the focused parameter's, else that of largest errors."""
    weight = view.focus.weight
    if weight.layer == view.number:
        return units_of(view.deltas.trace.network, weight)[0] // waves.features
    sizes = np.abs(view.layer.gradients["f"]).sum(axis=1)
    return int(np.argmax(sizes))


def _column_gradients(view: LayerView, waves: Waves, number: int) -> Lines:
    here, made = view.number, waves.features - 1
    rows = slice(number * made, (number + 1) * made)
    sizes = np.abs(view.layer.gradients["W"][rows]).sum(axis=0)
    focus = view.focus.weight
    own = focus.layer == here and focus.source is not None
    cosines = fold(sizes, (focus.source,) if own and focus.source is not None else ())
    labels = [view.names.cosine(waves, number, q) for q in range(waves.frequencies)]
    units = fold(np.zeros(made))
    names = view.names.units(here)[number * waves.features + 1 : (number + 1) * waves.features]
    found: list[tuple[Formula, ...]] = []
    for letter in "fp":
        values = line(
            view.layer.gradients[letter][number],
            cosines,
            key=lambda q, letter=letter: Place(here, number, q, letter).gradient_key,  # type: ignore[misc]
            role="error",
            labels=labels,
        )
        found.append((partial(view.loss(), Symbol(letter)), sign("="), values))
    weights = matrix(
        view.layer.gradients["W"][rows],
        units,
        cosines,
        key=lambda k, q: Place(here, number * made + k, q).gradient_key,
        role="error",
        row_labels=names,
        column_labels=labels,
    )
    biases = column(
        view.layer.gradients["b"][rows],
        units,
        key=lambda k: Place(here, number * made + k, None).gradient_key,
        role="error",
        labels=names,
    )
    found.append((partial(view.loss(), Symbol("W")), sign("="), weights))
    found.append((partial(view.loss(), Symbol("b")), sign("="), biases))
    return Lines(tuple(found))


def _batch_errors(view: LayerView) -> Grid:
    """Return δ with a unit a row and a sample a column."""
    return matrix(
        view.layer.delta.T,
        view.units,
        view.samples,
        key=lambda unit, sample: _key(view, sample, f"d{view.number}.{unit}"),
        role="error",
        row_labels=view.names.units(view.number),
        column_labels=_sample_names(view),
    )


def _batch_signals(view: LayerView) -> Grid:
    """Return what came in with a sample a row and a source a column."""
    return matrix(
        view.layer.received,
        view.samples,
        view.sources,
        key=lambda sample, source: _key(view, sample, f"a{view.number - 1}.{source}"),
        role="signal",
        row_labels=_sample_names(view),
        column_labels=view.names.units(view.number - 1),
    )


def _sample_names(view: LayerView) -> list[str]:
    return [f"i = {sample}" for sample in range(view.batch)]


def _key(view: LayerView, sample: int, key: str) -> str:
    """Return a key of a single number, which only the focused sample's have."""
    return key if sample == view.sample else ""
