"""Tables come in from files as their owners meant them, or with a message that helps."""

import csv
import datetime
import gzip
import io
import json
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets

from clearprop.errors import ClearpropError, DataError, FileError, SettingError
from clearprop.tables import SHIPPED, read_table, scanning, write_table
from clearprop.tables.delimited import read_delimited


@pytest.fixture
def file(tmp_path):
    def make(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def _stdin(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_types_marks_and_spaces(file):
    frame = read_table(
        file(
            "age,job,member,since,sign,code\n"
            "39, Private,True,2020-01-31,+,1\n"
            " ?,?,false,NA,-,2\n"
            '50,"Self, own",,2021-02-28,+,N/A\n'
        )
    )
    assert frame.to_dict(as_series=False) == {
        "age": [39, None, 50],
        "job": ["Private", None, "Self, own"],
        "member": [True, False, None],
        "since": [datetime.date(2020, 1, 31), None, datetime.date(2021, 2, 28)],
        "sign": ["+", "-", "+"],
        "code": [1, 2, None],
    }
    assert frame.schema["age"] == pl.Int64


def test_a_column_that_turns_to_text_late_is_text(file):
    lines = [str(i) for i in range(10_000)]
    frame = read_table(file("x\n" + "\n".join([*lines, "late"]) + "\n"))
    assert frame["x"].to_list() == [*lines, "late"]
    frame = read_table(file("x\n" + "\n".join([*lines, "0.5"]) + "\n"))
    assert frame["x"].sum() == sum(range(10_000)) + 0.5


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a;b\n1;2,5\n3;4\n", {"a": [1, 3], "b": [2.5, 4.0]}),
        ("a\tb\n1\t2,5\n3\tx\n", {"a": [1, 3], "b": ["2,5", "x"]}),
        ("\ufeffa,b\r\n1,2\r\n", {"a": [1], "b": [2]}),
        ("a,b\r1,2\r3,4\r", {"a": [1, 3], "b": [2, 4]}),
        ("\n\na,b\n1,2\n\n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\n1,2\n\n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\n1,2\n3,4", {"a": [1, 3], "b": [2, 4]}),
        ('a,b\n5" pipe,1\n6" pipe,2\n', {"a": ['5" pipe', '6" pipe'], "b": [1, 2]}),
        ('a,b\n"two\nlines, ""q""",1\n', {"a": ['two\nlines, "q"'], "b": [1]}),
        (",b\n0,1\n", {"column_1": [0], "b": [1]}),
        ("0,1,2\n5,6,7\n", {"0": [5], "1": [6], "2": [7]}),
        ("n\n99999999999999999999\n", {"n": [1e20]}),
        ("x\n1\nnan\n3\n", {"x": [1, None, 3]}),
    ],
)
def test_layouts(file, content, expected):
    assert read_table(file(content)).to_dict(as_series=False) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["empty"]),
        ("\n\n", ["blank"]),
        ("a,b\n", ["2 columns", "no rows"]),
        ("a,b,a\n1,2,3\n", ["'a'", "columns 1 and 3"]),
        ("5.1,3.5\n4.9,3.0\n", ["names", "first line"]),
        ("a,b\n1,2\n3\n4,5\n", ["Line 3", "1 cells where 2"]),
        ("a,b\n1,2\n\n3,4,5\n", ["Line 4", "3 cells where 2"]),
        ('a,b\n"x\ny",2\n"never closed,3\n', ["Line 4", "where 2"]),
        (b"a,b\n1,2\ncaf\xe9,3\n", ["Line 3", "0xe9", "UTF-8"]),
        (b"PAR1\x00\x00", ["Parquet", "CSV", "--format parquet"]),
        (b"\n <!DOCTYPE html><html>", ["HTML"]),
        (b"PK\x03\x04xx", ["ZIP"]),
        ('{"a": 1}\n', ["JSON", "--format jsonl"]),
        (b"a\x00b\n", ["binary"]),
        ("a,b\n1,2\n".encode("utf-16"), ["UTF-16"]),
        (b"\x1f\x8bnot gzip", ["gzip"]),
    ],
)
def test_files_that_are_not_what_they_say(file, content, words):
    with pytest.raises((FileError, DataError)) as caught:
        read_table(file(content))
    for word in words:
        assert word in str(caught.value)


