"""How a table is to be encoded.

Public names: `EncoderOptions`. Imports only the standard library and `clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from clearprop.errors import SettingError
from clearprop.tables.scaling import Scaling
from clearprop.tables.wording import listed


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """How a table is encoded.

    Parameters
    ----------
    drop : tuple of str
        Columns to leave out.
    numbers : {"robust", "standard"}
        How numbers are scaled; see `clearprop.tables.scaling`.
    max_levels : int
        How many categories of a column have a feature of their own; the rest share one.
    rare_levels : int
        Categories of a single row share a feature where a column has at least so many of them:
        each alone would only teach the network to remember its row, and so the shared one learns
        what an unknown category is like.
    quantile_rows : int
        Up to how many numbers of a column its quantiles are exact; beyond, they are those of a
        sample of that size.
    held_levels : int, optional
        Up to how many distinct texts of a column are counted exactly; beyond, the rarest are let
        go, and the counts of the others may be short. No bound where absent.
    """

    drop: tuple[str, ...] = ()
    numbers: Scaling = "robust"
    max_levels: int = 255
    rare_levels: int = 10
    quantile_rows: int = 100_000
    held_levels: int | None = None

    def __post_init__(self) -> None:
        if self.numbers not in get_args(Scaling):
            raise SettingError(
                f"Expected numbers to be one of {listed(get_args(Scaling))}; got {self.numbers!r}."
            )
        for name in ("max_levels", "rare_levels", "quantile_rows"):
            if getattr(self, name) < 1:
                raise SettingError(f"Expected {name} of at least 1; got {getattr(self, name)}.")
        if self.held_levels is not None and self.held_levels <= self.max_levels:
            raise SettingError(
                f"Expected held_levels above max_levels, {self.max_levels}; got {self.held_levels}."
            )
