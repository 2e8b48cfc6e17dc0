"""What is not installed is named, with the command that installs it; nothing loads it unasked."""

from __future__ import annotations

import subprocess
import sys

import pytest

import clearprop
from clearprop import Dense, Network, Parameters
from clearprop.errors import MissingExtraError
from clearprop.tracking import MLflow, TensorBoard

NETWORK = Network(2, (Dense(1, "identity"),))
# a module of an extra → the extra, what is said, and what asks for it
ASKED = {
    "onnx": (
        "onnx",
        "Export to ONNX needs onnx",
        lambda: clearprop.to_onnx(Parameters.initial(NETWORK, 0)),
    ),
    "onnxruntime": (
        "onnx",
        "Running an ONNX graph needs onnxruntime",
        lambda: clearprop.check_onnx(None, b"", []),
    ),
    "tensorboardX": (
        "track",
        "Tracking with TensorBoard needs tensorboardX",
        lambda: TensorBoard("runs"),
    ),
    "mlflow": ("track", "Tracking with MLflow needs mlflow", MLflow),
}


@pytest.mark.parametrize("module", ASKED)
def test_a_missing_extra(module, monkeypatch):
    extra, sentence, ask = ASKED[module]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as found:
        ask()
    assert str(found.value) == f"{sentence}, which is an extra: pip install 'clearprop[{extra}]'"


def test_jax_is_an_extra():
    program = (
        "import sys; sys.modules['jax'] = None\n"
        "from clearprop import Dense, Network\n"
        "from clearprop.engines import Recipe, build\n"
        "build('xla', Network(2, (Dense(1, 'identity'),)), Recipe())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "MissingExtraError" in done.stderr
    assert "pip install 'clearprop[xla]'" in done.stderr


def test_nothing_loads_them_unasked():
    program = (
        "import sys, clearprop.cli, clearprop.interchange, clearprop.tracking\n"
        "names = {'onnx', 'onnxruntime', 'tensorboardX', 'mlflow', 'torch', 'jax', 'nicegui'}\n"
        "print(names & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "set()\n", done.stderr
