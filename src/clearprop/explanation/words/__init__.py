"""The catalogue of all text: one folder a language, one TOML file a chapter.

A key is the file's name and the entry's: `paths.title`. An entry is a template with named places,
`"The loss of {sample} changes with {weight}."`, or a table of two, `one` and `other`, chosen by the
value `n`. What fills a place is a string, a number (shown by `figure`) or a span or formula with a
role; `text` keeps the latter apart so that printers can colour and link them, a plain call gives a
string. Emphasis inside a template is written `*so*`, and may have places.

All languages have the same keys and, in each entry, the same places; a test holds them to it.

Public names: `LANGUAGES`, `Words`, `words`.
May import: `clearprop.errors`, `pages`, `numbers`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from clearprop.errors import SettingError
from clearprop.explanation.formulas import Formula
from clearprop.explanation.numbers import figure
from clearprop.explanation.pages import Inline, Span, Text

LANGUAGES = ("en", "zh")
_PIECE = re.compile(r"\{(\w+)\}|\*([^*]+)\*")


@dataclass(frozen=True)
class Words:
    """The text of one language."""

    lang: str
    entries: Mapping[str, Any]

    def text(self, key: str, **values: Any) -> Text:
        """Return an entry with its places filled, as spans.

        Raises
        ------
        KeyError
            If the entry, or the value of one of its places, is missing.
        """
        return tuple(_spans(self._template(key, values), values))

    def __call__(self, key: str, **values: Any) -> str:
        """Return an entry with its places filled, as a string."""
        return "".join(part.text for part in self.text(key, **values) if isinstance(part, Span))

    def _template(self, key: str, values: Mapping[str, Any]) -> str:
        entry = self.entries[key]
        if isinstance(entry, str):
            return entry
        return str(entry["one" if values.get("n") == 1 else "other"])


def _spans(template: str, values: Mapping[str, Any]) -> Iterator[Inline]:
    """Yield a template's text, with what fills its places and what is emphasised apart."""
    end = 0
    for piece in _PIECE.finditer(template):
        if piece.start() > end:
            yield Span(template[end : piece.start()])
        name, emphasised = piece.groups()
        if name:
            yield from _filled(values[name])
        else:
            for part in _spans(emphasised, values):
                plain = isinstance(part, Span) and not part.role
                yield replace(part, role="strong") if plain else part
        end = piece.end()
    if end < len(template):
        yield Span(template[end:])


def _filled(value: Any) -> list[Inline]:
    if isinstance(value, Span | Formula):
        return [value]
    if isinstance(value, tuple):
        return [part for item in value for part in _filled(item)]
    if isinstance(value, float):
        return [Span(figure(value), full=repr(float(value)))]
    if isinstance(value, int):
        return [Span(f"{value:,}")]
    return [Span(str(value))]


@cache
def words(lang: str) -> Words:
    """Return the words of a language.

    Raises
    ------
    SettingError
        If there is no such language.
    """
    if lang not in LANGUAGES:
        raise SettingError(f"There is no language {lang!r}; there are {' and '.join(LANGUAGES)}.")
    entries: dict[str, Any] = {}
    for path in sorted(files(__package__).joinpath(lang).iterdir(), key=lambda p: p.name):
        if path.name.endswith(".toml"):
            chapter = tomllib.loads(path.read_text(encoding="utf-8"))
            entries |= {f"{path.name[:-5]}.{name}": entry for name, entry in chapter.items()}
    return Words(lang, entries)
