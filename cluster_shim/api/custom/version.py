"""CustomVersion: what a definition says of one of its versions, made ready for use; it is `Resource.custom`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cluster_shim.api.custom import defaulting, embedded, lists
from cluster_shim.api.custom.rules import Rules, rules_of
from cluster_shim.api.custom.structural import Schema


class CustomVersion:
    """One version of a custom resource definition."""

    def __init__(self, definition: Mapping[str, Any], version: Mapping[str, Any], revision: int = 0) -> None:
        self.definition = definition
        self.version = version
        self.name: str = version["name"]
        self.revision = revision
        """The revision of the store since which this version is what it is."""
        self.is_terminating = False
        """Whether the definition is being deleted: then no object is created."""
        spec = definition["spec"]
        self.storage_version: str = next(each["name"] for each in spec["versions"] if each.get("storage"))
        self.source: dict[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        self.printer_columns: list[dict[str, Any]] = version.get("additionalPrinterColumns") or []
        self.selectable_fields: tuple[str, ...] = tuple(
            each["jsonPath"].removeprefix(".") for each in version.get("selectableFields") or ()
        )
        subresources = version.get("subresources") or {}
        self.has_status = subresources.get("status") is not None
        self.scale: dict[str, str] | None = subresources.get("scale")

    @cached_property
    def schema(self) -> Schema:
        """Return the schema of its objects."""
        return Schema(self.source)

    @cached_property
    def has_defaults(self) -> bool:
        """Tell whether the schema has defaults."""
        return defaulting.has_defaults(self.schema)

    @cached_property
    def has_embedded(self) -> bool:
        """Tell whether there are resources within its objects."""
        return embedded.has_embedded(self.schema)

    @cached_property
    def has_unique_lists(self) -> bool:
        """Tell whether there are lists of type set or map."""
        return lists.has_unique_lists(self.schema)

    @cached_property
    def rules(self) -> Rules | None:
        """Return the compiled rules; None if there are none."""
        return rules_of(self.schema, True)

    @property
    def deprecation_warning(self) -> str:
        """Return the warning that goes with every answer of a deprecated version; empty if it is not deprecated."""
        if not self.version.get("deprecated"):
            return ""
        own: str | None = self.version.get("deprecationWarning")
        if own is not None:
            return own
        return default_warning(self.definition["spec"], self.name)


def default_warning(spec: Mapping[str, Any], name: str) -> str:
    """Return the warning of a deprecated version that has none of its own."""
    group, kind = spec["group"], spec["names"]["kind"]
    text = f"{group}/{name} {kind} is deprecated"
    newer = [
        each["name"]
        for each in spec["versions"]
        if each.get("served") and not each.get("deprecated") and version_key(each["name"]) > version_key(name)
    ]
    best = max(newer, key=version_key, default="")
    return f"{text}; use {group}/{best} {kind}" if best else text


def version_key(name: str) -> tuple[int, int, int, int, str]:
    """Return what orders versions by priority: v2 after v1 after v1beta2 after v1alpha1 after any other name."""
    import re

    match = re.fullmatch(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?", name)
    if match is None:
        return (0, 0, 0, 0, "".join(chr(0x10FFFF - ord(each)) for each in name))
    stage = {"alpha": 0, "beta": 1}.get(match[2] or "", 2)
    return (1, stage, int(match[1]), int(match[3] or 0), "")
