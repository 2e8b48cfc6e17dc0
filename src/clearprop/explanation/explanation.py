"""`explain(model, X, y)`: one object that accounts for every number of a network on some rows.

An `Explanation` holds a Trace and the names of units and parameters. Its methods are the analyses,
each a frozen dataclass of plain attributes and NumPy arrays; `page` puts chapters on them together,
and the views print that page. It can be pickled, and `to_document` is its JSON form
(docs/explanation.md describes it).

Public names: `Explanation`, `Focus`, `explain`.
May import: the other modules of this room, `clearprop.training`, `clearprop.engines`,
`clearprop.network`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop.engines import Block, Recipe, Trace, build
from clearprop.errors import SettingError
from clearprop.explanation.names import Names, Place
from clearprop.network import Network, Parameters

if TYPE_CHECKING:
    from clearprop.explanation.carrying import CarrierComparison
    from clearprop.explanation.contributions import Contributions
    from clearprop.explanation.counting import Counts
    from clearprop.explanation.deltas import Deltas
    from clearprop.explanation.gradient_check import GradientCheck
    from clearprop.explanation.health import Diagnosis
    from clearprop.explanation.landscape import Slice, Surface
    from clearprop.explanation.ledger import Ledger
    from clearprop.explanation.mistakes import Mistake
    from clearprop.explanation.neurons import Forward
    from clearprop.explanation.pages import Page
    from clearprop.explanation.parallel import Schedule
    from clearprop.explanation.paths import Chain
    from clearprop.explanation.unfolding import Unfolded
    from clearprop.training import Recording


@dataclass(frozen=True)
class Focus:
    """What a page looks at.

    Attributes
    ----------
    weight : Place
        The parameter whose gradient is taken apart.
    sample : int
        The row of the trace, counted from 0, that single numbers belong to.
    paths : int
        How many paths are written out.
    """

    weight: Place
    sample: int
    paths: int = 10


@dataclass(frozen=True, eq=False)
class Explanation:
    """Every number of a network on some rows, accounted for.

    Attributes
    ----------
    trace : Trace
        What the engine computed in one step on these rows; its arrays are all that is read.
    names : Names
        What units and parameters are called; parameters are asked for by these names.
    recording : Recording, optional
        The parameters over the course of training, where it was recorded.
    """

    trace: Trace
    names: Names
    recording: Recording | None = None

    def __post_init__(self) -> None:
        network, named = self.trace.network, self.names.network
        if named.shape != network.shape:
            raise SettingError(f"The names are those of {named}, but the network is {network}.")

    # analyses

    def forward(self, sample: int | None = None) -> Forward:
        """Return the forward pass of one sample, neuron by neuron, and its loss term by term."""
        from clearprop.explanation.neurons import forward_of

        return forward_of(self.trace, self._sample(sample))

    @cached_property
    def carriers(self) -> CarrierComparison:
        """The update each way of carrying errors back leads to, beside the true gradient."""
        from clearprop.explanation.carrying import compare_carriers

        return compare_carriers(self.trace)

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
        """Multiplications of the three ways to the gradient, from a formula and counted."""
        from clearprop.explanation.counting import count_multiplications

        return count_multiplications(self.trace.network.shape)

    def ledger(self, weight: str | Place) -> Ledger:
        """Return the step of one parameter: old value, each term, new value."""
        from clearprop.explanation.ledger import ledger_of

        return ledger_of(self.trace, self.names.find(weight), self.recording)

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

    def check(self) -> GradientCheck:
        """Hold the gradient against finite differences."""
        from clearprop.explanation.gradient_check import check_trace

        return check_trace(self.trace, self.names)

    # views

    def focus(
        self, weight: str | Place | None = None, sample: int | None = None, *, paths: int = 10
    ) -> Focus:
        """Return what a page looks at; the most telling weight and sample where not said."""
        place = self._telling_weight() if weight is None else self.names.find(weight)
        return Focus(place, self._sample(sample, place), paths)

    def page(
        self,
        chapters: Sequence[str] | None = None,
        *,
        weight: str | Place | None = None,
        sample: int | None = None,
        paths: int = 10,
        lang: str = "en",
    ) -> Page:
        """Return chapters as one page.

        Parameters
        ----------
        chapters : sequence of str, optional
            Names of `CHAPTERS`; all of them where absent.
        weight : str or Place, optional
            The parameter that the page takes apart; the one of largest gradient in the first layer
            where absent.
        sample : int, optional
            The row of the batch, counted from 0, that single numbers belong to; the one that pushes
            the weight most where absent.
        paths : int
            How many paths are written out.
        lang : {"en", "zh"}
        """
        from clearprop.explanation.chapters import page_of

        return page_of(self, self.focus(weight, sample, paths=paths), chapters, lang)

    def to_html(self, **options: Any) -> str:
        """Return one self-contained HTML page; options are those of `page`."""
        from clearprop.explanation.render.html import html_of

        return html_of(self.page(**options))

    def to_markdown(self, **options: Any) -> str:
        """Return the page as Markdown; options are those of `page`."""
        from clearprop.explanation.render.markdown import markdown_of

        return markdown_of(self.page(**options))

    def to_latex(self, **options: Any) -> str:
        """Return the page as a LaTeX document; options are those of `page`."""
        from clearprop.explanation.render.latex import latex_of

        return latex_of(self.page(**options))

    def to_svg(self, *, sample: int | None = None, weight: str | Place | None = None) -> str:
        """Return the network with signals forward and errors backward, as SVG."""
        from clearprop.explanation.render.svg import svg_of
        from clearprop.explanation.scenes.network import network_scene

        # numbers that are not finite are shown as what they are
        with np.errstate(all="ignore"):
            return svg_of(network_scene(self, self.focus(weight, sample)))

    def show(self, **options: Any) -> None:
        """Print the page to the terminal; options are those of `page`."""
        from rich.console import Console

        from clearprop.explanation.render.terminal import rich_of

        Console().print(rich_of(self.page(**options)))

    def _repr_html_(self) -> str:
        from clearprop.explanation.render.html import fragment_of

        return fragment_of(self.page(["forward", "chain", "deltas"]))

    def to_document(self) -> dict[str, Any]:
        """Return the explanation as plain data, ready for JSON; see docs/explanation.md."""
        from clearprop.explanation.documents import to_document

        return to_document(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Explanation:
        """Return the explanation that `to_document` described."""
        from clearprop.explanation.documents import from_document

        return from_document(document)

    def _telling_weight(self) -> Place:
        gradient = np.abs(self.trace.weight_gradients()[0])
        unit, source = np.unravel_index(int(np.argmax(gradient)), gradient.shape)
        return Place(1, int(unit), int(source))

    def _sample(self, sample: int | None, place: Place | None = None) -> int:
        """Return a row of the trace: the one asked for, or the one that pushes a weight most."""
        rows = len(self.trace.rows)
        if sample is None:
            place = place or self._telling_weight()
            return int(np.argmax(np.abs(pushes(self.trace, place))))
        if not isinstance(sample, int | np.integer) or not 0 <= sample < rows:
            raise SettingError(
                f"The explanation holds samples 0 to {rows - 1}, but {sample!r} came."
            )
        return int(sample)


def pushes(trace: Trace, place: Place) -> np.ndarray:
    """δ_i a_i of one parameter: what each sample adds to its gradient, (n,)."""
    delta = trace.delta[place.layer - 1][:, place.unit]
    if place.source is None:
        return delta
    scale = trace.network.operations[place.layer - 1].scale
    return scale * delta * trace.inputs[place.layer - 1][:, place.source]


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
) -> Explanation:
    """Account for every number of a network on some rows.

    Parameters
    ----------
    model : fitted estimator, Outcome, Parameters, Network or Trace
        An estimator or the outcome of `train` is asked for the Trace of the engine that trained it.
        Parameters, and a Network with fresh parameters, run on the reference engine.
    X, y
        The rows, as for the model's `fit`; one row, or a batch. Not for a Trace, which has its own.
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

    Raises
    ------
    SettingError
        The model is none of these, or the names are those of another network.
    ShapeError, DataError
        The rows do not fit the model.
    """
    if isinstance(model, Trace):
        return Explanation(model, names or Names(model.network))
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
        return Explanation(trace, names or Names(trace.network))
    trace = model.trace(X, y, sample_weight, engine=engine, dropout=dropout)
    names = names or Names(trace.network, **model.unit_names())
    recording = getattr(model, "recording_", getattr(model, "recording", None))
    return Explanation(trace, names, recording)


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
