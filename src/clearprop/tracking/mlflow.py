"""`MLflow`: runs on an MLflow server, with the model as an artefact.

Only MLflow's client is used, and none of its global state: a program that tracks something else in
the same process is not disturbed. The client alone is `mlflow-skinny`, which the extra installs.

Public names: `MLflow`.
May import: `records`, `clearprop.files`, `clearprop.importing`, `clearprop.errors`; mlflow (the
extra `track`).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from clearprop.errors import ClearpropError, EngineError
from clearprop.files import save
from clearprop.importing import import_extra
from clearprop.tracking.records import Tracker

_WHAT = "Tracking with MLflow"
# why a run stopped → what MLflow calls that
_STATUS = {"interrupted": "KILLED", "diverged": "FAILED"}


class MLflow(Tracker):
    """Logs parameters, the curves of each epoch, and the model file that `clearprop.load` reads.

    Parameters
    ----------
    uri : str, optional
        The tracking server, "http://127.0.0.1:5000"; MLflow's own setting (`MLFLOW_TRACKING_URI`)
        where absent. A store of one's own, "sqlite:///runs.db", needs all of MLflow: `pip install
        mlflow`.
    experiment : str
        Made where it does not exist.
    name : str, optional
        Of the run. Where an estimator makes several (folds), each is a run of its own.
    gradients, every : see `clearprop.tracking.records.Tracker`

    Attributes
    ----------
    run_ids : list of str
        Of the runs of the last fit, in order; the model is an artefact of the first.

    Raises
    ------
    MissingExtraError
        mlflow is not installed: `pip install 'clearprop[track]'`.
    EngineError
        The server cannot be reached, or refuses.
    """

    _open = ("_running", "_client")

    def __init__(
        self,
        uri: str | None = None,
        *,
        experiment: str = "clearprop",
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        import_extra("mlflow", "track", _WHAT)
        self.uri, self.experiment, self.name = uri, experiment, name
        self.run_ids: list[str] = []
        self._fitted = True
        self._client: Any = None

    def fitted(self, model: Any) -> None:
        """Log the model file as an artefact of the first run."""
        self._fitted = True
        if not self.run_ids:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = save(model, Path(folder) / "model.clearprop")
            self._ask("log_artifact", self.run_ids[0], str(path), "model")

    def _begun(self, run: dict[str, Any]) -> None:
        if self._fitted:
            # of another fit
            self.run_ids, self._fitted = [], False
        found = self._ask("get_experiment_by_name", self.experiment)
        experiment = (
            self._ask("create_experiment", self.experiment)
            if found is None
            else found.experiment_id
        )
        made = self._ask("create_run", experiment, run_name=self.name)
        self.run_ids.append(made.info.run_id)
        entities = import_extra("mlflow.entities", "track", _WHAT)
        # longer values are refused by older servers
        params = [entities.Param(name, str(value)[:500]) for name, value in run.items()]
        self._ask("log_batch", self.run_ids[-1], params=params)

    def _epoch(self, epoch: int, values: dict[str, float], norms: dict[int, float]) -> None:
        entities = import_extra("mlflow.entities", "track", _WHAT)
        numbers = values | {f"gradient_norm/layer_{layer}": norm for layer, norm in norms.items()}
        now = int(time.time() * 1000)
        metrics = [entities.Metric(name, value, now, epoch) for name, value in numbers.items()]
        self._ask("log_batch", self.run_ids[-1], metrics=metrics)

    def _stopped(self, stop: dict[str, Any]) -> None:
        self._ask("set_tag", self.run_ids[-1], "stop", stop["message"])
        status = _STATUS.get(stop["reason"], "FINISHED")
        self._ask("set_terminated", self.run_ids[-1], status=status)

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        try:
            if self._client is None:
                tracking = import_extra("mlflow.tracking", "track", _WHAT)
                self._client = tracking.MlflowClient(tracking_uri=self.uri)
            return getattr(self._client, method)(*arguments, **options)
        except ClearpropError:
            raise
        except Exception as error:
            raise EngineError(
                f"MLflow at {self.uri or 'its default store'} refused {method}: {error}. Check the "
                f"address, or train without it."
            ) from error
