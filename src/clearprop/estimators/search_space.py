"""What a search may choose from, and the parameters of a trial: a function of seed and number.

A space names parameters of the estimator, and for each says how it is drawn:

    "dropout": [0.0, 0.15, 0.3]                 one of these, all equally often
    "learning_rate": ("log", 0.01, 0.2)         its logarithm is uniform
    "l2": ("uniform", 0.0, 1e-3)                uniform

Public names: `Space`, `check_space`, `parameters_of_trial`, `space_for`.
May import: `clearprop.errors`, NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clearprop.errors import SettingError

Space = dict[str, Any]
_SHAPES = ((256, 256, 256), (128, 128, 128), (256, 256), (512, 512))


def space_for(*, classes: bool) -> Space:
    """Return the space that is searched where none is given."""
    space: Space = {
        "hidden_layer_sizes": [*_SHAPES],
        "activation": ["selu", "mish", "relu"],
        "learning_rate": ("log", 0.01, 0.15) if classes else ("log", 0.02, 0.3),
        "dropout": [0.0, 0.15, 0.3],
        "weight_decay": [0.0, 0.02],
    }
    if classes:
        space["label_smoothing"] = [0.0, 0.1]
    return space


def check_space(space: Space, known: dict[str, Any]) -> None:
    """Raise SettingError unless every entry names one of the known parameters and can be drawn."""
    if not isinstance(space, dict) or not space:
        raise SettingError(f"space must be a dict with a parameter or more, but {space!r} came.")
    for name, how in space.items():
        if name not in known:
            raise SettingError(
                f"space names {name!r}, which is no parameter of the estimator. Its parameters "
                f"are: {', '.join(known)}."
            )
        if isinstance(how, list) and how:
            continue
        fits = isinstance(how, tuple) and len(how) == 3 and how[0] in ("log", "uniform")
        if not (fits and how[1] < how[2] and (how[0] == "uniform" or how[1] > 0)):
            raise SettingError(
                f"space must give {name!r} a list of values, ('log', low, high) with 0 < low, or "
                f"('uniform', low, high), but {how!r} came."
            )


def parameters_of_trial(space: Space, seed: int, number: int) -> dict[str, Any]:
    """Return the parameters of a trial; trial 0 has those of the estimator itself.

    Nothing is remembered from trial to trial, so that a search can be resumed anywhere.
    """
    if number == 0:
        return {}
    key = np.array([seed & (2**64 - 1), number], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key))
    return {name: _draw(how, generator) for name, how in space.items()}


def _draw(how: Any, generator: np.random.Generator) -> Any:
    if isinstance(how, list):
        return how[int(generator.integers(len(how)))]
    kind, low, high = how
    if kind == "log":
        return float(np.exp(generator.uniform(np.log(low), np.log(high))))
    return float(generator.uniform(low, high))
