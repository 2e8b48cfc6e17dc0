"""How a network of sequences is run: how many threads, and which layers' products go through BLAS.

Threads split a batch's sequences. The thresholds are guesses from the sizes of caches and the time
that waking a thread takes; `threads` and a plan of one's own overrule them.
"""

from __future__ import annotations

from clearprop.engines.contracts import Plan
from clearprop.engines.native.blas import check_library, usable_libraries
from clearprop.engines.native.threads import available_threads
from clearprop.errors import EngineError
from clearprop.network import Network, Operation, Recurrence

# multiplications of all layers for one batch, were its sequences STEPS long, from which on a second
# thread is taken: as much work as waking it takes several times over; a guess, not a measurement
THREADS_FROM, STEPS = 600_000, 32
# multiplications of one row from which on products over all rows go through BLAS: where U no longer
# stays in a core's cache; a guess as well
BLAS_FROM = 250_000


def _multiplications(operation: Operation) -> int:
    """Return how many multiplications a row takes forward."""
    if not isinstance(operation, Recurrence):
        return operation.fan_in * operation.units
    products = (way.weight.shape[0] * (operation.fan_in + operation.size) for way in operation.ways)
    return sum(products)


def plan_for(network: Network, batch: int, threads: int | None = None) -> Plan:
    """Return a plan for batches of this many sequences.

    Parameters
    ----------
    threads : int, optional
        Take this many threads, where absent as many as pay.
    """
    products = [_multiplications(operation) for operation in network.operations]
    if threads is None:
        pays = batch * STEPS * sum(products) >= THREADS_FROM
        threads = available_threads() if pays else 1
    threads = max(1, min(threads, batch))
    return Plan(
        engine="native",
        threads=threads,
        split="batch" if threads > 1 else "none",
        blas=tuple(product >= BLAS_FROM for product in products),
        library=usable_libraries()[0],
    )


def check_plan(network: Network, plan: Plan) -> None:
    """Raise EngineError where a plan, which may come from a file, does not fit the kernel."""
    split = "none" if plan.threads == 1 else "batch"
    if plan.engine != "native" or plan.threads < 1 or plan.split != split:
        raise EngineError(
            f"The native engine cannot run the plan {plan} on sequences: with {plan.threads} "
            f"threads it splits by {split!r}. Let the engine choose a plan."
        )
    if len(plan.blas) != len(network.layers):
        raise EngineError(
            f"The plan speaks of {len(plan.blas)} layers, but the network has "
            f"{len(network.layers)}. Let the engine choose a plan."
        )
    check_library(plan.library)
