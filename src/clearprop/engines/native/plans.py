"""How a network is best run on this machine: BLAS or own tiles, how many threads, split how.

The thresholds come from measurements on two cores (AVX-512), beside the code that they steer:

- A product goes through BLAS from `BLAS_FROM` multiplications on, half as many in float64. Below it
  the register tiles are faster, since they need not pack their matrices: by a tenth to a quarter on
  784-512-256-10 with batches of 128, by a few per cent on 512-512-512-10 with batches of 512.
- A second thread pays from `THREADS_FROM` multiplications a step on; two barriers and the second
  read of the gradient eat up the gain below it.
- A batch is gone through in pieces, whose arrays stay near the processor: a few megabytes for each
  thread, and rows enough that reading the weights once a piece does not count. The gradient of 8192
  rows of 14-256-256-256-2 took 207 ms at once, 147 in chunks of 1024 and 123 to 128 in chunks of
  512 to 128 on one thread. A row is a sample as one member of the network sees it.
- Threads split the batch while a gradient of their own fits a core's cache (`GRADIENT_FITS`
  bytes), and the neurons above that, where summing two full gradients costs more than waiting
  between layers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearprop.engines.contracts import Plan
from clearprop.engines.native.blas import check_library, usable_libraries
from clearprop.engines.native.threads import available_threads
from clearprop.errors import EngineError
from clearprop.network import Network, Operation, Waves

BLAS_FROM = 200_000_000
THREADS_FROM = 600_000
GRADIENT_FITS = 400_000
# bytes of a thread's arrays; rows of a piece where the weights fit beside them, and elsewhere
PIECE_BYTES = 4_000_000
LEAST_ROWS, LEAST_ROWS_OF_LARGE = 256, 1024


def plan_for(network: Network, batch: int, threads: int | None = None) -> Plan:
    """Return a plan for batches of this many samples.

    Parameters
    ----------
    threads : int, optional
        Take this many threads, where absent as many as pay.
    """
    if threads is None:
        pays = sum(products(network, batch)) >= THREADS_FROM
        threads = available_threads() if pays else 1
    threads = max(1, min(threads, batch))
    size = np.dtype(network.dtype).itemsize
    split = "batch" if size * network.size <= GRADIENT_FITS else "neurons"
    plan = Plan(
        engine="native",
        threads=threads,
        split=split if threads > 1 else "none",
        blas=(False,) * len(network.layers),
        library=usable_libraries()[0],
    )
    at_once = products(network, piece_for(network, plan, batch), at_once=True)
    return replace(plan, blas=tuple(size * product >= 4 * BLAS_FROM for product in at_once))


def products(network: Network, samples: int, *, at_once: bool = False) -> list[int]:
    """Return the multiplications of each layer's product, of all members together.

    `at_once` counts those of one product only, where each member has one of its own.
    """
    rows = samples * network.members
    return [
        rows * o.fan_in * o.units // (network.members if at_once and o.own else 1)
        if o.kind == "dense"
        else 0
        for o in network.operations
    ]


def piece_for(network: Network, plan: Plan, batch: int) -> int:
    """Return how many samples of a batch go through the network at a time."""
    size = np.dtype(network.dtype).itemsize
    row = size * (network.inputs + sum(_numbers_of(o) for o in network.operations))
    large = size * network.size > PIECE_BYTES
    rows = max(PIECE_BYTES // row, LEAST_ROWS_OF_LARGE if large else LEAST_ROWS)
    return min(batch, max(1, rows // network.members) * plan.threads)


def _numbers_of(operation: Operation) -> int:
    """Return how many numbers of a row a layer keeps: z, a, δ, and what only some layers have."""
    arrays = 3 + 2 * bool(operation.dropout) + operation.parametric
    numbers = arrays * operation.units
    if isinstance(operation, Waves):
        numbers += 2 * len(operation.columns) * operation.frequencies
    return numbers


def check_plan(network: Network, plan: Plan) -> None:
    """Raise EngineError where a plan, which may come from a file, does not fit the kernel."""
    splits = ("none",) if plan.threads == 1 else ("batch", "neurons")
    if plan.engine != "native" or plan.threads < 1 or plan.split not in splits:
        raise EngineError(
            f"The native engine cannot run the plan {plan}: with {plan.threads} threads it splits "
            f"by {' or '.join(splits)}."
        )
    if len(plan.blas) != len(network.layers):
        raise EngineError(
            f"The plan speaks of {len(plan.blas)} layers, but the network has "
            f"{len(network.layers)}. Let the engine choose a plan."
        )
    check_library(plan.library)
