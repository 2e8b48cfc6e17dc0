"""What a trained model's gradient looks like: each layer's health, one weight's chain rule.

Public names: `Account`, `account_of`.
May import: `clearprop.explanation` and what that may import.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clearprop.cli.training_job import Job
from clearprop.explanation import (
    Chain,
    LayerHealth,
    chain_of_weight,
    health,
    slope_of_weight,
    strongest_weight,
)

# rows of the batch whose gradients are shown
SHOWN_ROWS = 256
# relative to the sum of the paths: rounding in float32, and that of a difference in float64
CHAIN_TOLERANCE, DIFFERENCE_TOLERANCE = 1e-5, 1e-4


@dataclass(frozen=True)
class Account:
    """Each layer's health on a batch, and one weight's chain rule on one telling row of it.

    Attributes
    ----------
    layers : list of LayerHealth
    rows : int
        Rows of the batch.
    chain : Chain
    source : str
        The feature that the weight comes from.
    row : int
        The sample's row in the table, from 1.
    answer : str
        What the network is to predict there.
    difference : float
        The central finite difference of the loss along the weight.
    """

    layers: list[LayerHealth]
    rows: int
    chain: Chain
    source: str
    row: int
    answer: str
    difference: float

    @property
    def chain_agrees(self) -> bool:
        """Whether the product of the factors is the gradient that the engine computed."""
        return self.chain.error <= CHAIN_TOLERANCE

    @property
    def difference_agrees(self) -> bool:
        """Whether the finite difference is that gradient, too."""
        apart = abs(self.difference - self.chain.gradient)
        return apart <= DIFFERENCE_TOLERANCE * max(self.chain.size, 1e-6)

    def to_document(self) -> dict[str, Any]:
        """Return the account as plain data."""
        chain = self.chain
        return {
            "layers": [asdict(line) for line in self.layers],
            "gradient": {
                "weight": {"layer": chain.layer, "unit": chain.unit, "source": self.source},
                "row": self.row,
                "signal": chain.signal,
                "slope": chain.slope,
                "paths": [asdict(term) for term in chain.terms],
                "delta": chain.delta,
                "product": chain.product,
                "gradient": chain.gradient,
                "finite_difference": self.difference,
                "agrees": self.chain_agrees and self.difference_agrees,
            },
        }


def account_of(job: Job) -> Account:
    """Trace the trained model on rows that it learned from, and take one weight apart."""
    model, names = job.model, list(job.task.targets)
    batch = job.train[:SHOWN_ROWS]
    trace = model.trace(batch.drop(names), batch.select(names))
    # a row whose error is large, but not one that is hopelessly wrong
    sizes = np.linalg.norm(trace.delta[0], axis=1)
    place = int(np.argsort(sizes)[(len(sizes) * 9) // 10])
    one = batch[place : place + 1]
    single = model.trace(one.drop(names), one.select(names))
    unit, source = strongest_weight(single)
    chain = chain_of_weight(single, 1, unit, source)
    return Account(
        layers=health(trace),
        rows=batch.height,
        chain=chain,
        source=model.encoder_.feature_names[source],
        row=int(job.train_rows[place]) + 1,
        answer=", ".join(f"{name} = {one[name][0]}" for name in names),
        difference=slope_of_weight(single, 1, unit, source),
    )
