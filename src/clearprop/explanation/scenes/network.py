"""The network as a picture: signals forward, errors backward, the paths of one parameter lit.

`network_scene` draws a whole step; `signals.py` draws it growing, with the same parts.

Public names: `View`, `draw`, `network_scene`.
May import: `board`, `figures`, `halves`, `layout`, `legend`, `links`, `outcome`, `plan`, `planes`,
`scene`, `matrices`, `words`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from clearprop.explanation.matrices import Fold, fold
from clearprop.explanation.numbers import figure
from clearprop.explanation.paths import Chain
from clearprop.explanation.places import source_of
from clearprop.explanation.scenes.board import Board
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.halves import NAME, unit_marks
from clearprop.explanation.scenes.layout import Layout, Unit, layout_of
from clearprop.explanation.scenes.legend import legend_marks
from clearprop.explanation.scenes.links import edge_labels, edge_marks, halo_marks
from clearprop.explanation.scenes.measure import width_of
from clearprop.explanation.scenes.outcome import loss_marks
from clearprop.explanation.scenes.plan import edges_of, overview
from clearprop.explanation.scenes.planes import planes_of
from clearprop.explanation.scenes.scene import Heat, Mark, Scene, Words
from clearprop.explanation.words import Words as Catalogue
from clearprop.explanation.words import words as catalogue

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus

View = Literal["both", "forward", "backward"]

# units of a layer that are shown whole, and shown of a wider one
ROOM, FOLDED = 8, 5
NARROW_ROOM, NARROW_FOLDED = 3, 3
PHONE = 480.0  # pixels; wider pictures have a narrow form


def network_scene(
    explanation: Explanation,
    focus: Focus,
    *,
    words: Catalogue | None = None,
    lang: str = "en",
    view: View = "both",
    upright: bool = False,
    planes: bool = False,
) -> Scene:
    """Return the network with the numbers of one sample, and the paths of one parameter lit.

    Parameters
    ----------
    explanation : Explanation
    focus : Focus
        The parameter whose paths are lit, and the sample.
    words : Words, optional
        The catalogue; that of `lang` where absent.
    lang : {"en", "zh"}
    view : {"both", "forward", "backward"}
        With errors and updates, and with the products of weights and signals, or without them.
    upright : bool
        Layers run downwards and are folded to three units, as fits a phone. A wide picture has
        this form as its `narrow` one.
    planes : bool
        In a network of two inputs, what each neuron gives over the input plane, in its right half.
    """
    say = words or catalogue(lang)
    figures = Figures(explanation.trace, explanation.names, focus.sample)
    chain = explanation.chain(focus.weight, focus.sample, paths=focus.paths)
    layout = folded_layout(figures, chain, upright=upright)
    heats = planes_of(figures, layout) if planes else {}
    board = Board(figures, layout, overview(figures, layout, chain, view), say)
    title = say("pictures.network_title", network=str(explanation.trace.network))
    scene = draw(board, title, _description(board, explanation, focus), heats)
    if upright or scene.width <= PHONE:
        return scene
    narrow = network_scene(explanation, focus, words=say, view=view, upright=True, planes=planes)
    return replace(scene, narrow=narrow)


def folded_layout(figures: Figures, chain: Chain | None, *, upright: bool = False) -> Layout:
    """Return the places of units: wide layers folded to the first, the most important, the last.

    Units on the strongest path of `chain` are shown in any case.
    """
    room, folded = (NARROW_ROOM, NARROW_FOLDED) if upright else (ROOM, FOLDED)
    shape = figures.trace.network.shape
    needed = _on_path(figures, chain) if chain is not None else {}
    if upright and len(shape) > 5:
        room, folded = ROOM, FOLDED
    folds: list[Fold] = []
    for layer in reversed(range(len(shape))):
        # where units have one input each, the inputs of those that are shown are shown
        before = [unit for one in folds[:1] for unit in one.shown if figures.prepares(layer + 1)]
        wanted = [source for unit in before for source in figures.sources(layer + 1, unit)]
        wanted = list(dict.fromkeys([*needed.get(layer, ()), *wanted]))
        folds.insert(
            0, fold(figures.importance(layer), wanted, room=room, folded=max(folded, len(wanted)))
        )
    names = [figures.names.unit(0, unit) for unit in folds[0].shown]
    widest = max(width_of(name, NAME, bold=True) for name in names)
    margin = 6.0 if upright else 22 + min(110.0, widest)
    return layout_of(folds, upright=upright, margin=margin, head=14.0)


def _on_path(figures: Figures, chain: Chain) -> dict[int, list[int]]:
    """Return the units of the strongest path, by layer."""
    place, last = chain.place, figures.last
    needed: dict[int, list[int]] = {}
    source = source_of(figures.trace.network, place)
    if source is not None:
        needed[place.layer - 1] = [source]
    for path in chain.paths[:1]:
        needed |= {last - depth: [unit] for depth, unit in enumerate(path.units)}
        needed[last] = list(dict.fromkeys([path.units[0], path.end]))
    return needed


def draw(
    board: Board,
    title: str,
    description: str,
    heats: Mapping[Unit, Heat] | None = None,
    *,
    legend: bool = True,
) -> Scene:
    """Return a picture: halos below edges, edges below units, numbers on top."""
    layout = board.layout
    edges = edges_of(board.figures, layout)
    lit = [edge for edge in edges if edge in board.plan.lit_edges]
    faint = [edge for edge in edges if edge not in board.plan.lit_edges]
    # what has its place comes first; what finds its own, such as labels, takes what is left
    units = [
        mark
        for unit in layout.centres
        for mark in unit_marks(board, *unit, (heats or {}).get(unit))
    ]
    below, above = loss_marks(board)
    folded = [mark for gap in layout.gaps for mark in _gap(board, gap.count, gap.x, gap.y)]
    labels = [mark for edge in [*lit, *faint] for mark in edge_labels(board, edge)]
    lines = [mark for edge in [*faint, *lit] for mark in edge_marks(board, edge)]
    halos = [mark for edge in lit for mark in halo_marks(board, edge)]
    captions, bottom = _captions(board)
    right = layout.right + 12
    said, height = legend_marks(board, 10, bottom, right) if legend else ([], bottom + 4)
    marks = (*halos, *below, *lines, *units, *above, *folded, *labels, *captions, *said)
    return Scene(right, height, marks, title, description, legend=len(said))


def _gap(board: Board, count: int, x: float, y: float) -> list[Mark]:
    """Return the dots of folded units, with how many they are."""
    narrow = board.layout.upright
    text = board.say("pictures.more_narrow" if narrow else "pictures.more_units", n=count)
    title = board.say("pictures.folded_units", n=count)
    size = 8.5 if not board.layout.sizes.numbers else 9.5 if narrow else 11.0
    return [board.put(Words(x, y + 4, text, size, plate=True, role="muted", title=title))]


def _captions(board: Board) -> tuple[list[Mark], float]:
    """Return the layers' captions below them, and the height below these."""
    layout, network = board.layout, board.figures.trace.network
    if layout.upright:
        return [], layout.bottom + 16
    marks: list[Mark] = []
    size = 11.0 if layout.sizes.numbers else 8.5
    for layer in range(board.figures.last + 1):
        x = layout.centres[layer, layout.units(layer)[0]][0]
        marks.append(Words(x, layout.bottom + 14, _layer_name(board, layer), size, role="muted"))
        if layer and not board.figures.prepares(layer):
            f = str(network.layers[layer - 1].function)
            marks.append(Words(x, layout.bottom + 14 + 1.3 * size, f, size, role="muted"))
    return marks, layout.bottom + 14 + 2 * size


def _layer_name(board: Board, layer: int) -> str:
    if layer == board.figures.last:
        return board.say("pictures.output_layer")
    if layer == 0:
        return board.say("pictures.input_layer")
    if board.figures.prepares(layer):
        kind = board.figures.trace.network.operations[layer - 1].kind
        return board.say(f"pictures.{kind}_layer")
    return board.say("pictures.hidden_layer", layer=layer)


def _description(board: Board, explanation: Explanation, focus: Focus) -> str:
    last = board.figures.last
    outputs = ", ".join(
        f"{board.name(last, unit)} {figure(board.figures.a(last, unit))}"
        for unit in board.layout.units(last)
    )
    return board.say(
        "pictures.network_description",
        sample=focus.sample,
        samples=len(explanation.trace.rows),
        outputs=outputs,
        loss=float(explanation.trace.losses[focus.sample]),
        weight=explanation.names.of(focus.weight),
    )
