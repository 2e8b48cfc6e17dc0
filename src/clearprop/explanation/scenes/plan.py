"""What of one step a picture of the network shows: which numbers are known, what is lit.

The network's picture shows a whole step with the paths of one parameter lit; a series of pictures
shows it growing, unit by unit. Both are Plans of the same drawing.

Public names: `Edge`, `Plan`, `overview`.
May import: `figures`, `layout`, `places`, `paths`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from clearprop.explanation.paths import Chain
from clearprop.explanation.places import source_of, units_of
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.layout import Layout, Unit

# a weight by its layer, the unit that it leads into and the one that it leads from
Edge = tuple[int, int, int]

# pictures with at most so many edges show the error on all of them, and all weights' numbers
FEW_EDGES = 24
FEW_UPRIGHT = 15
# paths that are lit where units have no room for numbers
FEW_PATHS = 3


@dataclass(frozen=True)
class Plan:
    """What is shown.

    Attributes
    ----------
    signals, errors : frozenset of Unit
        Units whose z and a, and whose δ, are known.
    lit_units, lit_edges, lit_outputs : mappings to float
        What lies on a lit path, with its share, 0 to 1, of the strongest path.
    weights, products, new_weights, handed_back : frozenset of Edge
        Edges with the numbers w, w·a, w after the step and w·δ, as far as there is room.
    errors_on, updates_on : frozenset of Edge
        Edges with the error's line, and with the tick of the update.
    loss : bool
        Whether the loss is known.
    loss_errors : frozenset of int
        Outputs whose error's line from the loss is drawn.
    faint : bool
        Whether edges that are not lit step back.
    """

    signals: frozenset[Unit]
    errors: frozenset[Unit]
    lit_units: Mapping[Unit, float] = field(default_factory=dict)
    lit_edges: Mapping[Edge, float] = field(default_factory=dict)
    lit_outputs: Mapping[int, float] = field(default_factory=dict)
    weights: frozenset[Edge] = frozenset()
    products: frozenset[Edge] = frozenset()
    new_weights: frozenset[Edge] = frozenset()
    handed_back: frozenset[Edge] = frozenset()
    errors_on: frozenset[Edge] = frozenset()
    updates_on: frozenset[Edge] = frozenset()
    loss: bool = True
    loss_errors: frozenset[int] = frozenset()
    faint: bool = False


def edges_of(figures: Figures, layout: Layout) -> list[Edge]:
    """Return the edges between units that are shown."""
    return [
        (layer, unit, source)
        for layer, unit in layout.centres
        if layer
        for source in figures.sources(layer, unit)
        if layout.shows((layer - 1, source))
    ]


def overview(figures: Figures, layout: Layout, chain: Chain, view: str) -> Plan:
    """Return the plan of a whole step with the paths of one parameter lit.

    Parameters
    ----------
    figures : Figures
    layout : Layout
    chain : Chain
        The parameter's; its paths are lit where all their units are shown.
    view : {"both", "forward", "backward"}
        Whether errors and updates, and whether products of weights and signals are shown.
    """
    network, focus = figures.trace.network, chain.place
    source = source_of(network, focus)
    units, lit, outputs = _lit(layout, chain, source)
    edges = edges_of(figures, layout)
    layers = {layer for layer, _ in layout.centres}
    neurons = frozenset(unit for unit in layout.centres if unit[0])
    roomy = layout.sizes.numbers
    few = roomy and len(edges) <= (FEW_UPRIGHT if layout.upright else FEW_EDGES)
    some = frozenset(edges if few else lit)
    backward = frozenset(edge for edge in some if edge[0] > 1)
    forwards, backwards = view != "backward", view != "forward"
    own = frozenset(
        (focus.layer, unit, source)
        for unit in units_of(network, focus)
        if source is not None and figures.place(focus.layer, unit, source) == focus
    )
    return Plan(
        signals=frozenset(layout.centres),
        errors=neurons if backwards else frozenset(),
        lit_units=units,
        lit_edges=lit,
        lit_outputs=outputs,
        weights=some,
        products=frozenset(lit) if forwards else frozenset(),
        new_weights=own if backwards else frozenset(),
        handed_back=frozenset(e for e in lit if e[0] > focus.layer) if backwards else frozenset(),
        errors_on=backward if backwards else frozenset(),
        updates_on=frozenset(edges if few else lit) if backwards else frozenset(),
        loss_errors=(
            frozenset(layout.units(max(layers)) if few else outputs) if backwards else frozenset()
        ),
        faint=not few,
    )


def _lit(
    layout: Layout, chain: Chain, source: int | None
) -> tuple[dict[Unit, float], dict[Edge, float], dict[int, float]]:
    """Return what the chain's paths run over, each with its share of the strongest path."""
    last = max(layer for layer, _ in layout.centres)
    place = chain.place
    sizes = [abs(path.product) for path in chain.paths]
    strongest = max(filter(math.isfinite, sizes), default=0.0)
    units: dict[Unit, float] = {}
    edges: dict[Edge, float] = {}
    outputs: dict[int, float] = {}
    for path in chain.paths if layout.sizes.numbers else chain.paths[:FEW_PATHS]:
        on = [(last - depth, unit) for depth, unit in enumerate(path.units)]
        if not all(map(layout.shows, on)) or not layout.shows((last, path.end)):
            continue
        size = abs(path.product)
        share = size / strongest if strongest and math.isfinite(size) else 1.0
        # sorted by size: what a stronger path has lit stays as bright
        outputs.setdefault(path.end, share)
        for unit in [*on, (last, path.end)]:
            units.setdefault(unit, share)
        for (layer, into), (_, before) in pairwise(on):
            edges.setdefault((layer, into, before), share)
    origin = (place.layer - 1, source or 0)
    if source is None or not layout.shows(origin):
        return units, edges, outputs
    for path in chain.paths:
        if layout.shows((place.layer, path.units[-1])):
            units[origin] = 1.0
            edges[place.layer, path.units[-1], source] = 1.0
    return units, edges, outputs
