"""The folder of results: one file a run, whole or not there, found again by a hash of everything that decided it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from bench.compare.record import SCHEMA
from cluster_shim.cli.output import write_atomically

T = TypeVar("T")
KEY_LENGTH = 16


class Store:
    """Results by key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "runs"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.BadParameter(f"'{folder}' cannot be made: {error.strerror}", param_hint="--out") from None

    def path(self, title: str, key: str) -> Path:
        """Return where a result is kept; its name says what it is."""
        return self._folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', title)[:120]}-{key[:KEY_LENGTH]}.json"

    def read(self, title: str, key: str, kind: type[T]) -> T | None:
        """Return a result; None if it is not there, or is not one of this version."""
        try:
            found = msgspec.json.decode(self.path(title, key).read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError):
            return None
        return found if getattr(found, "key", None) == key and getattr(found, "schema", None) == SCHEMA else None

    def write(self, title: str, key: str, result: object) -> None:
        """Keep a result."""
        write_atomically(self.path(title, key), msgspec.json.encode(result).decode())
