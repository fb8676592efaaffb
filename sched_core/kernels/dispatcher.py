"""Dispatchers: how numba compiles a kernel, and what it leaves out for those that only other kernels call.

numba makes everything that it compiles ready to run: it optimises it, makes machine code of it, and wraps it for calls
from Python and from C. Of a part nobody needs that, because all of it is done again where the part is used. So parts
are code to be linked, no more; for the batches of the default profile this halves the time that compiling takes.
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering


class Kernel(CPUDispatcher):
    """A function that is compiled once for all numbers of a type, also where one is written out in a call."""

    def __init__(self, function: Any, options: dict[str, Any], compiler: Any = None) -> None:
        """Take a function and the options of numba's decorator."""
        options = {"nopython": True, "no_cfunc_wrapper": True, **options}
        super().__init__(function, {}, options, *(() if compiler is None else (compiler,)))

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return what numba calls; a literal has the type of its value, where numba would compile for it alone."""
        return super().get_call_template(
            [types.unliteral(each) for each in args], {name: types.unliteral(each) for name, each in kws.items()}
        )


class Part(Kernel):
    """A function that other kernels call; called from Python it runs as Python."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        """Take a function and the options of numba's decorator."""
        super().__init__(function, {"no_cpython_wrapper": True, **options}, _Compiler)

    def __call__(self, *args: Any) -> Any:
        """Run the function that was not compiled."""
        return self.py_func(*args)


class _Library(JITCodeLibrary):
    """Code that goes into that of callers."""

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    _name = "stowage_part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Do what is done for every function, but for making it ready to run."""
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        result = state.cr
        about, name = result.fndesc, result.fndesc.qualname
        nothing = _dynfunc.make_function(about.lookup_module(), name, name, 0, result.env, (state.library,))
        state.targetctx.insert_user_function(nothing, about, [state.library])  # callers find the code by it
        state.cr = result._replace(cfunc=nothing)
        return True


class _Compiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        """Return numba's own passes with another one for lowering."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(_Lowering if each is NativeLowering else each, why) for each, why in passes.passes]
        passes.finalize()
        return [passes]
