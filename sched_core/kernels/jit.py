"""The one place that knows numba: how functions are compiled and where compiled code is kept.

Compiled code lies under the user's cache directory, in a folder named by a hash of all kernels together, because
numba's own cache does not notice an edited callee in another file. Nothing is compiled at import.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload

import numba
import numpy as np
from numba.core import config as _config
from numba.core.errors import NumbaError

from sched_core.kernels.dispatcher import Kernel, Part

config: Any = _config  # its attributes are made when numba is imported
CompileError = NumbaError
"""What is raised when numba cannot compile a function."""
Function = TypeVar("Function", bound=Callable[..., Any])

# Kernels allocate nothing, so reference counts are left out: taking an array out of a tuple in a loop would count up
# and down with atomic instructions, which tripled the time of an incremental decision.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": False, "nogil": True, "_nrt": False}


def cache_root() -> Path:
    """Return Stowage's folder in the user's cache directory (``$XDG_CACHE_HOME``, else ``~/.cache``)."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "stowage"


@functools.cache
def kernels_hash() -> str:
    """Return a hash of all kernel sources and of the versions of numba and numpy; numba itself minds the processor."""
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    for folder in ("kernels", "rows"):
        for source in sorted((package / folder).glob("*.py")):
            digest.update(source.read_bytes())
    digest.update(f"{numba.__version__} {np.__version__}".encode())
    return digest.hexdigest()[:16]


@functools.cache
def cache_folder() -> Path | None:
    """Return the folder of compiled code, None when it cannot be written (then every run compiles)."""
    folder = cache_root() / kernels_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def kernels_cached() -> bool:
    """Tell whether this machine has compiled code of these kernels already (any of it)."""
    folder = cache_folder()
    return folder is not None and next(folder.rglob("*.nbi"), None) is not None


@overload
def kernel(function: Function) -> Function: ...
@overload
def kernel(*, inline: bool = False, part: bool = False) -> Callable[[Function], Function]: ...
def kernel(
    function: Function | None = None, *, inline: bool = False, part: bool = False
) -> Function | Callable[[Function], Function]:
    """Compile a function of arrays and numbers on its first call.

    ``part=True`` is for functions that only other kernels call; called from Python they run as Python. ``inline=True``
    is for small ones of these: they are always inlined, so that the loop around them is vectorised. With
    ``NUMBA_DISABLE_JIT=1`` a function stays plain Python.
    """
    if function is None:
        return lambda inner: _compile(inner, inline, part or inline)
    return _compile(function, inline, part)


def _compile(function: Function, inline: bool, part: bool) -> Function:
    if config.DISABLE_JIT:
        return function
    if part:
        return Part(function, {"forceinline": inline, **_OPTIONS})  # type: ignore[return-value]
    compiled, folder, saved = Kernel(function, _OPTIONS), cache_folder(), config.CACHE_DIR
    if folder is not None:
        try:
            config.CACHE_DIR = str(folder)
            compiled.enable_caching()
        finally:
            config.CACHE_DIR = saved
    return compiled  # type: ignore[return-value]
