"""Formulas on lanes: a function of numbers, run over whole arrays a vector at a time.

    @on_lanes
    def descend(theta, g, rate):
        return (theta - rate * g,)

    descend((address of θ, address of g), count, (rate,))     # in a kernel

A compiler of loops takes four vectors at a time and does what is left over, up to 63 numbers, one
by one; with square roots and divisions in it, that is most of the time of a small network's update.
Here the last vector is masked instead.

Public names: `on_lanes`, `Lanes`, `sqrt`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from clearprop.engines.native.mathematics import FAST
from clearprop.engines.native.vectors import Vectors


class Lanes:
    """A vector with the operators of a number."""

    def __init__(self, v: Vectors, value: Any) -> None:
        self.v = v
        self.value = value

    def _of(self, other: Lanes | float) -> Any:
        if isinstance(other, Lanes):
            return other.value
        return ir.Constant(self.v.kind, [float(other)] * self.v.lanes)

    def _by(self, verb: str, left: Any, right: Any) -> Lanes:
        return Lanes(self.v, getattr(self.v.builder, verb)(left, right, flags=tuple(FAST)))

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._by("fadd", self.value, self._of(other))

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._by("fmul", self.value, self._of(other))

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._by("fsub", self.value, self._of(other))

    def __rsub__(self, other: float) -> Lanes:
        return self._by("fsub", self._of(other), self.value)

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self._by("fdiv", self.value, self._of(other))


def sqrt(x: Lanes) -> Lanes:
    """Return the square root of each lane."""
    name = f"llvm.sqrt.v{x.v.lanes}f{8 * x.v.size}"
    kind = ir.FunctionType(x.v.kind, [x.v.kind])
    function = cgutils.get_or_insert_function(x.v.builder.module, kind, name)
    return Lanes(x.v, x.v.builder.call(function, [x.value]))


def on_lanes(formula: Callable[..., tuple[Lanes, ...]]) -> Any:
    """Turn a formula into a function of kernels: f(addresses, count, numbers).

    The formula gets a number of each array and then the numbers, which are the same for all; it
    returns the new values of the first arrays, as many as it changes.
    """

    @intrinsic
    def run(typingctx: Any, addresses: Any, count: Any, numbers: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            addresses, count, numbers = arguments
            v = Vectors(context, builder, signature.args[2].dtype)
            places = v.parts(addresses)
            constants = [Lanes(v, v.splat(number)) for number in v.parts(numbers)]

            def step(first: Any, mask: Any = None) -> None:
                spots = [v.at(place, first) for place in places]
                values = [Lanes(v, v.load(spot, mask)) for spot in spots]
                for spot, new in zip(spots, formula(*values, *constants), strict=False):
                    v.store(new.value, spot, mask)

            lanes = v.number(v.lanes)
            whole = builder.sdiv(count, lanes)
            with cgutils.for_range(builder, whole) as loop:
                step(builder.mul(loop.index, lanes))
            done = builder.mul(whole, lanes)
            rest = builder.sub(count, done)
            with builder.if_then(builder.icmp_signed(">", rest, v.number(0))):
                step(done, v.first(rest))
            return context.get_dummy_value()

        return types.void(addresses, types.int64, numbers), codegen

    return run
