"""`Graph`: an ONNX graph in the making.

A value is named by a string, as ONNX does it. Operators are those of opset 17 (2022), which every
runtime of the last years knows, and of the first versions of `ai.onnx.ml` for text.

Public names: `Graph`, `INTEGER`, `REAL`, `TEXT`.
May import: `clearprop.importing`, NumPy; onnx (the extra `onnx`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from clearprop.importing import import_extra

OPSET, ML_OPSET, IR_VERSION = 17, 2, 8

# what columns and lengths come as
REAL, INTEGER, TEXT = np.dtype(np.float64), np.dtype(np.int64), np.dtype(object)

_WHAT = "Export to ONNX"


class Graph:
    """Nodes, constants, inputs and outputs, added one by one.

    Parameters
    ----------
    inputs : names
        What the inputs will be called, which no other value then is.
    """

    def __init__(self, inputs: Iterable[str] = ()) -> None:
        self._onnx = import_extra("onnx", "onnx", _WHAT)
        self._helper = import_extra("onnx.helper", "onnx", _WHAT)
        self._taken = set(inputs)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(
        self, name: str, dtype: np.dtype[Any], shape: Sequence[int | str], note: str = ""
    ) -> str:
        """Add an input; `shape` names the axes whose length is open."""
        self._inputs.append(self._described(name, dtype, shape, note))
        return name

    def output(
        self,
        name: str,
        value: str,
        dtype: np.dtype[Any],
        shape: Sequence[int | str],
        note: str = "",
    ) -> str:
        """Hand a value on as an output; return its name, other than `name` where an input has it.

        An underscore is added until nothing else is called so.
        """
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        self._nodes.append(self._helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._described(name, dtype, shape, note))
        return name

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add a constant: numbers, truths or text."""
        array = np.asarray(values, dtype=dtype)
        name = self._free("constant")
        if array.dtype.kind in "OU":
            flat = [str(text).encode() for text in array.ravel()]
            kind = self._onnx.TensorProto.STRING
            tensor = self._helper.make_tensor(name, kind, array.shape, flat)
        else:
            tensor = self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        self._constants.append(tensor)
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; return the output's name."""
        return self.add_many(operator, inputs, 1, **attributes)[0]

    def add_many(
        self, operator: str, inputs: Sequence[str], count: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node of several outputs; an input of the name "" is left out."""
        names = [self._free(operator) for _ in range(count)]
        node = self._helper.make_node(operator, list(inputs), names, domain=domain, **attributes)
        self._nodes.append(node)
        return names

    def cast(self, value: str, dtype: Any) -> str:
        """Add a node that changes the type of numbers."""
        return self.add("Cast", value, to=self._code(np.dtype(dtype)))

    def squeeze(self, value: str, axis: int) -> str:
        """Add a node that takes an axis of length 1 away."""
        return self.add("Squeeze", value, self.constant([axis], np.int64))

    def unsqueeze(self, value: str, axis: int) -> str:
        """Add a node that puts an axis of length 1 in."""
        return self.add("Unsqueeze", value, self.constant([axis], np.int64))

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """Add a node that reshapes; 0 keeps an axis, -1 takes what is left."""
        return self.add("Reshape", value, self.constant(shape, np.int64))

    def model(self, version: str, note: str) -> Any:
        """Return the whole as a checked `onnx.ModelProto`."""
        graph = self._helper.make_graph(
            self._nodes, "clearprop", self._inputs, self._outputs, self._constants
        )
        opsets = [self._helper.make_opsetid("", OPSET)]
        if any(node.domain for node in self._nodes):
            opsets.append(self._helper.make_opsetid("ai.onnx.ml", ML_OPSET))
        model = self._helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=IR_VERSION,
            producer_name="clearprop",
            producer_version=version,
            doc_string=note,
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model

    def _described(
        self, name: str, dtype: np.dtype[Any], shape: Sequence[int | str], note: str
    ) -> Any:
        code = self._code(dtype)
        return self._helper.make_tensor_value_info(name, code, list(shape), doc_string=note)

    def _code(self, dtype: np.dtype[Any]) -> int:
        if dtype.kind in "OU":
            return int(self._onnx.TensorProto.STRING)
        return int(self._helper.np_dtype_to_tensor_dtype(dtype))

    def _free(self, operator: str) -> str:
        name = f"/{len(self._nodes) + len(self._constants)}/{operator}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
