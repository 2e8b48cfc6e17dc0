"""A vector register as a value of a kernel: several numbers that go through one instruction.

Loops over a handful of numbers are mostly the compiler's preparation for long ones. Here a kernel
says itself what goes into a register: `Lanes` is a Numba type whose values are LLVM vectors, with
arithmetic, comparisons and a choice between two of them. What hangs over the end of an array is
masked: a lane that is off is read as 0 and not written. So a layer of a few units is one register
and no loop, and the formulas of `mathematics` serve numbers and registers alike.

Arithmetic may be contracted (a b + c in one rounding); it is reordered only in parts that ask for
it by `fastmath`.

Public names: `Lanes`, the type, and `register_of`, `mask_of`, which make one; `where`,
`root`, `rounded`, `whole_and_power`; `sum_of`, `largest_of`, `sizes`, `larger_size`,
`largest_size`, all lanes as one; `each_exp`, `each_erf`, the C library's functions, lane by lane.
Memory is in `in_memory`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

from clearprop.engines.native.low_level import part, part_in_place
from clearprop.engines.native.vectors import BYTES, splat

_INT32 = ir.IntType(32)
_CONTRACT = ("contract",)


class Lanes(types.Type):
    """The type of a register: `width` numbers of type `dtype`; a mask is one of booleans."""

    def __init__(self, dtype: Any, width: int) -> None:
        self.dtype, self.width = dtype, width
        super().__init__(f"Lanes({dtype} x {width})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        element = manager.lookup(kind.dtype).get_value_type()
        super().__init__(manager, kind, ir.VectorType(element, kind.width))


def register_of(dtype: Any) -> Lanes:
    """Return the type of a register full of numbers of this type."""
    return Lanes(dtype, BYTES * 8 // dtype.bitwidth)


def mask_of(kind: Lanes) -> Lanes:
    """Return the type of a mask for a register."""
    return Lanes(types.boolean, kind.width)


def _as_lanes(context: Any, builder: Any, value: Any, given: Any, wanted: Lanes) -> Any:
    """Return a register as it is, and a number in every lane of one."""
    if isinstance(given, Lanes):
        return value
    return splat(builder, context.cast(builder, value, given, wanted.dtype), wanted.width)


def _register(arguments: Any) -> Lanes | None:
    """Return the one type of register among these types of arguments, if there is one."""
    kinds = {kind for kind in arguments if isinstance(kind, Lanes)}
    fits = all(isinstance(kind, Lanes | types.Number) for kind in arguments)
    return kinds.pop() if fits and len(kinds) == 1 else None


def _teach(symbol: Any, emit: Callable[..., Any], *, compares: bool = False) -> None:
    """Teach Numba what an operator does with registers; numbers beside them are spread out."""

    class Template(AbstractTemplate):
        def generic(self, arguments: Any, keywords: Any) -> Any:
            kind = _register(arguments)
            if kind is None:
                return None
            return signature(mask_of(kind) if compares else kind, *arguments)

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind: Any = _register(signature.args)
        given = zip(arguments, signature.args, strict=True)
        return emit(builder, *(_as_lanes(context, builder, *pair, kind) for pair in given))

    infer_global(symbol)(Template)
    for operands in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes), (Lanes,)):
        lower_builtin(symbol, *operands)(lower)


def _call(builder: Any, name: str, value: Any) -> Any:
    """Call LLVM's function of this name on a vector."""
    kind = value.type
    letter = {"float": "f32", "double": "f64"}[str(kind.element)]
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind]), f"llvm.{name}.v{kind.count}{letter}"
    )
    return builder.call(function, [value])


_teach(operator.add, lambda builder, a, b: builder.fadd(a, b, flags=_CONTRACT))
_teach(operator.sub, lambda builder, a, b: builder.fsub(a, b, flags=_CONTRACT))
_teach(operator.mul, lambda builder, a, b: builder.fmul(a, b, flags=_CONTRACT))
_teach(operator.truediv, lambda builder, a, b: builder.fdiv(a, b, flags=_CONTRACT))
_teach(operator.neg, lambda builder, a: builder.fneg(a))
_teach(abs, lambda builder, a: _call(builder, "fabs", a))
for _symbol, _sign in ((operator.lt, "<"), (operator.gt, ">")):
    _teach(
        _symbol,
        lambda builder, a, b, sign=_sign: builder.fcmp_ordered(sign, a, b),
        compares=True,
    )


@intrinsic
def where(typingctx, condition, a, b):
    """Return a where the condition holds and b elsewhere, for numbers and for registers."""
    kind = _register((a, b)) or b
    if isinstance(condition, Lanes) and not isinstance(kind, Lanes):
        kind = Lanes(b, condition.width)

    def codegen(context, builder, signature, arguments):
        chosen, left, right = arguments
        if isinstance(kind, Lanes):
            left = _as_lanes(context, builder, left, a, kind)
            right = _as_lanes(context, builder, right, b, kind)
        else:
            left = context.cast(builder, left, a, kind)
        return builder.select(chosen, left, right)

    return kind(condition, a, b), codegen


@intrinsic
def root(typingctx, value):
    """Return √ of every lane."""

    def codegen(context, builder, signature, arguments):
        return _call(builder, "sqrt", arguments[0])

    return value(value), codegen


@intrinsic
def rounded(typingctx, value):
    """Return the whole number nearest to every lane; what is not finite stays so."""

    def codegen(context, builder, signature, arguments):
        return _call(builder, "rint", arguments[0])

    return value(value), codegen


