"""Paths of file systems within objects: relative ones, and none that climbs out."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation.checks import Errors

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def no_backsteps(errors: Errors, target: str, path: Path) -> None:
    """Refuse a path with a part ``..``."""
    if ".." in target and ".." in target.split("/"):
        errors.append(fields.invalid(path, target, "must not contain '..'"))


def descending(errors: Errors, target: str, path: Path) -> None:
    """Refuse a path that is not relative or climbs."""
    if target.startswith("/"):
        errors.append(fields.invalid(path, target, "must be a relative path"))
    no_backsteps(errors, target, path)


def not_reserved(errors: Errors, target: str, path: Path) -> None:
    """Refuse a path that is not relative, climbs, or begins like the files of atomic updates."""
    descending(errors, target, path)
    if target.startswith("..") and not target.startswith("../"):
        errors.append(fields.invalid(path, target, "must not start with '..'"))


def mode(errors: Errors, bits: Any, path: Path) -> None:
    """Check the mode bits of a file; none is fine."""
    if bits is not None and not 0 <= bits <= 0o777:
        errors.append(fields.invalid(path, bits, _MODE))
