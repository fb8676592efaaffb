"""What server-side apply does with the annotation of client-side apply, when kubectl is the one that applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cluster_shim.api.patch.apply.check import check
from cluster_shim.api.patch.apply.compare import compare
from cluster_shim.api.patch.apply.extract import field_set
from cluster_shim.api.patch.apply.fieldset import FieldSet, difference
from cluster_shim.api.patch.apply.walk import NotTyped
from cluster_shim.api.patch.schema import Node

KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_ANNOTATIONS_BYTES = 256 * 1024

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def last_applied(document: Mapping[str, Any]) -> str:
    """Return the annotation of client-side apply; empty if there is none."""
    annotations = document.get("metadata", {}).get("annotations") or {}
    return annotations.get(LAST_APPLIED) or ""


def allowed_conflicts(live: Mapping[str, Any], api_version: str, node: Node) -> FieldSet | None:
    """Return the fields that client-side apply set and nobody changed since; None if that cannot be known."""
    try:
        document = msgspec.json.decode(last_applied(live) or "null")
        if not isinstance(document, dict) or document.get("apiVersion") != api_version:
            return None
        check(live, node)
        check(document, node)
        fields = field_set(document, node)
        for changed in compare(document, live, node):
            fields = difference(fields, changed)
    except (msgspec.DecodeError, NotTyped):
        return None
    return fields


def with_last_applied(document: dict[str, Any], applied: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the annotation in line with what was applied; it is left out if it gets too large."""
    metadata = dict(document["metadata"])
    annotations = {**metadata["annotations"], LAST_APPLIED: _text(applied)}
    if sum(len(f"{key}{value}".encode()) for key, value in annotations.items()) > MAX_ANNOTATIONS_BYTES:
        del annotations[LAST_APPLIED]
    return {**document, "metadata": {**metadata, "annotations": annotations}}


def _text(applied: Mapping[str, Any]) -> str:
    document = dict(applied)
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("annotations"), dict):
        annotations = {key: value for key, value in metadata["annotations"].items() if key != LAST_APPLIED}
        document["metadata"] = {**metadata, "annotations": annotations}
    return msgspec.json.encode(document, order="sorted").decode().translate(_HTML) + "\n"
