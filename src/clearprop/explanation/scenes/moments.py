"""The moments of one step: forward, loss, error, backward, update, as fine as one likes.

A moment is one thing that happens, with what is known by then: the plan of its picture, a sentence,
and where it happens. How much happens in one is the zoom: a whole layer, one neuron, or one
multiplication. The pictures of all zooms are the same network, and the last moments of the forward
and of the backward pass and of the update are the same at every zoom.

Public names: `Moment`, `Phase`, `ZOOMS`, `Zoom`, `moments_of`, `ways_of`.
May import: `board`, `figures`, `layout`, `links`, `outcome`, `plan`, `numbers`, `words`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.board import Board
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.layout import Layout, Unit
from clearprop.explanation.scenes.links import Run, run_of
from clearprop.explanation.scenes.outcome import way_to_loss
from clearprop.explanation.scenes.plan import Edge, Plan
from clearprop.explanation.words import Words as Catalogue

Phase = Literal["forward", "loss", "error", "backward", "update"]
Zoom = Literal["layer", "neuron", "product"]
ZOOMS: tuple[Zoom, ...] = get_args(Zoom)


@dataclass(frozen=True)
class Moment:
    """One thing that happens in a step.

    Attributes
    ----------
    phase : {"forward", "loss", "error", "backward", "update"}
    layer : int
        Whose units it happens to; the last one for the loss.
    units : tuple of int
        The units that it happens to.
    edge : Edge, optional
        The weight that one multiplication is with.
    plan : Plan
        What its picture shows.
    said : str
        What happens, in a sentence.
    """

    phase: Phase
    layer: int
    units: tuple[int, ...]
    edge: Edge | None
    plan: Plan
    said: str


def moments_of(
    figures: Figures, layout: Layout, say: Catalogue, zoom: Zoom = "neuron"
) -> tuple[Moment, ...]:
    """Return the moments of the step; units that are folded away have none of their own.

    Parameters
    ----------
    figures : Figures
    layout : Layout
        Which units are shown, and in which order.
    say : Words
        The catalogue.
    zoom : {"layer", "neuron", "product"}
    """
    return tuple(_Step(figures, layout, say, zoom).all())


def ways_of(board: Board, moment: Moment) -> list[Run]:
    """Return the ways that signals, or errors, take in a moment; none where nothing travels."""
    backwards = moment.phase in ("error", "backward")
    if moment.phase in ("loss", "error"):
        ways = [way_to_loss(board, unit) for unit in moment.units]
    elif moment.phase == "update":
        return []
    else:
        ways = [run_of(board, edge) for edge in moment.plan.lit_edges]
    return [Run(way.end, way.start) for way in ways] if backwards else ways


@dataclass(frozen=True)
class _Step:
    """The plans of a step, one after the other."""

    figures: Figures
    layout: Layout
    say: Catalogue
    zoom: Zoom

    def all(self) -> Iterator[Moment]:
        """Yield the moments."""
        yield from self._forward()
        done = self._known()
        last, outputs = self.figures.last, tuple(self.layout.units(self.figures.last))
        lit = dict.fromkeys(outputs, 1.0)
        units = {(last, unit): 1.0 for unit in outputs}
        at_loss = replace(done, loss=True, lit_outputs=lit)
        loss = float(self.figures.trace.losses[self.figures.sample])
        said = self.say("pictures.step_loss", value=loss)
        yield Moment("loss", last, outputs, None, at_loss, said)
        errors = frozenset(units)
        at_output = replace(at_loss, errors=errors, lit_units=units, loss_errors=frozenset(outputs))
        said = self.say("pictures.step_output", errors=self._values(last, outputs))
        yield Moment("error", last, outputs, None, at_output, said)
        yield from self._backward(replace(done, loss=True, errors=errors))
        yield from self._update(replace(done, loss=True, errors=self._neurons()))

    # what happens at once

    def _groups(self, layers: Iterable[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield what has a moment of its own: a layer's units, or each of them."""
        for layer in layers:
            units = self.layout.units(layer)
            if self.zoom == "layer":
                yield layer, tuple(units)
            else:
                yield from ((layer, (unit,)) for unit in units)

    def _forward(self) -> Iterator[Moment]:
        known = frozenset(unit for unit in self.layout.centres if not unit[0])
        for layer, units in self._groups(range(1, self.figures.last + 1)):
            into = self._into(layer, units)
            if self.zoom == "product":
                plan = replace(self._known(), signals=known)
                yield from self._multiplied("forward", plan, (layer, units[0]), into)
            lit = self._lit(layer, units)
            known |= frozenset(lit)
            edges = frozenset(into)
            plan = replace(
                self._known(), signals=known, weights=edges, products=edges,
                lit_edges=self._shares(into), lit_units=lit,
            )  # fmt: skip
            yield Moment("forward", layer, units, None, plan, self._said("forward", layer, units))

    def _backward(self, plan: Plan) -> Iterator[Moment]:
        known = plan.errors
        for layer, units in self._groups(range(self.figures.last - 1, 0, -1)):
            out = self._from(layer, units)
            if self.zoom == "product":
                at = replace(plan, errors=known)
                yield from self._multiplied("backward", at, (layer, units[0]), out)
            lit = self._lit(layer, units)
            known |= frozenset(lit)
            edges = frozenset(out)
            at = replace(
                plan, errors=known, weights=edges, handed_back=edges, errors_on=edges,
                lit_edges=self._shares(out), lit_units=lit,
            )  # fmt: skip
            yield Moment("backward", layer, units, None, at, self._said("backward", layer, units))

    def _update(self, plan: Plan) -> Iterator[Moment]:
        updated: frozenset[Edge] = frozenset()
        for layer, units in self._groups(range(1, self.figures.last + 1)):
            into = self._into(layer, units)
            if self.zoom == "product":
                at = replace(plan, updates_on=updated)
                yield from self._multiplied("update", at, (layer, units[0]), into)
            updated |= frozenset(into)
            at = replace(
                plan, weights=frozenset(into), new_weights=frozenset(into), updates_on=updated,
                lit_edges=self._shares(into), lit_units=self._lit(layer, units),
            )  # fmt: skip
            yield Moment("update", layer, units, None, at, self._said("update", layer, units))

    def _multiplied(
        self, phase: Phase, plan: Plan, unit: Unit, edges: Sequence[Edge]
    ) -> Iterator[Moment]:
        """Yield a moment for each multiplication; those before it stay to be seen."""
        if len(edges) < 2 and phase != "update":
            return  # it is the neuron's own moment
        for count, edge in enumerate(edges, start=1):
            done, lit = frozenset(edges[:count]), {edge: 1.0}
            shown = {
                "forward": {"products": done},
                "backward": {"handed_back": done, "errors_on": done},
                "update": {"new_weights": done, "updates_on": plan.updates_on | done},
            }[phase]
            at = replace(plan, weights=done, lit_edges=lit, lit_units=self._ends(phase, edge),
                         **shown)  # type: ignore[arg-type]  # fmt: skip
            yield Moment(phase, *(unit[0], (unit[1],)), edge, at, self._multiplication(phase, edge))

    def _ends(self, phase: Phase, edge: Edge) -> dict[Unit, float]:
        """Return the unit that a multiplication takes its signal, or its error, from."""
        layer, unit, source = edge
        return {(layer, unit) if phase == "backward" else (layer - 1, source): 1.0}

    # what is known

    def _neurons(self) -> frozenset[Unit]:
        return frozenset(unit for unit in self.layout.centres if unit[0])

    def _known(self) -> Plan:
        """Return the plan in which all signals are known, and nothing more."""
        return Plan(frozenset(self.layout.centres), frozenset(), loss=False, faint=True)

    def _lit(self, layer: int, units: Sequence[int]) -> dict[Unit, float]:
        return {(layer, unit): 1.0 for unit in units}

    def _shares(self, edges: Sequence[Edge]) -> dict[Edge, float]:
        """Return how bright edges are: a whole layer's would outshine everything."""
        return dict.fromkeys(edges, 0.0 if self.zoom == "layer" else 1.0)

    def _into(self, layer: int, units: Sequence[int]) -> list[Edge]:
        return [
            (layer, unit, source)
            for unit in units
            for source in self.figures.sources(layer, unit)
            if self.layout.shows((layer - 1, source))
        ]

    def _from(self, layer: int, units: Sequence[int]) -> list[Edge]:
        return [
            (layer + 1, after, unit)
            for unit in units
            for after in self.layout.units(layer + 1)
            if unit in self.figures.sources(layer + 1, after)
        ]

    # what is said

    def _name(self, layer: int, unit: int) -> str:
        return self.figures.names.unit(layer, unit)

    def _values(self, layer: int, units: Sequence[int]) -> str:
        """Return the errors of units with their names."""
        figures, letter = self.figures, self.figures.error_letter
        return ", ".join(
            f"{letter}({self._name(layer, unit)}) = {figure(figures.error(layer, unit))}"
            for unit in units
        )

    def _said(self, phase: Phase, layer: int, units: Sequence[int]) -> str:
        late = phase == "backward" and self.figures.late
        told = "backward_late" if late else phase
        if self.zoom == "layer":
            values = {"layer": layer, "behind": layer + 1}
            return self.say(f"pictures.layer_{told}", **values)
        (unit,) = units
        name, figures = self._name(layer, unit), self.figures
        if phase == "forward":
            z, a = figures.z(layer, unit), figures.a(layer, unit)
            kind = "prepared" if figures.prepares(layer) else "forward"
            return self.say(f"pictures.step_{kind}", name=name, z=z, a=a)
        if phase == "backward":
            error = figures.error(layer, unit)
            return self.say(f"pictures.step_{told}", name=name, error=error)
        return self.say("pictures.step_update", name=name)

    def _multiplication(self, phase: Phase, edge: Edge) -> str:
        layer, unit, source = edge
        figures, place = self.figures, self.figures.place(*edge)
        values = {
            "name": self._name(layer, unit),
            "source": self._name(layer - 1, source),
            "weight": figures.names.of(place) if place is not None else "",
            "w": figures.weight(*edge),
        }
        if phase == "forward":
            signal = float(figures.signals[layer - 1][source])
            values |= {"signal": signal, "product": figures.product(*edge)}
        elif phase == "backward":
            error = figures.error(layer, unit)
            values |= {"error": error, "back": figures.handed_back(*edge)}
        else:
            old = figures.parameter(place) if place is not None else 0.0
            values |= {"old": old, "new": old + (figures.step(place) if place is not None else 0)}
        return self.say(f"pictures.product_{phase}", **values)
