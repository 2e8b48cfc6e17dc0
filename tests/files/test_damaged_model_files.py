"""Model files from anyone: damaged, cut off, crafted. Each is refused, quickly, in plain words.

`forge` writes the container from its description alone, with a right digest, so that what is
tested is the check meant and not the digest.
"""

import copy
import hashlib
import json
import os
import resource
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearprop.errors import FileError
from clearprop.files import describe, load, save
from clearprop.network import LSTM, Dense, Network, Parameters

NETWORK = Network(3, (Dense(2, "relu"), Dense(2, "softmax")), "cross_entropy", "float64")
MODEL = Parameters.initial(NETWORK)
FUZZ = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return save(MODEL, tmp_path_factory.mktemp("whole") / "m").read_bytes()


@pytest.fixture(scope="module")
def parsed(whole):
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    header["__metadata__"]["document"] = json.loads(header["__metadata__"]["document"])
    return header, whole[8 + length :]


def forge(header, data):
    """Write a container whose digest is right, whatever else is wrong in it."""
    header = copy.deepcopy(header)
    metadata = header["__metadata__"]
    if not isinstance(metadata.get("document"), str):
        metadata["document"] = json.dumps(metadata.get("document"))
    if "sha256" in metadata:
        metadata["sha256"] = "0" * 64
    return seal_text(json.dumps(header, separators=(",", ":")), data)


def seal_text(text, data):
    raw = text.encode()
    blank = len(raw).to_bytes(8, "little") + raw
    digest = hashlib.sha256(blank + data).hexdigest().encode()
    return blank.replace(b'"sha256":"' + b"0" * 64, b'"sha256":"' + digest) + data


def attempt(path, content):
    """Load; return the object, or None where it is refused. Anything else raised is a failure."""
    path.write_bytes(content)
    try:
        return load(path)
    except FileError as error:
        if len(str(error)) > 2000:
            pytest.fail(f"a message of {len(str(error))} characters")
        return None


def refused(path, content, match):
    path.write_bytes(content)
    for read in (load, describe):
        with pytest.raises(FileError, match=match):
            read(path)


def test_forged_whole_file_is_accepted(tmp_path, parsed):
    loaded = attempt(tmp_path / "m", forge(*parsed))
    np.testing.assert_array_equal(loaded.vector, MODEL.vector)


def test_every_flipped_bit_is_found(tmp_path, whole):
    for place in range(len(whole)):
        for bit in (1 << (place % 8), 0x20):
            flipped = bytearray(whole)
            flipped[place] ^= bit
            assert attempt(tmp_path / "m", bytes(flipped)) is None, (place, bit)


def test_every_cut_and_every_addition_is_found(tmp_path, whole):
    for length in range(len(whole)):
        assert attempt(tmp_path / "m", whole[:length]) is None, length
    assert attempt(tmp_path / "m", whole + b"\0") is None
    assert attempt(tmp_path / "m", whole + whole) is None


def test_damage_is_called_damage(tmp_path, whole):
    path = tmp_path / "m"
    refused(path, whole[:-1], "damaged: its tensors take 112 bytes, but 111 follow")
    refused(path, whole[:-9] + b"\1" + whole[-8:], "damaged: its bytes do not give the digest")
    refused(path, whole[:300], "damaged: it has 300 bytes, but its header alone is said to take")
    refused(path, b"\xff" * 8 + whole[8:], "damaged: .* its header alone is said to take")
    refused(path, whole.replace(b'"version":"1"', b'"version":"2"'), "later version .* Upgrade")
    refused(path, whole.replace(b'"version":"1"', b'"version":"x"'), "version .* not a number")


@FUZZ
@given(data=st.data())
def test_random_changes_of_bytes(tmp_path, whole, data):
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content)))
        new = data.draw(st.binary(max_size=8))
        content[place : place + data.draw(st.integers(0, 8))] = new
    loaded = attempt(tmp_path / "m", bytes(content))
    assert loaded is None or (
        loaded.network == NETWORK and loaded.vector.tobytes() == MODEL.vector.tobytes()
    )


