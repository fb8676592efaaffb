"""The processor's time stamp counter, for the latency of decisions inside a compiled batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from sched_core.kernels.jit import config, kernel


@intrinsic
def _ticks(_context: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        signature = ir.FunctionType(ir.IntType(64), [])
        counter = cgutils.get_or_insert_function(builder.module, signature, "llvm.readcyclecounter")  # type: ignore[no-untyped-call]
        return builder.call(counter, [])

    return types.int64(), generate


def _ticks_in_python() -> int:
    return time.perf_counter_ns()


ticks: Callable[[], int] = _ticks_in_python if config.DISABLE_JIT else _ticks  # type: ignore[assignment]
"""Read the counter: it grows at a constant rate, whose unit a caller finds by comparing with a clock."""


@kernel
def read_ticks() -> int:
    """Return what `ticks` gives, from Python."""
    return ticks()
