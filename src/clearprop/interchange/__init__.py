"""Interchange: models to and from other libraries, whose formats need not be ours to be right.

    onnx/          to_onnx, onnx_inputs, check_onnx: the whole model, encoding included
    scikit.py      to_sklearn, from_sklearn: fitted networks, the same weights to the bit
    pytorch.py     to_torch, from_torch: nn.Sequential as a state dict, without PyTorch
      modules.py     what nn.Sequential prints, and code that makes it
      tensors.py     safetensors files of other programs

May import: `clearprop.estimators` and what that may import. What other libraries bring is imported
when it is asked for, and what is not installed is named with its pip command.
"""

from clearprop.interchange.onnx import check_onnx, onnx_inputs, to_onnx
from clearprop.interchange.pytorch import TorchModel, from_torch, to_torch
from clearprop.interchange.scikit import from_sklearn, to_sklearn

__all__ = [
    "TorchModel",
    "check_onnx",
    "from_sklearn",
    "from_torch",
    "onnx_inputs",
    "to_onnx",
    "to_sklearn",
    "to_torch",
]
