"""What products are computed in: float32, TF32 or bf16, with sums in float32.

Only the operands of products are rounded, so parameters, slots, activations and losses are float32
whatever the precision. On a GPU the product is asked for by name, and its tensor cores round. XLA
computes every product of float32 on a CPU in float32; there the operands are rounded by a program
of ours, to the same number of bits, which shows what a GPU gives and costs time instead of saving
it.

    float32   24 bits      tf32   11 bits (10 behind the point)      bf16   8 bits (7)

Public names: `in_precision`.
May import: JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, Literal

# bits behind the point, and what a GPU and a TPU are asked for
BITS = {"tf32": 10, "bf16": 7}
_ON_GPU = {"float32": "highest", "tf32": "TF32_TF32_F32", "bf16": "BF16_BF16_F32"}
_ON_TPU = {"float32": "highest", "bf16": "bfloat16"}
# primitives whose body is run in place: nothing is differentiated here
_CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call")


def in_precision(platform: str, precision: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of arrays whose products are computed so, to be part of a program."""
    if platform == "cpu":
        return function if precision == "float32" else _rounded(function, BITS[precision])
    name = (_ON_TPU if platform == "tpu" else _ON_GPU)[precision]

    def asked(*given: Any) -> Any:
        with jax.default_matmul_precision(name):
            return function(*given)

    return asked


def _rounded(function: Callable[..., Any], bits: int) -> Callable[..., Any]:
    """Return the function with the operands of each product rounded to so many bits."""

    def go(*given: Any) -> Any:
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*given)
        found = _run(closed, jax.tree.leaves(given), bits)
        return jax.tree.unflatten(jax.tree.structure(shapes), found)

    return go


def _run(closed: ClosedJaxpr, given: Sequence[Any], bits: int) -> list[Any]:
    """Run a traced function equation by equation."""
    jaxpr = closed.jaxpr
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*closed.consts, *given], strict=True))

    def value(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else known[variable]

    for equation in jaxpr.eqns:
        found = _result(equation, [value(variable) for variable in equation.invars], bits)
        known.update(zip(equation.outvars, found, strict=True))
    return [value(variable) for variable in jaxpr.outvars]


def _result(equation: Any, given: list[Any], bits: int) -> list[Any]:
    primitive, params = equation.primitive, equation.params
    if primitive.name in _CALLS:
        body = params.get("jaxpr") or params.get("call_jaxpr")
        return _run(body, given, bits)
    if primitive.name == "dot_general":
        given = [lax.reduce_precision(array, 8, bits) for array in given]
    inner = {name: _bodies(body, bits) for name, body in params.items() if _has_bodies(body)}
    found = primitive.bind(*given, **{**params, **inner})
    return list(found) if primitive.multiple_results else [found]


def _has_bodies(parameter: Any) -> bool:
    parts = parameter if isinstance(parameter, tuple) else (parameter,)
    return bool(parts) and all(isinstance(part, ClosedJaxpr) for part in parts)


def _bodies(parameter: Any, bits: int) -> Any:
    """Return the bodies of a loop or a choice with their products rounded."""
    if isinstance(parameter, tuple):
        return tuple(_bodies(part, bits) for part in parameter)
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in parameter.in_avals]
    return jax.make_jaxpr(lambda *given: _run(parameter, given, bits))(*shapes)
