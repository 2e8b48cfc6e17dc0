"""What Python cannot say and a kernel needs: bits of a float, views, calls by address, atomics.

Each intrinsic is one or two instructions of LLVM. Addresses come in as numbers and are never
constants of a kernel, so that compiled kernels can be kept on disk and used by another process.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from clearprop.engines.native.compiling import PartCompiler

_INT32 = ir.IntType(32)
_INT64 = ir.IntType(64)
_BYTE_POINTER = ir.IntType(8).as_pointer()


def part(**options: Any) -> Any:
    """Compile a part of a kernel: for other parts to call, not for Python.

    Leaving out what calls from Python and C would need takes a third off the compile time. Division
    follows IEEE 754, as NumPy's does: a check for zero would keep a loop off the vector lanes.
    References are not counted: all arrays belong to the caller in Python, and LLVM does not see
    that a view without an owner needs no call to count for it.
    """
    return njit(
        nogil=True,
        _nrt=False,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        pipeline_class=PartCompiler,
        **options,
    )


def part_in_place(**options: Any) -> Any:
    """Compile a part that LLVM writes out where it is called: for what is called in one place.

    A call would pass records of arrays by value, a hundred words and more, which takes longer than
    what a small network's part has to do.
    """
    return part(forceinline=True, **options)


# how often a waiting thread looks again before it lets another one run
SPINS = 4000


@intrinsic
def float_of_bits(typingctx, bits):
    """Return the float whose IEEE 754 bits are `bits`: int32 → float32, int64 → float64."""
    target = types.float32 if bits == types.int32 else types.float64

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(target))

    return target(bits), codegen


@intrinsic
def bits_of_float(typingctx, x):
    """Return the IEEE 754 bits of a float: float32 → int32, float64 → int64."""
    target = types.int32 if x == types.float32 else types.int64

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(target))

    return target(x), codegen


def _view(context, builder, array, source, start, shape):
    """Return a view into a flat array that does not count references."""
    kind = types.Array(array.dtype, len(shape), "C")
    size = context.get_abi_sizeof(context.get_data_type(array.dtype))
    itemsize = context.get_constant(types.intp, size)
    strides = [itemsize] if len(shape) == 1 else [builder.mul(shape[1], itemsize), itemsize]
    view = context.make_array(kind)(context, builder)
    populate_array(
        view,
        data=builder.gep(source.data, [start]),
        shape=shape,
        strides=strides,
        itemsize=itemsize,
        meminfo=None,
    )
    return view._getvalue()


def _borrowed(typingctx, array, dimensions):
    """Return the type and code of a view that starts at a place of an array's flat order."""
    kind = types.Array(array.dtype, dimensions, "C")

    def codegen(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        return _view(context, builder, array, source, arguments[1], arguments[2:])

    whole = types.int64
    return kind(array, *[whole] * (dimensions + 1)), codegen


@intrinsic
def vector(typingctx, array, start, count):
    """Return array[start : start + count] as a view; the array must outlive it."""
    return _borrowed(typingctx, array, 1)


def _in_row(typingctx, array, bounds):
    """Return the type and code of a view into a row of a matrix."""

    def codegen(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        columns = cgutils.unpack_tuple(builder, source.shape)[1]
        low, high = arguments[2:] or (context.get_constant(types.intp, 0), columns)
        start = builder.add(builder.mul(arguments[1], columns), low)
        return _view(context, builder, array, source, start, [builder.sub(high, low)])

    kind = types.Array(array.dtype, 1, "C")
    return kind(array, *[types.int64] * (bounds + 1)), codegen


@intrinsic
def stretch(typingctx, array, row, low, high):
    """Return array[row, low:high] of a matrix as a view; Numba's own slices compile slowly."""
    return _in_row(typingctx, array, 2)


@intrinsic
def row(typingctx, array, index):
    """Return array[index] of a matrix as a view; Numba's own would count references."""
    return _in_row(typingctx, array, 0)


@intrinsic
def address(typingctx, array, place):
    """Return the address of the number at this place of an array, counted in its flat order."""

    def codegen(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        return builder.ptrtoint(builder.gep(source.data, [arguments[1]]), _INT64)

    return types.int64(array, types.int64), codegen


@intrinsic
def address_of_copy(typingctx, number):
    """Return the address of a copy of a number, which lives until the calling part returns."""

    def codegen(context, builder, signature, arguments):
        return builder.ptrtoint(cgutils.alloca_once_value(builder, arguments[0]), _INT64)

    return types.int64(number), codegen


@intrinsic
def matrix(typingctx, array, start, rows, columns):
    """Return rows x columns numbers from array[start] on as a view; the array must outlive it."""
    return _borrowed(typingctx, array, 2)


@intrinsic
def call_gemm(typingctx, address, transposed, sizes, alpha, a, lda, b, ldb, beta, c, ldc):
    """Call Fortran's xGEMM at an address: C ← alpha op(A) op(B) + beta C.

    `transposed` is a pair of ASCII codes (78 for "N", 84 for "T"), `sizes` is (m, n, k); a, b and
    c are addresses; alpha and beta have the precision of the routine.
    """
    real = alpha

    def codegen(context, builder, signature, arguments):
        address, transposed, sizes, alpha, a, lda, b, ldb, beta, c, ldc = arguments
        value_type = context.get_value_type(real)

        def by_reference(value, kind):
            slot = cgutils.alloca_once(builder, kind)
            builder.store(value, slot)
            return slot

        def integer(value):
            return by_reference(builder.trunc(value, _INT32), _INT32)

        def character(place):
            code = builder.extract_value(transposed, place)
            kind = ir.IntType(8)
            return by_reference(builder.trunc(code, kind), kind)

        def pointer(value):
            return builder.inttoptr(value, value_type.as_pointer())

        values = [
            character(0),
            character(1),
            *(integer(builder.extract_value(sizes, place)) for place in range(3)),
            by_reference(alpha, value_type),
            pointer(a),
            integer(lda),
            pointer(b),
            integer(ldb),
            by_reference(beta, value_type),
            pointer(c),
            integer(ldc),
        ]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(address, kind.as_pointer()), values)
        return context.get_dummy_value()

    pair = types.UniTuple(types.int64, 2)
    triple = types.UniTuple(types.int64, 3)
    whole = types.int64
    signature = types.void(
        whole, pair, triple, real, whole, whole, whole, whole, real, whole, whole
    )
    return signature, codegen


def _word(context, builder, signature, arguments):
    """Return a pointer to one number of an int64 array."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic
def atomic_add(typingctx, array, place, value):
    """Add to array[place] in one indivisible step and return what stood there before."""

    def codegen(context, builder, signature, arguments):
        word = _word(context, builder, signature, arguments)
        return builder.atomic_rmw("add", word, arguments[2], "acq_rel")

    return types.int64(array, types.int64, types.int64), codegen


@intrinsic
def atomic_load(typingctx, array, place):
    """Read array[place] and everything that its writer had written before."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(_word(context, builder, signature, arguments), "acquire", 8)

    return types.int64(array, types.int64), codegen


@intrinsic
def atomic_store(typingctx, array, place, value):
    """Write array[place] so that its reader sees everything written before."""

    def codegen(context, builder, signature, arguments):
        word = _word(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], word, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), codegen


# the operating system's "let another thread run", found by name when a kernel is loaded
_yield_thread = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)

