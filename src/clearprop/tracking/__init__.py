"""Tracking: what a run tells, kept where people look at runs.

    records.py      what there is to tell of a run, as plain data
    lines.py        JSONLines: a line of JSON an event, nothing needed
    tensorboard.py  TensorBoard: curves in a folder                     (the extra `track`)
    mlflow.py       MLflow: parameters, curves, the model as artefact   (the extra `track`)

Each is a listener: an estimator takes it in `callbacks`, `train` and `Run.finish` in `listeners`.
It keeps, for each epoch, the losses, the score, the learning rate and the norm of each layer's
gradient, over up to 1024 training rows that are the same each time.

May import: `clearprop.training`, `clearprop.files`, `clearprop.storage`, `clearprop.importing`,
`clearprop.errors`.
"""

from clearprop.tracking.lines import JSONLines
from clearprop.tracking.mlflow import MLflow
from clearprop.tracking.tensorboard import TensorBoard

__all__ = ["JSONLines", "MLflow", "TensorBoard"]
