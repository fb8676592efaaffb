"""Expressions in CEL that choose devices."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.cel import CompileError, Environment
from cluster_shim.api.cel.types import BOOL, DYN, STRING, map_of, object_of, opaque
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import Errors, Object

_LONGEST = 10 * 1024
_DEVICE = object_of(
    "kubernetes.DRADevice",
    {
        "driver": STRING,
        "attributes": map_of(STRING, map_of(STRING, DYN)),
        "capacity": map_of(STRING, map_of(STRING, opaque("kubernetes.Quantity"))),
        "allowMultipleAllocations": BOOL,
    },
)
_ENVIRONMENT = Environment({"device": _DEVICE})


def selector(errors: Errors, given: Object, path: Path) -> None:
    """Check one selector of devices."""
    cel, at = given.get("cel"), path.child("cel")
    if cel is None:
        errors.append(fields.required(at))
        return
    text, at = cel.get("expression", ""), at.child("expression")
    if formats.size(text) > _LONGEST:
        errors.append(fields.too_long(at, _LONGEST))
        return
    try:
        found = _ENVIRONMENT.compile(text).type
    except CompileError as error:
        errors.append(fields.invalid(at, text, f"compilation failed: {error}"))
        return
    if found not in (BOOL, DYN):
        errors.append(fields.invalid(at, text, f"must evaluate to bool or the unknown type, not {found}"))
