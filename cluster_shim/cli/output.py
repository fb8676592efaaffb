"""Files that a run writes: found writable before the run, and each appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import click


def check_writable(path: Path, option: str) -> None:
    """Refuse a path that could not be written at the end of the run; leaves nothing behind."""
    if path.is_dir():
        raise click.BadParameter(f"'{path}' is a folder", param_hint=option)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.absolute().parent)
    except OSError as error:
        raise click.BadParameter(f"'{path}' cannot be written: {error.strerror}", param_hint=option) from None
    os.close(handle)
    Path(name).unlink()


def write_atomically(path: Path, text: str) -> None:
    """Write a UTF-8 file under another name in the same folder, then give it its name; an old file keeps its mode."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.absolute().parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
