"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pool import all_cores
from benchmarks.problems import Case


def _silent(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Options:
    """The command line as sections read it.

    Attributes
    ----------
    sections : tuple of str
        Which of `sections.SECTIONS` to run.
    cases : tuple of str
        Networks, such as `"64-100-10"`; all where empty.
    repeats : int
        Rounds.
    quick : bool
        Fewer cases and shorter turns: to see that all runs, and roughly where we stand.
    into : Path
        The file of results.
    say : callable
        Told what is being measured.
    merges : bool
        Whether what the file holds already is to stay.
    """

    sections: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    repeats: int = 5
    quick: bool = False
    into: Path = Path("benchmarks/results/results.json")
    say: Callable[[str], None] = _silent
    merges: bool = False

    @property
    def thread_counts(self) -> tuple[int, ...]:
        """One thread, and as many as there are cores."""
        return tuple(sorted({1, all_cores()}))

    @property
    def turn_seconds(self) -> float:
        """How long a peer's turn in a round should take."""
        return 0.05 if self.quick else 0.12

    def chosen(self, cases: Sequence[Case]) -> list[Case]:
        """Return those of the cases that were asked for."""
        return [case for case in cases if not self.cases or case.network in self.cases]
