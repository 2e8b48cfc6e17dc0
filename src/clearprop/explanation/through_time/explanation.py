"""`SequenceExplanation`: every number of a network of sequences, accounted for.

Public names: `SequenceExplanation`.
May import: the other modules of this folder, `views`, `places`, `clearprop.engines`,
`clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from clearprop.engines.trace import SequenceTrace
from clearprop.errors import SettingError
from clearprop.explanation.places import Place
from clearprop.explanation.views import SEQUENCE_CHAPTERS, Focus, Views

if TYPE_CHECKING:
    from clearprop.explanation.scenes.scene import Scene
    from clearprop.explanation.through_time.forward import StepByStep
    from clearprop.explanation.through_time.gates import Gates
    from clearprop.explanation.through_time.inputs import InputsMoved
    from clearprop.explanation.through_time.norms import TimeNorms
    from clearprop.explanation.through_time.pairs import Pairs
    from clearprop.explanation.through_time.routes import Routes
    from clearprop.explanation.through_time.serial import Serial
    from clearprop.explanation.through_time.sums import OverTime


@dataclass(frozen=True, eq=False)
class SequenceExplanation(Views):
    """Every number of a network of sequences on some of them, accounted for.

    Attributes
    ----------
    trace : SequenceTrace
        What the engine computed in one step of training on these sequences.
    names : Names
        What units, gates and parameters are called: `h1.2.i<-age`, `h1.2.i<-h1.1`.
    recording : Recording, optional
        The parameters over the course of training, where it was recorded.
    """

    trace: SequenceTrace

    short: ClassVar[tuple[str, ...]] = ("unrolled", "over_time")

    @property
    def chapters(self) -> tuple[str, ...]:
        """The chapters of its page; that on gates where there are gates."""
        gated = any(operation.cell != "elman" for operation in self.trace.network.recurrences)
        return tuple(name for name in SEQUENCE_CHAPTERS if gated or name != "gates")

    # analyses

    def forward(self, sequence: int | None = None) -> StepByStep:
        """Return the forward pass of one sequence, step by step."""
        from clearprop.explanation.through_time.forward import step_by_step

        return step_by_step(self.trace, self._sample(sequence))

    def gates(
        self, layer: int, unit: int = 0, sequence: int | None = None, *, way: int = 0
    ) -> Gates:
        """Return the gates of one unit of an LSTM or GRU over the steps."""
        from clearprop.explanation.through_time.gates import gates_of

        self._recurrent(layer)
        return gates_of(self.trace, self._sample(sequence), layer, unit, way)

    def over_time(self, weight: str | Place, sequence: int | None = None) -> OverTime:
        """Return the gradient of one parameter and sequence as a sum over steps."""
        from clearprop.explanation.through_time.sums import over_time

        place = self.names.find(weight)
        return over_time(self.trace, place, self._sample(sequence, place))

    def pairs(self, weight: str | Place, sequence: int | None = None) -> Pairs:
        """Return the gradient of a recurrent layer's weight by the steps its error came in at."""
        from clearprop.explanation.through_time.pairs import pairs_of

        place = self.names.find(weight)
        self._recurrent(place.layer)
        return pairs_of(self.trace, place, self._sample(sequence, place))

    def routes(
        self, weight: str | Place, sequence: int | None = None, *, paths: int = 10
    ) -> Routes:
        """Return the largest paths of an Elman layer's weight through time, unit by unit."""
        from clearprop.explanation.through_time.routes import routes_of

        place = self.names.find(weight)
        return routes_of(self.trace, place, self._sample(sequence, place), paths)

    def norms(self, layer: int, sequence: int | None = None, *, way: int = 0) -> TimeNorms:
        """Return how long the error stays in a recurrent layer on its way back through time."""
        from clearprop.explanation.through_time.norms import norms_of

        self._recurrent(layer)
        return norms_of(self.trace, self._sample(sequence), layer, way)

    def beside(
        self, layer: int, sequence: int | None = None, *, way: int = 0
    ) -> dict[str, TimeNorms]:
        """Return the same of fresh networks with each kind of cell, by the cell's name."""
        from clearprop.explanation.through_time.twins import twins_of

        self._recurrent(layer)
        return twins_of(self.trace, self._sample(sequence), layer, way)

    def inputs_moved(
        self, sequence: int | None = None, *, output: int | None = None, step: int | None = None
    ) -> InputsMoved:
        """Return which inputs at which steps moved an output."""
        from clearprop.explanation.through_time.inputs import inputs_moved

        return inputs_moved(self.trace, self._sample(sequence), output, step)

    def serial(self, layer: int, sequence: int | None = None) -> Serial:
        """Return what of a recurrent layer's pass must wait for the step before."""
        from clearprop.explanation.through_time.serial import serial_of

        self._recurrent(layer)
        return serial_of(self.trace, self._sample(sequence), layer)

    # views

    def scene(self, focus: Focus, lang: str = "en") -> Scene:
        """Return the picture of the network unrolled in time."""
        from clearprop.explanation.scenes.unrolled import unrolled_scene

        return unrolled_scene(self, focus, lang=lang)

    def _recurrent(self, layer: int) -> None:
        known = [operation.layer for operation in self.trace.network.recurrences]
        if layer not in known:
            raise SettingError(
                f"Recurrent layers of this network are {', '.join(map(str, known))}, but layer "
                f"{layer!r} came."
            )

    def _telling_weight(self) -> Place:
        """Return the weight of largest gradient in the first recurrent layer."""
        gradient = np.zeros_like(self.trace.gradient)
        for way in self.trace.network.recurrences[0].ways:
            for segment in (way.weight, way.recurrent):
                own = slice(segment.start, segment.stop)
                gradient[own] = self.trace.gradient[own]
        if not gradient.any():
            return Place(self.trace.network.recurrences[0].layer, 0, 0)
        return Place.of_entry(self.trace.network, int(np.argmax(np.abs(gradient))))

    def _sample(self, sample: int | None, place: Place | None = None) -> int:
        if sample is not None:
            return self._held(sample)
        from clearprop.explanation.through_time.sums import over_time

        found = over_time(self.trace, place or self._telling_weight(), 0)
        return int(np.argmax(np.abs(found.sequences)))
