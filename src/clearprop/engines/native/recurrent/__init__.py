"""The native engine for networks with recurrent layers: time as a loop inside the kernel.

The idea: rows are pairs (sequence, step) as `Packing` lays them out, each row's units in one piece.
Then every product of a batch is of one form, Z[row, unit] += X[row, k] W[k, unit], with the output
units on the vector lanes, and all steps of all sequences go through W together; only the product
with U waits for the step before. Threads share out the sequences of a batch, each goes through all
of time by itself, and they meet once, before the update.

    kernel.py      many whole steps: pack, gather, forward, loss, backward, update
    packing.py     a batch's sequences, the longest first, dealt out to the threads
    gathering.py   inputs, targets and coefficients brought into the workspace
    forward.py     the layers forward, and through time     backward.py   the same backward
    readout.py     what is read out of the last recurrent layer, and masks
    cells.py       one step of an Elman layer, GRU or LSTM on vector lanes, forward and backward
    products.py    products of rows; matrices packed into panels
    output.py      the output layer's activation, its loss and BP1
    records.py     what the kernel reads and writes         timing.py     its stamps
    layout.py      a network and a batch's size as the kernel's arrays
    call.py        one call of the kernel                   reading.py    what it left, for a trace
    schedule.py    which sequences, from which step on, each step takes
    plans.py       threads, and which products go through BLAS
    engine.py      SequenceNativeEngine

May import: what `clearprop.engines.native` may.
"""

from clearprop.engines.native.recurrent.engine import SequenceNativeEngine

__all__ = ["SequenceNativeEngine"]
