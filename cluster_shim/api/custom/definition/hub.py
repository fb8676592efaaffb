"""The form in which upstream validates a definition: what all versions have in common stands once, at the top.

That is where paths of errors come from: ``spec.validation.openAPIV3Schema`` although a client writes
``spec.versions[0].schema.openAPIV3Schema``. Upstream: apis/apiextensions/v1/conversion.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_MEMBERS = ("subresources", "schema", "additionalPrinterColumns", "selectableFields")


class Hub(NamedTuple):
    """A spec in that form; members that are not common are None at the top."""

    spec: Mapping[str, Any]
    versions: list[dict[str, Any]]
    version: str
    schema: Any
    subresources: Any
    columns: Any
    selectable: Any


def hub_of(spec: Mapping[str, Any]) -> Hub:
    """Return the form of a spec of version v1."""
    versions: list[dict[str, Any]] = [dict(each) for each in spec.get("versions") or ()]
    if not versions:
        return Hub(spec, [], "", None, None, None, None)
    common: dict[str, Any] = {}
    for member in _MEMBERS:
        first = versions[0].get(member)
        if all(each.get(member) == first for each in versions):
            common[member] = first
            for each in versions:
                each.pop(member, None)
    return Hub(
        spec,
        versions,
        versions[0]["name"],
        common.get("schema"),
        common.get("subresources"),
        common.get("additionalPrinterColumns"),
        common.get("selectableFields"),
    )


def schemas_of(hub: Hub) -> list[Mapping[str, Any]]:
    """Return the schemas of a definition, the common one or those of the versions."""
    holders = [hub.schema, *[each.get("schema") for each in hub.versions]]
    found = [(each or {}).get("openAPIV3Schema") for each in holders]
    return [each for each in found if each is not None]
