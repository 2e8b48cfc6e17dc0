"""How Numba compiles kernels and their parts: as it always does, without what nobody uses.

A kernel is some hundred parts that end up in one. Two habits of Numba took a third of the time that
compiling them takes:

- It makes machine code of each part, although a part is only ever linked into others as LLVM's own
  code (`PartCompiler`).
- Where a part is written out in its caller (`inline="always"`), it copies the part block by block,
  and with each block all variables of the part (`_WriteOut`).

Neither changes the code that comes out.

Public names: `KernelCompiler`, `PartCompiler`.
May import: Numba.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import compiler, inline_closurecall, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import register_pass


class _BlockCopies:
    """Stands for the module `copy` where Numba copies a part's blocks one after the other.

    The blocks of one copy share their scope, as they did before they were copied.
    """

    def __init__(self) -> None:
        self._copied: set[int] = set()
        self._scope: Any = None
        self._new_scope: Any = None

    def deepcopy(self, block: Any) -> Any:
        """Copy a block; a scope is copied again when a block of it comes for the second time."""
        if block.scope is not self._scope or id(block) in self._copied:
            self._copied = set()
            self._scope, self._new_scope = block.scope, copy.deepcopy(block.scope)
        self._copied.add(id(block))
        return copy.deepcopy(block, {id(self._scope): self._new_scope})

    def __getattr__(self, name: str) -> Any:
        return getattr(copy, name)


@contextmanager
def _scopes_copied_once() -> Iterator[None]:
    """Copy scopes once a part; Numba's lock is held, so that nobody else compiles meanwhile."""
    inline_closurecall.copy = _BlockCopies()
    try:
        yield
    finally:
        inline_closurecall.copy = copy


@register_pass(mutates_CFG=True, analysis_only=False)
class _WriteOut(untyped_passes.InlineInlinables):
    """Numba's pass that writes parts out in their callers."""

    _name = "write_out"

    def run_pass(self, state: Any) -> bool:
        """Run the pass; return whether it has changed anything."""
        with _scopes_copied_once():
            return bool(super().run_pass(state))


class _Unrun:
    """A compiler of machine code, for a library that has none: nobody sets its environment."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def set_env(self, env_name: str, env: Any) -> None:
        """Do nothing: what is not run has no environment."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)


class _Linked(JITCodeLibrary):
    """The code of a part: optimised, to be linked into others, never run by itself."""

    @property
    def codegen(self) -> Any:
        """What would make machine code of it."""
        return _Unrun(self._codegen)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class KernelCompiler(compiler.CompilerBase):
    """Compiles a kernel."""

    def define_pipelines(self) -> list[Any]:
        """Return Numba's usual passes, with ours in the place of one."""
        passes = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (_WriteOut if kind is untyped_passes.InlineInlinables else kind, text)
            for kind, text in passes.passes
        ]
        passes.finalize()
        return [passes]


class PartCompiler(KernelCompiler):
    """Compiles a part of a kernel, which only kernels and other parts call."""

    def define_pipelines(self) -> list[Any]:
        """Return the passes; what they compile goes into a library that is not run."""
        state = self.state
        state.library = _Linked(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().define_pipelines()
