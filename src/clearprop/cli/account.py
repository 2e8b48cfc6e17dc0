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
    Explanation,
    LayerHealth,
    Names,
    health,
    slope_of_weight,
)
from clearprop.explanation.explanation import explanation_of

# rows of the batch whose gradients are shown
SHOWN_ROWS = 256
# relative to the sum of the paths: rounding of a difference in float64
DIFFERENCE_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Account:
    """Each layer's health on a batch, and one weight's chain rule on one telling row of it.

    Attributes
    ----------
    layers : list of LayerHealth
    rows : int
        Rows of the batch.
    chain : Chain
    names : Names
        What units are called.
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
    names: Names
    source: str
    row: int
    answer: str
    difference: float

    @property
    def difference_agrees(self) -> bool:
        """Whether the finite difference is that gradient, too."""
        apart = abs(self.difference - self.chain.gradient)
        return apart <= DIFFERENCE_TOLERANCE * max(self.chain.size, 1e-6)

    def to_document(self) -> dict[str, Any]:
        """Return the account as plain data."""
        chain, place = self.chain, self.chain.place
        return {
            "layers": [asdict(line) for line in self.layers],
            "gradient": {
                "weight": {"layer": place.layer, "unit": place.unit, "source": self.source},
                "row": self.row,
                "signal": chain.signal,
                "slope": chain.slope,
                "paths": [asdict(term) for term in chain.terms],
                "delta": chain.delta,
                "product": chain.total,
                "gradient": chain.gradient,
                "finite_difference": self.difference,
                "agrees": chain.agrees and self.difference_agrees,
            },
        }


def account_of(job: Job) -> Account:
    """Trace the trained model on rows that it learned from, and take one weight apart.

    Of a network with members the weight is taken apart as the first of them has it.
    """
    model, names = job.model, list(job.task.targets)
    batch = job.train[:SHOWN_ROWS]
    trace = model.trace(batch.drop(names), batch.select(names))
    # a row whose error is large, but not one that is hopelessly wrong
    sizes = np.linalg.norm(trace.delta[0], axis=1)[: batch.height]
    row = int(np.argsort(sizes)[(len(sizes) * 9) // 10])
    one = batch[row : row + 1]
    single = model.trace(one.drop(names), one.select(names))
    explanation = explanation_of(single, Names(single.network))
    assert isinstance(explanation, Explanation)
    place = explanation.focus().weight
    assert place.source is not None
    return Account(
        layers=health(explanation_of(trace, Names(trace.network)).trace),
        rows=batch.height,
        chain=explanation.chain(place, 0),
        names=explanation.names,
        source=Names(explanation.trace.network, **model.unit_names()).source(place),
        row=int(job.train_rows[row]) + 1,
        answer=", ".join(f"{name} = {one[name][0]}" for name in names),
        difference=slope_of_weight(explanation.trace, place.layer, place.unit, place.source),
    )
