"""Whom we compare, each at its own defaults; a new one is a function and a row of `METHODS`.

A method's function takes the table (for the names and kinds of its columns; never its rows), a
seed and a number of threads, and returns an estimator with scikit-learn's `fit` and `predict` or
`predict_proba`. What a method does not do for itself is done in front of it as its own
documentation asks, and said in `about`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from benchmarks.evidence.data import CLASSES, Table


@dataclass(frozen=True)
class Method:
    """A method by name: who builds it, the module it needs, what it is and what was put before it.

    `distributions` are those whose versions a row carries.
    """

    name: str
    build: Callable[[Table, int, int], Any]
    module: str
    distributions: tuple[str, ...]
    about: str

    @property
    def installed(self) -> bool:
        """Whether it can run here."""
        return util.find_spec(self.module) is not None

    def versions(self) -> dict[str, str]:
        """Return what it is made of."""
        return {name: metadata.version(name) for name in self.distributions}


def _as_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts are pandas categories."""
    texts = frame.columns.difference(frame.select_dtypes("number").columns)
    return frame.astype(dict.fromkeys(texts, "category"))


def _filled(table: Table) -> ColumnTransformer:
    """Return what puts the training rows' median where a number is missing."""
    steps = ColumnTransformer(
        [("numbers", SimpleImputer(strategy="median"), table.numbers),
         ("rest", "passthrough", table.categories)],
        verbose_feature_names_out=False,
    )  # fmt: skip
    return steps.set_output(transform="pandas")


def _mlp(table: Table, seed: int, threads: int) -> Any:
    columns = ColumnTransformer(
        [("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
          table.numbers),
         ("texts", OneHotEncoder(handle_unknown="ignore"), table.categories)]
    )  # fmt: skip
    if table.task == CLASSES:
        return make_pipeline(columns, MLPClassifier(random_state=seed))
    return TransformedTargetRegressor(
        make_pipeline(columns, MLPRegressor(random_state=seed)), transformer=StandardScaler()
    )


def _hist(table: Table, seed: int, threads: int) -> Any:
    kind = HistGradientBoostingClassifier if table.task == CLASSES else (
        HistGradientBoostingRegressor
    )  # fmt: skip
    return make_pipeline(FunctionTransformer(_as_categories), kind(random_state=seed))


def _lightgbm(table: Table, seed: int, threads: int) -> Any:
    import lightgbm

    name = "LGBMClassifier" if table.task == CLASSES else "LGBMRegressor"
    model = getattr(lightgbm, name)(random_state=seed, n_jobs=threads, verbose=-1)
    return make_pipeline(FunctionTransformer(_as_categories), model)


def realmlp(kind: str, **settings: Any) -> Callable[[Table, int, int], Any]:
    """Return a builder of pytabkit's RealMLP-TD or RealMLP-TD-S with other settings than its own.

    pytabkit takes no missing numbers.
    """

    def build(table: Table, seed: int, threads: int) -> Any:
        import pytabkit

        task = "Classifier" if table.task == CLASSES else "Regressor"
        model = getattr(pytabkit, f"RealMLP_{kind}_{task}")(
            random_state=seed, n_threads=threads, device="cpu", **settings
        )
        return make_pipeline(_filled(table), FunctionTransformer(_as_categories), model)

    return build


def clearprop(**settings: Any) -> Callable[[Table, int, int], Any]:
    """Return a builder of our estimators with other settings than their own."""

    def build(table: Table, seed: int, threads: int) -> Any:
        from clearprop import TabularClassifier, TabularRegressor

        kind = TabularClassifier if table.task == CLASSES else TabularRegressor
        return kind(random_state=seed, threads=threads, **settings)

    return build


OURS, MEMBERS = "clearprop", "clearprop, members=32"
SKLEARN = ("scikit-learn",)
PYTABKIT = ("pytabkit", "torch")
METHODS = {
    method.name: method
    for method in (
        Method(OURS, clearprop(), "clearprop", ("clearprop",),
               "`TabularClassifier()`, `TabularRegressor()`"),
        Method(MEMBERS, clearprop(members=32), "clearprop", ("clearprop",),
               "the same with `members=32`"),
        Method("RealMLP-TD", realmlp("TD"), "pytabkit", PYTABKIT,
               "pytabkit; missing numbers are the training rows' median, as it takes none"),
        Method("RealMLP-TD-S", realmlp("TD_S"), "pytabkit", PYTABKIT, "likewise"),
        Method("LightGBM", _lightgbm, "lightgbm", ("lightgbm",), "texts as pandas categories"),
        Method("HistGradientBoosting", _hist, "sklearn", SKLEARN,
               "scikit-learn; texts as pandas categories"),
        Method("scikit-learn MLP", _mlp, "sklearn", SKLEARN,
               "`StandardScaler`, `OneHotEncoder`, medians for missing numbers; a target that is "
               "a number is standardised"),
    )
}  # fmt: skip