@FUZZ
@given(
    content=st.binary(max_size=300)
    | st.builds(
        lambda text, rest: len(text).to_bytes(8, "little") + text + rest,
        st.binary(max_size=100).map(lambda b: b"{" + b),
        st.binary(max_size=20),
    )
)
def test_random_bytes(tmp_path, content):
    assert attempt(tmp_path / "m", content) is None


WHOLE_NUMBERS = st.sampled_from([-1, 0, 1, 7, 8, 112, 2**31, 2**32, 2**63, 2**64, 10**30])
ODD = st.recursive(
    st.none()
    | st.booleans()
    | WHOLE_NUMBERS
    | st.floats()
    | st.sampled_from(["", "vector", "network", "parameters", "relu", "F64", "$float", "nan"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["kind", "document", "$float", "x", ""]), inner)
    ),
    max_leaves=6,
)


def _ways(node, way=()):
    yield way
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from _ways(node[key], (*way, key))


@pytest.fixture(scope="module", params=["rows", "sequences"])
def either(request, parsed, tmp_path_factory):
    """What a file describes, of a network of rows and of one of sequences."""
    if request.param == "rows":
        return parsed
    network = Network(3, (LSTM(2, "both"), Dense(2, "softmax")), "cross_entropy", readout="mean")
    path = save(Parameters.initial(network), tmp_path_factory.mktemp("sequences") / "m")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["document"] = json.loads(header["__metadata__"]["document"])
    return header, content[8 + length :]


@FUZZ
@given(data=st.data())
def test_random_changes_of_what_is_described(tmp_path, either, data):
    header, tail = copy.deepcopy(either)
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from([w for w in _ways(header) if len(w) > 1]))
        place = header
        for step in way[:-1]:
            place = place[step]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "replace":
            place[way[-1]] = data.draw(ODD)
        elif action == "remove":
            del place[way[-1]]
        elif isinstance(place, dict):
            place[data.draw(st.text(max_size=4))] = data.draw(ODD)
    loaded = attempt(tmp_path / "m", forge(header, tail))
    assert loaded is None or isinstance(loaded, Parameters | Network)


def _entry(dtype="F64", shape=(14,), offsets=(0, 112)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("tensors", "match"),
    [
        ({}, "its tensors take 0 bytes, but 112 follow"),
        ({"vector": _entry(offsets=(-8, 104))}, "place of tensor 'vector' is not a list"),
        ({"vector": _entry(offsets=(8, 120))}, "does not begin where the one before it ends"),
        ({"vector": _entry(offsets=(112, 0))}, "does not fit its place"),
        ({"vector": _entry(offsets=(0, 112, 112))}, "does not fit its place"),
        ({"vector": _entry(offsets=(0.0, 112))}, "is not a list of whole numbers"),
        ({"vector": _entry(offsets=(False, 112))}, "is not a list of whole numbers"),
        ({"vector": _entry(shape=(15,))}, "does not fit its place"),
        ({"vector": _entry(shape=(-14,))}, "shape of tensor 'vector' is not a list"),
        ({"vector": _entry(shape=(2**61 + 14,))}, "shape of tensor 'vector' is not a list"),
        ({"vector": _entry(shape=(2**32, 2**32))}, "does not fit its place"),
        ({"vector": _entry(shape=(1,) * 9)}, "shape of tensor 'vector' is not a list"),
        ({"vector": _entry(dtype="F16")}, "not of type F64"),
        ({"vector": _entry(dtype=["F64"])}, "not of type F64"),
        ({"vector": _entry(dtype="BOOL", shape=(112,))}, "neither true nor false"),
        ({"vector": {"dtype": "F64", "shape": [14]}}, "entries of tensor 'vector'"),
        ({"vector": 3}, "entries of tensor 'vector'"),
        ({"../vector": _entry()}, r"a tensor has the name '\.\./vector'"),
        ({"": _entry()}, "a tensor has the name ''"),
        ({"other/vector": _entry()}, "'other/vector' belongs to no part"),
        (
            {"vector": _entry(), "copy": _entry()},
            "does not begin where the one before it ends",
        ),
        (
            {"vector": _entry(), "empty": _entry(shape=(0, 2**48, 2**48), offsets=(0, 0))},
            "'empty' does not fit its place",
        ),
    ],
)
def test_crafted_tensors(tmp_path, parsed, tensors, match):
    header, data = parsed
    content = forge({"__metadata__": header["__metadata__"], **tensors}, data)
    if "BOOL" in str(tensors):
        data = bytes(111) + b"\2"
        content = forge({"__metadata__": header["__metadata__"], **tensors}, data)
    refused(tmp_path / "m", content, match)


