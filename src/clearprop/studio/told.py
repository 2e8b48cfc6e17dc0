"""Errors that a page says in its language.

An error of the package is a whole sentence in English. One that the studio itself raises is an
entry of the catalogue, so that it is said in the language of the page that caused it.

Public names: `ToldError`, `said`, `told_in`.
May import: `clearprop.errors`, `clearprop.explanation.words`.
"""

from __future__ import annotations

from typing import Any

from clearprop.errors import SettingError
from clearprop.explanation.words import words


class ToldError(SettingError):
    """Something that cannot be done, as an entry of the catalogue.

    Attributes
    ----------
    key : str
        Of `words`, as `studio_sharing.no_link`.
    values : dict
        What fills its places.
    """

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(words("en")(key, **values))
        self.key, self.values = key, values


def said(error: BaseException, lang: str) -> str:
    """Return what a page of this language says of an error."""
    if isinstance(error, ToldError):
        return words(lang)(error.key, **error.values)
    return told_in(str(error), lang)


def told_in(text: str, lang: str) -> str:
    """Return an English text of the package; on a page in another language, with a word on that."""
    return text if lang == "en" else words(lang)("studio_sharing.in_english", text=text)
