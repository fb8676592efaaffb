"""Loading plugins from files and modules: always what the file has now, and whole or not at all.

The text is compiled here and not by the import system, whose cache of bytecode takes a file for unchanged that has
the same size and was written in the same second. Several versions of one file may be alive at a time: each has the
name of the file, and the newest is the one whose source is shown and read.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import linecache
import sys
import traceback
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

from cluster_shim.scheduler.limit import TookTooLong, time_limit
from cluster_shim.scheduler.reference import PluginReference
from sched_core import Plugin, PluginError, installed_plugin

LOAD_LIMIT_S = 30.0
"""How long the statements of a plugin's file may take."""


def load_plugin(reference: PluginReference) -> type[Plugin]:
    """Return the class that a reference stands for, read anew from its file.

    Raises PluginError with file, line and reason; then nothing of a new version stays behind.
    """
    if reference.file is None and not reference.module:
        try:
            return installed_plugin(reference.name)
        except KeyError:
            raise PluginError(reference.name, "load", "no plugin of this name is installed") from None
    file = reference.file if reference.file is not None else _file_of(reference)
    name = reference.module or f"stowage_plugin_{file.stem}_{zlib.crc32(str(file.resolve()).encode()):08x}"
    before, lines = sys.modules.get(name), linecache.cache.get(str(file))
    try:
        return _class_of(reference, _run(reference, file, name), file)
    except BaseException:
        _put(sys.modules, name, before)
        _put(linecache.cache, str(file), lines)
        raise


def file_of(reference: PluginReference) -> Path | None:
    """Return the file that a plugin comes from, None for an installed one. Raises PluginError."""
    return _file_of(reference) if reference.module else reference.file


def _file_of(reference: PluginReference) -> Path:
    try:
        found = importlib.util.find_spec(reference.module)
    except Exception as reason:
        raise PluginError(reference.name, "load", f"{reference.module}: {type(reason).__name__}: {reason}") from reason
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        raise PluginError(reference.name, "load", f"there is no module {reference.module} in Python's path")
    return Path(found.origin)


def _run(reference: PluginReference, file: Path, name: str) -> ModuleType:
    """Run a file as a module of this name."""
    what = reference.name or file.name
    try:
        text = importlib.util.decode_source(file.read_bytes())
        code = compile(text, str(file), "exec", dont_inherit=True)
    except SyntaxError as reason:
        line = f":{reason.lineno}" if reason.lineno else ""
        shown = f": {reason.text.strip()}" if reason.text else ""
        raise PluginError(what, "load", f"{file}{line}: {type(reason).__name__}: {reason.msg}{shown}") from None
    except OSError as reason:
        raise PluginError(what, "load", f"{file}: {reason.strerror}") from None
    except ValueError as reason:
        raise PluginError(what, "load", f"{file}: is no Python source: {reason}") from None
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None:
        raise PluginError(what, "load", f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # No time of change: this entry stays as it is, whatever becomes of the file while this version is in force.
    linecache.cache[str(file)] = (len(text), None, text.splitlines(keepends=True), str(file))
    try:
        # What it prints must not come between the lines of a result on standard output.
        with contextlib.redirect_stdout(sys.stderr), time_limit(LOAD_LIMIT_S):
            exec(code, module.__dict__)
    except TookTooLong as reason:
        slow = f"{at(reason, file)}: it is still running after {LOAD_LIMIT_S:.0f} s"
        raise PluginError(what, "load", slow) from None
    except (Exception, SystemExit) as reason:
        raise PluginError(what, "load", f"{at(reason, file)}: {type(reason).__name__}: {reason}") from reason
    return module


def at(error: BaseException, file: Path) -> str:
    """Return ``FILE:LINE`` of the last statement of a file that an error came through; the file if it did not."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file}:{frames[-1].lineno}" if frames else str(file)


def _class_of(reference: PluginReference, module: ModuleType, file: Path) -> type[Plugin]:
    if not reference.name:
        return _only(module, file)
    found = getattr(module, reference.name, None)
    if found is None:
        own = ", ".join(each.__name__ for each in plugins_of(module)) or "none"
        raise PluginError(reference.name, "load", f"{file} has no class {reference.name}; plugins in it: {own}")
    if not (inspect.isclass(found) and issubclass(found, Plugin)):
        text = f"{reference.name} is not a subclass of sched_core.Plugin"
        raise PluginError(reference.name, "load", f"{file}: {text}")
    return found


def _only(module: ModuleType, file: Path) -> type[Plugin]:
    own = plugins_of(module)
    if len(own) == 1:
        return own[0]
    text = "there is no plugin in it"
    if own:
        names = ", ".join(each.__name__ for each in own)
        text = f"it has several plugins: {names}; write {file.name}:{own[0].__name__}"
    raise PluginError(file.name, "load", f"{file}: {text}")


def plugins_of(module: ModuleType) -> list[type[Plugin]]:
    """Return the plugin classes that a module defines itself, but for those with a leading underscore."""
    return [
        each
        for name, each in vars(module).items()
        if inspect.isclass(each) and issubclass(each, Plugin) and each.__module__ == module.__name__
        and not name.startswith("_")
    ]  # fmt: skip


def _put(table: Any, key: str, value: Any) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
