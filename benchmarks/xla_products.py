"""XLA's matrix products as candidates of the machine's limit; JAX and Keras on JAX run on them.

XLA takes its threads when a process starts, so that each thread count is a worker of its own. A
product is timed in two ways: a jitted call each, and a loop that XLA compiles whole, in which there
are no calls to pay for. There a barrier ties each product to the one before; without it the loop
would do its work once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import limit
from benchmarks.problems import Case, Product, products

# which axes of A and B are added over, as the arrays of a step lie
AXES = {"z": (1, 0), "BP4": (0, 0), "BP2": (1, 1)}


class XlaProducts:
    """The subject of a worker; `measure` gives the seconds of every product."""

    def __init__(self, case: Case, cores: int) -> None:
        self.candidates = [limit.Candidates(self._runs(product)) for product in products(case)]

    def _runs(self, product: Product) -> dict[str, Callable[[int], float]]:
        a, b, c = (jnp.asarray(array) for array in limit.operands(product)[3:])
        single, loop = jax.jit(_product(product)), jax.jit(_loop(product))

        def call_each(calls: int) -> None:
            for _ in range(calls):
                last = single(a, b)
            last.block_until_ready()

        return {
            "a call each": lambda calls: limit.clocked(call_each, calls),
            "in a loop": lambda calls: limit.clocked(
                lambda: loop(calls, a, b, c).block_until_ready()
            ),
        }

    measure = limit.Blas.measure


def _product(product: Product) -> Callable[[Any, Any], Any]:
    """Return A B as a function of the arrays as they lie."""
    left, right = AXES[product.kind]
    return lambda a, b: jax.lax.dot_general(a, b, (((left,), (right,)), ((), ())))


def _loop(product: Product) -> Callable[..., Any]:
    """Return a function that does it so many times and returns the last result."""
    multiply = _product(product)

    def again(_: Any, arrays: Any) -> Any:
        a, b, _ = jax.lax.optimization_barrier(arrays)
        return a, b, multiply(a, b)

    return lambda calls, a, b, c: jax.lax.fori_loop(0, calls, again, (a, b, c))[2]
