"""The catalogue of all text: one folder a language, one TOML file a chapter.

A key is the file's name and the entry's: `paths.title`. An entry is a template with named places,
`"The loss of {sample} changes with {weight}."`, or a table of two, `one` and `other`, chosen by the
value `n`. What fills a place is a string, a number (shown by `figure`) or a span or formula with a
role; `text` keeps the latter apart so that printers can colour and link them, a plain call gives a
string. Emphasis inside a template is written `*so*`.

All languages have the same keys and, in each entry, the same places; a test holds them to it.

Public names: `LANGUAGES`, `Words`, `words`.
May import: `clearprop.errors`, `pages`, `numbers`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
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
        template, spans, end = self._template(key, values), [], 0
        for piece in _PIECE.finditer(template):
            if piece.start() > end:
                spans.append(Span(template[end : piece.start()]))
            name, strong = piece.groups()
            spans += _filled(values[name]) if name else [Span(strong, "strong")]
            end = piece.end()
        if end < len(template):
            spans.append(Span(template[end:]))
        return tuple(spans)

    def __call__(self, key: str, **values: Any) -> str:
        """Return an entry with its places filled, as a string."""
        return "".join(part.text for part in self.text(key, **values) if isinstance(part, Span))

    def _template(self, key: str, values: Mapping[str, Any]) -> str:
        entry = self.entries[key]
        if isinstance(entry, str):
            return entry
        return str(entry["one" if values.get("n") == 1 else "other"])


def _filled(value: Any) -> list[Inline]:
    if isinstance(value, Span | Formula):
        return [value]
    if isinstance(value, tuple):
        return [part for item in value for part in _filled(item)]
    if isinstance(value, float):
        return [Span(figure(value), full=repr(value))]
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
