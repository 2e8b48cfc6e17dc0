"""The catalogue of words: complete in every language, and nothing in it that nobody uses."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import clearprop
from clearprop.errors import SettingError
from clearprop.explanation.formulas import Symbol
from clearprop.explanation.pages import Span
from clearprop.explanation.words import LANGUAGES, Words, words

SOURCE = Path(clearprop.__file__).parent
PLACE = re.compile(r"\{(\w*)\}")


def entries(lang):
    return words(lang).entries


def templates(entry):
    return {"": entry} if isinstance(entry, str) else entry


def places(entry):
    return {form: set(PLACE.findall(text)) for form, text in templates(entry).items()}


OTHERS = [lang for lang in LANGUAGES if lang != "en"]


def test_every_file_is_read():
    folder = SOURCE / "explanation" / "words"
    for lang in LANGUAGES:
        found = {path.stem for path in (folder / lang).glob("*.toml")}
        assert {key.partition(".")[0] for key in entries(lang)} == found


@pytest.mark.parametrize("lang", OTHERS)
def test_languages_have_the_same_keys(lang):
    assert entries(lang).keys() == entries("en").keys()


@pytest.mark.parametrize("lang", OTHERS)
def test_entries_have_the_same_forms_and_places(lang):
    for key, entry in entries("en").items():
        other = entries(lang)[key]
        assert isinstance(entry, str) == isinstance(other, str), key
        assert set().union(*places(entry).values()) == set().union(*places(other).values()), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_entries_are_well_formed(lang):
    for key, entry in entries(lang).items():
        if not isinstance(entry, str):
            assert entry.keys() == {"one", "other"}, key
        for text in templates(entry).values():
            assert text.strip(), key
            assert "" not in PLACE.findall(text), key
            bare = PLACE.sub("", text)
            assert "{" not in bare, key
            assert "}" not in bare, key
            assert text.count("*") % 2 == 0, key


@pytest.mark.parametrize("lang", OTHERS)
def test_nothing_was_left_in_english(lang):
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for key, entry in entries(lang).items():
        for form, text in templates(entry).items():
            found = re.findall(r"[A-Za-z]+", PLACE.sub("", text))
            if text == templates(entries("en")[key]).get(form):
                # symbols and units are the same everywhere
                assert max(map(len, found), default=0) <= 3, key
            elif len("".join(found)) > 12:
                assert chinese.search(text), key


def literals(path):
    """Return the strings in a file, and patterns of those put together."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    joined = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    pieces = {id(value) for values in joined for value in values}
    whole = {
        node.value for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces
    }  # fmt: skip
    return whole, {"".join(map(pattern_of, values)) for values in joined}


def pattern_of(value):
    return re.escape(str(value.value)) if isinstance(value, ast.Constant) else r"(\w+)"


FILES = {path: literals(path) for path in SOURCE.rglob("*.py")}
WHOLE = set().union(*(whole for whole, _ in FILES.values()))
PATTERNS = set().union(*(patterns for _, patterns in FILES.values()))
OF_ENTRIES = [p for p in PATTERNS if re.match(r"[a-z_]+\\\.", p)]


def is_asked_for(key):
    """Whether the code holds the key, or puts it together out of strings that it holds."""
    if key in WHOLE:
        return True
    # where two places meet, the first takes as much as it can, or as little
    patterns = (p for greedy in OF_ENTRIES for p in (greedy, greedy.replace(r"\w+", r"\w+?")))
    matches = (re.fullmatch(pattern, key) for pattern in patterns)
    return any(
        found and all(part in WHOLE or part.isdigit() for part in found.groups())
        for found in matches
    )


def is_told(key):
    """Whether a worked example asks for an entry, by its name alone.

    A section KEY asks for its title KEY_title too, and a table for ">name" where the column stands
    to the right.
    """
    chapter, _, name = key.partition(".")
    told, built = {"title", "lead"}, set()
    for path, (whole, patterns) in FILES.items():
        if path.parent.name == "examples":
            told |= {text.removeprefix(">") for text in whole}
            built |= {pattern for pattern in patterns if re.match(r"[a-z0-9_]{2,}", pattern)}
    names = (name, name.removesuffix("_title"))
    return chapter.startswith("example_") and any(
        one in told or any(re.fullmatch(pattern, one) for pattern in built) for one in names
    )


def is_spoken(key):
    """Whether the studio says an entry, by its name alone or one that it puts together."""
    chapter, _, name = key.partition(".")
    if chapter != "studio":
        return False
    built = set().union(*(p for path, (_, p) in FILES.items() if "studio" in path.parts))
    matches = (
        re.fullmatch(pattern, name) for pattern in built if re.search("[a-z]_|_[a-z]", pattern)
    )
    return any(found and all(part in WHOLE for part in found.groups()) for found in matches)


def test_every_entry_is_used():
    used = (is_asked_for, is_told, is_spoken)
    assert [key for key in entries("en") if not any(one(key) for one in used)] == []


def test_every_key_in_the_code_exists():
    chapters = {key.partition(".")[0] for key in entries("en")}
    key = re.compile(rf"({'|'.join(sorted(chapters))})\.[a-z_0-9]+")
    rooms = {path.stem for path in SOURCE.rglob("*.py")} | {"toml", "py", "css", "js"}
    # a command of the studio looks like a key: the name of a part, and of a method of it
    texts = (path.read_text(encoding="utf-8") for path in (SOURCE / "studio").rglob("*.py"))
    others = rooms | {name for text in texts for name in re.findall(r"def (\w+)", text)}
    missing = {
        text for text in WHOLE
        if key.fullmatch(text)
        and text not in entries("en")
        and text.partition(".")[2] not in others
    }  # fmt: skip
    assert missing == set()


def test_places_are_filled_with_spans_and_formulas():
    say = Words("en", {"a.b": "δ of {unit} is *{not a place}* {value}{symbol}."})
    symbol = Symbol("δ", "1", key="d1.0")
    text = say.text("a.b", unit="h1", value=0.00012345678, symbol=symbol)
    assert text == (
        Span("δ of "), Span("h1"), Span(" is "), Span("{not a place}", "strong"), Span(" "),
        Span("1.235×10⁻⁴", full="0.00012345678"), symbol, Span("."),
    )  # fmt: skip


def test_one_and_many():
    say = Words("en", {"a.b": {"one": "one path", "other": "{n} paths"}})
    assert say("a.b", n=1) == "one path"
    assert say("a.b", n=12345) == "12,345 paths"


def test_a_missing_value_or_entry_is_an_error():
    say = Words("en", {"a.b": "{unit}"})
    with pytest.raises(KeyError, match="unit"):
        say("a.b")
    with pytest.raises(KeyError, match=r"a\.c"):
        say("a.c")


def test_an_unknown_language_is_an_error():
    with pytest.raises(SettingError, match="'fr'; there are en and zh"):
        words("fr")


def test_the_catalogue_is_plain_toml():
    for path in (SOURCE / "explanation" / "words").glob("*/*.toml"):
        text = path.read_text(encoding="utf-8")
        tomllib.loads(text)
        assert text.startswith("#"), f"{path} begins with a comment that says what it is for"
