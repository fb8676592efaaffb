"""Hashes of what decides a run: files, and the code of the engine and its plugins."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

CODE = (
    "sched_core", "plugins", "cluster_shim/scheduler", "bench/replay", "bench/timed", "bench/traces", "bench/workloads",
    "bench/bounds", "bench/compare",
)  # fmt: skip


def digest(*parts: Any) -> str:
    """Return the hash of values that JSON can hold."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def file_digest(path: Path) -> str:
    """Return the hash of a file's content, or of all files in a folder with their names."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        return digest([[str(each.relative_to(path)), file_digest(each)] for each in files])
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_digest() -> str:
    """Return the hash of the sources that decide: results of other sources are not taken for those of these."""
    root = Path(__file__).resolve().parents[2]
    files = sorted(path for folder in CODE for path in (root / folder).rglob("*.py"))
    return digest([[path.relative_to(root).as_posix(), file_digest(path)] for path in files])
