"""Tables in Parquet and Arrow files, read group by group: footers, order, division, summary."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest

from clearprop.errors import DataError, FileError, SettingError
from clearprop.tables import EncoderOptions, TableEncoder, fit_target, infer_task
from clearprop.tables.streams import (
    Columns,
    Shares,
    Stream,
    ahead,
    buffers_of,
    bytes_of,
    summarise,
    visits_of,
    write_frames,
)
from clearprop.tables.streams.footers import arrow_groups, parquet_groups
from clearprop.tables.summaries import LevelCounts

ROWS = 3_000


def table(rows=ROWS):
    random = np.random.default_rng(1)
    values = random.lognormal(size=rows)
    dates = pl.datetime_range(
        pl.datetime(2024, 1, 1), pl.datetime(2024, 12, 31), "1h", eager=True
    ).head(rows)
    return pl.DataFrame(
        {
            "n": pl.Series([None if i % 7 == 0 else v for i, v in enumerate(values)]),
            "copy": pl.Series([None if i % 7 == 0 else v for i, v in enumerate(values)]),
            "c": random.choice(["red", "green", "blue", "rare"], rows, p=[0.5, 0.3, 0.19, 0.01]),
            "flag": random.random(rows) < 0.3,
            "text": pl.Series([str(int(v)) for v in random.integers(0, 50, rows)]),
            "d": dates.sample(rows, with_replacement=True, seed=1),
            "g": random.integers(0, 40, rows),
            "w": random.integers(0, 3, rows).astype(float),
            "y": random.choice(["no", "yes"], rows, p=[0.8, 0.2]),
            "z": values * 2 + random.normal(size=rows),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three files of several groups each, of both formats."""
    whole, place = table(), tmp_path_factory.mktemp("stream")
    whole[:1100].write_parquet(place / "a.parquet", row_group_size=300)
    (place / "inside").mkdir()
    whole[1100:2500].write_parquet(place / "inside" / "b.parquet", row_group_size=500)
    whole[2500:].write_ipc(place / "z.arrow", record_batch_size=200)
    (place / "_about.parquet").write_bytes(b"not read")
    return place


def test_footers_tell_groups_as_pyarrow_does(tmp_path):
    values = pa.table({"c": pa.array(["a", None] * 20).dictionary_encode(), "x": range(40)})
    parquet.write_table(values, tmp_path / "t.parquet", row_group_size=11)
    known = parquet.ParquetFile(tmp_path / "t.parquet").metadata
    groups = parquet_groups(tmp_path / "t.parquet")
    assert [group.rows for group in groups] == [11, 11, 11, 7]
    for number, group in enumerate(groups):
        columns = [known.row_group(number).column(k) for k in range(known.num_columns)]
        assert group.size == sum(column.total_compressed_size for column in columns)
    feather.write_feather(values, str(tmp_path / "t.arrow"), chunksize=15)
    assert [group.rows for group in arrow_groups(tmp_path / "t.arrow")] == [15, 15, 10]


