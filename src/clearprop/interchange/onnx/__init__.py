"""ONNX: any fitted model as a graph that other runtimes run, raw columns in, answers out.

    models.py      to_onnx: which parts a model's graph has
      columns.py     a table's encoding         dates.py      calendar and time zones
      layers.py      dense, scaling, periodic, members
      recurrent.py   LSTM, GRU, RNN             functions.py  activations
      answers.py     labels, probabilities, numbers in their own units
        graph.py       Graph: nodes, constants, inputs, outputs
    running.py     rows as a graph wants them; a graph held against its model

Needs the extra `onnx`: onnx to write, onnxruntime to run. Neither is imported before it is needed.
"""

from clearprop.interchange.onnx.models import to_onnx
from clearprop.interchange.onnx.running import check_onnx, onnx_inputs

__all__ = ["check_onnx", "onnx_inputs", "to_onnx"]
