"""Schema: the structural schema of one version of a custom resource, ready to be walked.

Made once per version of a definition. Where a schema says nothing (no items, no properties), the member is None: what
lies below is then unknown, and pruned. Upstream: apiextensions-apiserver/pkg/apiserver/schema/structural.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

META_FIELDS = frozenset(("apiVersion", "kind", "metadata"))
"""What an embedded resource and the object itself have without saying so."""


class Schema:
    """One node: the generic part and the extensions as attributes, the value validations as they came in `source`."""

    __slots__ = (
        "additional",
        "all_of",
        "any_of",
        "default",
        "embedded",
        "has_additional",
        "int_or_string",
        "items",
        "list_type",
        "map_keys",
        "map_type",
        "negated",
        "nullable",
        "one_of",
        "preserve",
        "properties",
        "rules",
        "source",
        "type",
        "types",
    )

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.source = source
        self.type: str = source.get("type", "")
        self.nullable: bool = bool(source.get("nullable"))
        self.default: Any = source.get("default")
        """None where there is none: a default of null is none, upstream too."""
        self.preserve: bool = bool(source.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded: bool = bool(source.get("x-kubernetes-embedded-resource"))
        self.int_or_string: bool = bool(source.get("x-kubernetes-int-or-string"))
        self.list_type: str = source.get("x-kubernetes-list-type", "")
        self.map_type: str = source.get("x-kubernetes-map-type", "")
        self.map_keys: tuple[str, ...] = tuple(source.get("x-kubernetes-list-map-keys") or ())
        self.rules: list[dict[str, Any]] = source.get("x-kubernetes-validations") or []
        self.properties: dict[str, Schema] = {
            name: Schema(each) for name, each in sorted((source.get("properties") or {}).items())
        }
        items = source.get("items")
        self.items: Schema | None = Schema(items) if isinstance(items, Mapping) else None
        additional = source.get("additionalProperties")
        self.additional: Schema | None = Schema(additional) if isinstance(additional, Mapping) else None
        self.has_additional: bool = additional is not None
        self.types: tuple[str, ...] = _types(self)
        self.all_of = [Schema(each) for each in source.get("allOf") or ()]
        self.any_of = [Schema(each) for each in source.get("anyOf") or ()]
        self.one_of = [Schema(each) for each in source.get("oneOf") or ()]
        self.negated: Schema | None = Schema(source["not"]) if source.get("not") is not None else None

    def of(self, name: str) -> Schema | None:
        """Return the schema of a member: that of the property, else that of additional properties."""
        return self.properties.get(name) or self.additional

    def as_resource(self) -> Schema:
        """Return this schema for the root of an object, which always has apiVersion, kind and metadata."""
        if self.embedded:
            return self
        root = Schema.__new__(Schema)
        for name in Schema.__slots__:
            setattr(root, name, getattr(self, name))
        root.embedded = True
        return root


def _types(schema: Schema) -> tuple[str, ...]:
    if schema.int_or_string:
        return ("integer", "string")
    return (schema.type,) if schema.type else ()
