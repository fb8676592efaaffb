"""Which fields a request to a resource or subresource cannot set: nobody comes to own them by it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from cluster_shim.api.patch.apply.fieldset import EMPTY, FieldSet, of_path, union
from cluster_shim.api.resources import Resource

_STATUS: FieldSet = {"f:status": {}}
_ALL_BUT_STATUS: FieldSet = {"f:metadata": {}, "f:spec": {}}


def reset_fields(resource: Resource, subresource: str = "") -> FieldSet:
    """Return the fields that a request cannot set."""
    if resource.custom is None:
        return _table().get((resource.qualified, subresource), EMPTY)
    if subresource == "status":
        return _ALL_BUT_STATUS
    return _STATUS if not subresource and "status" in resource.subresources else EMPTY


@cache
def _table() -> dict[tuple[str, str], FieldSet]:
    rows = msgspec.json.decode((files(__package__) / "tables" / "reset_fields.json").read_bytes())
    table: dict[tuple[str, str], FieldSet] = {}
    for row in rows:
        fields: FieldSet = {}
        for path in row["fields"]:
            fields = union(fields, of_path(*(f"f:{name}" for name in path)))
        table[row["resource"], row["subresource"]] = fields
    return table