def test_missing_files_and_folders(tmp_path):
    (tmp_path / "adult.csv").write_text("a\n1\n")
    with pytest.raises(FileError, match=r"Did you mean 'adult\.csv'"):
        read_table(tmp_path / "adlut.csv")
    with pytest.raises(FileError, match="folder"):
        read_table(tmp_path)
    (tmp_path / "table.xyz").write_text("a\n1\n")
    with pytest.raises(FileError, match="--format"):
        read_table(tmp_path / "table.xyz")
    with pytest.raises(SettingError, match="csv, tsv"):
        read_table(tmp_path / "adult.csv", format="excel")
    assert read_table(tmp_path / "table.xyz", format="csv")["a"].to_list() == [1]


def test_whole_numbers_stay_whole_beside_marks_of_missing(file):
    assert read_table(file("x,y\n1,1\nnan,-\n")).schema == {"x": pl.Int64, "y": pl.Int64}


def test_text_columns_keep_leading_zeros(file):
    path = file("zip,n\n02139,1\n10115,2\n")
    assert read_table(path)["zip"].to_list() == [2139, 10115]
    assert read_table(path, text_columns=["zip"])["zip"].to_list() == ["02139", "10115"]


FRAME = pl.DataFrame(
    {"i": [1, None, 3], "f": [0.1, 2.5e-300, -7.0], "s": ["x", 'q"u,o', None], "b": [True] * 3}
)


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.parquet", "t.pq", "t.arrow", "t.feather", "t.jsonl", "t.ndjson"]
)
def test_every_format_comes_back(tmp_path, name):
    write_table(FRAME, tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert read_table(tmp_path / name).equals(FRAME, null_equal=True)


def test_arrow_stream_and_packed_text(tmp_path):
    FRAME.write_ipc_stream(tmp_path / "t.arrow")
    assert read_table(tmp_path / "t.arrow").equals(FRAME)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n"))
    assert read_table(tmp_path / "t.csv.gz").to_dict(as_series=False) == {"a": [1], "b": ["x"]}


def test_standard_streams(monkeypatch, capsysbinary):
    _stdin(monkeypatch, b"a,b\n1,x\n")
    frame = read_table("-")
    assert frame.to_dict(as_series=False) == {"a": [1], "b": ["x"]}
    write_table(frame, "-")
    assert capsysbinary.readouterr().out == b"a,b\n1,x\n"
    buffer = io.BytesIO()
    FRAME.write_parquet(buffer)
    _stdin(monkeypatch, buffer.getvalue())
    assert read_table("-", format="parquet").equals(FRAME)
    _stdin(monkeypatch, buffer.getvalue())
    with pytest.raises(FileError, match=r"'standard input'.*--format parquet"):
        read_table("-")


def test_json_lines(file):
    path = file('{"a": 1, "b": "?"}\n\n{"a": 2.5, "c": true}\n', "t.jsonl")
    assert read_table(path).to_dict(as_series=False) == {
        "a": [1.0, 2.5],
        "b": [None, None],
        "c": [None, True],
    }
    with pytest.raises(FileError, match=r"Line 2 .* not JSON"):
        read_table(file('{"a": 1}\n{"a": \n', "bad.jsonl"))
    with pytest.raises(FileError, match=r"Line 2 .*one object a line"):
        read_table(file('{"a": 1}\n3\n', "bad.jsonl"))
    with pytest.raises(FileError, match="array"):
        read_table(file('[{"a": 1}]', "bad.jsonl"))


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_damaged_columnar_files(tmp_path, name):
    path = tmp_path / name
    write_table(pl.DataFrame({"a": range(1000)}), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileError, match="damaged"):
        read_table(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="starts with"):
        read_table(path)


def test_writing_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    with pytest.raises(FileError, match="as csv"):
        write_table(pl.DataFrame({"a": [[1, 2]]}), path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["t.csv"]
    with pytest.raises(FileError, match="does not exist"):
        write_table(FRAME, tmp_path / "none" / "t.csv")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tables(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    frame = read_table(name)
    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    targets = SHIPPED[name]
    assert tuple(frame.columns[-len(targets) :]) == targets
    np.testing.assert_array_equal(frame.drop(targets).to_numpy(), bunch.data)
    values = frame.select(targets).to_numpy()
    if name in ("iris", "wine", "breast_cancer"):
        expected = bunch.target_names[bunch.target][:, None]
    else:
        expected = bunch.target.reshape(len(values), -1)
    np.testing.assert_array_equal(values, expected)


def test_a_file_goes_before_a_shipped_table(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("iris").write_text("mine\n1\n")
    assert read_table("iris", format="csv").columns == ["mine"]


_CELLS = st.text(alphabet='ab1 .,;"\n\r?-\t', max_size=6)


_ROWS = st.integers(1, 4).flatmap(lambda k: st.lists(st.lists(_CELLS, min_size=k, max_size=k)))
_BLOCKS = st.sampled_from([1, 2, 5, 1 << 22])


@settings(max_examples=300, deadline=None)
@given(rows=_ROWS, block=_BLOCKS)
def test_cells_agree_with_the_csv_module(rows, block):
    """Whatever the csv module writes and reads, we read alike, up to marks of missing."""
    width = len(rows[0]) if rows else 1
    names = [f"n{i}" for i in range(width)]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([names, *rows])
    data = buffer.getvalue().encode()
    expected = [row for row in csv.reader(io.StringIO(buffer.getvalue(), newline="")) if row][1:]
    if not expected:
        with pytest.raises(DataError):
            read_delimited(data, "t", separator=",")
        return
    with mock.patch.object(scanning, "_BLOCK", block):
        frame = read_delimited(data, "t", separator=",", text_columns=names)
    marks = {"", "?"}
    cleaned = [tuple(None if c.strip() in marks else c.strip() for c in row) for row in expected]
    assert frame.rows() == cleaned


@settings(max_examples=500, deadline=None)
@given(body=st.text(alphabet='a¿,"\n\r', max_size=30), block=_BLOCKS)
def test_any_text_reads_as_the_csv_module_reads_it_or_is_refused(body, block):
    data = ("x,y\n" + body).encode()
    rows = [row for row in csv.reader(io.StringIO(data.decode(), newline="")) if row][1:]
    try:
        with mock.patch.object(scanning, "_BLOCK", block):
            frame = read_delimited(data, "t", separator=",", text_columns=["x", "y"])
    except ClearpropError:
        assert not rows or any(len(row) != 2 for row in rows)
    else:
        assert frame.rows() == [tuple(cell.strip() or None for cell in row) for row in rows]


def test_plain_files_take_the_fast_way():
    def vouched(data, width=2):
        found = scanning.scan_rows(data, width, ",")
        return found and (found[0].tolist(), found[1])

    assert vouched(b"a,b\n1,2\n") == ([], 2)
    assert vouched(b"a,b\r\n\r\n1,2") == ([1], 3)
    assert vouched(b'\xef\xbb\xbf"a","b"\n"1,""\n",2\n') == ([], 2)
    for odd in (b"a,b\n1\n", b'a,b\n1,x"y\n', b'a,b\n1,"x"y\n', b"a,b\r1,2\r", b'a,b\n1,"2'):
        assert vouched(odd) is None


@pytest.mark.data
@pytest.mark.skipif("CLEARPROP_DATA" not in os.environ, reason="CLEARPROP_DATA is not set")
def test_adult_and_housing():
    folder = Path(os.environ["CLEARPROP_DATA"])
    for name in ("adult.csv", "housing.csv"):
        frame = read_table(folder / name)
        with open(folder / name, newline="") as handle:
            header, *rows = csv.reader(handle)
        assert frame.columns == header
        for column, cells in zip(header, zip(*rows, strict=True), strict=True):
            texts = [cell.strip() for cell in cells]
            if frame.schema[column].is_numeric():
                expected = [float(t) if t not in ("", "?") else None for t in texts]
            else:
                expected = [t if t not in ("", "?") else None for t in texts]
            assert frame[column].to_list() == expected
    assert frame.schema["total_bedrooms"] == pl.Float64


def test_json_round_trip_of_written_lines(tmp_path):
    write_table(FRAME, tmp_path / "t.jsonl")
    lines = (tmp_path / "t.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == FRAME.to_dicts()
