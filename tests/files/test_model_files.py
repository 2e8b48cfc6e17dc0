"""Saving and loading whole models: what comes back, what is refused, what safetensors thinks."""

import datetime
import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import safetensors.numpy

from clearprop import __version__
from clearprop.errors import FileError, SettingError
from clearprop.files import PARTS, Parts, describe, from_parts, load, save, to_parts
from clearprop.files.containers import MAX_HEADER
from clearprop.functions import CustomLoss, Loss
from clearprop.network import GRU, LSTM, Dense, Network, Parameters, Recurrent

SAMPLES = Path(__file__).parent / "samples"

NETWORK = Network(
    4,
    (Dense(5, "leaky_relu(0.12345678901234567)", dropout=0.25), Dense(3, "softmax")),
    Loss("cross_entropy", label_smoothing=0.1),
)


class Estimator:
    """A class as the estimators are: it turns itself to parts and back."""

    def __init__(self, settings, parameters, extra):
        self.settings, self.parameters, self.extra = settings, parameters, extra

    def to_parts(self):
        return Parts("estimator", self.settings, self.extra, {"net": to_parts(self.parameters)})

    @classmethod
    def from_parts(cls, parts):
        parts.expect(parts.document, parts.arrays, ("net",))
        return cls(parts.document, from_parts(parts.child("net", "parameters")), dict(parts.arrays))


class Picky:
    """A class whose way back raises what careless code raises."""

    error: Exception = KeyError("weights")

    def to_parts(self):
        return Parts("picky", {})

    @classmethod
    def from_parts(cls, parts):
        raise cls.error


@pytest.fixture(autouse=True)
def _kinds(monkeypatch):
    monkeypatch.setitem(PARTS, "estimator", f"{__name__}:Estimator")
    monkeypatch.setitem(PARTS, "picky", f"{__name__}:Picky")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_come_back_bit_for_bit(tmp_path, dtype):
    network = Network(NETWORK.inputs, NETWORK.layers, NETWORK.loss, dtype)
    saved = Parameters.initial(network, 3)
    saved.vector[:4] = np.nan, -0.0, np.inf, 5e-324
    assert save(saved, str(tmp_path / "m")) == tmp_path / "m"
    loaded = load(tmp_path / "m")
    assert loaded.network == network
    assert loaded.vector.dtype == dtype
    assert loaded.vector.tobytes() == saved.vector.tobytes()
    assert loaded.vector.flags.writeable
    assert loaded.vector.flags.owndata


def test_network_comes_back_equal(tmp_path):
    assert load(save(NETWORK, tmp_path / "n.clearprop")) == NETWORK


def test_every_type_and_shape_of_array(tmp_path):
    arrays = {
        "big_endian": np.arange(3, dtype=">f8"),
        "columns": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        "every_other": np.arange(10, dtype=np.float32)[::2],
        "bytes": np.array([0, 255], dtype=np.uint8),
        "truth": np.array([[True], [False], [True]]),
        "scalar": np.array(7.5),
        "empty": np.zeros((0, 4), dtype=np.float32),
    }
    model = Estimator({"alpha": 0.1}, Parameters.initial(NETWORK), arrays)
    loaded = load(save(model, tmp_path / "m"))
    assert loaded.settings == {"alpha": 0.1}
    assert loaded.extra.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded.extra[name].dtype == array.dtype.newbyteorder("=")
        assert loaded.extra[name].dtype.isnative
        assert loaded.extra[name].shape == array.shape
        np.testing.assert_array_equal(loaded.extra[name], array)
    np.testing.assert_array_equal(loaded.parameters.vector, model.parameters.vector)


def test_safetensors_reads_the_file_alike(tmp_path):
    arrays = {"mask": np.array([True, False, True]), "mean": np.linspace(0, 1, 5)}
    model = Estimator({"name": "Ünïcode \ud800 $"}, Parameters.initial(NETWORK), arrays)
    path = save(model, tmp_path / "m")
    seen = safetensors.numpy.load_file(path)
    assert seen.keys() == {"mask", "mean", "net/vector"}
    np.testing.assert_array_equal(seen["mask"], arrays["mask"])
    np.testing.assert_array_equal(seen["mean"], arrays["mean"])
    np.testing.assert_array_equal(seen["net/vector"], model.parameters.vector)
    with safetensors.safe_open(path, "np") as file:
        metadata = file.metadata()
    assert metadata["format"] == "clearprop-model"
    assert metadata["version"] == "1"
    assert metadata["writer"] == __version__
    assert json.loads(metadata["document"])["document"] == model.settings
    blank = path.read_bytes().replace(metadata["sha256"].encode(), b"0" * 64)
    assert hashlib.sha256(blank).hexdigest() == metadata["sha256"]


