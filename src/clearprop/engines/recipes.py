"""How to train, as plain data: `Recipe`, its schedules, `Hardware`, and the `Plan` of an engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from clearprop.equations import Adam, AdamW, Penalty, Rule
from clearprop.equations.carriers import check_carrier
from clearprop.errors import SettingError
from clearprop.functions.spelling import suggest


@dataclass(frozen=True)
class Horizon:
    """How long a run is planned to be; what schedules need to know.

    Attributes
    ----------
    rows : int
        Rows of an epoch.
    steps : int
        Steps of an epoch.
    epochs : int
        Epochs of the run.
    """

    rows: int
    steps: int
    epochs: int


class Schedule(Protocol):
    """A number over a run (the learning rate, say), as a factor on what is set."""

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return the factor of each step, (n,), for step numbers (n,) counted from 0."""


@dataclass(frozen=True)
class Constant:
    """A factor of 1 at every step."""

    name = "constant"

    def factors(self, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Return ones."""
        return np.ones(len(steps))


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    rule : Rule
        The update rule with its learning rate.
    schedule : Schedule
        Factor on the learning rate, step by step.
    penalty : Penalty
        L1 and L2.
    batch_size : int
        Rows of a step; the last step of an epoch may have fewer.
    epochs : int
        How many passes over the data the schedule plans for.
    clip_norm, clip_value : float, optional
        Bounds on the gradient's length and on its entries; see `equations.clip`.
    carrier : str
        How errors are carried back: a name of `equations.CARRIERS`. With any but `"exact"`, what
        stands in the gradient's place is not the gradient. The state's seed draws random feedback.
    truncate : int, optional
        For sequences: errors are carried back over so many steps at most. Where every step is read
        out and no way is reverse, the batch's sequences are gone through in pieces of so many
        steps; each piece is one update, and the states are carried over from piece to piece
        (Williams and Peng 1990). Elsewhere the whole sequences are one update, whose error stops at
        the pieces' borders.
    dropout_schedule : Schedule, optional
        Factor on every layer's dropout rate, step by step; 1 where absent.
    decay_schedule : Schedule, optional
        Factor on the weight decay of `AdamW`, besides the learning rate's; 1 where absent.
    """

    rule: Rule = field(default_factory=Adam)
    schedule: Schedule = field(default_factory=Constant)
    penalty: Penalty = field(default_factory=Penalty)
    batch_size: int = 32
    epochs: int = 100
    clip_norm: float | None = None
    clip_value: float | None = None
    carrier: str = "exact"
    truncate: int | None = None
    dropout_schedule: Schedule | None = None
    decay_schedule: Schedule | None = None

    def __post_init__(self) -> None:
        check_carrier(self.carrier)
        if self.decay_schedule is not None and not isinstance(self.rule, AdamW):
            raise SettingError(
                f"decay_schedule is for weight decay, but the rule {self.rule.name!r} has none. "
                f"Use AdamW."
            )
        if self.truncate is not None and self.truncate < 1:
            raise SettingError(f"truncate must be at least 1 step, but {self.truncate} came.")
        if self.batch_size < 1:
            raise SettingError(f"batch_size must be at least 1, but {self.batch_size} came.")
        for name in ("clip_norm", "clip_value"):
            bound = getattr(self, name)
            if bound is not None and not bound > 0:
                raise SettingError(f"{name} must be above 0, but {bound} came.")

    def horizon(self, rows: int) -> Horizon:
        """Return the horizon of a run over this many rows an epoch."""
        return Horizon(rows, -(-rows // self.batch_size), self.epochs)


PLATFORMS = ("cpu", "gpu", "tpu")
PRECISIONS = ("float32", "tf32", "bf16")


@dataclass(frozen=True)
class Hardware:
    """On what the xla engine computes, and how exactly. The other engines run on the CPU alone.

    Attributes
    ----------
    device : {"cpu", "gpu", "tpu"}, optional
        The fastest kind that is there, where absent.
    precision : {"float32", "tf32", "bf16"}
        Of the products of networks in float32. With `"tf32"` their operands are rounded to 10 bits
        behind the point, with `"bf16"` to 7, and sums are float32, as is everything else:
        parameters, what the update rule remembers, activations, losses. A CPU rounds as well, so
        that one sees there what comes out, and is not faster for it.
    memory : int, optional
        Bytes of data that are kept on a device; what needs more goes there piece by piece, the next
        one while one is trained on. Half of a device's own memory where absent.
    devices : int, optional
        How many devices of this process work together. Where absent it is one, and all where
        several processes work together.
    neurons : int
        So many devices share out the neurons of each dense layer; such groups share out the rows of
        a batch.
    """

    device: str | None = None
    precision: str = "float32"
    memory: int | None = None
    devices: int | None = None
    neurons: int = 1

    def __post_init__(self) -> None:
        if self.device not in (None, *PLATFORMS):
            raise SettingError(
                f"There is no device {self.device!r}. {suggest(str(self.device), PLATFORMS)}"
            )
        if self.precision not in PRECISIONS:
            raise SettingError(
                f"There is no precision {self.precision!r}. "
                f"{suggest(str(self.precision), PRECISIONS)}"
            )
        for name in ("memory", "devices", "neurons"):
            number = getattr(self, name)
            if number is not None and not number >= 1:
                raise SettingError(f"{name} must be at least 1, but {number!r} came.")


@dataclass(frozen=True)
class Plan:
    """How an engine runs a recipe; part of the state, so that a run can be repeated to the bit.

    Attributes
    ----------
    engine : str
        `"reference"`, `"native"` or `"xla"`.
    threads : int
        Threads of the engine.
    split : str
        What the threads share out: `"none"`, `"batch"` or `"neurons"`.
    blas : tuple of bool
        For each layer, whether its products go through BLAS.
    library : str
        Which BLAS: `"openblas"`, which is SciPy's, or `"mkl"`.
    through_time : str
        How errors go back through time on the xla engine: `"serial"`, `"chain"`, `"scan"` (see
        `xla.grid`), or `"auto"`, which takes another way than the serial one where it is faster.
    device : str
        What the xla engine runs on: `"cpu"`, `"gpu"` or `"tpu"`; empty for other engines.
    precision : str
        What its products are computed in; see `Hardware`.
    neurons : int
        Devices that share out the neurons of each layer; see `Hardware`.
    """

    engine: str
    threads: int = 1
    split: str = "none"
    blas: tuple[bool, ...] = ()
    library: str = "openblas"
    through_time: str = "auto"
    device: str = ""
    precision: str = "float32"
    neurons: int = 1
