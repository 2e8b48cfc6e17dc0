"""Registers and memory: what goes from an array into a register of `lanes`, and back.

What hangs over the end of an array is masked: a lane that is off is read as 0 and not written.

Public names: `width_of`, `some`, `lane`, masks of lanes; `take`, `take_some`, `put`, `put_some`,
`put_first`, `spread`, `at`, `zeros`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from clearprop.engines.native.lanes import mask_of, register_of
from clearprop.engines.native.vectors import call_masked, splat

_INT32 = ir.IntType(32)


@intrinsic
def width_of(typingctx, array):
    """Return how many numbers of an array go into a register."""
    kind = register_of(array.dtype)

    def codegen(context, builder, signature, arguments):
        return context.get_constant(types.int64, kind.width)

    return types.int64(array), codegen


def _count_up(width: int) -> Any:
    return ir.Constant(ir.VectorType(_INT32, width), list(range(width)))


def _compared_places(predicate: str) -> Any:
    """Return a function of a kernel: the mask of the lanes whose place compares with a number."""

    def compared(typingctx, array, number):
        kind = register_of(array.dtype)

        def codegen(context, builder, signature, arguments):
            number = splat(builder, builder.trunc(arguments[1], _INT32), kind.width)
            return builder.icmp_signed(predicate, _count_up(kind.width), number)

        return mask_of(kind)(array, types.int64), codegen

    return compared


some = intrinsic(_compared_places("<"))
lane = intrinsic(_compared_places("=="))


def _address(context: Any, builder: Any, array: Any, arguments: Any, width: int) -> Any:
    """Return the address of array[place] as one of a vector."""
    source = context.make_array(array)(context, builder, arguments[0])
    place = builder.gep(source.data, [arguments[1]])
    kind = ir.VectorType(context.get_value_type(array.dtype), width)
    return builder.bitcast(place, kind.as_pointer()), kind


def _size(context: Any, array: Any) -> int:
    return int(context.get_abi_sizeof(context.get_data_type(array.dtype)))


@intrinsic
def take(typingctx, array, place):
    """Return the register full of numbers that starts at array[place] in its flat order."""
    kind = register_of(array.dtype)

    def codegen(context, builder, signature, arguments):
        address, _ = _address(context, builder, array, arguments, kind.width)
        return builder.load(address, align=_size(context, array))

    return kind(array, types.int64), codegen


@intrinsic
def put(typingctx, array, place, value):
    """Write a register to array[place] and what follows."""

    def codegen(context, builder, signature, arguments):
        address, _ = _address(context, builder, array, arguments, value.width)
        builder.store(arguments[2], address, align=_size(context, array))
        return context.get_dummy_value()

    return types.void(array, types.int64, value), codegen


@intrinsic
def take_some(typingctx, array, place, mask):
    """Return what `take` returns, with 0 in the lanes that are off; nothing is read for those.

    A mask of None leaves all lanes on.
    """
    kind = register_of(array.dtype)

    def codegen(context, builder, signature, arguments):
        address, vector = _address(context, builder, array, arguments, kind.width)
        if isinstance(mask, types.NoneType):
            return builder.load(address, align=_size(context, array))
        zero = ir.Constant(vector, [0.0] * kind.width)
        values = [address, _INT32(_size(context, array)), arguments[2], zero]
        return call_masked(builder, "load", vector, values)

    return kind(array, types.int64, mask), codegen


@intrinsic
def put_some(typingctx, array, place, value, mask):
    """Write the lanes of a register that are on; a mask of None leaves all on."""

    def codegen(context, builder, signature, arguments):
        address, _ = _address(context, builder, array, arguments, kind.width)
        if isinstance(mask, types.NoneType):
            builder.store(arguments[2], address, align=_size(context, array))
        else:
            values = [arguments[2], address, _INT32(_size(context, array)), arguments[3]]
            call_masked(builder, "store", ir.VoidType(), values)
        return context.get_dummy_value()

    kind = register_of(array.dtype)
    return types.void(array, types.int64, value, mask), codegen


def _part_of(builder: Any, value: Any, first: int, count: int) -> Any:
    """Return some neighbouring lanes of a vector as a shorter one; beyond its end, anything."""
    places = [place % value.type.count for place in range(first, first + count)]
    mask = ir.Constant(ir.VectorType(_INT32, count), places)
    return builder.shuffle_vector(value, value, mask)


@intrinsic
def put_first(typingctx, array, place, value, count):
    """Write the first `count` lanes of a register, fewer than all, in pieces of 2ⁿ numbers.

    A processor hands what it is about to write on to a read inside one such piece; what `put_some`
    writes can only be read once it has reached the cache, which takes as long as an exponential.
    """

    def codegen(context, builder, signature, arguments):
        _, place, value, count = arguments
        align, piece = _size(context, array), signature.args[2].width // 2
        where = cgutils.alloca_once_value(builder, place)
        left = cgutils.alloca_once_value(builder, value)
        width = piece * 2
        while piece:
            bit = builder.and_(count, count.type(piece))
            with builder.if_then(builder.icmp_signed("!=", bit, count.type(0))):
                here, rest = builder.load(where), builder.load(left)
                address, _ = _address(context, builder, array, [arguments[0], here], piece)
                builder.store(_part_of(builder, rest, 0, piece), address, align=align)
                builder.store(builder.add(here, here.type(piece)), where)
                builder.store(_part_of(builder, rest, piece, width), left)
            piece //= 2
        return context.get_dummy_value()

    return types.void(array, types.int64, value, types.int64), codegen


@intrinsic
def touch(typingctx, array, place):
    """Write the number at array[place] there again, which no compiler leaves out."""

    def codegen(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        size = _size(context, array)
        word = ir.IntType(8 * size)
        place = builder.gep(source.data, [arguments[1]])
        place = builder.bitcast(place, word.as_pointer())
        builder.store_atomic(builder.load(place), place, "monotonic", size)
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@intrinsic
def spread(typingctx, array, place):
    """Return a register whose every lane holds array[place]."""
    kind = register_of(array.dtype)

    def codegen(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        value = builder.load(builder.gep(source.data, [arguments[1]]))
        return splat(builder, value, kind.width)

    return kind(array, types.int64), codegen


@intrinsic
def at(typingctx, array, place):
    """Return array[place] without asking whether `place` counts from the end."""

    def codegen(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        return builder.load(builder.gep(source.data, [arguments[1]]))

    return array.dtype(array, types.int64), codegen


@intrinsic
def zeros(typingctx, array):
    """Return a register of zeros, of the type of an array's numbers."""
    kind = register_of(array.dtype)

    def codegen(context, builder, signature, arguments):
        return ir.Constant(context.get_value_type(kind), [0.0] * kind.width)

    return kind(array), codegen
