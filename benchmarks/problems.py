"""What is trained: cases, their data and start, and how much work a step of theirs is.

A `Case` is a few words; `Problem.of(case)` draws its rows, targets and weights from fixed seeds, so
that every process makes the same ones for itself. Nothing here imports clearprop: a peer's process
holds that peer alone.

Counted are the products of a step, for a batch of n rows (BP4 is the gradient of W, BP2 the delta
of the layer before; the input layer needs none):

    z^l = a^{l-1} W^l      BP4: a^{l-1}ᵀ δ^l      BP2: δ^l W^lᵀ, for l > 1

and the bytes of Adam's pass: g, m, v and θ are read, m, v and θ written.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, Self

import numpy as np

RATE = 1e-3
ADAM_ARRAYS = 7  # reads of g, m, v, θ and writes of m, v, θ


@dataclass(frozen=True)
class Case:
    """A network, a batch, and how it is trained; the defaults are the base of all comparisons.

    `steps` is the number of steps of an epoch, and so of the data's batches.
    """

    units: tuple[int, ...]
    batch: int
    steps: int
    activation: str = "relu"
    output: str = "softmax"
    loss: str = "cross_entropy"
    rule: str = "adam"
    rate: float = RATE
    dtype: str = "float32"
    dropout: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None

    @property
    def network(self) -> str:
        """The units, such as `"64-100-10"`."""
        return "-".join(map(str, self.units))

    @property
    def name(self) -> str:
        """The network and the batch, such as `"64-100-10 b200"`."""
        return f"{self.network} b{self.batch}"

    def with_steps(self, steps: int) -> Self:
        """Return this case with another number of batches."""
        return replace(self, steps=steps)

    def as_record(self) -> dict:
        """Return what differs from the defaults, for the file of results."""
        plain = Case((1, 1), 1, 1)
        return {k: v for k, v in asdict(self).items() if v != getattr(plain, k)}


CASES = (
    Case((2, 2, 2), 1, 100_000),
    Case((4, 10, 3), 32, 20_000),
    Case((64, 100, 10), 200, 1000),
    Case((54, 128, 128, 7), 256, 400),
    # a lower rate: scikit-learn reports no loss of a sample above -log of float32's epsilon
    Case((784, 512, 256, 10), 128, 60, rate=1e-4),
    Case((1024, 1024, 1024, 1024, 10), 1024, 3, rate=1e-4),
)

# plain gradient descent, one sample a step, sigmoid and half squared error: Nielsen's and FANN's
ONE_BY_ONE = {
    "activation": "sigmoid",
    "output": "sigmoid",
    "loss": "half_squared_error",
    "rule": "gd",
    "rate": 0.1,
}
PER_SAMPLE = (
    Case((2, 2, 2), 1, 200_000, **ONE_BY_ONE),
    Case((4, 10, 3), 1, 100_000, **ONE_BY_ONE),
    Case((64, 100, 10), 1, 5000, **ONE_BY_ONE),
    Case((784, 30, 10), 1, 2000, **ONE_BY_ONE),
)

PREDICTION_ROWS = (1, 32, 10_000)


class Product(NamedTuple):
    """A matrix product (m, k) · (k, n) of a step; `kind` is "z", "BP4" or "BP2"."""

    kind: str
    layer: int
    m: int
    n: int
    k: int

    @property
    def multiplications(self) -> int:
        """Multiplications, each with its addition."""
        return self.m * self.n * self.k


def products(case: Case) -> list[Product]:
    """Return the matrix products of a training step in the order in which they run."""
    pairs = list(zip(case.units[:-1], case.units[1:], strict=True))
    forward = [Product("z", i + 1, case.batch, n, k) for i, (k, n) in enumerate(pairs)]
    backward = []
    for layer in range(len(pairs), 0, -1):
        fan_in, units = pairs[layer - 1]
        backward.append(Product("BP4", layer, fan_in, units, case.batch))
        if layer > 1:
            backward.append(Product("BP2", layer, case.batch, fan_in, units))
    return forward + backward


def multiplications(case: Case) -> int:
    """Return the multiplications of a training step's products."""
    return sum(product.multiplications for product in products(case))


def forward_multiplications(case: Case, rows: int) -> int:
    """Return the multiplications of a prediction of so many rows."""
    return rows * sum(a * b for a, b in zip(case.units[:-1], case.units[1:], strict=True))


def parameters(case: Case) -> int:
    """Return the number of weights and biases."""
    return sum((a + 1) * b for a, b in zip(case.units[:-1], case.units[1:], strict=True))


def update_bytes(case: Case) -> int:
    """Return the bytes that Adam's pass over the parameters moves."""
    return ADAM_ARRAYS * parameters(case) * np.dtype(case.dtype).itemsize


def _targets(case: Case, rows: int, draw: np.random.Generator) -> np.ndarray:
    """Return targets that the loss is defined on: codes, or one column for each output."""
    codes = draw.integers(0, case.units[-1], rows)
    if case.loss == "cross_entropy":
        return codes
    if case.loss == "poisson":
        return draw.poisson(1.5, (rows, case.units[-1])).astype(case.dtype)
    if case.output in ("sigmoid", "softmax"):
        return np.eye(case.units[-1], dtype=case.dtype)[codes]
    return draw.normal(size=(rows, case.units[-1])).astype(case.dtype)


@dataclass(frozen=True)
class Problem:
    """Rows (rows, inputs), targets and start that every peer gets; weights are (fan_in, units)."""

    case: Case
    x: np.ndarray
    y: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, case: Case, rows: int | None = None) -> Self:
        """Draw the problem of a case, by default with the rows of all its batches."""
        draw = np.random.default_rng(0)
        rows = case.batch * case.steps if rows is None else rows
        x = draw.standard_normal((rows, case.units[0]), dtype=np.float32).astype(
            case.dtype, copy=False
        )
        y = _targets(case, rows, draw)
        weights, biases = [], []
        gain = 2.0 if case.activation == "relu" else 1.0
        draw = np.random.default_rng(1)
        for fan_in, units in zip(case.units[:-1], case.units[1:], strict=True):
            start = draw.normal(scale=np.sqrt(gain / fan_in), size=(fan_in, units))
            weights.append(start.astype(case.dtype))
            biases.append(np.full(units, 0.01, dtype=case.dtype))
        return cls(case, x, y, tuple(weights), tuple(biases))

    def rows(self, first: int, steps: int) -> slice:
        """Return the rows of so many batches from batch `first` on."""
        return slice(first * self.case.batch, (first + steps) * self.case.batch)
