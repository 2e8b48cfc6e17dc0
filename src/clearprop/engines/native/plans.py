"""How a network is best run on this machine: BLAS or own tiles, how many threads, split how.

The thresholds come from measurements on two cores (AVX-512), beside the code that they steer:

- A product goes through BLAS from `BLAS_FROM` multiplications on, half as many in float64. Below it
  the register tiles are faster, since they need not pack their matrices: by a tenth to a quarter on
  784-512-256-10 with batches of 128, by a few per cent on 512-512-512-10 with batches of 512.
- A second thread pays from `THREADS_FROM` multiplications a step on; two barriers and the second
  read of the gradient eat up the gain below it.
- Threads split the batch while a gradient of their own fits a core's cache (`GRADIENT_FITS`
  bytes), and the neurons above that, where summing two full gradients costs more than waiting
  between layers.
"""

from __future__ import annotations

from clearprop.engines.contracts import Plan
from clearprop.engines.native.blas import check_library, usable_libraries
from clearprop.engines.native.threads import available_threads
from clearprop.errors import EngineError
from clearprop.network import Network

BLAS_FROM = 200_000_000
THREADS_FROM = 600_000
GRADIENT_FITS = 400_000


def plan_for(network: Network, batch: int, threads: int | None = None) -> Plan:
    """Return a plan for batches of this many rows.

    Parameters
    ----------
    threads : int, optional
        Take this many threads, where absent as many as pay.
    """
    products = [batch * o.fan_in * o.units for o in network.operations]
    if threads is None:
        threads = available_threads() if sum(products) >= THREADS_FROM else 1
    threads = max(1, min(threads, batch))
    size = 4 if network.dtype == "float32" else 8
    split = "batch" if size * network.size <= GRADIENT_FITS else "neurons"
    return Plan(
        engine="native",
        threads=threads,
        split=split if threads > 1 else "none",
        blas=tuple(size * product >= 4 * BLAS_FROM for product in products),
        library=usable_libraries()[0],
    )


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
