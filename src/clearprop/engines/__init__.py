"""Engines: where the equations run. They differ in speed only.

    recipes.py     Recipe, its schedules, Plan
    contracts.py   Block, TrainState, Record and the verbs of an Engine
    trace.py       Trace, the arrays of one step, which explanations read
    timing.py      PartTime, how long each part of a step takes
    ledger.py      dropout masks, the named terms of an update, watched parameters: all engines'
    reference.py   equations/ on NumPy: the oracle
    sequences.py   sequences of different lengths, and a batch of them without padding
    unrolled.py    equations/ through time;  reference_sequences.py, sequence_batches.py: with it
    native/        compiled kernels for the CPU; native/recurrent/: those for sequences
    xla/           equations/ compiled by JAX, which is an extra; imported only where asked for

`build(name, network, recipe)` gives an engine; `"auto"` is the native one, which runs every network
that the package can describe, or xla's where an accelerator gains (`automatic.py`). No engine falls
back to another in silence.

May import: `clearprop.equations`, `clearprop.functions`, `clearprop.network`, `clearprop.errors`,
`clearprop.importing`.
"""

from __future__ import annotations

from clearprop.engines.checks import check_inputs
from clearprop.engines.contracts import (
    Block,
    Constant,
    Engine,
    Hardware,
    Horizon,
    Plan,
    Recipe,
    Record,
    Schedule,
    TrainState,
    Watching,
)
from clearprop.engines.sequences import Packing, Sequences
from clearprop.engines.timing import PartTime
from clearprop.engines.trace import SequenceTrace, Trace
from clearprop.errors import SettingError
from clearprop.functions.spelling import suggest
from clearprop.importing import uncollected
from clearprop.network import Network

__all__ = [
    "ENGINES",
    "Block",
    "Constant",
    "Engine",
    "Hardware",
    "Horizon",
    "Packing",
    "PartTime",
    "Plan",
    "Recipe",
    "Record",
    "Schedule",
    "SequenceTrace",
    "Sequences",
    "Trace",
    "TrainState",
    "Watching",
    "build",
    "check_inputs",
]

ENGINES = ("auto", "native", "reference", "xla")


def build(
    name: str,
    network: Network,
    recipe: Recipe,
    threads: int | None = None,
    plan: Plan | None = None,
    rows: int | None = None,
    hardware: Hardware | None = None,
) -> Engine:
    """Return an engine by name, bound to a network and a recipe.

    Parameters
    ----------
    name : {"auto", "native", "reference", "xla"}
    threads : int, optional
        Threads of the native engine; as many as pay where absent.
    plan : Plan, optional
        How to run, as a state has recorded it; then `threads` has no say.
    rows : int, optional
        Rows of an epoch, where the recipe is to be trained with: the native engine may then measure
        how it is best run, and the xla engines of several processes train together.
    hardware : Hardware, optional
        On what the xla engine computes; a plan has the last word.

    Raises
    ------
    SettingError
        If there is no engine of that name.
    EngineError
        If the engine cannot run the plan, or the installed JAX computes wrongly.
    MissingExtraError
        If the xla engine is asked for and JAX is not installed.
    """
    hardware = hardware or Hardware()
    if name == "auto":
        name = _automatic(network, recipe, threads, plan, rows, hardware)
    if name == "reference":
        from clearprop.engines.reference import ReferenceEngine
        from clearprop.engines.reference_sequences import SequenceReferenceEngine

        kind = SequenceReferenceEngine if network.recurrent else ReferenceEngine
        return kind(network, recipe, plan)
    if name == "native":
        with uncollected():
            from clearprop.engines.native import NativeEngine

            if network.recurrent:
                from clearprop.engines.native.recurrent import SequenceNativeEngine

                return SequenceNativeEngine(network, recipe, plan, threads)
        return NativeEngine(network, recipe, plan, threads, rows)
    if name == "xla":
        with uncollected():
            from clearprop.engines.xla import XlaEngine

        return XlaEngine(network, recipe, plan, hardware, together=rows is not None)
    raise SettingError(f"There is no engine {name!r}. {suggest(name, ENGINES)}")


def _automatic(
    network: Network,
    recipe: Recipe,
    threads: int | None,
    plan: Plan | None,
    rows: int | None,
    hardware: Hardware,
) -> str:
    """Return the engine that `"auto"` stands for: the one of the plan, if there is one."""
    if plan is not None:
        return plan.engine
    from clearprop.engines.automatic import chosen

    def trial(name: str) -> Engine:
        return build(name, network, recipe, threads, None, rows, hardware)

    return chosen(network, recipe, rows, hardware, trial)