# what time.perf_counter reads, so that stamps of a kernel and of Python can be mixed
_WINDOWS = sys.platform == "win32"
_read_clock = types.ExternalFunction(
    "QueryPerformanceCounter" if _WINDOWS else "clock_gettime",
    types.int32(types.intp) if _WINDOWS else types.int32(types.int32, types.intp),
)
_CLOCK = 8 if sys.platform == "darwin" else 1
# the seconds that the two numbers of a stamp count
STAMP_UNITS = (time.get_clock_info("perf_counter").resolution, 0.0) if _WINDOWS else (1.0, 1e-9)

if _WINDOWS:

    @part_in_place()
    def stamp(stamps, place):
        """Write the time to numbers 2 place and 2 place + 1 of an array, if it has any."""
        if len(stamps):
            _read_clock(stamps.ctypes.data + 16 * place)

else:

    @part_in_place()
    def stamp(stamps, place):
        """Write the time to numbers 2 place and 2 place + 1 of an array, if it has any."""
        if len(stamps):
            _read_clock(_CLOCK, stamps.ctypes.data + 16 * place)


# places in the control array, each on a cache line of its own
ARRIVED, GENERATION, STOP = 0, 8, 16
CONTROL_SIZE = 24


@part_in_place()
def barrier(control, threads):
    """Wait until all threads have come here. A barrier by generations, with one counter."""
    if threads == 1:
        return
    generation = atomic_load(control, GENERATION)
    if atomic_add(control, ARRIVED, 1) == threads - 1:
        atomic_store(control, ARRIVED, 0)
        atomic_add(control, GENERATION, 1)
        return
    spins = 0
    while atomic_load(control, GENERATION) == generation:
        spins += 1
        if spins > SPINS:
            _yield_thread()
