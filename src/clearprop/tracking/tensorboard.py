"""`TensorBoard`: the curves of runs in a folder, for `tensorboard --logdir`.

Written with tensorboardX, which writes the same files as TensorBoard's own package and takes a
fraction of its space, as it brings no server.

Public names: `TensorBoard`.
May import: `records`, `clearprop.importing`; tensorboardX (the extra `track`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from clearprop.importing import import_extra
from clearprop.tracking.records import Tracker


class TensorBoard(Tracker):
    """Writes scalars: `loss`, `validation_loss`, …, and `gradient_norm/layer_1`, ….

    Parameters
    ----------
    folder : str or path
        Of one run. Where an estimator makes several (folds), the later ones go to `run_2` and so on
        in it.
    gradients, every : see `clearprop.tracking.records.Tracker`

    Raises
    ------
    MissingExtraError
        tensorboardX is not installed: `pip install 'clearprop[track]'`.
    """

    _open = ("_running", "_writer")

    def __init__(self, folder: str | os.PathLike[str], **options: Any) -> None:
        super().__init__(**options)
        import_extra("tensorboardX", "track", "Tracking with TensorBoard")
        self.folder = Path(folder)
        self._writer: Any = None
        self._runs = 0

    def _begun(self, run: dict[str, Any]) -> None:
        self._close()
        self._runs += 1
        folder = self.folder if self._runs == 1 else self.folder / f"run_{self._runs}"
        module = import_extra("tensorboardX", "track", "Tracking with TensorBoard")
        self._writer = module.SummaryWriter(str(folder))
        self._writer.add_text("run", "\n".join(f"- {k}: {_word(v)}" for k, v in run.items()))

    def _epoch(self, epoch: int, values: dict[str, float], norms: dict[int, float]) -> None:
        scalars = values | {f"gradient_norm/layer_{layer}": norm for layer, norm in norms.items()}
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def _stopped(self, stop: dict[str, Any]) -> None:
        self._writer.add_text("stop", str(stop["message"]))
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
