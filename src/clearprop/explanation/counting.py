"""How many multiplications the gradient takes: path by path, weight by weight, and with deltas.

All three give the same gradient of one sample. They differ in what they compute anew:

- *paths*: each parameter's gradient is the sum over all paths from it to the loss, and each path's
  product is written out in full, as in a derivation by hand;
- *chain*: each parameter has a backward recursion of its own, from the loss to the parameter. It
  uses δ within itself, but nothing of another parameter's recursion;
- *deltas*: BP1 to BP4, where each δ is computed once for all.

What counts: each product of two factors of the derivative. What does not: the forward pass, the
values of f'(z) and ∇_a E (each is taken as a number at hand, and f'(z) as one number a unit, so a
softmax is counted like any other activation), additions, the factor ∂z/∂b = 1 of a bias, and
factors that a network need not have (dropout masks, forward scales, coefficients of samples).

With n_0 inputs, n_l units in layer l and L layers:

    N_paths  = Σ_l n_l n_(l+1) … n_L · (n_(l-1) (2(L-l)+2) + 2(L-l)+1)
    N_chain  = Σ_l n_l · (n_(l-1) (r_l + 1) + r_l),
               r_L = 1,  r_l = n_(l+1) + 1 + Σ_(m>l) d_m,  d_L = n_L,  d_m = n_m (n_(m+1) + 1)
    N_deltas = Σ_l (d_l + n_l n_(l-1))

The functions below derive them. With n units in each layer, the leading terms for large n are
2L n^(L+1), ½ (L-1)(L-2) n⁴ (from three layers on; 2n³ for two) and (2L-1) n²: the first grows
exponentially with depth, and the last is less than twice the L n² of the forward pass.

Public names: `Count`, `Counts`, `Growth`, `count_multiplications`, `growth`.
May import: `tallies`, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from clearprop.explanation.tallies import by_chain, by_deltas, by_paths, stand_in

DEPTHS = tuple(range(1, 9))
WIDTHS = tuple(range(1, 65))


def paths_formula(shape: Sequence[int]) -> int:
    """Return N_paths of a network with units n_0, n_1, …, n_L.

    From unit j of layer l as many paths lead to the loss as there are ways to pick a unit in each
    later layer, n_(l+1) … n_L. The product of a weight's path has a_k and f'(z_j), then w and f'(z)
    for each later layer, then ∂E/∂a: 2(L-l) + 3 factors, so one multiplication less. A bias has no
    a_k, so one factor less. Layer l has n_l n_(l-1) weights and n_l biases.
    """
    last, total = len(shape) - 1, 0
    for layer in range(1, last + 1):
        steps = 2 * (last - layer)
        of_unit = shape[layer - 1] * (steps + 2) + steps + 1
        total += prod(shape[layer:]) * of_unit
    return total


def chain_formula(shape: Sequence[int]) -> int:
    """Return N_chain of a network with units n_0, n_1, …, n_L.

    The δs of a whole layer m take d_m multiplications: for each unit one a unit behind it and one
    with f'(z), and in the last layer the one of BP1. A parameter of unit j of layer l needs all
    δs of the layers behind l and then δ_j alone, which is r_l multiplications; a weight needs one
    more, with a_k. Each parameter does all of this for itself.
    """
    total, behind = 0, 0
    for layer in range(len(shape) - 1, 0, -1):
        of_one = 1 if layer == len(shape) - 1 else shape[layer + 1] + 1
        of_unit = behind + of_one
        total += shape[layer] * (shape[layer - 1] * (of_unit + 1) + of_unit)
        behind += shape[layer] * of_one
    return total


def deltas_formula(shape: Sequence[int]) -> int:
    """Return N_deltas of a network with units n_0, n_1, …, n_L.

    BP1 takes n_L multiplications and BP2 n_l (n_(l+1) + 1), as for the chain rule but once for all.
    BP4 takes one a weight. BP3 takes none: the gradient of a bias is δ itself.
    """
    last = len(shape) - 1
    errors = shape[last] + sum(shape[m] * (shape[m + 1] + 1) for m in range(1, last))
    return errors + sum(shape[m] * shape[m - 1] for m in range(1, last + 1))


def count_paths(shape: Sequence[int]) -> int:
    """Return how many paths lead from all parameters to the loss."""
    return sum(prod(shape[m:]) * (shape[m - 1] + 1) for m in range(1, len(shape)))


@dataclass(frozen=True)
class _Way:
    """One way to the gradient: its formula, how it is run, and up to how many multiplications."""

    formula: Callable[[Sequence[int]], int]
    run: Callable[..., tuple[int, np.ndarray]]
    bound: int


# Bounds keep a run below a fifth of a second: the first two go number by number or weight by
# weight, the last in whole arrays.
_WAYS = {
    "paths": _Way(paths_formula, by_paths, 100_000),
    "chain": _Way(chain_formula, by_chain, 100_000),
    "deltas": _Way(deltas_formula, by_deltas, 10_000_000),
}


@dataclass(frozen=True)
class Count:
    """Multiplications of one way.

    Attributes
    ----------
    way : {"paths", "chain", "deltas"}
    formula : int
        What the formula gives; exact, however large.
    counted : int or None
        What a run counted; None above `bound`.
    bound : int
        Up to so many multiplications, by the formula, the way is run.
    """

    way: str
    formula: int
    counted: int | None
    bound: int

    @property
    def agrees(self) -> bool:
        """Whether the run counted what the formula gives; true where there was no run."""
        return self.counted in (None, self.formula)


@dataclass(frozen=True)
class Growth:
    """Multiplications of networks with the same number of units in all layers, the input included.

    Attributes
    ----------
    depths : (d,) int array
        L, how many layers of weights.
    widths : (w,) int array
        n, units of a layer.
    paths, chain, deltas : (d, w) int arrays
        By the formulas.
    """

    depths: np.ndarray
    widths: np.ndarray
    paths: np.ndarray
    chain: np.ndarray
    deltas: np.ndarray

    def with_depth(self, width: int) -> dict[str, np.ndarray]:
        """Return the three at one width, (d,) each."""
        at = int(np.flatnonzero(self.widths == width)[0])
        return {way: getattr(self, way)[:, at] for way in _WAYS}

    def with_width(self, depth: int) -> dict[str, np.ndarray]:
        """Return the three at one depth, (w,) each."""
        at = int(np.flatnonzero(self.depths == depth)[0])
        return {way: getattr(self, way)[at] for way in _WAYS}


@dataclass(frozen=True)
class Counts:
    """Multiplications of the three ways to the gradient of one sample.

    Attributes
    ----------
    shape : tuple of int
        n_0, n_1, …, n_L.
    parameters : int
    paths_in_all : int
        Paths from all parameters to the loss.
    paths, chain, deltas : Count
    """

    shape: tuple[int, ...]
    parameters: int
    paths_in_all: int
    paths: Count
    chain: Count
    deltas: Count

    @property
    def ways(self) -> tuple[Count, Count, Count]:
        """The three, in the order in which the origin text comes upon them."""
        return self.paths, self.chain, self.deltas

    @property
    def agrees(self) -> bool:
        """Whether all runs counted what the formulas give."""
        return all(count.agrees for count in self.ways)

    @property
    def growth(self) -> Growth:
        """The three over depth and width."""
        return growth()


def count_multiplications(shape: Sequence[int]) -> Counts:
    """Count the multiplications of the three ways, by formula and by running them.

    Parameters
    ----------
    shape : sequence of int
        Units of each layer, the input first: `network.shape`.
    """
    shape = tuple(int(units) for units in shape)
    counts = {name: _count(name, way, shape) for name, way in _WAYS.items()}
    parameters = sum(shape[m] * (shape[m - 1] + 1) for m in range(1, len(shape)))
    return Counts(shape, parameters, count_paths(shape), **counts)


def _count(name: str, way: _Way, shape: tuple[int, ...]) -> Count:
    wanted = way.formula(shape)
    counted = way.run(stand_in(shape))[0] if wanted <= way.bound else None
    return Count(name, wanted, counted, way.bound)


def growth(depths: Sequence[int] = DEPTHS, widths: Sequence[int] = WIDTHS) -> Growth:
    """Return the three counts over depth and width, by the formulas."""
    tables = {
        name: np.array([[way.formula((n,) * (depth + 1)) for n in widths] for depth in depths])
        for name, way in _WAYS.items()
    }
    return Growth(np.array(depths), np.array(widths), **tables)
