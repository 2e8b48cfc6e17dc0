"""Which numbers a sheet of exercises asks for.

Public names: `exercises_for`.
May import: `exercise`, `asked`, `names`, `places`, `numbers`, `quantities`, `clearprop.errors`,
NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop.errors import SettingError
from clearprop.explanation.exercises.asked import KINDS, Asked
from clearprop.explanation.exercises.exercise import Exercise, exercise
from clearprop.explanation.names import Names
from clearprop.explanation.numbers import figure
from clearprop.explanation.places import Place
from clearprop.explanation.quantities import Quantity

if TYPE_CHECKING:
    from clearprop.explanation.explanation import Explanation

# the order in which kinds are taken while more exercises are wanted: the pass and its way back
_TURNS = (
    "z",
    "a",
    "delta",
    "gradient",
    "new",
    "loss",
    "carried",
    "path",
    "slope",
    "error",
    "share",
)
# tries for a number of a kind before the kind is passed over: units may be dead, losses one's own
_TRIES = 6


def exercises_for(
    explanation: Any,
    *,
    lang: str = "en",
    count: int = 6,
    seed: int = 0,
    sample: int | None = None,
) -> list[Exercise]:
    """Choose numbers of a network and ask for them, in the order in which they are computed.

    The kinds take turns, and the same seed gives the same exercises. Fewer than `count` come back
    where the network has no more numbers that can be asked for.

    Parameters
    ----------
    explanation : Explanation or SequenceExplanation
    lang : {"en", "zh"}
    count : int
        At least 1.
    seed : int
    sample : int, optional
        The row of the explanation, counted from 0; the first where absent.

    Raises
    ------
    SettingError
        If `count` is below 1, or nothing can be asked for.
    """
    if count < 1:
        raise SettingError(f"At least 1 exercise can be asked for, but count={count} came.")
    if explanation.trace.network.recurrent:
        from clearprop.explanation.exercises.in_time import exercises_in_time

        return exercises_in_time(explanation, lang=lang, count=count, seed=seed, sample=sample)
    chance = np.random.Generator(np.random.Philox(seed))
    found: dict[str, tuple[tuple[int, ...], Exercise]] = {}
    kinds = list(_TURNS)
    while kinds and len(found) < count:
        for kind in tuple(kinds):
            chosen = _one(explanation, kind, chance, lang, sample, found)
            if chosen is None:
                kinds.remove(kind)
            elif len(found) < count:
                asked, new = chosen
                found[new.key] = (_place_in_pass(explanation.names, asked), new)
    if not found:
        raise SettingError("No number of this network can be asked for: all are 0 or not finite.")
    return [one for _, one in sorted(found.values(), key=lambda pair: pair[0])]


def _one(
    explanation: Explanation,
    kind: str,
    chance: np.random.Generator,
    lang: str,
    sample: int | None,
    known: dict[str, tuple[tuple[int, ...], Exercise]],
) -> tuple[Asked, Exercise] | None:
    """Return an exercise of a kind that was not chosen yet and is worth asking for."""
    for asked in _candidates(explanation.names, kind, chance):
        if asked.typed(explanation.names) in known:
            continue
        try:
            new = exercise(explanation, asked, lang=lang, sample=sample)
        except SettingError:
            # not to be worked out by hand, such as the loss of one's own
            continue
        if _is_worth_asking(new):
            return asked, new
    return None


def _is_worth_asking(one: Exercise) -> bool:
    """Whether there is something to compute: not where a number is 0, 1 or given, as with relu."""
    if one.kind in ("loss", "error", "delta") and any(map(_is_at_an_end, one.given)):
        return False
    known = (0.0, 1.0, *(quantity.value for quantity in one.given))
    return not any(math.isclose(one.answer, value, abs_tol=1e-300) for value in known)


def _is_at_an_end(quantity: Quantity) -> bool:
    """Whether a probability is 0 or 1 in the digits that are shown, so that its log is lost."""
    return quantity.key.startswith("a") and figure(quantity.value) in ("0", "1")


def _candidates(names: Names, kind: str, chance: np.random.Generator) -> Iterator[Asked]:
    """Yield some numbers of a kind, by chance."""
    shape = names.network.shape
    last = len(shape) - 1
    if KINDS[kind] == "":
        yield Asked(kind)
        return
    # from the last layer a single path leads to a parameter, which is no question of its own
    hidden = {"output": (last, last), "hidden": (1, last - 1), "path": (1, last - 1)}
    layers = hidden.get(KINDS[kind], (1, last))
    for _ in range(_TRIES):
        if layers[0] > layers[1]:
            return
        layer = int(chance.integers(layers[0], layers[1] + 1))
        unit = int(chance.integers(shape[layer]))
        if KINDS[kind] in ("parameter", "path"):
            source = int(chance.integers(shape[layer - 1]))
            route = [int(chance.integers(shape[k])) for k in range(layer + 1, last + 1)]
            place = Place(layer, unit, source)
            yield Asked.of_parameter(kind, place, tuple(route) if kind == "path" else ())
        else:
            yield Asked(kind, layer, unit)


def _place_in_pass(names: Names, asked: Asked) -> tuple[int, ...]:
    """Return where in the pass a number is computed: forward, loss, back, update."""
    last = len(names.network.layers)
    stage = ("z", "a", "slope", "loss", "error", "carried", "share", "delta", "path", "gradient")
    if asked.kind in ("z", "a", "slope"):
        return (0, asked.layer, stage.index(asked.kind), asked.unit)
    if asked.kind in ("loss", "error"):
        return (1, 0, stage.index(asked.kind), asked.unit)
    if asked.kind == "new":
        return (3, asked.layer, 0, asked.unit)
    return (2, last - asked.layer, stage.index(asked.kind), asked.unit)
