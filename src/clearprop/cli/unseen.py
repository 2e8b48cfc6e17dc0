"""What new rows hold that training had not, said where a model is used on them.

Public names: `UnseenSoFar`, `unseen_in`, `say_unseen`.
May import: `clearprop.cli.output`, `clearprop.tables`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearprop.cli.output import note

if TYPE_CHECKING:
    import polars as pl

    from clearprop.tables import TableEncoder, Unseen

_MOST_COLUMNS = 10  # told one by one
_EXAMPLES = 5


def unseen_in(estimator: Any, frame: pl.DataFrame) -> tuple[Unseen, ...]:
    """Find what a model's encoding has no feature for; nothing where it learned no table."""
    encoder = _encoder(estimator)
    return encoder.unseen_values(frame) if encoder is not None else ()


class UnseenSoFar:
    """Adds up, over the pieces of a stream, what a model's encoding has no feature for."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self._found: dict[str, Unseen] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Look through rows."""
        from clearprop.tables import Unseen

        for one in unseen_in(self._estimator, frame):
            before = self._found.get(one.column, Unseen(one.column))
            examples = dict.fromkeys((*before.examples, *one.examples))
            self._found[one.column] = Unseen(
                one.column,
                before.categories + one.categories,
                tuple(examples)[:_EXAMPLES],
                before.missing + one.missing,
            )

    def found(self) -> tuple[Unseen, ...]:
        """Return it by column; the examples are the first that came."""
        return tuple(self._found.values())


def say_unseen(estimator: Any, unseen: tuple[Unseen, ...]) -> None:
    """Say it in a line for each column, and what becomes of these values."""
    encoder = _encoder(estimator)
    known = {} if encoder is None else {column.name: column for column in encoder.columns}
    for one in unseen[:_MOST_COLUMNS]:
        if one.categories:
            examples = ", ".join(map(repr, one.examples))
            note(
                f"column {one.column!r} holds {_count(one.categories, 'value')} that training had "
                f"not seen ({examples}); they count as none of the known ones."
            )
        if one.missing:
            note(
                f"column {one.column!r} is missing in {_count(one.missing, 'row')}, and was never "
                f"missing in training; {_stand_in(known[one.column])}."
            )
    if len(unseen) > _MOST_COLUMNS:
        note(f"{_count(len(unseen) - _MOST_COLUMNS, 'more column')} hold what training had not.")


def _encoder(estimator: Any) -> TableEncoder | None:
    encoder = getattr(estimator, "encoder_", None) or getattr(estimator, "encoding_", None)
    return encoder if hasattr(encoder, "unseen_values") else None


def _stand_in(column: Any) -> str:
    from clearprop.tables import NumberColumn

    if isinstance(column, NumberColumn):
        return f"the median, {column.median:g}, stands in"
    return "it counts as neither of its values"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)
