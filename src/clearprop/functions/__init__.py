"""Activations and losses: value, derivative and formula of each, side by side in one table.

The idea: a function and its derivative stand next to each other, so that they cannot drift apart,
and whoever needs "every activation" or "every loss" (tests, documentation, engines, explanations)
iterates over the two tables `ACTIVATIONS` and `LOSSES` here.

Every function takes the array namespace as its first argument (`numpy`, `jax.numpy`, …), so that
the same lines run on each engine that has one.

May import: `clearprop.errors` and the array libraries.
"""

from clearprop.functions.activations import ACTIVATIONS, Activation, activation
from clearprop.functions.losses import LOSSES, CustomLoss, Loss, check_pair, loss

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "Activation",
    "CustomLoss",
    "Loss",
    "activation",
    "check_pair",
    "loss",
]
