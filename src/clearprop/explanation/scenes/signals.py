"""One step as a series of pictures: the signal forward, the loss, the error back, the update.

Each picture lights one neuron with the edges at work, and shows the numbers that are known by
then; its title says in a sentence what happens.

Public names: `signal_scenes`.
May import: `board`, `figures`, `layout`, `network`, `plan`, `scene`, `names`, `words`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from clearprop.explanation.numbers import figure
from clearprop.explanation.scenes.board import Board
from clearprop.explanation.scenes.figures import Figures
from clearprop.explanation.scenes.layout import Layout, Unit
from clearprop.explanation.scenes.network import draw, folded_layout
from clearprop.explanation.scenes.plan import Edge, Plan
from clearprop.explanation.scenes.scene import Scene
from clearprop.explanation.words import Words as Catalogue
from clearprop.explanation.words import words as catalogue

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation, Focus


def signal_scenes(
    explanation: Explanation,
    focus: Focus,
    *,
    carried: Sequence[np.ndarray] | None = None,
    words: Catalogue | None = None,
    lang: str = "en",
) -> tuple[Scene, ...]:
    """Return the pictures of one step, neuron by neuron.

    First the forward pass, a picture a neuron; then the loss; the error at the outputs; the error
    carried back, a picture a hidden neuron, last layer first; and the update of the weights into
    each neuron. Neurons that are folded away have no picture of their own.

    Parameters
    ----------
    explanation : Explanation
    focus : Focus
        The sample; where layers are folded, units on its parameter's strongest path are shown.
    carried : sequence of (units,) arrays, optional
        Errors to show in place of δ, those of another carrier; one array a layer, first first.
    words : Words, optional
        The catalogue; that of `lang` where absent.
    lang : {"en", "zh"}
    """
    say = words or catalogue(lang)
    figures = Figures(explanation.trace, explanation.names, focus.sample, carried)
    chain = explanation.chain(focus.weight, focus.sample, paths=1)
    broad = _series(figures, folded_layout(figures, chain), say)
    narrow = _series(figures, folded_layout(figures, chain, upright=True), say)
    by_title = {scene.title: scene for scene in narrow}
    return tuple(replace(scene, narrow=by_title.get(scene.title)) for scene in broad)


def _series(figures: Figures, layout: Layout, say: Catalogue) -> list[Scene]:
    steps = _Steps(figures, layout, say)
    return [
        draw(Board(figures, layout, plan, say), title, "", legend=False)
        for plan, title in steps.all()
    ]


@dataclass(frozen=True)
class _Steps:
    """The plans of a series."""

    figures: Figures
    layout: Layout
    say: Catalogue

    def all(self) -> Iterator[tuple[Plan, str]]:
        """Yield each picture's plan and sentence."""
        yield from self._forward()
        done = self._known()
        outputs = self.layout.units(self.figures.last)
        lit = dict.fromkeys(outputs, 1.0)
        units = {(self.figures.last, unit): 1.0 for unit in outputs}
        at_loss = replace(done, loss=True, lit_outputs=lit)
        loss = float(self.figures.trace.losses[self.figures.sample])
        yield at_loss, self.say("pictures.step_loss", value=loss)
        errors = frozenset(units)
        yield (
            replace(at_loss, errors=errors, lit_units=units, loss_errors=frozenset(outputs)),
            self.say("pictures.step_output", errors=self._values(self.figures.last, outputs)),
        )
        yield from self._backward(replace(done, loss=True, errors=errors))
        yield from self._update(replace(done, loss=True, errors=self._neurons()))

    def _neurons(self) -> frozenset[Unit]:
        return frozenset(unit for unit in self.layout.centres if unit[0])

    def _known(self) -> Plan:
        """Return the plan in which all signals are known, and nothing more."""
        return Plan(frozenset(self.layout.centres), frozenset(), loss=False, faint=True)

    def _into(self, layer: int, unit: int) -> frozenset[Edge]:
        return frozenset((layer, unit, source) for source in self.layout.units(layer - 1))

    def _from(self, layer: int, unit: int) -> frozenset[Edge]:
        return frozenset((layer + 1, after, unit) for after in self.layout.units(layer + 1))

    def _values(self, layer: int, units: Sequence[int]) -> str:
        """Return δ of units with their names."""
        names, figures = self.figures.names, self.figures
        return ", ".join(
            f"δ({names.unit(layer, unit)}) = {figure(figures.error(layer, unit))}" for unit in units
        )

    def _forward(self) -> Iterator[tuple[Plan, str]]:
        known = frozenset(unit for unit in self.layout.centres if not unit[0])
        for layer, unit in self.layout.centres:
            if not layer:
                continue
            known |= {(layer, unit)}
            into = self._into(layer, unit)
            plan = replace(
                self._known(), signals=known, weights=into, products=into,
                lit_edges=dict.fromkeys(into, 1.0), lit_units={(layer, unit): 1.0},
            )  # fmt: skip
            z, a = self.figures.z(layer, unit), self.figures.a(layer, unit)
            name = self.figures.names.unit(layer, unit)
            yield plan, self.say("pictures.step_forward", name=name, z=z, a=a)

    def _backward(self, plan: Plan) -> Iterator[tuple[Plan, str]]:
        known = plan.errors
        for layer in range(self.figures.last - 1, 0, -1):
            for unit in self.layout.units(layer):
                known |= {(layer, unit)}
                out = self._from(layer, unit)
                name = self.figures.names.unit(layer, unit)
                error = self.figures.error(layer, unit)
                yield (
                    replace(
                        plan, errors=known, weights=out, handed_back=out, errors_on=out,
                        lit_edges=dict.fromkeys(out, 1.0), lit_units={(layer, unit): 1.0},
                    ),
                    self.say("pictures.step_backward", name=name, error=error),
                )  # fmt: skip

    def _update(self, plan: Plan) -> Iterator[tuple[Plan, str]]:
        updated: frozenset[Edge] = frozenset()
        for layer, unit in sorted(self._neurons()):
            into = self._into(layer, unit)
            updated |= into
            yield (
                replace(
                    plan, weights=into, new_weights=into, updates_on=updated,
                    lit_edges=dict.fromkeys(into, 1.0), lit_units={(layer, unit): 1.0},
                ),
                self.say("pictures.step_update", name=self.figures.names.unit(layer, unit)),
            )  # fmt: skip
