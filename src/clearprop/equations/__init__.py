"""The equations: forward, BP1 to BP4, the objective, chance, and the update rules.

The idea: this room reads like the book. Each function is one equation; its docstring states the
equation and the shapes. All are pure, hold no state and no loop over batches or time, and take the
array namespace `xp` (`numpy`, `jax.numpy`) as their first argument, so that every engine that has
such a namespace runs these very lines. Rows are samples: a batch of n samples is (n, units).

    forward.py     z = s W a + b,  a = f(z),  dropout
    backward.py    BP1 to BP4
    front.py       scaling, periodic, learnt activations, members
    cells.py       one step of time of a recurrent layer, forward and back
    scan.py        errors of all steps of time at once;  newton.py: states, by iteration
    carriers.py    other ways to carry errors back than BP2, and the table of all of them
    objective.py   the loss of a batch, penalties, clipping
    chance.py      counter-based random numbers, the same on every engine
    updates.py     gradient descent, momentum, Nesterov, RMSprop, Adam, AdamW

May import: `clearprop.functions`, `clearprop.network`, `clearprop.errors`.
"""

from clearprop.equations.backward import (
    Gradients,
    backward,
    bp1,
    bp2,
    bp3,
    bp4,
    carry,
    learnt_gradient,
    own_gradients,
    sent_back,
)
from clearprop.equations.carriers import (
    CARRIERS,
    Carrier,
    Exact,
    Proportional,
    Random,
    Transposed,
    VanishingSum,
    carrier_for,
    output_error,
    separable,
    vanishing_sums,
)
from clearprop.equations.cells import CELLS, Cell, Step
from clearprop.equations.chance import dropout_mask, key_of, random_bits
from clearprop.equations.forward import Pass, activated, affine, forward, weighted_input
from clearprop.equations.objective import (
    Penalty,
    clip,
    coefficients,
    penalty_gradient,
    penalty_value,
    total_loss,
)
from clearprop.equations.updates import (
    RULES,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSprop,
    Rule,
)

__all__ = [
    "CARRIERS",
    "CELLS",
    "RULES",
    "Adam",
    "AdamW",
    "Carrier",
    "Cell",
    "Exact",
    "GradientDescent",
    "Gradients",
    "Momentum",
    "Nesterov",
    "Pass",
    "Penalty",
    "Proportional",
    "RMSprop",
    "Random",
    "Rule",
    "Step",
    "Transposed",
    "VanishingSum",
    "activated",
    "affine",
    "backward",
    "bp1",
    "bp2",
    "bp3",
    "bp4",
    "carrier_for",
    "carry",
    "clip",
    "coefficients",
    "dropout_mask",
    "forward",
    "key_of",
    "learnt_gradient",
    "output_error",
    "own_gradients",
    "penalty_gradient",
    "penalty_value",
    "random_bits",
    "sent_back",
    "separable",
    "total_loss",
    "vanishing_sums",
    "weighted_input",
]
