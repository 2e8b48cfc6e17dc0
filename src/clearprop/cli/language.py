"""In which language the command line speaks, and how its sentences read there.

English stands in the code, where things are said. The sentences of another language lie in a folder
of its name (`zh/`), as TOML files that are keyed by the English ones, so there is one place that
says a thing, and a test finds what has no translation. A sentence may have places, `{name}`, which
take whatever stands there in the English one; what stands there is translated too, where it is a
sentence that is known. What is not known stays English.

    usage.toml     what click says of wrong usage, and headings
    names.toml     what stands for a value: FILE, COLUMN
    verbs.toml     each verb's line in the list, and its help
    options.toml   the help of options
    account.toml   what a training says before and after
    errors.toml    errors and notes of the verbs, of tables and of model files

Public names: `LANGUAGES`, `language_of`, `names`, `said`, `speaking`, `spoken`, `verb_texts`.
May import: the standard library.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "zh")
_PLACE = re.compile(r"\{(\w+)\}")
# places that a single word of the house fills
_TERMS = ("task", "kind")
# places that one number fills, as _WORDS are one word or a quoted one: else `{dead} of {units}`
# takes any sentence with "of" in it apart
_COUNTS = ("count", "dead", "units")
_WORDS = ("value", "choice")
_SPOKEN: ContextVar[str] = ContextVar("spoken", default="en")


def language_of(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the language that a command is to speak.

    `--lang` says it, wherever it stands; else CLEARPROP_LANG, else the locale (LC_ALL, LC_MESSAGES,
    LANG, the first that is set).
    """
    for flag, following in zip(arguments, [*arguments[1:], ""], strict=False):
        value = following if flag == "--lang" else flag.removeprefix("--lang=")
        if flag.startswith("--lang") and value in LANGUAGES:
            return value
    if environment.get("CLEARPROP_LANG") in LANGUAGES:
        return environment["CLEARPROP_LANG"]
    locales = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, locales), "").lower().startswith("zh") else "en"


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything inside the `with` block in a language."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def spoken() -> str:
    """Return the language that is spoken."""
    return _SPOKEN.get()


def said(english: str) -> str:
    """Return a sentence in the language that is spoken; as it is, where it is not known."""
    if spoken() == "en":
        return english
    known, templates = _sentences(spoken())
    if english in known:
        return known[english]
    for pattern, template in templates:
        if found := pattern.fullmatch(english):
            parts = {name[1:]: text for name, text in found.groupdict("").items()}
            return _filled(template, {name: _part(name, text) for name, text in parts.items()})
    return english


def names() -> Mapping[str, str]:
    """Return what stands for a value in usage lines, by its English name."""
    return {} if spoken() == "en" else _table(spoken(), "names")


def verb_texts() -> Mapping[str, Mapping[str, str]]:
    """Return each verb's `line` and `help`, by its English line."""
    return {} if spoken() == "en" else _table(spoken(), "verbs")


@cache
def _table(language: str, name: str) -> Any:
    file = files(__package__).joinpath(language, f"{name}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _sentences(language: str) -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Return whole sentences, and patterns of those with places, the most telling first."""
    table: dict[str, str] = {}
    for name in ("usage", "options", "errors", "account"):
        table |= _table(language, name)
    places = {english: text for english, text in table.items() if _PLACE.search(english)}
    known = {english: text for english, text in table.items() if english not in places}
    ordered = sorted(places, key=lambda english: -len(_PLACE.sub("", english)))
    return known, [(_pattern(english), places[english]) for english in ordered]


def _part(name: str, text: str) -> str:
    """Return what fills a place: translated where it is a sentence or a term, and no name."""
    return said(text) if " " in text or name in _TERMS else text


def _filled(template: str, parts: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: parts[place[1]], template)


def _pattern(english: str) -> re.Pattern[str]:
    pieces = _PLACE.split(english)
    # every second piece is a place's name, which for a group must not begin with a digit; what is
    # quoted fills a place whole, dots and all
    parts = [_place(p) if k % 2 else re.escape(p) for k, p in enumerate(pieces)]
    return re.compile("".join(parts), re.DOTALL)


def _place(name: str) -> str:
    if name in _COUNTS:
        return rf"(?P<p{name}>\d[\d,]*)"
    return f"(?P<p{name}>'[^']*'|\\S+)" if name in _WORDS else f"(?P<p{name}>'[^']*'|.*?)"