def test_same_model_same_bytes(tmp_path):
    model = Parameters.initial(NETWORK)
    first, second = save(model, tmp_path / "a"), save(model, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


def test_describe_tells_without_building(tmp_path):
    path = save(Picky(), tmp_path / "p")
    assert describe(path) == {
        "format": "clearprop-model",
        "version": 1,
        "writer": __version__,
        "bytes": path.stat().st_size,
        "model": {"kind": "picky", "document": {}, "children": {}},
        "tensors": {},
    }
    described = describe(save(Parameters.initial(NETWORK), tmp_path / "q"))
    assert described["tensors"] == {"vector": {"dtype": "float32", "shape": [4 * 5 + 5 + 18]}}
    assert described["model"]["children"]["network"]["document"]["inputs"] == 4


@pytest.mark.parametrize(
    "error", [KeyError("weights"), TypeError("x"), ZeroDivisionError("x"), SettingError("x")]
)
def test_parts_that_make_no_model_are_a_file_error(tmp_path, monkeypatch, error):
    monkeypatch.setattr(Picky, "error", error)
    path = save(Picky(), tmp_path / "p")
    with pytest.raises(FileError, match="part of kind 'picky' could not be rebuilt") as caught:
        load(path)
    assert repr(str(path)) in str(caught.value)


def test_unknown_kind(tmp_path, monkeypatch):
    path = save(Picky(), tmp_path / "p")
    monkeypatch.delitem(PARTS, "picky")
    with pytest.raises(FileError, match=r"kind 'picky', which this clearprop does not know"):
        load(path)


def test_what_cannot_be_saved(tmp_path):
    class Subclass(Estimator):
        pass

    parameters = Parameters.initial(NETWORK)
    with pytest.raises(SettingError, match="cannot hold a dict"):
        save({"a": 1}, tmp_path / "m")
    with pytest.raises(SettingError, match="no subclasses"):
        save(Subclass({}, parameters, {}), tmp_path / "m")
    with pytest.raises(SettingError, match=r"'x' has dtype int32"):
        save(Estimator({}, parameters, {"x": np.zeros(1, np.int32)}), tmp_path / "m")
    with pytest.raises(SettingError, match=r"'x' has dtype object"):
        save(Estimator({}, parameters, {"x": np.array([None])}), tmp_path / "m")
    with pytest.raises(SettingError, match=r"'x' must be a NumPy array, but a numpy\.ma"):
        save(Estimator({}, parameters, {"x": np.ma.zeros(2)}), tmp_path / "m")
    with pytest.raises(SettingError, match=r"document\.a\[1\] cannot be stored .* builtins\.set"):
        save(Estimator({"a": [1, {2}]}, parameters, {}), tmp_path / "m")
    with pytest.raises(SettingError, match="holds at most"):
        save(Estimator({"a": "x" * MAX_HEADER}, parameters, {}), tmp_path / "m")
    wrong = Parameters(NETWORK, np.zeros(NETWORK.size))
    with pytest.raises(SettingError, match="computes in float32, but its vector is float64"):
        save(wrong, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a/b", "", "__metadata__", "x" * 101, "é", 3])
def test_names_of_parts_and_arrays(name):
    with pytest.raises(SettingError, match="named by a letter"):
        Parts("network", {}, {name: np.zeros(1)})


def test_own_loss_is_named_and_missed_only_when_it_is_needed(tmp_path):
    own = CustomLoss(lambda y, a: ((a - y) ** 2).sum(1), lambda y, z, a: 2 * (a - y), "mine")
    saved = Parameters.initial(Network(2, (Dense(1, "identity"),), own))
    loaded = load(save(saved, tmp_path / "m"))
    np.testing.assert_array_equal(loaded.vector, saved.vector)
    assert str(loaded.network) == str(saved.network)
    assert loaded.network.objective.name == "mine"
    y = np.zeros((1, 1))
    with pytest.raises(SettingError, match=r"'mine', which a model file cannot hold"):
        loaded.network.objective.delta(np, loaded.network.layers[0].function, y, y, y)
    with pytest.raises(SettingError, match="give it again"):
        loaded.network.objective.value(np, loaded.network.layers[0].function, y, y, y)
    assert load(save(loaded, tmp_path / "again")).network == loaded.network


def test_parts_are_checked_by_name_dtype_and_shape():
    child = Parts("network", {})
    parts = Parts("estimator", {"a": 1}, {"x": np.zeros((2, 3))}, {"net": child})
    parts.expect(("a",), ("x",), ("net",))
    assert parts.array("x", "float64", (None, 3)) is parts.arrays["x"]
    assert parts.child("net", "network") is child
    with pytest.raises(FileError, match=r"fields .* must be b; missing: 'b'; unknown: 'a'"):
        parts.expect(("b",), ("x",), ("net",))
    with pytest.raises(FileError, match=r"arrays .* missing: none; unknown: 'x'"):
        parts.expect(("a",), (), ("net",))
    with pytest.raises(FileError, match=r"float32 of shape \(2, 3\), but float64 of shape"):
        parts.array("x", "float32", (2, 3))
    with pytest.raises(FileError, match=r"of shape \(any, 4\)"):
        parts.array("x", "float64", (None, 4))
    with pytest.raises(FileError, match="lacks its array 'y'"):
        parts.array("y", "float64", ())
    with pytest.raises(FileError, match="must be of kind 'parameters', but 'network' came"):
        parts.child("net", "parameters")


def test_files_of_the_first_version_stay_readable():
    # written once, by the first version; this file is never written again
    loaded = load(SAMPLES / "version-1.bin")
    assert loaded.network == Network(
        2, (Dense(2, "elu(0.5)", scale="ntk"), Dense(1, "sigmoid")), "binary_cross_entropy"
    )
    np.testing.assert_array_equal(loaded.vector, np.arange(9, dtype=np.float32) / 8)


def test_files_of_the_first_networks_of_sequences_stay_readable():
    # written once, when there were such networks; this file is never written again
    loaded = load(SAMPLES / "sequences-1.bin")
    layers = (
        LSTM(2, "both", 0.25, forget_bias=0.5),
        GRU(1),
        Recurrent(2, "backward", activation="elu(0.5)"),
        Dense(1, "identity"),
    )
    assert loaded.network == Network(3, layers, "huber(2)", "float64", "mean")
    np.testing.assert_array_equal(loaded.vector, np.arange(loaded.network.size) / 64)


def test_files_of_the_first_models_of_tables_stay_readable():
    # written once, when all numbers were standardised; this file is never written again
    loaded = load(SAMPLES / "table-1.bin")
    size, colour, shape, _, sold, same = loaded.encoder_.columns
    assert (size.scaling, size.mean, size.deviation) == ("standard", 288 / 37, 4.68542960120469)
    assert (colour.levels, shape.levels) == (("red", "blue", "green"), ("round", "flat"))
    assert (sold.scaling, same.reason) == ("standard", "constant")
    day = datetime.date(2020, 1, 10)
    rows = {
        "size": [3.0, None, 40.0],
        "colour": ["red", "blue", "pink"],
        "shape": ["flat", "round", None],
        "new": [True, None, False],
        "sold": [day, None, datetime.date(2022, 6, 1)],
    }
    got = loaded.encoder_.transform(pl.DataFrame(rows), np.float64)
    # (x - mean) / deviation, as the version that wrote the file printed it
    numbers = [
        [-1.0209915, 0, -0.45374261, -0.11816442, 1.06267449, -0.74459311, -0.51629086],
        [0.04614651, 1, 0, 0, 0, 0, 0],
        [6.87582974, 0, 4.86152793, 0.66373068, -1.48582641, -1.78533121, 1.48994688],
    ]
    others = [[1, 0, 0, 1, 1], [0, 1, 0, -1, 0], [0, 0, 0, 0, -1]]
    np.testing.assert_allclose(got[:, [0, 1, 7, 8, 9, 10, 11]], numbers, atol=5e-9)
    assert got[:, 2:7].tolist() == others
    shares = [[0.0446744, 0.9553256], [0.1181255, 0.8818745], [0.5022929, 0.49770716]]
    np.testing.assert_allclose(loaded.predict_proba(pl.DataFrame(rows)), shares, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG picture"),
        (pickle.dumps({"a": np.zeros(3)}), "a pickle .*, which clearprop never opens"),
        (b"PK\x03\x04" + bytes(40), "a ZIP archive"),
        (("Länge,Breite\n" * 9 + "ä" * 500).encode(), "text"),
        (b'{"a": 1}', "text"),
        (bytes(range(128, 256)), "a file of an unknown kind"),
        (safetensors.numpy.save({"a": np.zeros(2)}), "another program's"),
        (safetensors.numpy.save({"a": np.zeros(2)}, {"format": "pt"}), "another program's"),
    ],
)
def test_other_files_are_named(tmp_path, content, looks):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(FileError, match=looks) as caught:
        load(path)
    assert repr(str(path)) in str(caught.value)


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(FileError, match="There is no file"):
        load(tmp_path / "missing")
    with pytest.raises(FileError, match="It is a folder"):
        load(tmp_path)
    with pytest.raises(FileError, match="It is a device"):
        load("/dev/zero")
    with pytest.raises(FileError, match="null"):
        load("a\0b")


def test_import_is_light():
    heavy = "sklearn scipy numba polars pandas rich matplotlib safetensors"
    code = f"import clearprop.files, sys; print([m for m in {heavy.split()} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
