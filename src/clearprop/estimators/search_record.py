"""The trials of a search, and the file that they are kept in while it goes on.

The file is JSON and is replaced whole after every trial, so that whatever breaks the search off
leaves all trials that were done.

Public names: `Trial`, `read_trials`, `write_trials`.
May import: `clearprop.storage`, `clearprop.errors`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clearprop.errors import FileError, SettingError
from clearprop.storage import replace_file

_VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One trial that was done.

    Attributes
    ----------
    number : int
        0 for the estimator's own parameters.
    parameters : dict
        What the trial had in place of the estimator's own.
    score : float
        The validation metric at the best epoch, higher being better; a mean over folds. -∞ where
        the run diverged.
    seconds : float
        How long the fit took.
    """

    number: int
    parameters: dict[str, Any]
    score: float
    seconds: float


def write_trials(path: Path, asked: dict[str, Any], trials: list[Trial]) -> None:
    """Replace the file.

    Parameters
    ----------
    asked : dict
        What the trials depend on, as plain data: they are only gone on with where it is the same.
    """
    document = {"version": _VERSION, "asked": asked, "trials": [asdict(trial) for trial in trials]}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    replace_file(path, [text.encode()])


def read_trials(path: Path, asked: dict[str, Any]) -> list[Trial]:
    """Return the trials of an earlier search of the same kind; none where there is no file.

    Raises
    ------
    FileError
        The file is no file of trials.
    SettingError
        Its search was another one.
    """
    if not path.exists():
        return []
    try:
        document = json.loads(path.read_bytes())
        if document["version"] != _VERSION:
            raise ValueError(f"its version is {document['version']!r}")
        trials = [Trial(**_as_given(trial)) for trial in document["trials"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{str(path)!r} holds no trials of a search ({error}). Name another file, or remove it."
        ) from error
    for name, value in json.loads(json.dumps(asked)).items():
        before = document["asked"].get(name)
        if before != value:
            raise SettingError(
                f"The trials in {str(path)!r} are of another search: its {name} was "
                f"{str(before)[:200]}, and now it is {str(value)[:200]}. Name another file, or put "
                f"it back."
            )
    return trials


def _as_given(trial: dict[str, Any]) -> dict[str, Any]:
    # JSON knows no tuples, which sizes of layers are
    parameters = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in trial["parameters"].items()
    }
    return {**trial, "parameters": parameters}
