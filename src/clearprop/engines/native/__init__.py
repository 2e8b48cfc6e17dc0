"""The native engine: the equations as compiled kernels for the CPU.

The idea: one kernel runs many whole steps without coming back to Python; a network is data to it,
so it is compiled once a machine and serves every network. It agrees with the reference engine to
rounding, and a test holds it to that for every layer, loss and rule.

    kernel.py        the steps: gather, forward, BP1 to BP4, update; threads and barriers
    sample.py        the same for steps of one sample; its parts are sample_*
    gathering.py     a batch brought into the workspace
    dense.py         a dense layer                 front.py      Scaling and Periodic
    products.py      the three matrix products, in own tiles and through BLAS
    tiles.py         a product in register tiles       transposing.py   a block turned
    lanes.py         a register as a kernel's value    in_memory.py     from arrays into it and back
    vectors.py       vectors of LLVM for tiles
    pointwise.py     activations and derivatives       losses.py    losses and BP1
    updates.py       update rules                      chance.py    dropout's random bits
    mathematics.py   exp, log and their relatives for vector lanes
    low_level.py     calls by address, atomics, barrier
    records.py       what the kernel reads and writes, and what its columns mean
    layout.py        a network, a plan and a block as the kernel's arrays
    places.py        where the arrays of a workspace lie
    plans.py         BLAS or tiles, threads, what they split, pieces of a batch: by thresholds
    planning.py      the same, measured             remembered.py    measured plans, kept
    threads.py       how kernels get their threads     blas.py, cache.py   BLAS; the on-disk cache
    call.py          one call of the kernel            prediction.py   a^L of any number of rows
    reading.py       what it left in the workspace
    engine.py        NativeEngine       recurrent/        the same for sequences

May import: Numba, SciPy's BLAS, threadpoolctl, and what `clearprop.engines` may import.
"""

from clearprop.engines.native.engine import NativeEngine

__all__ = ["NativeEngine"]
