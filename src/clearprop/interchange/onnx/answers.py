"""From a network's outputs in ONNX to what a model answers.

A classifier has two outputs, `label` and `probabilities`; a regressor has one, `variable`, in the
target's own units: the names that skl2onnx uses.

Public names: `Answer`.
May import: `functions`, `graph`, NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.interchange.onnx.functions import scalar
from clearprop.interchange.onnx.graph import INTEGER, REAL, Graph

_CLASSES = "in the order of the classes"


@dataclass(frozen=True)
class Answer:
    """What outputs (…, units) stand for.

    Attributes
    ----------
    kind : {"classes", "labels", "numbers", "outputs"}
        One of several classes, several labels that may all hold, numbers, or nothing that is known.
    classes : (classes,) array
        Of kind "classes".
    means, scales : (outputs,) arrays, optional
        Of kind "numbers": outputs are multiplied by the scales, and the means added, in float64.
    """

    kind: str
    classes: np.ndarray | None = None
    means: np.ndarray | None = None
    scales: np.ndarray | None = None

    def write(
        self, graph: Graph, outputs: str, shape: Sequence[int | str], dtype: np.dtype[Any]
    ) -> None:
        """Add the outputs of the graph; `shape` is that of the network's outputs."""
        *axes, units = shape
        if self.kind == "classes":
            self._classes(graph, outputs, axes, dtype)
        elif self.kind == "labels":
            holds = graph.add("Greater", outputs, graph.constant(0.5, dtype))
            graph.output("label", graph.cast(holds, INTEGER), INTEGER, shape, "1 where it holds")
            graph.output("probabilities", outputs, dtype, shape, "of each label")
        elif self.scales is not None:
            raw = graph.cast(outputs, REAL)
            scaled = graph.add("Mul", raw, graph.constant(self.scales, REAL))
            values = graph.add("Add", scaled, graph.constant(self.means, REAL))
            graph.output("variable", values, REAL, shape, "in the target's own units")
        else:
            name = "output" if self.kind == "outputs" else "variable"
            graph.output(name, outputs, dtype, [*axes, units])

    def _classes(
        self, graph: Graph, outputs: str, axes: list[int | str], dtype: np.dtype[Any]
    ) -> None:
        assert self.classes is not None  # of this kind they are known
        count = len(self.classes)
        if count > 2:
            chances = outputs
            place = graph.add("ArgMax", outputs, axis=-1, keepdims=0)
        else:
            rest = scalar(graph, "Sub", outputs, 1.0, dtype)
            chances = graph.add("Concat", graph.add("Neg", rest), outputs, axis=-1)
            holds = graph.add("Greater", outputs, graph.constant(0.5, dtype))
            place = graph.squeeze(graph.cast(holds, INTEGER), -1)
            if count == 1:
                place = scalar(graph, "Mul", place, 0, INTEGER)
        label = graph.add("Gather", graph.constant(self.classes), place, axis=0)
        graph.output("label", label, self.classes.dtype, axes)
        graph.output("probabilities", chances, dtype, [*axes, max(2, count)], _CLASSES)
