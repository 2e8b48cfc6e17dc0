"""Plain data to JSON text and back."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.errors import FileError, SettingError
from clearprop.files.documents import MAX_DEPTH, decode, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("$float"), inner),
    max_leaves=15,
)


def _same(left, right):
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left.hex() == right.hex()  # tells -0.0 from 0.0, and nan is nan
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(map(_same, left.values(), right.values()))
    return left == right


@given(PLAIN)
def test_round_trip(value):
    text = encode(value)
    assert _same(decode(text), value)
    json.loads(text, parse_constant=pytest.fail)  # JSON as the standard has it


def test_known_text():
    value = {"a": (1, 2.5), "b": math.nan, "$c": -math.inf, "d": np.float32(0.5), "e": np.int64(3)}
    text = '{"a":[1,2.5],"b":{"$float":"nan"},"$$c":{"$float":"-inf"},"d":0.5,"e":3}'
    assert encode(value) == text
    assert decode('{"$$float":"nan"}') == {"$float": "nan"}
    assert decode('["\\ud800"]') == ["\ud800"]


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({"a": [0, {1}]}, r"x\.a\[1\] cannot be stored .* builtins\.set"),
        ({"a": {1: 2}}, r"x\.a cannot be stored .* keys must be text, but 1"),
        (np.zeros(2), r"numpy\.ndarray"),
        (1j, "complex"),
        (np.datetime64("2020-01-01"), r"datetime\.date"),
        (10**5000, "digits"),
    ],
    ids=["set", "key", "array", "complex", "date", "digits"],
)
def test_what_is_no_plain_data(value, match):
    with pytest.raises(SettingError, match=match):
        encode(value, "x")


def _nest(depth, core):
    for _ in range(depth):
        core = [core]
    return core


def test_depth_is_the_same_both_ways():
    for core, own in ((0, 0), (math.nan, 1), ({"a": 1}, 1)):
        deepest = encode(_nest(MAX_DEPTH - own, core))
        assert _same(decode(deepest), _nest(MAX_DEPTH - own, core))
        with pytest.raises(SettingError, match="nested deeper"):
            encode(_nest(MAX_DEPTH - own + 1, core))
        with pytest.raises(FileError, match="nested deeper"):
            decode(f"[{deepest}]")
    endless: list = []
    endless.append(endless)
    with pytest.raises(SettingError, match="contains itself"):
        encode(endless)
    brackets_in_text = ["[" * 1000, 'a"' + "{" * 1000, "\\"]
    assert decode(encode(brackets_in_text)) == brackets_in_text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        "[-1e999]",
        '{"a":1,"a":2}',
        '{"$float":"NaN"}',
        '{"$float":1.0}',
        '{"$float":["nan"]}',
        '{"$float":"nan","a":1}',
        '{"$code":"1"}',
        '{"a":1',
        "[1,]",
        '"open',
        "9" * 5000,
        "[] []",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_refused(text):
    with pytest.raises(FileError, match="could not be read as JSON"):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000_000,
        '{"a":' * 1_000_000,
        '"' + '\\"' * 2_000_000,
        '"' * 1_000_001,
        "[" * 60 + '"' * 1_000_001,
        "]" * 2_000_000,
        "-" * 2_000_000,
    ],
    ids=["lists", "objects", "escapes", "quotes", "deep quotes", "closing", "signs"],
)
def test_bombs_are_refused_in_linear_time(text):
    start = time.process_time()
    with pytest.raises(FileError):
        decode(text)
    assert time.process_time() - start < 5


@given(st.text(st.sampled_from('[]{}",:\\$float01.eE-nau \x00')))
def test_any_text(text):
    try:
        value = decode(text)
    except FileError:
        return
    assert _same(decode(encode(value)), value)
