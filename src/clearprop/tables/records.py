"""What the records of all kinds of column share.

Public names: `MISSING`, `OTHER`, `Unseen`, `require`. Imports only the standard library and
`clearprop.errors`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from clearprop.errors import DataError

MISSING, OTHER = "(missing)", "(other)"
"""How the features of missing values and of rare levels are named; no level's own name is."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """What a column of new rows holds that training had not.

    Attributes
    ----------
    column : str
    categories : int
        Rows with a category that training did not have. A column with an "(other)" feature counts
        none: there such a category is one of the others.
    examples : tuple of str
        The most frequent of these categories, five at most.
    missing : int
        Rows with a missing value, where training had none.
    """

    column: str
    categories: int = 0
    examples: tuple[str, ...] = ()
    missing: int = 0

    @property
    def rows(self) -> int:
        """How many rows that is in all."""
        return self.categories + self.missing

    def to_document(self) -> dict[str, Any]:
        """Turn it into JSON data."""
        return asdict(self) | {"examples": list(self.examples)}


def require(holds: bool, name: str, expected: str) -> None:
    """Raise DataError unless a rule on the record of column `name` holds."""
    if not holds:
        raise DataError(f"Expected the encoding of column {name!r} to have {expected}.")
