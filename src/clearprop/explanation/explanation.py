"""`explain(model, X, y)`: one object that accounts for every number of a network on some rows.

An `Explanation` holds a Trace and the names of units and parameters. Its methods are the analyses,
each a frozen dataclass of plain attributes and NumPy arrays; `page` puts chapters on them together,
and the views print that page. It can be pickled, and `to_document` is its JSON form
(docs/explanation.md describes it).

What holds for networks of rows and of sequences alike is in `views`; `SequenceExplanation` is the
latter's.

Public names: `Explanation`, `Focus`, `explain`, `explanation_of`.
May import: the other modules of this room, `clearprop.training`, `clearprop.engines`,
`clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from clearprop.engines import Block, Recipe, Trace, build
from clearprop.engines.trace import SequenceTrace
from clearprop.errors import SettingError
from clearprop.explanation.jacobians import is_front
from clearprop.explanation.members import membership_of
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place
from clearprop.explanation.reach import reach_of
from clearprop.explanation.views import CHAPTERS, Focus, Views
from clearprop.network import Network, Parameters

if TYPE_CHECKING:
    from clearprop.explanation.carrying import CarrierComparison
    from clearprop.explanation.contributions import Contributions
    from clearprop.explanation.counting import Counts
    from clearprop.explanation.deltas import Deltas
    from clearprop.explanation.health import Diagnosis
    from clearprop.explanation.landscape import Slice, Surface
    from clearprop.explanation.mistakes import Mistake
    from clearprop.explanation.neurons import Forward
    from clearprop.explanation.parallel import Schedule
    from clearprop.explanation.paths import Chain
    from clearprop.explanation.scenes.scene import Scene
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.explanation.unfolding import Unfolded
    from clearprop.training import Recording

__all__ = ["Explanation", "Focus", "explain", "explanation_of"]


@dataclass(frozen=True, eq=False)
class Explanation(Views):
    """Every number of a network on some rows, accounted for.

    Attributes
    ----------
    trace : Trace
        What the engine computed in one step on these rows; its arrays are all that is read.
    names : Names
        What units and parameters are called; parameters are asked for by these names.
    recording : Recording, optional
        The parameters over the course of training, where it was recorded.
    membership : Membership, optional
        Where the network has several members: which of them is explained, as an ordinary network.
    feedback_seed : int
        What random feedback is drawn with where carriers are compared; a run's is its own seed.
    """

    # analyses

    def forward(self, sample: int | None = None) -> Forward:
        """Return the forward pass of one sample, neuron by neuron, and its loss term by term."""
        from clearprop.explanation.neurons import forward_of

        return forward_of(self.trace, self._sample(sample))

    @cached_property
    def carriers(self) -> CarrierComparison:
        """The update each way of carrying errors back leads to, beside the true gradient."""
        from clearprop.explanation.carrying import compare_carriers

        if not self.trace.network.plain:
            raise SettingError(
                f"Ways to carry errors back are compared in networks of dense layers alone, but "
                f"this one is {self.trace.network}."
            )
        return compare_carriers(self.trace, self.feedback_seed)

    def chain(self, weight: str | Place, sample: int | None = None, *, paths: int = 10) -> Chain:
        """Return the chain rule of one parameter and sample, with its largest paths."""
        from clearprop.explanation.paths import chain_of

        place = self.names.find(weight)
        return chain_of(self.trace, place, self._sample(sample, place), paths)

    def unfolded(self, sample: int | None = None) -> Unfolded:
        """Return the loss of one sample as one nested expression, from back to front."""
        from clearprop.explanation.unfolding import unfold

        return unfold(self.trace, self.names, self._sample(sample))

    @cached_property
    def mistake(self) -> Mistake:
        """What comes out if later layers are updated before earlier deltas are computed."""
        from clearprop.explanation.mistakes import early_update

        return early_update(self.trace)

    @cached_property
    def deltas(self) -> Deltas:
        """BP1 to BP4 as the actual matrices."""
        from clearprop.explanation.deltas import deltas_of

        return deltas_of(self.trace)

    @cached_property
    def counts(self) -> Counts:
        """Multiplications of the three ways to the gradient, from a formula and counted.

        They are those of the dense layers; what prepares their inputs is not counted.
        """
        from clearprop.explanation.counting import count_multiplications

        network = self.trace.network
        front = sum(map(is_front, network.operations))
        return count_multiplications(network.shape[front:])

    def contributions(self, weight: str | Place) -> Contributions:
        """Return the gradient of one parameter as a sum over the samples of the batch."""
        from clearprop.explanation.contributions import contributions_of

        return contributions_of(self.trace, self.names.find(weight))

    def slice(self, weight: str | Place) -> Slice:
        """Return the loss of the batch along one parameter."""
        from clearprop.explanation.landscape import slice_of

        return slice_of(self.trace, self.names.find(weight))

    def surface(
        self, first: str | Place | None = None, second: str | Place | None = None
    ) -> Surface:
        """Return the loss over two parameters, or over the two main directions of the run."""
        from clearprop.explanation.landscape import surface_of

        if (first is None) != (second is None):
            raise SettingError("A surface goes over two parameters, but one was named.")
        if first is None or second is None:
            return surface_of(self.trace, None, self.recording)
        places = self.names.find(first), self.names.find(second)
        return surface_of(self.trace, places, self.recording)

    @cached_property
    def health(self) -> Diagnosis:
        """How the error shrinks or grows on its way back, and the units that take no part."""
        from clearprop.explanation.health import diagnose

        return diagnose(self.trace)

    def beside(self, activation: str) -> Diagnosis:
        """Return the health of the same network with another activation in its hidden layers."""
        from clearprop.explanation.health import diagnose_with

        return diagnose_with(self.trace, activation)

    def schedule(self, *, measured: bool = True) -> Schedule:
        """Return what of a pass can run at the same time, and how long each part took."""
        from clearprop.explanation.parallel import schedule_of

        return schedule_of(self.trace, measured=measured)

    # views

    short: ClassVar[tuple[str, ...]] = ("forward", "chain", "deltas")

    @property
    def chapters(self) -> tuple[str, ...]:
        """The chapters of its page; ways to carry errors differ between dense layers alone."""
        if self.trace.network.plain:
            return CHAPTERS
        return tuple(name for name in CHAPTERS if name != "carriers")

    def scene(self, focus: Focus, lang: str = "en") -> Scene:
        """Return the picture of the network, with the paths of the focused parameter lit."""
        from clearprop.explanation.scenes.network import network_scene

        return network_scene(self, focus, lang=lang)

    def _telling_weight(self) -> Place:
        first = next(o for o in self.trace.network.operations if not is_front(o))
        gradient = np.abs(first.weight.view(self.trace.gradient))
        unit, source = np.unravel_index(int(np.argmax(gradient)), gradient.shape)
        return Place(first.layer, int(unit), int(source))

    def _sample(self, sample: int | None, place: Place | None = None) -> int:
        """Return a row of the trace: the one asked for, or the one that pushes a weight most."""
        if sample is None:
            place = place or self._telling_weight()
            return int(np.argmax(np.abs(reach_of(self.trace, place).pushes)))
        return self._held(sample)


def explain(
    model: Any,
    X: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    engine: str | None = None,
    names: Names | None = None,
    recipe: Recipe | None = None,
    dropout: bool = False,
    member: int = 0,
) -> Explanation | SequenceExplanation:
    """Account for every number of a network on some rows, or on some sequences.

    Parameters
    ----------
    model : fitted estimator, Outcome, Parameters, Network or Trace
        An estimator or the outcome of `train` is asked for the Trace of the engine that trained it.
        Parameters, and a Network with fresh parameters, run on the reference engine.
    X, y
        The rows, or the sequences, as for the model's `fit`; one, or a batch. Not for a Trace,
        which has its own.
    sample_weight : (n,) array, optional
    engine : {"native", "reference"}, optional
        Another engine than the model's own.
    names : Names, optional
        What units and parameters are called; the model's columns and classes where absent.
    recipe : Recipe, optional
        How the step is taken, for Parameters and a Network; plain gradient descent with a learning
        rate of 0.5 over the whole batch where absent, as in the origin texts.
    dropout : bool
        Drop units as the next step of training would.
    member : int
        Which member is explained where the network has several, counted from 0. It is explained as
        an ordinary network; only the update is that of all members together.

    Raises
    ------
    SettingError
        The model is none of these, or the names are those of another network.
    ShapeError, DataError
        The rows do not fit the model.
    """
    if isinstance(model, Trace):
        return explanation_of(model, names or Names(model.network), member=member)
    bare = isinstance(model, Network | Parameters)
    if not (bare or hasattr(model, "trace")):
        raise SettingError(
            f"A fitted estimator, the outcome of a run, Parameters, a Network or a Trace can be "
            f"explained, but {type(model).__name__} came."
        )
    if X is None or y is None:
        raise SettingError("What is explained is a network on some rows: give them as X and y.")
    if bare:
        trace = _trace_of(model, X, y, sample_weight, engine or "reference", recipe, dropout)
        return explanation_of(trace, names or Names(trace.network), member=member)
    trace = model.trace(X, y, sample_weight, engine=engine, dropout=dropout)
    names = names or Names(trace.network, **model.unit_names())
    recording = getattr(model, "recording_", getattr(model, "recording", None))
    return explanation_of(trace, names, recording, member)


def explanation_of(
    trace: Trace, names: Names, recording: Recording | None = None, member: int = 0
) -> Explanation | SequenceExplanation:
    """Return the explanation of a trace: of rows, or of sequences; of one of several members."""
    if isinstance(trace, SequenceTrace):
        from clearprop.explanation.through_time import SequenceExplanation

        return SequenceExplanation(trace, names, recording)
    if trace.network.members == 1:
        if member:
            raise SettingError(f"The network has no members to choose from, but {member=} came.")
        return Explanation(trace, names, recording)
    membership = membership_of(trace, names, member)
    own = replace(names, network=trace.network.member(member))
    return Explanation(membership.own, own, recording, membership)


def _trace_of(
    model: Network | Parameters,
    X: Any,
    y: Any,
    weights: Any,
    engine: str,
    recipe: Recipe | None,
    dropout: bool,
) -> Trace:
    from clearprop.equations import GradientDescent

    parameters = Parameters.initial(model) if isinstance(model, Network) else model
    network = parameters.network
    block = Block.of(network, X, y, weights)
    recipe = recipe or Recipe(rule=GradientDescent(0.5), batch_size=max(1, block.rows))
    runner = build(engine, network, recipe)
    state = runner.initial_state(parameters)
    return runner.trace(state, block, np.arange(block.rows), dropout=dropout)
