"""What training minimises: the weighted mean loss of a batch plus the penalty, and its clipping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clearprop.errors import SettingError
from clearprop.network import Network


@dataclass(frozen=True)
class Penalty:
    """λ₁ Σ |w| + ½ λ₂ Σ w², over weights and not over biases.

    Attributes
    ----------
    l1, l2 : float
        λ₁ and λ₂, 0 or above.
    per_sample : bool
        Divide the penalty by the batch's sum of sample weights, as scikit-learn's `alpha` is.
    """

    l1: float = 0.0
    l2: float = 0.0
    per_sample: bool = False

    def __post_init__(self) -> None:
        for name in ("l1", "l2"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise SettingError(f"{name} must be 0 or above, but {getattr(self, name)} came.")

    @property
    def counts(self) -> bool:
        """Whether there is any penalty."""
        return bool(self.l1 or self.l2)

    def factor(self, normaliser: Any) -> Any:
        """Return what the penalty of a batch with this sum of weights is multiplied by."""
        return 1 / normaliser if self.per_sample else 1.0


def coefficients(xp: Any, weights: Any, normaliser: Any) -> Any:
    """c_i = w_i / N, with N = Σ w_i unless a larger batch gives its own: (n,) → (n,).

    A batch whose weights are all zero has coefficients of zero, and so no gradient.
    """
    return weights / xp.where(normaliser > 0, normaliser, 1)


def total_loss(xp: Any, losses: Any, c: Any) -> Any:
    """E = Σ_i c_i E_i: (n,), (n,) → a number."""
    return xp.sum(c * losses)


def penalty_value(xp: Any, network: Network, vector: Any, penalty: Penalty) -> Any:
    """λ₁ Σ |w| + ½ λ₂ Σ w² over all weight matrices."""
    weights = [segment.view(vector) for segment in network.segments if segment.penalised]
    size = sum(xp.sum(xp.abs(W)) for W in weights)
    square = sum(xp.sum(W * W) for W in weights)
    return penalty.l1 * size + 0.5 * penalty.l2 * square


def penalty_gradient(xp: Any, network: Network, vector: Any, penalty: Penalty) -> Any:
    """λ₁ sign(w) + λ₂ w for weights, 0 for biases: (network.size,)."""
    gradient = penalty.l1 * xp.sign(vector) + penalty.l2 * vector
    return gradient * weight_mask(xp, network, vector.dtype)


def weight_mask(xp: Any, network: Network, dtype: Any) -> Any:
    """1 for parameters that penalties and weight decay reach, 0 for the others."""
    return xp.concatenate(
        [xp.full((s.stop - s.start,), float(s.penalised), dtype=dtype) for s in network.segments]
    )


def clip(xp: Any, gradient: Any, norm: float | None, value: float | None) -> Any:
    """Shorten a gradient: each entry to ±value, then the whole to length norm.

    g ← max(-value, min(g, value));  g ← g · min(1, norm / ‖g‖)  (Pascanu et al. 2013).
    """
    if value is not None:
        gradient = xp.clip(gradient, -value, value)
    if norm is not None:
        # the largest entry is taken out, since squares overflow where the length itself does not
        tiny = xp.finfo(gradient.dtype).tiny
        largest = xp.maximum(xp.max(xp.abs(gradient)), tiny)
        length = largest * xp.sqrt(xp.sum((gradient / largest) ** 2))
        # norm / norm where the gradient is short enough: no quotient of a tiny length overflows
        gradient = gradient * (norm / xp.maximum(length, norm))
    return gradient
