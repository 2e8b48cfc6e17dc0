"""The tables and their splits: what scikit-learn ships, and the two files of `CLEARPROP_DATA`.

A table is a pandas frame as a person would read it: numbers as numbers, texts as texts, missing
values missing. Nothing is scaled, dropped or encoded here; that is each method's own business.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split

CLASSES, NUMBER = "classes", "number"
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Table:
    """Columns x (rows, columns), target y (rows,), and whether y is classes or a number.

    `made` tells tables of scikit-learn's generators from those that were measured in the world.
    """

    name: str
    task: str
    x: pd.DataFrame
    y: np.ndarray
    made: bool = False

    @property
    def numbers(self) -> list[str]:
        """Names of the columns of numbers."""
        return list(self.x.select_dtypes("number").columns)

    @property
    def categories(self) -> list[str]:
        """Names of the other columns."""
        numbers = set(self.numbers)
        return [name for name in self.x.columns if name not in numbers]

    def split(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows to fit and to test of split `number`; classes are stratified."""
        rows = np.arange(len(self.y))
        groups = self.y if self.task == CLASSES else None
        train, test = train_test_split(
            rows, test_size=TEST_SHARE, random_state=number, stratify=groups
        )
        return train, test


def _shipped(load: Callable, task: str) -> Callable[[str], Table]:
    def table(name: str) -> Table:
        bunch = load(as_frame=True)
        target = bunch.target
        y = np.asarray(bunch.target_names)[target] if task == CLASSES else target.to_numpy(float)
        return Table(name, task, bunch.data, y)

    return table


def _file(task: str, target: str) -> Callable[[str], Table]:
    def table(name: str) -> Table:
        folder = os.environ.get("CLEARPROP_DATA")
        if folder is None:
            raise FileNotFoundError(
                f"The table {name} is a file, but CLEARPROP_DATA names no folder; set it to the "
                f"folder of {name}.csv, or leave {name} out of --tables."
            )
        frame = pd.read_csv(Path(folder) / f"{name}.csv", na_values="?", skipinitialspace=True)
        y = frame.pop(target).to_numpy()
        return Table(name, task, frame, y.astype(str) if task == CLASSES else y.astype(float))

    return table


def _made(task: str, make: Callable, **settings: object) -> Callable[[str], Table]:
    def table(name: str) -> Table:
        x, y = make(random_state=0, **settings)
        frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(x.shape[1])])
        target = y.astype(int).astype(str) if task == CLASSES else y
        return Table(name, task, frame, target, made=True)

    return table


# small ones first; Linnerud's table, with 20 rows, says nothing on 4 test rows
TABLES: dict[str, Callable[[str], Table]] = {
    "iris": _shipped(datasets.load_iris, CLASSES),
    "wine": _shipped(datasets.load_wine, CLASSES),
    "diabetes": _shipped(datasets.load_diabetes, NUMBER),
    "cancer": _shipped(datasets.load_breast_cancer, CLASSES),
    "digits": _shipped(datasets.load_digits, CLASSES),
    "friedman": _made(NUMBER, datasets.make_friedman1, n_samples=2000, noise=1.0),
    "madelon": _made(CLASSES, datasets.make_classification, n_samples=2000, n_informative=5,
                     n_clusters_per_class=4, flip_y=0.05),
    "hastie": _made(CLASSES, datasets.make_hastie_10_2, n_samples=4000),
    "housing": _file(NUMBER, "median_house_value"),
    "adult": _file(CLASSES, "income-per-year"),
}  # fmt: skip


def load(name: str) -> Table:
    """Return a table by its name."""
    return TABLES[name](name)
