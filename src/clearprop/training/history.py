"""The curves of a run, and their plot."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, fields
from importlib.resources import files
from typing import Any

import numpy as np

from clearprop.training.events import Epoch


@dataclass
class History:
    """One entry an epoch; the attributes are those of `Epoch`.

    Attributes
    ----------
    loss, objective, learning_rate, seconds : list of float
    validation_loss, validation_score : list of float
        Empty where there were no validation rows, or no score.
    best_epoch : int
        The best epoch, 1 for the first, 0 where there is none.
    """

    loss: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int = 0

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.loss)

    def add(self, event: Epoch) -> None:
        """Append an epoch."""
        for name in self._curves():
            value = getattr(event, name)
            if value is not None:
                getattr(self, name).append(float(value))
        if event.improved:
            self.best_epoch = event.epoch

    def followed_by(self, after: History) -> History:
        """Return these curves and those of a later run, one after another."""
        if not len(self):
            return after
        curves = {name: [*getattr(self, name), *getattr(after, name)] for name in self._curves()}
        offset = self.seconds[-1]
        curves["seconds"] = [*self.seconds, *(offset + seconds for seconds in after.seconds)]
        best = len(self) + after.best_epoch if after.best_epoch else self.best_epoch
        return History(**curves, best_epoch=best)

    @classmethod
    def _curves(cls) -> list[str]:
        return [f.name for f in fields(cls) if f.name != "best_epoch"]

    def to_document(self) -> dict[str, Any]:
        """Return the history as plain data."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> History:
        """Return a history from what `to_document` gave."""
        curves = {name: [float(v) for v in document[name]] for name in cls._curves()}
        return cls(**curves, best_epoch=int(document["best_epoch"]))

    def copy(self) -> History:
        """Return the same, with lists of its own."""
        return History.from_document(self.to_document())

    def finding(self) -> str:
        """Say in one sentence what the curves show."""
        if not len(self):
            return "No epoch was completed"
        if self.validation_loss:
            best = int(np.argmin(self.validation_loss)) + 1
            if best < len(self):
                return f"Validation loss stopped falling at epoch {best}"
            return "Validation loss was still falling at the last epoch"
        return f"Training loss fell from {self.loss[0]:.4g} to {self.loss[-1]:.4g}"

    def plot(self, axes: Any = None) -> Any:
        """Draw training and validation loss over the epochs; return the matplotlib axes.

        Training is a solid line, validation a dashed one, and the best epoch is marked.
        """
        import matplotlib.pyplot as plt

        with plt.style.context(str(files("clearprop.training") / "clearprop.mplstyle")):
            if axes is None:
                axes = plt.subplots()[1]
            epochs = np.arange(1, len(self) + 1)
            axes.plot(epochs, self.loss, color="#0072B2", label="training")
            if self.validation_loss:
                axes.plot(
                    epochs, self.validation_loss, color="#D55E00", ls="--", label="validation"
                )
            if self.best_epoch:
                axes.axvline(self.best_epoch, color="#777777", lw=0.8, ls=":")
                axes.annotate(
                    f"best: epoch {self.best_epoch}",
                    (self.best_epoch, 1),
                    xycoords=("data", "axes fraction"),
                    xytext=(-4, -4),
                    textcoords="offset points",
                    ha="right",
                    va="top",
                    color="#555555",
                )
            axes.set(xlabel="epoch", ylabel="loss (mean per row)", title=self.finding())
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend()
        return axes

    def _repr_svg_(self) -> str:
        """Return the plot, for a notebook's cell."""
        from matplotlib.figure import Figure

        figure, file = Figure(figsize=(5.6, 3.4)), io.StringIO()
        self.plot(figure.add_subplot())
        # the same curves make the same file
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
        return file.getvalue()
