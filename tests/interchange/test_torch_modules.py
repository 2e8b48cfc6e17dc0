"""nn.Sequential's state dict and code, held against its own names, its print and its answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load_file, save_file

import clearprop
from clearprop import LSTM, Dense, MLPClassifier, MLPRegressor, Network, Parameters, Scaling
from clearprop.errors import FileError, SettingError, ShapeError
from clearprop.interchange.modules import MODULES
from clearprop.interchange.tensors import read_tensors

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
W1 = np.arange(6, dtype=np.float32).reshape(2, 3) / 8
W2 = np.array([[1.0, -0.5], [0.25, 2.0]], dtype=np.float32)
B1, B2 = np.array([0.5, -1], np.float32), np.array([0.125, 3], np.float32)
STATE = {"0.weight": W1, "0.bias": B1, "2.weight": W2, "2.bias": B2}
PRINTED = """Sequential(
  (0): Linear(in_features=3, out_features=2, bias=True)
  (1): ReLU()
  (2): Linear(in_features=2, out_features=2, bias=True)
)"""
BY_HAND = np.maximum(X @ W1.T + B1, 0) @ W2.T + B2

CODE = '''"""3 → 2 relu dropout 0.5 → 2 identity, from clearprop {version}, as PyTorch."""

from safetensors.torch import load_file
from torch import nn


def build(path):
    """Return the network with the weights that a safetensors file holds."""
    model = nn.Sequential(
        nn.Linear(3, 2),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(2, 2),
    )
    model.load_state_dict(load_file(path))
    return model.eval()
'''


@pytest.mark.parametrize("layers", [PRINTED, ["relu", "identity"]])
def test_a_state_dict_comes_in(layers):
    model = clearprop.from_torch(STATE, layers).set_params(engine="reference")
    assert type(model) is MLPRegressor
    assert_array_equal(model.coefs_[0].T, W1)
    assert_array_equal(model.intercepts_[1], B2)
    assert_allclose(model.predict(X), BY_HAND, rtol=1e-5)


def test_state_and_code_go_out():
    network = Network(3, (Dense(2, "relu", dropout=0.5), Dense(2, "identity")))
    found = clearprop.to_torch(Parameters.from_arrays(network, [W1, W2], [B1, B2]))
    assert list(found.state) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    for name, array in zip(found.state, (W1, B1, W2, B2), strict=True):
        assert found.state[name].dtype == np.float32
        assert_array_equal(found.state[name], array)
    assert found.code == CODE.format(version=clearprop.__version__)


def test_a_file_is_one_that_the_library_reads(tmp_path):
    model = MLPClassifier((4,), "tanh", max_iter=1, random_state=0, engine="reference")
    model.fit(X.astype(float), np.arange(20) % 3)
    clearprop.to_torch(model, tmp_path / "m.safetensors")
    state = load_file(tmp_path / "m.safetensors")
    assert_array_equal(state["0.weight"], model.coefs_[0].T)
    assert_array_equal(state["2.bias"], model.intercepts_[1])
    assert state["0.weight"].dtype == np.float64
    code = (tmp_path / "m.py").read_text()
    assert "nn.Linear(3, 4, dtype=torch.float64)" in code
    compile(code, "m.py", "exec")
    back = clearprop.from_torch(tmp_path / "m.safetensors", ["tanh", "softmax"])
    back.set_params(engine="reference")
    assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    with pytest.raises(SettingError, match="its code will be there"):
        clearprop.to_torch(model, tmp_path / "m.py")


def test_logits_get_their_activation():
    wide = {**STATE, "2.weight": np.vstack([W2, W2[:1]]), "2.bias": np.append(B2, B2[:1])}
    model = clearprop.from_torch(wide, PRINTED, classes=["a", "b", "c"])
    model.set_params(engine="reference")
    chances = np.exp(BY_HAND[:, [0, 1, 0]])
    chances /= chances.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), chances, rtol=1e-5)
    one = {**STATE, "2.weight": W2[:1], "2.bias": B2[:1]}
    model = clearprop.from_torch(one, ["relu", "identity"], classes=["no", "yes"])
    model.set_params(engine="reference")
    assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-BY_HAND[:, 0])), rtol=1e-5)


def test_every_module_that_is_printed():
    for kind, name in MODULES.items():
        if kind == "Softmax":
            continue
        printed = PRINTED.replace("ReLU()", f"{kind}()")
        assert clearprop.from_torch(STATE, printed).network_.layers[0].function.name == name
    printed = PRINTED.replace("ReLU()", "LeakyReLU(negative_slope=0.2)\n  (d): Dropout(p=0.25)")
    hidden = clearprop.from_torch(STATE, printed).network_.layers[0]
    assert (str(hidden.function), hidden.dropout) == ("leaky_relu(0.2)", 0.25)
    for call in ("GELU(approximate='tanh')", "Softplus(beta=2.0, threshold=20.0)"):
        with pytest.raises(SettingError, match=r"Module 1 is (GELU|Softplus)\("):
            clearprop.from_torch(STATE, PRINTED.replace("ReLU()", call))
    exp = clearprop.from_torch(STATE, ["relu", "exp"])
    assert "torch.exp(z)" in clearprop.to_torch(exp).code
    other = clearprop.from_torch(STATE, ["relu", "tanh"])
    assert isinstance(other, Parameters)


def test_half_precision_is_read_exactly(tmp_path):
    save_file({"0.weight": W1.astype(np.float16)}, tmp_path / "half.safetensors")
    assert_array_equal(read_tensors(tmp_path / "half.safetensors")["0.weight"], W1)
    header = json.dumps({"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "bf16").write_bytes(
        len(header).to_bytes(8, "little") + header + bytes([0xC0, 0x3F, 0x00, 0xC0])
    )
    assert read_tensors(tmp_path / "bf16")["w"].tolist() == [1.5, -2.0]


def test_files_that_are_none(tmp_path):
    def written(header, data=b""):
        raw = json.dumps(header).encode() if isinstance(header, dict) else header
        (tmp_path / "f").write_bytes(len(raw).to_bytes(8, "little") + raw + data)
        return tmp_path / "f"

    with pytest.raises(FileError, match="no file"):
        read_tensors(tmp_path / "none")
    (tmp_path / "zip").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(FileError, match=r"ZIP archive.*save_file"):
        read_tensors(tmp_path / "zip")
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    for change in ({"dtype": "I64"}, {"shape": [2]}, {"shape": [-1]}, {"data_offsets": [0, 8]},
                   {"data_offsets": [4, 8]}, {"shape": 1}, {"more": 1}):  # fmt: skip
        with pytest.raises(FileError, match="no whole safetensors file"):
            read_tensors(written({"w": {**entry, **change}}, b"abcd"))
    with pytest.raises(FileError, match="no whole safetensors file"):
        read_tensors(written(b"{nonsense"))


def test_what_does_not_fit_is_named():
    with pytest.raises(SettingError, match="Weights alone"):
        clearprop.from_torch(STATE)
    with pytest.raises(SettingError, match=r"3 activations came for 2 linear layers \(0, 2\)"):
        clearprop.from_torch(STATE, ["relu", "relu", "identity"])
    with pytest.raises(ShapeError, match=r"Module 1 takes 2 numbers, but module 0.* gives 3"):
        clearprop.from_torch({"0.weight": W1.T, "1.weight": W2}, ["relu", "identity"])
    with pytest.raises(ShapeError, match=r"'2.weight' was expected"):
        clearprop.from_torch({"0.weight": W1}, PRINTED)
    with pytest.raises(SettingError, match="Conv2d"):
        clearprop.from_torch(STATE, PRINTED.replace("ReLU()", "Conv2d(1, 2)"))
    with pytest.raises(SettingError, match="behind another activation"):
        clearprop.from_torch(STATE, PRINTED.replace("ReLU()", "ReLU()\n  (b): Tanh()"))
    with pytest.raises(SettingError, match="for 2 classes, but 3"):
        clearprop.from_torch(STATE, PRINTED, classes=[0, 1, 2])
    with pytest.raises(SettingError, match="rising order"):
        clearprop.from_torch(STATE, PRINTED, classes=["z", "a"])
    for network in (
        Network(3, (Scaling(), Dense(2, "identity"))),
        Network(3, (LSTM(2), Dense(2, "identity"))),
    ):
        with pytest.raises(SettingError, match=r"no modules for.*to_onnx"):
            clearprop.to_torch(Parameters.initial(network, 0))
    with pytest.raises(SettingError, match="to_onnx"):
        clearprop.to_torch(MLPClassifier())


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted({*MODULES.values()} - {"softmax"}))
def test_against_pytorch(name, dtype, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = Network(3, (Dense(4, name), Dense(5, "elu(0.5)"), Dense(2, "identity")), dtype=dtype)
    parameters = Parameters.initial(network, 0)
    state, script = clearprop.to_torch(parameters).save(tmp_path / "m.safetensors")
    scope = {}
    exec(script.read_text(), scope)  # what a user would import
    module = scope["build"](state)
    rows = X.astype(dtype)
    theirs = module(torch.tensor(rows)).detach().numpy()
    back = clearprop.from_torch(module).set_params(engine="reference")
    assert back.parameters_.vector.tobytes() == parameters.vector.tobytes()
    assert_allclose(back.predict(rows), theirs, rtol=1e-5, atol=1e-6)