def _folded(builder: Any, value: Any, lanes: int, combine: Callable[..., Any]) -> Any:
    """Combine the first `lanes` lanes into one number: halves with halves, until one is left."""
    while lanes > 1:
        lanes //= 2
        low, high = (
            builder.shuffle_vector(
                value,
                value,
                ir.Constant(ir.VectorType(_INT32, lanes), list(range(first, first + lanes))),
            )
            for first in (0, lanes)
        )
        value = combine(low, high)
    return builder.extract_element(value, _INT32(0))


def _fold(combine: Callable[[Any], Callable[..., Any]], few: int | None = None) -> Any:
    """Return a function of a kernel that combines all lanes of a register, or the first few."""

    def fold(typingctx, value):
        def codegen(context, builder, signature, arguments):
            lanes = min(few or value.width, value.width)
            return _folded(builder, arguments[0], lanes, combine(builder))

        return value.dtype(value), codegen

    return fold


def _adding(builder: Any) -> Callable[..., Any]:
    adder: Callable[..., Any] = builder.fadd
    return adder


def _greater(builder: Any) -> Callable[..., Any]:
    return lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b)


_sum_of_all, _sum_of_four = intrinsic(_fold(_adding)), intrinsic(_fold(_adding, 4))
_largest_of_all, _largest_of_four = intrinsic(_fold(_greater)), intrinsic(_fold(_greater, 4))


@part_in_place()
def sum_of(value, count):
    """Return the sum of a register whose lanes from `count` on are 0."""
    # two additions that wait for each other, in the place of four
    return _sum_of_four(value) if count <= 4 else _sum_of_all(value)


@part_in_place()
def largest_of(value, count):
    """Return the largest number of a register whose lanes from `count` on hold no larger one."""
    return _largest_of_four(value) if count <= 4 else _largest_of_all(value)


@intrinsic
def sizes(typingctx, value):
    """Return |x| of every lane as whole numbers, the bits of IEEE 754.

    They are in the order of the sizes, with infinity above all numbers and NaN above infinity: the
    largest of them tells whether all are finite, where a comparison of floats would lose a NaN.
    """
    whole = types.int32 if value.dtype == types.float32 else types.int64
    kind = Lanes(whole, value.width)

    def codegen(context, builder, signature, arguments):
        vector = context.get_value_type(kind)
        bits = builder.bitcast(arguments[0], vector)
        most = (1 << (whole.bitwidth - 1)) - 1
        return builder.and_(bits, ir.Constant(vector, [most] * value.width))

    return kind(value), codegen


@intrinsic
def larger_size(typingctx, a, b):
    """Return the larger of two registers of `sizes`, lane by lane."""

    def codegen(context, builder, signature, arguments):
        left, right = arguments
        return builder.select(builder.icmp_signed(">", left, right), left, right)

    return a(a, b), codegen


@intrinsic
def largest_size(typingctx, value):
    """Return the largest of a register of `sizes` as the float that it is."""
    real = types.float32 if value.dtype == types.int32 else types.float64

    def codegen(context, builder, signature, arguments):
        def larger(a, b):
            return builder.select(builder.icmp_signed(">", a, b), a, b)

        bits = _folded(builder, arguments[0], value.width, larger)
        return builder.bitcast(bits, context.get_value_type(real))

    return real(value), codegen


# 1.5 times 2 to the number of digits behind the point: added to a number of modest size it rounds
# that to a whole number, which then stands in the lowest bits
_ROUNDER = {32: (12582912.0, 23, 127), 64: (6755399441055744.0, 52, 1023)}


@intrinsic
def whole_and_power(typingctx, x):
    """Return the whole number n nearest to x and 2ⁿ, lane by lane, for n within the exponents."""
    bits = x.dtype.bitwidth
    rounder, digits, bias = _ROUNDER[bits]

    def codegen(context, builder, signature, arguments):
        vector, whole = arguments[0].type, ir.VectorType(ir.IntType(bits), x.width)

        def every(number):
            return ir.Constant(whole, [number] * x.width)

        shift = ir.Constant(vector, [rounder] * x.width)
        rounded = builder.bitcast(builder.fadd(arguments[0], shift, flags=_CONTRACT), whole)
        # taken off again as whole numbers: fast arithmetic would see that x + c - c is x
        n = builder.sitofp(builder.sub(rounded, builder.bitcast(shift, whole)), vector)
        power = builder.add(builder.shl(rounded, every(digits)), every(bias << digits))
        pair = [n, builder.bitcast(power, vector)]
        return context.make_tuple(builder, signature.return_type, pair)

    return types.UniTuple(x, 2)(x), codegen


@intrinsic
def _pick(typingctx, value, place):
    """Return one lane of a register."""

    def codegen(context, builder, signature, arguments):
        return builder.extract_element(arguments[0], builder.trunc(arguments[1], _INT32))

    return value.dtype(value, types.int64), codegen


@intrinsic
def _replaced(typingctx, value, place, number):
    """Return a register with another number in one lane."""

    def codegen(context, builder, signature, arguments):
        vector, place, number = arguments
        return builder.insert_element(vector, number, builder.trunc(place, _INT32))

    return value(value, types.int64, value.dtype), codegen


def _one_by_one(function: Callable[..., Any]) -> Any:
    """Return a function of a kernel that calls the C library's on the first lanes, one by one."""

    @part()
    def each(value, count):
        for place in range(min(count, 16)):
            value = _replaced(value, place, function(_pick(value, place)))
        return value

    return each


each_exp, each_erf = map(_one_by_one, (math.exp, math.erf))
