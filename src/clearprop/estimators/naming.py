"""What an estimator's inputs and outputs are called, for explanations.

Public names: `unit_names`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def unit_names(inputs: Iterable[Any], outputs: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """Return names of units by side, as `explanation.Names` takes them.

    A side without names is left out, and so is one in which two names are spelled alike.
    """
    sides = {"inputs": tuple(map(str, inputs)), "outputs": tuple(map(str, outputs))}
    return {side: names for side, names in sides.items() if names and len(set(names)) == len(names)}
