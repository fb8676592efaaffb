"""One JSON object to one record, with what is wrong with it named by file, object and field.

Reading files and YAML is the caller's business. Objects of other kinds are no error: a folder of manifests holds many.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy_core.errors import InvalidObjects, Problem
from proxy_core.objects.records import EndpointSlice, Node, Record, Service, ServiceCIDR

Object = Service | EndpointSlice | Node | ServiceCIDR

KINDS: Mapping[tuple[str, str], type[Object]] = {
    ("", "Service"): Service,
    ("discovery.k8s.io", "EndpointSlice"): EndpointSlice,
    ("", "Node"): Node,
    ("networking.k8s.io", "ServiceCIDR"): ServiceCIDR,
}
"""API group and kind -> record."""
NAMESPACED = (Service, EndpointSlice)

_PATH = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)


class _Head(Record, frozen=True):
    api_version: str = ""
    kind: str = ""
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


class _Name(Record, frozen=True):
    name: str = ""
    namespace: str = ""


_head = msgspec.json.Decoder(_Head)
_name = msgspec.json.Decoder(_Name)
_decoders = {record: msgspec.json.Decoder(record) for record in KINDS.values()}


def load_object(data: bytes | msgspec.Raw, source: str = "<memory>") -> Object | None:
    """Return the record of an object in JSON, None if it is of a kind that no proxy reads.

    ``source`` is the file that a problem names. Raises InvalidObjects.
    """
    head = _head.decode(data)
    record = KINDS.get((head.api_version.rpartition("/")[0], head.kind))
    if record is None:
        return None
    try:
        found = _decoded(record, data)
    except msgspec.ValidationError as error:
        reason, path = _PATH.fullmatch(str(error)).groups()  # type: ignore[union-attr]
        problem = Problem(source, f"{head.kind} {_shown(head)}", path or "", reason[:1].lower() + reason[1:])
        raise InvalidObjects([problem]) from None
    if not found.metadata.name:
        raise InvalidObjects([Problem(source, head.kind, "metadata.name", "is missing")])
    if isinstance(found, NAMESPACED) and not found.metadata.namespace:
        meta = msgspec.structs.replace(found.metadata, namespace="default")
        found = msgspec.structs.replace(found, metadata=meta)
    return found


def _decoded(record: type[Object], data: bytes | msgspec.Raw) -> Object:
    """Return a record; a null is as good as no field, as everywhere in Kubernetes, or no text as a label.

    Nulls are rare (``endpoints`` and ``ports`` of an empty slice), so they are looked for where they are in the way.
    Raises msgspec.ValidationError.
    """
    try:
        found: Object = _decoders[record].decode(data)
    except msgspec.ValidationError:
        if b"null" not in bytes(data):
            raise
        found = msgspec.convert(_without_nulls(msgspec.json.decode(data)), record)
    return found


def _without_nulls(tree: Any, parent: str = "") -> Any:
    if parent in ("labels", "annotations") and isinstance(tree, dict):
        return {key: "" if value is None else value for key, value in tree.items()}
    if isinstance(tree, dict):
        return {key: _without_nulls(value, key) for key, value in tree.items() if value is not None}
    return [_without_nulls(each) for each in tree] if isinstance(tree, list) else tree


def key_of(record: Object) -> tuple[str, str]:
    """Return namespace and name."""
    return record.metadata.namespace, record.metadata.name


def _shown(head: _Head) -> str:
    try:
        name = _name.decode(head.metadata)
    except msgspec.ValidationError:
        return "without a name"
    return f"{name.namespace}/{name.name}" if name.namespace else name.name
