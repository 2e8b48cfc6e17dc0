"""Kept states of a run, from which any step of it is reached again, to the bit.

Going from a kept state to a later step is training itself: the same state, recipe, plan and rows
give the same bits. So a few states are enough, and the fewer there are the longer the way. They are
kept at growing distances: when there are too many, every second one goes and the distance doubles.
Where something was changed by hand a state is kept in any case, since no training leads over that
place.

Public names: `Kept`, `Timeline`.
May import: `clearprop.engines`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

from clearprop.engines import Recipe, TrainState

MOST_KEPT, MOST_BYTES = 400, 64_000_000


@dataclass(frozen=True, eq=False)
class Kept:
    """A state that a run can be taken back to.

    Attributes
    ----------
    state : TrainState
        A copy.
    recipe : Recipe
        How training goes on from there.
    pinned : bool
        Whether it is the first after a change by hand.
    until : int or None
        The step from which on something else was done than training with this recipe.
    """

    state: TrainState
    recipe: Recipe
    pinned: bool = False
    until: int | None = None

    @property
    def step(self) -> int:
        """Its step."""
        return self.state.step


class Timeline:
    """The kept states of one run, in the order of their steps."""

    def __init__(self, state: TrainState, recipe: Recipe) -> None:
        size = state.vector.nbytes + state.slots.nbytes
        self._most = max(8, min(MOST_KEPT, MOST_BYTES // max(1, size)))
        self._apart = 1
        self._kept: list[Kept] = [Kept(state.copy(), recipe, pinned=True)]

    def __len__(self) -> int:
        """Return how many states are kept."""
        return len(self._kept)

    @property
    def whole(self) -> bool:
        """Whether training alone leads from step 0 to every step."""
        return self._kept[0].step == 0 and not any(kept.pinned for kept in self._kept[1:])

    @property
    def first(self) -> int:
        """The first step that can be gone back to."""
        return self._kept[0].step

    def kept(self, until: int) -> list[Kept]:
        """Return the kept states up to a step, the first one first."""
        return [kept for kept in self._kept if kept.step <= until]

    def passed(self, state: TrainState, recipe: Recipe) -> None:
        """Keep a state that training came to, where the last kept one is far enough back."""
        if state.step >= self._kept[-1].step + self._apart:
            self._kept.append(Kept(state.copy(), recipe))
            self._thin()

    def changed(self, state: TrainState, recipe: Recipe) -> None:
        """Keep a state that was changed by hand; of its step the last change counts."""
        kept = Kept(state.copy(), recipe, pinned=True)
        if self._kept[-1].step == state.step:
            self._kept[-1] = kept
        else:
            self._end_at(state.step)
            self._kept.append(kept)
            self._thin()

    def cut(self, step: int) -> None:
        """Forget what comes after a step."""
        while len(self._kept) > 1 and self._kept[-1].step > step:
            self._kept.pop()
        last = self._kept[-1]
        if last.until is not None and last.until > step:
            self._kept[-1] = replace(last, until=None)

    def before(self, step: int) -> tuple[Kept, int]:
        """Return the last kept state up to a step, and the step that is reached from it."""
        place = bisect_right(self._kept, step, key=lambda kept: kept.step)
        kept = self._kept[max(0, place - 1)]
        step = max(step, kept.step)
        return kept, step if kept.until is None else min(step, kept.until)

    def _end_at(self, step: int) -> None:
        """Note on all states since the last change that their training ends here."""
        for place in range(len(self._kept) - 1, -1, -1):
            if self._kept[place].until is None:
                self._kept[place] = replace(self._kept[place], until=step)
            if self._kept[place].pinned:
                return

    def _thin(self) -> None:
        if len(self._kept) <= self._most:
            return
        first, *rest, last = self._kept
        loose = [kept for kept in rest if not kept.pinned]
        going = {id(kept) for kept in (loose or rest)[::2]}
        self._kept = [first, *(kept for kept in rest if id(kept) not in going), last]
        self._apart *= 2
