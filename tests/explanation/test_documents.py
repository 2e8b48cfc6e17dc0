"""The JSON form of an explanation, and its pickle: what goes in comes out, to the bit."""

import json
import math
import pickle
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from clearprop.engines import Recipe, build
from clearprop.engines.contracts import Block
from clearprop.equations import Adam, Penalty
from clearprop.errors import FileError, SettingError
from clearprop.explanation import Explanation, Names, Place, explain
from clearprop.explanation.documents import plain
from clearprop.network import Dense, Network, Parameters
from clearprop.training import Cosine, Recording, WarmUp


def network(dtype="float64"):
    layers = (Dense(3, "tanh", dropout=0.25), Dense(2, "softmax"))
    return Network(4, layers, loss="cross_entropy", dtype=dtype)


def explanation(dtype="float64"):
    """A trace with everything: dropout masks, slots, a schedule, a penalty, a recording."""
    net = network(dtype)
    recipe = Recipe(
        rule=Adam(0.01), schedule=WarmUp(2.0, Cosine(0.1)), penalty=Penalty(l2=0.1), batch_size=5,
        clip_norm=1.0, carrier="transposed",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    block = Block.of(net, rng.normal(size=(5, 4)), rng.integers(0, 2, 5))
    engine = build("reference", net, recipe)
    state = engine.initial_state(Parameters.initial(net, seed=1), seed=2)
    state, _ = engine.advance(state, block, 1)
    trace = engine.trace(state, block, np.arange(5))
    names = Names(
        net, inputs=tuple("abcd"), aliases={"w5": Place(2, 0, 1), "bias": Place(1, 2, None)}
    )
    recording = Recording(
        np.array([0, 3]), np.arange(3), rng.normal(size=(3, 2)).astype(dtype),
        np.array([0]), state.vector[None].copy(),
    )  # fmt: skip
    return Explanation(trace, names, recording)


def through_json(value):
    return Explanation.from_document(json.loads(json.dumps(value.to_document(), allow_nan=False)))


def same(first, second):
    """Whether two values hold the same bits."""
    if isinstance(first, np.ndarray):
        equal = first.dtype == second.dtype and first.shape == second.shape
        return (
            equal
            and np.ascontiguousarray(first).tobytes() == np.ascontiguousarray(second).tobytes()
        )
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    return first == second


def assert_same(first, second):
    for field in fields(first.trace):
        assert same(getattr(first.trace, field.name), getattr(second.trace, field.name)), field.name
    assert first.names == second.names
    for field in fields(Recording):
        assert same(getattr(first.recording, field.name), getattr(second.recording, field.name))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_explanation_comes_back_to_the_bit(dtype):
    before = explanation(dtype)
    assert any(mask is not None for mask in before.trace.masks)
    assert before.trace.slots.shape == (2, before.trace.network.size)
    assert before.trace.slots.any()
    assert_same(before, through_json(before))


def test_an_explanation_can_be_pickled():
    before = explanation()
    assert_same(before, pickle.loads(pickle.dumps(before)))


def test_values_that_are_not_finite_survive_with_their_signs():
    before = explanation()
    z = before.trace.z[0].copy()
    z[0] = [math.nan, -math.inf, -0.0]
    z[1, 0] = math.copysign(math.nan, -1.0)
    before = replace(
        before, trace=replace(before.trace, z=[z, *before.trace.z[1:]], penalty=math.inf)
    )
    after = through_json(before)
    assert_same(before, after)
    assert math.copysign(1, after.trace.z[0][1, 0]) == -1
    assert math.copysign(1, after.trace.z[0][0, 2]) == -1


def test_the_default_recipe_and_no_recording_come_back():
    before = explain(network(), np.ones((1, 4)), [1])
    after = through_json(before)
    assert after.recording is None
    assert after.trace.recipe == before.trace.recipe
    assert same(after.trace.slots, before.trace.slots)
    assert same(after.chain("h1.1<-x1").gradient, before.chain("h1.1<-x1").gradient)


def test_weights_are_found_under_the_books_names():
    before = explanation()
    document = before.to_document()
    weights = before.trace.network.operations[1].weight.view(before.trace.vector)
    entry = document["trace"]["parameters"]["W2"]
    assert entry["shape"] == [2, 3]
    assert entry["values"][1][2] == weights[1, 2]
    assert document["names"]["aliases"]["w5"] == {"layer": 2, "unit": 0, "source": 1}
    assert document["recipe"]["schedule"]["after"] == {"name": "cosine", "floor": 0.1}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), "other", "'format' is 'clearprop-explanation'"),
        (("version",), 9, "version 9"),
        (("trace", "gradient", "W1"), None, "W1 of gradient must be an object"),
        (("trace", "update", "b2", "values"), [1.0], "b2 of update"),
        (("trace", "x", "dtype"), "object", "dtype of x"),
        (("trace", "layers"), [], "must have 2 layers"),
        (("recipe", "rule", "name"), "magic", "recipe could not be read"),
        (("names", "inputs"), ["a"], "names do not fit"),
    ],
)
def test_what_does_not_fit_is_named(path, value, message):
    document = explanation().to_document()
    part = document
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(FileError, match=message):
        Explanation.from_document(document)


def test_what_is_missing_is_named():
    document = explanation().to_document()
    del document["trace"]["losses"]
    with pytest.raises(FileError, match="lacks 'losses'"):
        Explanation.from_document(document)


@dataclass(frozen=True)
class Analysis:
    place: Place
    values: np.ndarray
    parts: tuple[tuple[str, float], ...]
    more: dict[int, np.float32]


def test_any_analysis_is_plain_data():
    analysis = Analysis(
        Place(1, 0, None), np.array([[1.5, math.nan], [math.inf, 2]]), (("a", -0.25),),
        {3: np.float32(0.1)},
    )  # fmt: skip
    got = plain(analysis)
    json.dumps(got, allow_nan=False)
    assert got == {
        "place": {"layer": 1, "unit": 0, "source": None},
        "values": [[1.5, "nan"], ["inf", 2.0]],
        "parts": [["a", -0.25]],
        "more": {"3": 0.10000000149011612},
    }


def test_code_is_not_plain_data():
    with pytest.raises(SettingError, match="not plain data"):
        plain({"f": print})
