"""What new rows hold that training had not, said where a model is used on them.

Public names: `unseen_in`, `say_unseen`.
May import: `clearprop.cli.output`, `clearprop.tables`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearprop.cli.output import note

if TYPE_CHECKING:
    import polars as pl

    from clearprop.tables import TableEncoder, Unseen

_MOST_COLUMNS = 10  # told one by one


def unseen_in(estimator: Any, frame: pl.DataFrame) -> tuple[Unseen, ...]:
    """Find what a model's encoding has no feature for; nothing where it learned no table."""
    encoder = _encoder(estimator)
    return encoder.unseen_values(frame) if encoder is not None else ()


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
