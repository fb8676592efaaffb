"""Parts are compiled into the kernels that call them, once for each combination of types, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import types

from sched_core import kernel
from sched_core.kernels.dispatcher import Part
from tests.engine.worlds import COMPILING

pytestmark = pytest.mark.skipif(not COMPILING, reason="without compiled code all kernels are plain Python")
Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


@kernel(part=True)
def doubled(number: int) -> int:
    """Return a number twice; in Python it is an int of any size, in compiled code one of 64 bits."""
    return number + number


@kernel(inline=True)
def four_times(number: int) -> int:
    """Return a number four times."""
    return doubled(doubled(number))


@kernel
def fill(numbers: Ints, out: Ints) -> None:
    """Call parts with what is written out, and with what stands in an array."""
    out[0] = doubled(1)
    out[1] = doubled(2)
    for i in range(len(numbers)):
        out[2 + i] = four_times(numbers[i])


def test_a_kernel_has_its_parts_in_it() -> None:
    out = np.zeros(4, np.int64)
    fill(np.array([5, 2**62], np.int64), out)
    assert out.tolist() == [2, 4, 20, 0]  # 2**64 does not fit: this was not Python


def test_a_part_called_from_python_runs_as_python() -> None:
    assert four_times(2**62) == 2**64


def test_a_part_is_compiled_once_for_a_type_and_not_made_ready_to_run() -> None:
    inner: Any = Part(doubled.py_func, {})  # type: ignore[attr-defined]  # one that nothing has compiled yet
    outer: Any = Part(lambda number: inner(1) + inner(2) + inner(number), {})
    outer.compile((types.int64,))
    assert list(inner.overloads) == [(types.int64,)]
    (result,) = inner.overloads.values()
    assert result.library.get_pointer_to_function(result.fndesc.llvm_func_name) == 0
