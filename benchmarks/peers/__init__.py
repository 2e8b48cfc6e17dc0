"""Whom clearprop is measured against: one file a peer, and this table of their ways to train.

A *family* is what a table has a column for; its figure is the best of its ways and thread counts.
To add a peer write a file with a `Trainer` (and `Predictor`) as peer.py describes, and a row here.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from importlib import metadata
from typing import Any

OURS = "clearprop"


@dataclass(frozen=True)
class Entry:
    """A way of a family.

    Attributes
    ----------
    family, way : str
        The table's column, and which of its ways this is.
    target : str
        `module:class` below `benchmarks.peers`.
    needs : tuple of str
        Modules without which it is left out.
    distribution : str
        Whose version the report names.
    own_threads : bool
        Chooses its threads itself; it runs once and not at each thread count.
    """

    family: str
    way: str
    target: str
    needs: tuple[str, ...]
    distribution: str = ""
    own_threads: bool = False

    def missing(self) -> str:
        """Return why it cannot run here, or nothing."""
        for module in self.needs:
            if importlib.util.find_spec(module) is None:
                return f"{module} is not installed"
        return ""

    def load(self) -> type[Any]:
        """Return the class; imports the peer's library."""
        module, name = self.target.split(":")
        return getattr(importlib.import_module(f"benchmarks.peers.{module}"), name)

    def version(self) -> str:
        """Return the library's version."""
        try:
            return metadata.version(self.distribution)
        except (metadata.PackageNotFoundError, ValueError):
            return ""


def _entries(*rows: tuple) -> tuple[Entry, ...]:
    return tuple(Entry(*row) for row in rows)


_TORCH, _JAX, _KERAS = ("torch",), ("jax",), ("keras", "jax")

# families in the order of the tables
TRAINERS = _entries(
    (OURS, "native engine", "ours:Trainer", ("clearprop",), "clearprop", True),
    ("scikit-learn", "partial_fit, in order", "scikit_learn:InOrder", ("sklearn",), "scikit-learn"),
    ("scikit-learn", "fit, shuffled", "scikit_learn:Shuffled", ("sklearn",), "scikit-learn"),
    ("PyTorch eager", "Adam as it comes", "pytorch:Eager", _TORCH, "torch"),
    ("PyTorch eager", "fused Adam", "pytorch:EagerFused", _TORCH, "torch"),
    ("torch.compile", "whole step", "pytorch:Compiled", _TORCH, "torch"),
    ("JAX step", "jitted step", "jax_xla:Step", _JAX, "jax"),
    ("JAX scan", "epoch under scan", "jax_xla:Scan", _JAX, "jax"),
    ("Keras on JAX", "train_on_batch", "keras_jax:OnBatch", _KERAS, "keras"),
    ("Keras on JAX", "fit", "keras_jax:Fit", _KERAS, "keras"),
    ("NumPy loop", "loop", "numpy_loop:Trainer", ("numpy",), "numpy"),
)
CLASSIFIER = Entry(
    "clearprop", "MLPClassifier.fit", "ours:ClassifierTrainer", ("clearprop",), "clearprop", True
)
PER_SAMPLE = _entries(
    (OURS, "native engine", "ours:Trainer", ("clearprop",), "clearprop", True),
    ("FANN", "C", "fann:Trainer", ("numpy",), "", True),
    ("Nielsen's method", "NumPy", "nielsen:Trainer", ("numpy",), "numpy", True),
)
PREDICTORS = _entries(
    (OURS, "predict_proba", "ours:ClassifierPredictor", ("clearprop",), "clearprop", True),
    ("clearprop engine", "engine.predict", "ours:EnginePredictor", ("clearprop",), "clearprop",
     True),
    ("scikit-learn", "predict_proba", "scikit_learn:Predictor", ("sklearn",), "scikit-learn"),
    ("PyTorch eager", "inference_mode", "pytorch:EagerPredictor", _TORCH, "torch"),
    ("torch.compile", "compiled model", "pytorch:CompiledPredictor", _TORCH, "torch"),
    ("JAX jit", "jitted function", "jax_xla:Predictor", _JAX, "jax"),
    ("Keras on JAX", "predict_on_batch", "keras_jax:OnBatchPredictor", _KERAS, "keras"),
    ("Keras on JAX", "calling the model", "keras_jax:CallPredictor", _KERAS, "keras"),
    ("NumPy loop", "loop", "numpy_loop:Predictor", ("numpy",), "numpy"),
)  # fmt: skip


def families(entries: tuple[Entry, ...]) -> list[str]:
    """Return the families in the table's order."""
    return list(dict.fromkeys(entry.family for entry in entries))
