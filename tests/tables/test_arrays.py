"""NPZ and IDX files, whole and damaged."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from clearprop.errors import DataError, FileError, ShapeError
from clearprop.tables import holds_arrays, read_arrays, read_idx, read_table

IMAGES = struct.pack(">HBBIII", 0, 8, 3, 2, 2, 3) + bytes(range(12))
LABELS = struct.pack(">HBBI", 0, 8, 1, 2) + bytes([7, 1])


def test_idx_by_hand(tmp_path):
    (tmp_path / "a").write_bytes(IMAGES)
    assert read_idx(tmp_path / "a").tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    words = struct.pack(">HBBI", 0, 0x0B, 1, 2) + struct.pack(">hh", -2, 300)
    (tmp_path / "b.gz").write_bytes(gzip.compress(words, mtime=0))
    values = read_idx(tmp_path / "b.gz")
    assert values.tolist() == [-2, 300]
    assert values.dtype == np.int16
    assert values.flags.writeable


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_labels_are_found_beside_images(tmp_path, suffix):
    pack = gzip.compress if suffix else bytes
    (tmp_path / f"t10k-images-idx3-ubyte{suffix}").write_bytes(pack(IMAGES))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(LABELS)
    arrays = read_arrays(tmp_path / f"t10k-images-idx3-ubyte{suffix}")
    np.testing.assert_array_equal(arrays.X, np.arange(12).reshape(2, 6))
    np.testing.assert_array_equal(arrays.y, [7, 1])
    assert arrays.names == (f"t10k-images-idx3-ubyte{suffix}", "t10k-labels-idx1-ubyte")
    assert holds_arrays(tmp_path / f"t10k-images-idx3-ubyte{suffix}")


def test_images_without_labels_and_labels_by_name(tmp_path):
    (tmp_path / "pictures").write_bytes(IMAGES)
    (tmp_path / "digits").write_bytes(LABELS)
    assert read_arrays(tmp_path / "pictures").y is None
    arrays = read_arrays(tmp_path / "pictures", labels=tmp_path / "digits")
    np.testing.assert_array_equal(arrays.y, [7, 1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (IMAGES[:-1], ["12 bytes", "11 follow"]),
        (IMAGES + b"x", ["12 bytes", "more"]),
        (IMAGES[:9], ["header"]),
        (b"", ["first bytes"]),
        (b"a,b\n1,2\n", ["IDX", "CSV"]),
        (gzip.compress(IMAGES, mtime=0)[:-12], ["damaged"]),
        (struct.pack(">HBBII", 0, 8, 2, 2**32 - 1, 2**32 - 1) + b"x", ["1 follow"]),
    ],
)
def test_damaged_idx(tmp_path, content, words):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_arrays(tmp_path / "a")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("names", [("X", "y"), ("x_train", "y_train"), ("data", "target")])
def test_npz(tmp_path, names):
    X, y = np.arange(12.0).reshape(2, 2, 3), np.array(["a", "b"])
    np.savez(tmp_path / "t.npz", **{names[0]: X, names[1]: y[:, None]}, other_y=np.array([5, 6]))
    arrays = read_arrays(tmp_path / "t.npz")
    np.testing.assert_array_equal(arrays.X, X.reshape(2, 6))
    np.testing.assert_array_equal(arrays.y, y)
    assert arrays.names == names
    chosen = read_arrays(tmp_path / "t.npz", keys=(names[0], "other_y"))
    np.testing.assert_array_equal(chosen.y, [5, 6])
    assert holds_arrays(tmp_path / "t.npz")


def test_npz_that_cannot_be_used(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, a=np.ones(3))
    with pytest.raises(FileError, match=r"it holds 'a'"):
        read_arrays(path)
    with pytest.raises(FileError, match=r"'X' and 'q'"):
        read_arrays(path, keys=("X", "q"))
    np.savez(path, X=np.ones((3, 2)), y=np.ones(2))
    with pytest.raises(ShapeError, match=r"3 rows; got shape \(2,\)"):
        read_arrays(path)
    np.savez(path, X=np.array(["a"]))
    with pytest.raises(DataError, match="numbers"):
        read_arrays(path)
    np.savez(path, X=np.array([{}], dtype=object))
    with pytest.raises(FileError, match="Python objects"):
        read_arrays(path)
    np.savez(path, X=np.ones((100, 100)))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FileError, match="damaged"):
        read_arrays(path)
    with pytest.raises(FileError, match="could not be read"):
        read_arrays(tmp_path / "none.npz")


def test_tables_hold_no_arrays(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    assert not holds_arrays(tmp_path / "t.csv")
    assert not holds_arrays("iris")
    (tmp_path / "t.npz").write_bytes(b"PK")
    with pytest.raises(FileError, match="does not say"):
        read_table(tmp_path / "t.npz")


@pytest.mark.data
@pytest.mark.skipif("CLEARPROP_DATA" not in os.environ, reason="CLEARPROP_DATA is not set")
def test_mnist():
    folder = Path(os.environ["CLEARPROP_DATA"])
    arrays = read_arrays(folder / "mnist10k-images-idx3-ubyte.gz")
    assert arrays.X.shape == (10_000, 784)
    with gzip.open(folder / "mnist10k-labels-idx1-ubyte.gz") as handle:
        assert arrays.y is not None
        assert arrays.y.tobytes() == handle.read()[8:]
    # The test set's counts of the digits 0 to 9, as published.
    assert np.bincount(arrays.y).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip


def test_an_npz_file_whose_beginning_is_spoilt(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, X=np.ones((2, 2)), y=np.ones(2))
    path.write_bytes(b"PK\x07" + path.read_bytes()[3:])
    with pytest.raises(FileError, match="no archive of arrays"):
        read_arrays(path)
