"""What every explanation has: a trace with names, its ledger and check, and the views of its page.

Public names: `CHAPTERS`, `Focus`, `SEQUENCE_CHAPTERS`, `Views`.
May import: the other modules of this room, `clearprop.engines`, `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from clearprop.engines import Trace
from clearprop.errors import SettingError
from clearprop.explanation.names import Names
from clearprop.explanation.places import Place

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation
    from clearprop.explanation.gradient_check import GradientCheck
    from clearprop.explanation.ledger import Ledger
    from clearprop.explanation.members import Membership
    from clearprop.explanation.pages import Page
    from clearprop.explanation.scenes.scene import Scene
    from clearprop.explanation.through_time import SequenceExplanation
    from clearprop.training import Recording

# chapters of a page, in reading order
CHAPTERS = (
    "network",
    "forward",
    "loss",
    "carriers",
    "chain",
    "deltas",
    "counting",
    "update",
    "samples",
    "landscape",
    "vanishing",
    "parallel",
    "check",
)
# those of a page on a network of sequences
SEQUENCE_CHAPTERS = (
    "unrolled",
    "steps",
    "gates",
    "over_time",
    "time_paths",
    "time_norms",
    "moved",
    "update",
    "serial",
    "check",
)


@dataclass(frozen=True)
class Focus:
    """What a page looks at.

    Attributes
    ----------
    weight : Place
        The parameter whose gradient is taken apart.
    sample : int
        The row of the trace, or its sequence, counted from 0, that single numbers belong to.
    paths : int
        How many paths are written out.
    """

    weight: Place
    sample: int
    paths: int = 10


@dataclass(frozen=True, eq=False)
class Views(ABC):
    """A trace with names, and how it is looked at.

    Attributes
    ----------
    trace : Trace
        What the engine computed in one step; its arrays are all that is read.
    names : Names
        What units and parameters are called; parameters are asked for by these names.
    recording : Recording, optional
        The parameters over the course of training, where it was recorded.
    membership : Membership, optional
        Where the network has several members: which of them this is, whose trace is all members'.
    feedback_seed : int
        What random feedback is drawn with where carriers are compared; a run's is its own seed.
    """

    trace: Trace
    names: Names
    recording: Recording | None = None
    membership: Membership | None = None
    feedback_seed: int = 0

    # the chapters of a notebook's cell
    short: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        network, named = self.trace.network, self.names.network
        if named.shape != network.shape:
            raise SettingError(f"The names are those of {named}, but the network is {network}.")

    @property
    @abstractmethod
    def chapters(self) -> tuple[str, ...]:
        """The chapters of its page, in reading order."""

    @abstractmethod
    def scene(self, focus: Focus, lang: str = "en") -> Scene:
        """Return the picture of the network."""

    @abstractmethod
    def _telling_weight(self) -> Place:
        """Return the parameter that a page takes apart where none is named."""

    @abstractmethod
    def _sample(self, sample: int | None, place: Place | None = None) -> int:
        """Return a sample's place: the one asked for, or the one that pushes a weight most."""

    def _held(self, sample: Any) -> int:
        """Return a sample's place in the batch; SettingError where there is none."""
        rows = len(self.trace.rows)
        if not isinstance(sample, int | np.integer) or not 0 <= sample < rows:
            raise SettingError(
                f"The explanation holds samples 0 to {rows - 1}, but {sample!r} came."
            )
        return int(sample)

    def ledger(self, weight: str | Place) -> Ledger:
        """Return the step of one parameter: old value, each term, new value.

        A member's is the step that all members take together.
        """
        from clearprop.explanation.ledger import ledger_of

        place = self.names.find(weight)
        if self.membership is None:
            return ledger_of(self.trace, place, self.recording)
        return ledger_of(self.membership.trace, self.membership.place(place), self.recording)

    def check(self) -> GradientCheck:
        """Hold the gradient against finite differences."""
        from clearprop.explanation.gradient_check import check_trace

        return check_trace(self.trace, self.names)

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
            Names of `chapters`; all of them where absent.
        weight : str or Place, optional
            The parameter that the page takes apart; the one of largest gradient in the first layer
            (in the first recurrent one of a network of sequences) where absent.
        sample : int, optional
            The row, or the sequence, of the batch, counted from 0, that single numbers belong to;
            the one that pushes the weight most where absent.
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

    def to_svg(
        self,
        *,
        sample: int | None = None,
        weight: str | Place | None = None,
        lang: str = "en",
    ) -> str:
        """Return the network with signals forward and errors backward, as SVG."""
        from clearprop.explanation.render.svg import svg_of

        # numbers that are not finite are shown as what they are
        with np.errstate(all="ignore"):
            return svg_of(self.scene(self.focus(weight, sample), lang))

    def show(self, **options: Any) -> None:
        """Print the page to the terminal; options are those of `page`."""
        from rich.console import Console

        from clearprop.explanation.render.terminal import rich_of

        Console().print(rich_of(self.page(**options)))

    def _repr_html_(self) -> str:
        from clearprop.explanation.render.html import fragment_of

        return fragment_of(self.page(self.short))

    def to_document(self) -> dict[str, Any]:
        """Return the explanation as plain data, ready for JSON; see docs/explanation.md."""
        from clearprop.explanation.documents import to_document

        return to_document(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Explanation | SequenceExplanation:
        """Return the explanation that `to_document` described."""
        from clearprop.explanation.documents import from_document

        return from_document(document)