@pytest.mark.parametrize(
    ("tensors", "match"),
    [
        ({"vector": _entry("F32", (28,))}, "must be float64 of shape"),
        ({"vector": _entry("F64", (7, 2))}, r"shape \(14\), but float64 of shape \(7, 2\)"),
        ({"vektor": _entry()}, "missing: 'vector'; unknown: 'vektor'"),
        ({"network/vector": _entry()}, "missing: 'vector'"),
    ],
)
def test_arrays_that_do_not_fit_the_network(tmp_path, parsed, tensors, match):
    header, data = parsed
    path = tmp_path / "m"
    path.write_bytes(forge({"__metadata__": header["__metadata__"], **tensors}, data))
    with pytest.raises(FileError, match=match):
        load(path)


def test_huge_networks_take_no_memory(tmp_path, parsed):
    header, data = copy.deepcopy(parsed)
    network = header["__metadata__"]["document"]["children"]["network"]["document"]
    network["inputs"] = 2**31 - 1
    network["layers"][0]["units"] = 2**31 - 1
    content = forge(header, data)
    tracemalloc.start()
    try:
        assert attempt(tmp_path / "m", content) is None
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("entry", "value", "match"),
    [
        ("sha256", None, "entries of its header"),
        ("extra", "x", "entries of its header"),
        ("writer", 3, "entry 'writer' of its header is not text"),
        ("document", "[" * 10**6, "nested deeper"),
        ("document", "{", "could not be read as JSON"),
        ("document", "[]", "description of the model has not the entries"),
        ("document", '{"kind":"os:system","document":{},"children":{}}', "no name"),
        ("document", '{"kind":"parameters","document":[],"children":{}}', "not made of objects"),
        (
            "document",
            '{"kind":"parameters","document":{},"children":{"../x":{}}}',
            "has a name that is no name",
        ),
        (
            "document",
            '{"kind":"a","document":{},"children":{"b":3}}',
            "description of the part 'b' has not",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_crafted_metadata(tmp_path, parsed, entry, value, match):
    header, data = copy.deepcopy(parsed)
    if value is None:
        del header["__metadata__"][entry]
    else:
        header["__metadata__"][entry] = value
    refused(tmp_path / "m", forge(header, data), match)


def test_crafted_header_text(tmp_path, parsed):
    header, data = copy.deepcopy(parsed)
    header["__metadata__"]["document"] = json.dumps(header["__metadata__"]["document"])
    header["__metadata__"]["sha256"] = "0" * 64
    text = json.dumps(header, separators=(",", ":"))
    path = tmp_path / "m"
    assert attempt(path, seal_text(text, data)) is not None
    twice = text[:-1] + ',"vector":' + json.dumps(header["vector"]) + "}"
    refused(path, seal_text(twice, data), "a key stands twice")
    deep = text[:-1] + ',"x":' + "[" * 10**6
    refused(path, seal_text(deep, data), "nested deeper")
    spaced = text.replace('"sha256":', '"sha256": ')
    refused(path, seal_text(spaced, data), "digest is not written as 64")


def test_a_file_that_claims_more_than_it_has_allocates_nothing(tmp_path, whole):
    path = tmp_path / "m"
    path.write_bytes(whole)
    os.truncate(path, 2**33)  # 8 GiB of zeros that take no place on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileError, match="its tensors take 112 bytes"):
        load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_bytes_lost_while_reading(tmp_path, whole, monkeypatch):
    path = tmp_path / "m"
    path.write_bytes(whole[:-4])
    size = os.fstat

    class Longer:
        st_size = len(whole)

    def longer(handle):
        return Longer if size(handle).st_size == len(whole) - 4 else size(handle)

    monkeypatch.setattr("clearprop.files.reading.os.fstat", longer)
    with pytest.raises(FileError, match="it ends within the tensor 'vector'"):
        load(path)
