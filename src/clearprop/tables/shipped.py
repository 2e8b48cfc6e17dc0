"""The small real tables that scikit-learn ships, by name, with targets that have proper names.

Public names: `SHIPPED`, `read_shipped`. Imports Polars, and scikit-learn when called.
"""

from __future__ import annotations

import polars as pl

SHIPPED: dict[str, tuple[str, ...]] = {
    "iris": ("species",),
    "wine": ("cultivar",),
    "breast_cancer": ("diagnosis",),
    "digits": ("digit",),
    "diabetes": ("progression",),
    "linnerud": ("Weight", "Waist", "Pulse"),
}
"""Each table's name and the names of its target columns, which come last."""


def read_shipped(name: str) -> pl.DataFrame:
    """Load a table of `SHIPPED`: its features under scikit-learn's names, then its targets.

    Class targets hold the classes' names ("setosa"), those of digits the digits 0 to 9. The
    diabetes features come in their own units (years, mmHg), not as scikit-learn scales them.
    """
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    features = pl.DataFrame(bunch.data, schema=list(map(str, bunch.feature_names)), orient="row")
    values = bunch.target
    if name in ("iris", "wine", "breast_cancer"):
        values = bunch.target_names[values].astype(str)
    columns = values.T if values.ndim == 2 else [values]
    return features.with_columns(
        pl.Series(target, column.tolist())
        for target, column in zip(SHIPPED[name], columns, strict=True)
    )
