"""Explanation: what a Trace says, in the book's terms.

The idea: an engine has computed every number already; this room reads them from its Trace, names
them and shows how they hang together. It adds no arithmetic that the Trace holds already.

    chain.py           one weight's gradient as a chain rule, factor by factor
    health.py          the error's way back, layer by layer: norms, dead and saturated units
    numbers.py         how numbers are shown, on every surface
    gradient_check.py  back-propagation against finite differences, the worst entry named

Public names: `Chain`, `GradientCheck`, `LayerHealth`, `PathTerm`, `chain_of_weight`,
`check_gradient`, `health`, `slope_of_weight`, `strongest_weight`.
May import: `clearprop.engines` and what that may import.
"""

from clearprop.explanation.chain import Chain, PathTerm, chain_of_weight, strongest_weight
from clearprop.explanation.gradient_check import GradientCheck, check_gradient, slope_of_weight
from clearprop.explanation.health import LayerHealth, health

__all__ = [
    "Chain",
    "GradientCheck",
    "LayerHealth",
    "PathTerm",
    "chain_of_weight",
    "check_gradient",
    "health",
    "slope_of_weight",
    "strongest_weight",
]