def test_damaged_footers_are_errors_that_name_the_file(tmp_path, folder):
    for source, groups in (
        (folder / "a.parquet", parquet_groups),
        (folder / "z.arrow", arrow_groups),
    ):
        data = source.read_bytes()
        # cut short, and with every byte of the footer's beginning turned over
        broken = [data[:-5], data[: len(data) // 2] + data[-10:]]
        for number, bad in enumerate(broken):
            path = tmp_path / f"{number}{source.suffix}"
            path.write_bytes(bad)
            with pytest.raises(FileError, match=str(path)):
                groups(path)


def test_pieces_give_all_rows_in_order(folder):
    stream = Stream(folder, "200MB")
    assert (stream.rows, stream.columns) == (ROWS, table().columns)
    assert [piece.rows for piece in stream.pieces] == [
        300,
        300,
        300,
        200,
        500,
        500,
        400,
        200,
        200,
        100,
    ]
    assert pl.concat(list(stream)).equals(table())
    assert stream.whole().equals(table())
    assert [piece.first_row for piece in stream.pieces][-1] == 2900
    # a group that is large beside the bound is cut
    small = Stream(folder, 400_000)
    assert max(piece.rows for piece in small.pieces) * small.row_bytes <= 400_000 / 40
    assert pl.concat(list(small)).equals(table())


def test_what_cannot_be_streamed_is_refused_with_a_way_out(tmp_path, folder):
    with pytest.raises(FileError, match="no file whose name ends in"):
        Stream(tmp_path)
    table(5).write_csv(tmp_path / "t.csv")
    with pytest.raises(FileError, match="sink_parquet"):
        Stream(tmp_path / "t.csv")
    table(5).write_ipc_stream(tmp_path / "s.arrow")
    with pytest.raises(FileError, match="Arrow stream"):
        Stream(tmp_path / "s.arrow")
    table(5).drop("g").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(FileError, match="'g' is"):
        Stream([folder / "a.parquet", tmp_path / "t.parquet"])
    with pytest.raises(SettingError, match="smaller groups"):
        Stream(folder, 20_000)
    with pytest.raises(SettingError, match="1GB"):
        bytes_of("much")
    assert [bytes_of(x) for x in ("1GB", "1.5 GiB", "800mb", 7)] == [10**9, 3 * 2**29, 8 * 10**8, 7]


def test_orders_are_permutations_told_by_seed_and_epoch():
    sizes = np.array([5, 9, 4, 0, 7, 5, 8, 3])
    buffers = buffers_of(sizes, 15, seed=3, epoch=2)
    assert sorted(piece for b in buffers for piece in b.pieces) == [0, 1, 2, 4, 5, 6, 7]
    assert [b.start for b in buffers] == list(np.cumsum([0, *(b.rows for b in buffers[:-1])]))
    assert all(b.rows <= 15 for b in buffers)
    assert buffers == buffers_of(sizes, 15, seed=3, epoch=2)
    assert buffers != buffers_of(sizes, 15, seed=3, epoch=3)
    assert buffers != buffers_of(sizes, 15, seed=4, epoch=2)
    places = [b.places(3, 2) for b in buffers]
    for buffer, found in zip(buffers, places, strict=True):
        assert sorted(found) == list(range(buffer.rows))
        assert np.array_equal(found, buffer.places(3, 2))


def test_workers_share_the_pieces_and_visit_equally_many_rows():
    sizes = np.arange(1, 12)
    shares = [buffers_of(sizes, 20, 0, 1, (rank, 3)) for rank in range(3)]
    seen = [piece for buffers in shares for b in buffers for piece in b.pieces]
    assert len(seen) == len(set(seen))
    rows = [sum(b.rows for b in buffers) for buffers in shares]
    assert rows == [visits_of(sizes, 0, 3)] * 3
    # the same pieces in every epoch, so that a worker's disk holds what it needs
    own = [{p for b in buffers_of(sizes, 99, 0, e, (0, 3)) for p in b.pieces} for e in (0, 5)]
    assert len(own[0] ^ own[1]) <= 2  # but for those that equal numbers of rows cut off


def test_parts_are_told_by_row_number_or_group_and_are_all_rows(folder):
    whole, shares = table(), Shares(0.2, 0.1, seed=4)
    one = [shares.rows(whole, 0, part) for part in ("train", "validation", "test")]
    assert sorted(np.concatenate(one)) == list(range(ROWS))
    assert len(one[2]) == pytest.approx(0.2 * ROWS, rel=0.1)
    assert len(one[1]) == pytest.approx(0.1 * ROWS, rel=0.15)
    # wherever the table is cut
    assert np.array_equal(shares.rows(whole[1000:], 1000, "test") + 1000, one[2][one[2] >= 1000])
    assert not np.array_equal(Shares(0.2, 0.1, seed=5).rows(whole, 0, "test"), one[2])
    grouped = Shares(0.3, 0.0, 1, "g")
    test = set(whole["g"][grouped.rows(whole, 0, "test")])
    assert test
    assert not test & set(whole["g"][grouped.rows(whole, 0, "train")])


def test_one_pass_finds_what_the_whole_table_tells(folder):
    stream, shares = Stream(folder, 400_000_000), Shares(0.2, 0.1, seed=2)
    options = EncoderOptions(drop=("z",))
    found = summarise(stream, Columns(("y",), "w", "g"), shares, options)
    whole = table()
    train, held = (shares.rows(whole, 0, part) for part in ("train", "validation"))
    known = TableEncoder.fit(whole.drop("y", "w", "g"), options, rows=train)
    encoder = found.encoder()
    for one, other in zip(encoder.columns, known.columns, strict=True):
        for name in one.__slots__:
            value, wanted = getattr(one, name), getattr(other, name)
            # the mean and the deviation are added up in another order
            same = pytest.approx(wanted, rel=1e-12) if name in ("mean", "deviation") else wanted
            assert value == same, (one.name, name)
    assert np.array_equal(encoder.transform(whole, np.float64), known.transform(whole, np.float64))
    assert found.sketched == {}
    assert found.fitting.rows == 0  # what it was fitted from is let go
    assert found.rows == len(train)
    assert found.validation.frame.equals(whole[held])
    assert np.array_equal(found.validation.row_numbers, held)
    assert found.sample.frame.equals(whole[train])  # few rows: all of them
    assert found.tested == ROWS - len(train) - len(held)
    seen = whole[np.sort(np.concatenate([train, held]))]
    task = infer_task(seen, ["y"])
    assert found.targets.task(None) == task
    assert found.targets.target(task) == fit_target(seen.select("y"), task)
    counts = dict(zip(found.targets.table["y"], found.targets.counts, strict=True))
    assert counts == {"no": (seen["y"] == "no").sum(), "yes": (seen["y"] == "yes").sum()}


def test_many_numbers_as_a_target_are_a_regression(folder, monkeypatch):
    monkeypatch.setattr("clearprop.tables.streams.summary.MOST_TARGETS", 100)
    found = summarise(Stream(folder, "1GB"), Columns(("z",)), Shares(), EncoderOptions())
    task = found.targets.task(None)
    assert (task.name, "more than 100 distinct" in task.reason) == ("regression", True)
    target = found.targets.target(task)
    assert target.means == (pytest.approx(table()["z"].mean()),)
    assert target.scales == (pytest.approx(table()["z"].std(ddof=0)),)


def test_quartiles_of_large_columns_are_those_of_a_sample_as_in_memory(folder):
    options = EncoderOptions(quantile_rows=500)
    found = summarise(Stream(folder, "1GB"), Columns(("y",)), Shares(), options)
    assert found.fitting.sketched["n"] == "quartiles"
    known = TableEncoder.fit(table().drop("y"), options).columns[0]
    column = found.encoder().columns[0]
    assert found.sketched["n"] == "quartiles"
    assert (column.median, column.upper_quartile) == (known.median, known.upper_quartile)
    # in rank within three standard errors
    rank = (table()["n"].drop_nulls() < column.median).mean()
    assert abs(rank - 0.5) < 3 * np.sqrt(0.25 / 500)


def test_counts_of_very_many_texts_are_short_by_no_more_than_is_said():
    random = np.random.default_rng(0)
    words = np.array([f"w{int(v)}" for v in random.zipf(1.3, 20_000)])
    exact, sketch = LevelCounts(), LevelCounts(most=300)
    for start in range(0, len(words), 2000):
        for counts in (exact, sketch):
            counts.update(pl.Series(words[start : start + 2000]), start)
    true = dict(exact.by_frequency().select("level", "count").iter_rows())
    kept = dict(sketch.by_frequency().select("level", "count").iter_rows())
    assert exact.lost == 0 < sketch.lost < 0.02 * len(words)
    assert len(kept) <= 300
    assert all(0 <= true[level] - count <= sketch.lost for level, count in kept.items())
    assert [*kept][:20] == [*true][:20]


def test_bad_targets_and_weights_name_the_row(tmp_path):
    frame = pl.DataFrame({"x": range(50), "y": [0.5] * 49 + [None], "w": [1.0] * 30 + [-1.0] * 20})
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=7)
    stream = Stream(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="row 50"):
        summarise(stream, Columns(("y",)), Shares(), EncoderOptions())
    with pytest.raises(DataError, match="row 31"):
        summarise(stream, Columns(("x",), "w"), Shares(), EncoderOptions())
    with pytest.raises(SettingError, match="no column 'q'"):
        summarise(stream, Columns(("q",)), Shares(), EncoderOptions())


def test_the_next_item_is_made_ahead_and_no_more():
    made = []
    items = ahead(lambda k: made.append(k) or k, range(5))
    assert next(items) == 0
    assert next(items) == 1
    assert made in ([0, 1], [0, 1, 2])
    assert list(items) == [2, 3, 4]
    broken = ahead(lambda k: 1 // k, [1, 0])
    assert next(broken) == 1
    with pytest.raises(ZeroDivisionError):
        next(broken)


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "tsv", "jsonl"])
def test_frames_are_written_one_behind_another(tmp_path, ending):
    from clearprop.tables import read_table

    path = tmp_path / f"out.{ending}"
    frame = pl.DataFrame({"a": range(100), "b": [f"t{k}" for k in range(100)]})
    rows, columns = write_frames((frame[k : k + 30] for k in range(0, 100, 30)), path)
    assert (rows, columns) == (100, ["a", "b"])
    assert read_table(path).equals(frame)

    def failing():
        yield frame
        raise DataError("row 101 is odd")

    with pytest.raises(DataError, match="row 101"):
        write_frames(failing(), path)
    assert read_table(path).equals(frame)  # the old file stands
