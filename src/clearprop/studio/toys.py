"""Toy data on a plane, made from a seed: what a network can be watched on.

Coordinates lie within about ±1. `noise`, 0 to 1, moves every point at random by up to about half of
what separates the classes; targets of the regressions are moved instead.

    circles   a disc inside a ring               clusters  three bunches
    xor       opposite quarters are one class    spiral    two arms, wound into each other
    plane     y = a tilted plane                 gaussians hills and hollows
    sine      y = sin(π x), one input

Public names: `TOYS`, `Toy`.
May import: NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["binary", "classes", "number"]
Points = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Toy:
    """One kind of toy data.

    Attributes
    ----------
    kind : {"binary", "classes", "number"}
        What its targets are.
    make : callable
        make(rng, n, noise) → points (n, inputs) and targets (n,): class numbers, or numbers.
    inputs : int
    """

    kind: Kind
    make: Callable[[np.random.Generator, int, float], Points]
    inputs: int = 2


def _circles(rng: np.random.Generator, n: int, noise: float) -> Points:
    classes = np.arange(n) % 2
    radius = np.where(classes == 1, rng.uniform(0.0, 0.45, n), rng.uniform(0.65, 1.0, n))
    angle = rng.uniform(0, 2 * np.pi, n)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return _moved(rng, points, 0.35 * noise), classes


def _xor(rng: np.random.Generator, n: int, noise: float) -> Points:
    points = rng.uniform(0.08, 1.0, (n, 2)) * rng.choice([-1.0, 1.0], (n, 2))
    classes = (points[:, 0] * points[:, 1] < 0).astype(np.int64)
    return _moved(rng, points, 0.35 * noise), classes


def _clusters(rng: np.random.Generator, n: int, noise: float) -> Points:
    classes = np.arange(n) % 3
    angle = 2 * np.pi * classes / 3 + np.pi / 2
    middle = 0.6 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return middle + (0.13 + 0.35 * noise) * rng.normal(size=(n, 2)), classes


def _spiral(rng: np.random.Generator, n: int, noise: float) -> Points:
    classes = np.arange(n) % 2
    along = np.sqrt(rng.uniform(0.02, 1.0, n))
    angle = 1.75 * 2 * np.pi * along + np.pi * classes
    points = np.stack([along * np.sin(angle), along * np.cos(angle)], axis=1)
    return _moved(rng, points, 0.15 * noise), classes


def _plane(rng: np.random.Generator, n: int, noise: float) -> Points:
    points = rng.uniform(-1.0, 1.0, (n, 2))
    return points, 0.5 * (points[:, 0] + points[:, 1]) + 0.5 * noise * rng.normal(size=n)


def _gaussians(rng: np.random.Generator, n: int, noise: float) -> Points:
    points = rng.uniform(-1.0, 1.0, (n, 2))
    hills = [(-0.6, 0.4, 1), (0.0, 0.4, -1), (0.6, 0.4, 1)]
    hills += [(-0.6, -0.4, -1), (0.0, -0.4, 1), (0.6, -0.4, -1)]
    heights = [
        sign * np.exp(-((points[:, 0] - x) ** 2 + (points[:, 1] - y) ** 2) / 0.06)
        for x, y, sign in hills
    ]
    return points, np.sum(heights, axis=0) + 0.5 * noise * rng.normal(size=n)


def _sine(rng: np.random.Generator, n: int, noise: float) -> Points:
    points = rng.uniform(-1.0, 1.0, (n, 1))
    return points, np.sin(np.pi * points[:, 0]) + 0.5 * noise * rng.normal(size=n)


def _moved(rng: np.random.Generator, points: np.ndarray, by: float) -> np.ndarray:
    return points + by * rng.normal(size=points.shape)


TOYS: dict[str, Toy] = {
    "circles": Toy("binary", _circles),
    "xor": Toy("binary", _xor),
    "clusters": Toy("classes", _clusters),
    "spiral": Toy("binary", _spiral),
    "plane": Toy("number", _plane),
    "gaussians": Toy("number", _gaussians),
    "sine": Toy("number", _sine, inputs=1),
}
