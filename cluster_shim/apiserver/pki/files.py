"""Files that only their owner can read, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


class PKIError(Exception):
    """A file of certificates or keys that cannot be used; says which, and why."""


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only the owner can read. Raises PKIError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise PKIError(f"{path}: cannot be written: {error.strerror or error}") from error


def read(path: Path) -> bytes | None:
    """Return what is in a file, None if it is not there. Raises PKIError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PKIError(f"{path}: cannot be read: {error.strerror or error}") from error
