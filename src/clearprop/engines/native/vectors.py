"""Vectors of LLVM, for the parts of a kernel that a compiler of loops does not write well enough.

`Vectors` writes instructions on vectors of one precision into the function that is being compiled.
They are as wide as the processor's registers, and LLVM accepts them on any processor.

Public names: `Vectors`, `size_of`, `splat`, `call_masked`, `BYTES`, `REGISTERS`.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import overload

_FEATURES = get_host_cpu_features()
_ARM = platform.machine().lower() in ("arm64", "aarch64")
# bytes of a vector, and how many vectors the processor holds at once
BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16
REGISTERS = 32 if BYTES == 64 or _ARM else 16

INT32, INT64 = ir.IntType(32), ir.IntType(64)
_FUSE = ("contract",)
# AVX masks lanes by their highest bits; a mask of booleans would be turned into one at each use
_MASKS_ARE_NUMBERS = BYTES == 32


def size_of(number: Any) -> int:
    """Return the bytes of a number of this precision; only kernels call this."""
    raise NotImplementedError


@overload(size_of)
def _size_of(number):
    size = np.int64(4 if number == types.float32 else 8)
    return lambda number: size


def splat(builder: Any, value: Any, width: int) -> Any:
    """Return a vector whose every lane holds this number."""
    undefined = ir.Constant(ir.VectorType(value.type, width), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(INT32, 0))
    places = ir.Constant(ir.VectorType(INT32, width), [0] * width)
    return builder.shuffle_vector(first, undefined, places)


def call_masked(builder: Any, verb: str, result: Any, arguments: list[Any]) -> Any:
    """Call LLVM's masked "load" or "store" with a mask of booleans."""
    vector = result if verb == "load" else arguments[0].type
    letter = {"float": "f32", "double": "f64"}[str(vector.element)]
    return _call(builder, f"llvm.masked.{verb}.v{vector.count}{letter}.p0", result, arguments)


def _call(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


class Vectors:
    """Writes instructions on vectors of one precision; addresses are whole numbers."""

    def __init__(self, context: Any, builder: Any, real: Any) -> None:
        self.builder = builder
        self.size = 4 if real == types.float32 else 8
        self.lanes = BYTES // self.size
        self.real = context.get_value_type(real)
        self.kind = ir.VectorType(self.real, self.lanes)
        self.zero = ir.Constant(self.kind, [0.0] * self.lanes)

    def number(self, value: int) -> ir.Constant:
        """Return a whole number as LLVM knows it."""
        return ir.Constant(INT64, value)

    def at(self, base: Any, offset: int | Any, step: int | Any = 1) -> Any:
        """Return base + offset · step · the bytes of a number."""
        offset = self.number(offset) if isinstance(offset, int) else offset
        step = self.number(step) if isinstance(step, int) else step
        bytes_ = self.builder.mul(self.builder.mul(offset, step), self.number(self.size))
        return self.builder.add(base, bytes_)

    def parts(self, pair: Any) -> list[Any]:
        """Return the numbers of a tuple."""
        return cgutils.unpack_tuple(self.builder, pair)

    def equal(self, value: Any, code: int) -> Any:
        """Return whether a whole number is this code."""
        return self.builder.icmp_signed("==", value, self.number(int(code)))

    def smaller(self, x: Any, y: Any) -> Any:
        """Return the smaller of two whole numbers."""
        return self.builder.select(self.builder.icmp_signed("<", x, y), x, y)

    def variable(self) -> Any:
        """Return a place for a vector, which the compiler turns into a register."""
        return cgutils.alloca_once_value(self.builder, self.zero)

    def splat(self, value: Any) -> Any:
        """Return a vector with this number in each lane."""
        return splat(self.builder, value, self.lanes)

    def first(self, count: Any) -> Any:
        """Return the mask of the first `count` lanes."""
        whole = ir.IntType(8 * self.size)
        kind = ir.VectorType(whole, self.lanes)
        numbers = ir.Constant(kind, list(range(self.lanes)))
        count = count if whole == INT64 else self.builder.trunc(count, whole)
        mask = self.builder.icmp_signed("<", numbers, self.splat(count))
        return self.builder.sext(mask, kind) if _MASKS_ARE_NUMBERS else mask

    def factor(self, address: Any) -> Any:
        """Return the number at an address in each lane."""
        pointer = self.builder.inttoptr(address, self.real.as_pointer())
        return self.splat(self.builder.load(pointer))

    def load(self, address: Any, mask: Any = None) -> Any:
        """Read a vector, or its lanes in the mask; other lanes are 0 and not touched."""
        pointer = self.builder.inttoptr(address, self.kind.as_pointer())
        if mask is None:
            return self.builder.load(pointer, align=self.size)
        if _MASKS_ARE_NUMBERS:
            return self._call_avx("maskload", self.kind, [pointer, mask])
        arguments = [pointer, ir.Constant(INT32, self.size), mask, self.zero]
        return call_masked(self.builder, "load", self.kind, arguments)

    def store(self, value: Any, address: Any, mask: Any = None) -> None:
        """Write a vector, or its lanes in the mask."""
        pointer = self.builder.inttoptr(address, self.kind.as_pointer())
        if mask is None:
            self.builder.store(value, pointer, align=self.size)
            return
        if _MASKS_ARE_NUMBERS:
            self._call_avx("maskstore", ir.VoidType(), [pointer, mask, value])
            return
        arguments = [value, pointer, ir.Constant(INT32, self.size), mask]
        call_masked(self.builder, "store", ir.VoidType(), arguments)

    def _call_avx(self, verb: str, result: Any, arguments: list[Any]) -> Any:
        name = f"llvm.x86.avx.{verb}.p{'s' if self.size == 4 else 'd'}.256"
        return _call(self.builder, name, result, arguments)

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """Return x y + z, in one rounding where the processor can."""
        product = self.builder.fmul(x, y, flags=_FUSE)
        return self.builder.fadd(product, z, flags=_FUSE)
