"""Objects and their bytes: what stands in the store, what goes on the wire, and the way between them.

A stored value is JSON that begins with ``{"kind":...,"apiVersion":...,"metadata":{`` and has no resourceVersion, as
upstream's has none: the store's revision is it. So an answer is two slices with the revision in between, and an item
of a list is such an answer without its first two members; nothing is decoded for either.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec

from cluster_shim.api import conversion, custom, defaults
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.storage.store import Entry

_METADATA = b'"metadata":{'
decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Memo:
    """What is known of an entry's object without decoding it again."""

    __slots__ = ("fields", "labels", "object")

    def __init__(self) -> None:
        self.object: dict[str, Any] | None = None
        self.labels: Mapping[str, str] | None = None
        self.fields: dict[str, str] | None = None


DECODED_MAX = 4096
_decoded: deque[Memo] = deque()
"""Entries whose objects are kept decoded, which takes five times the memory: the last ones that somebody asked for."""


def memo_of(entry: Entry) -> Memo:
    """Return what is remembered of an entry."""
    memo = entry.memo
    if not isinstance(memo, Memo):
        memo = entry.memo = Memo()
    return memo


def stored(
    document: dict[str, Any], resource: Resource, verbatim: Mapping[str, msgspec.Raw] = MappingProxyType({})
) -> bytes:
    """Return an object as the store has it; members in `verbatim` stand there as they were sent."""
    if resource.custom is None:
        defaults.settle(resource.gvk, document)
    if storage_version(resource) != resource.gvk:
        document = converted(document, storage_version(resource), resource)
    return encoded(document, verbatim)


def encoded(document: dict[str, Any], verbatim: Mapping[str, msgspec.Raw] = MappingProxyType({})) -> bytes:
    """Return an object of the stored version that has nothing to settle, such as one that was stored, as bytes."""
    metadata = document["metadata"]
    if "resourceVersion" in metadata:
        metadata = {key: value for key, value in metadata.items() if key != "resourceVersion"}
    ordered = {"kind": document["kind"], "apiVersion": document["apiVersion"], "metadata": metadata}
    for key, value in document.items():
        if key not in ordered:
            ordered[key] = verbatim.get(key, value)
    return _encode(ordered)


def load(entry: Entry, resource: Resource) -> dict[str, Any]:
    """Return an entry's object in the version of a resource, with its resourceVersion; the caller may change it."""
    document: dict[str, Any] = decode(entry.value)
    if entry.revision:
        document["metadata"]["resourceVersion"] = str(entry.revision)
    if document["apiVersion"] != resource.api_version or resource.custom is not None:
        document = converted(document, resource.gvk, resource)
    return document


def shared(entry: Entry) -> dict[str, Any]:
    """Return the object of an entry as it is stored, decoded once; nobody may change it."""
    memo = memo_of(entry)
    if memo.object is None:
        _decoded.append(memo)
        if len(_decoded) > DECODED_MAX:
            _decoded.popleft().object = None
        document = decode(entry.value)
        document["metadata"]["resourceVersion"] = str(entry.revision)
        memo.object = document
    return memo.object


def wire(entry: Entry, resource: Resource) -> bytes:
    """Return the JSON of an entry's object as a client reads it."""
    value = entry.value
    is_older = resource.custom is not None and 0 < entry.revision < resource.custom.revision
    if is_older or not value.startswith(_prefix(resource)):
        return _encode(load(entry, resource))  # definitions change, and what is stored does not
    if not entry.revision:
        return value
    cut = value.index(_METADATA) + len(_METADATA)
    comma = b"" if value.startswith(b"}", cut) else b","  # a bookmark has no other metadata
    return b'%b"resourceVersion":"%d"%b%b' % (value[:cut], entry.revision, comma, value[cut:])


def item(entry: Entry, resource: Resource) -> bytes:
    """Return the JSON of an entry's object as an item of a list: built-in kinds go without kind and apiVersion."""
    value = entry.value
    prefix = _prefix(resource)
    if resource.custom is not None:
        return wire(entry, resource)
    if not value.startswith(prefix):
        document = load(entry, resource)
        document.pop("kind", None)
        document.pop("apiVersion", None)
        return _encode(document)
    cut = value.index(_METADATA) + len(_METADATA)
    return b'{%b"resourceVersion":"%d",%b' % (value[len(prefix) : cut], entry.revision, value[cut:])


@lru_cache(maxsize=4096)
def _prefix_of(kind: str, api_version: str) -> bytes:
    return b'{"kind":%b,"apiVersion":%b,' % (_encode(kind), _encode(api_version))


def _prefix(resource: Resource) -> bytes:
    return _prefix_of(resource.kind, resource.api_version)


def converted(document: dict[str, Any], to: GroupVersionKind, resource: Resource) -> dict[str, Any]:
    """Return an object of a resource in another of its versions."""
    if resource.custom is None:
        return conversion.convert(document, to)
    document = {**document, "apiVersion": to.api_version}
    return custom.stored(resource, document) if to == resource.gvk else document


def storage_version(resource: Resource) -> GroupVersionKind:
    """Return in which version the objects of a resource are stored."""
    if resource.custom is not None:
        return GroupVersionKind(resource.group, resource.custom.storage_version, resource.kind)
    return conversion.hub(resource.gvk)
