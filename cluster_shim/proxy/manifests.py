"""Manifests as a proxy's objects: files cut into documents, lists opened, defaults of an API server filled in, checked.

Objects of kinds that no proxy reads are stepped over; everything that cannot be used is named with file, object, field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from cluster_shim.proxy.client import ObjectKey, key_of
from proxy_core import EndpointSlice, InvalidObjects, Problem, ProxyObject, Service, load_object
from proxy_core.objects.check import object_faults
from sched_core.objects.source import Source, find_sources, read_source, split_documents


class _Envelope(msgspec.Struct, rename="camel"):
    """As much of a document as tells a list from an object."""

    kind: str = ""
    api_version: str = ""
    items: list[msgspec.Raw] | None = None


class _Item(msgspec.Struct, rename="camel"):
    """As much of an item as tells whether it says what it is."""

    kind: str = ""


_API_VERSIONS: Mapping[str, Sequence[str]] = {
    "Service": ("v1",),
    "Node": ("v1",),
    "EndpointSlice": ("discovery.k8s.io/v1",),
    "ServiceCIDR": ("networking.k8s.io/v1", "networking.k8s.io/v1beta1"),
}
"""Of the kinds that are read; a kind of these names in a group of somebody else's is another one."""

_envelope = msgspec.json.Decoder(_Envelope)
_item = msgspec.json.Decoder(_Item)


class Manifest(NamedTuple):
    """What one file holds."""

    objects: tuple[ProxyObject, ...]
    problems: tuple[Problem, ...]


def find_files(paths: Sequence[str]) -> list[Source]:
    """List the files behind files, folders (all depths) and ``-``; one that is not there has a reason."""
    return find_sources(paths)


def read_file(source: Source) -> Manifest:
    """Read one file."""
    data = read_source(source)
    if not isinstance(data, bytes):
        return Manifest((), (Problem(*data),))
    objects: list[ProxyObject] = []
    problems: list[Problem] = []
    for document in split_documents(source.name, data):
        if document.reason:
            problems.append(Problem(source.name, document.position, "", document.reason))
            continue
        try:
            for raw in _objects_of(document.json):
                fault = _fault_of_head(raw)
                if fault is not None:
                    problems.append(Problem(source.name, document.position, *fault))
                    continue
                objects += _object(raw, source.name)
        except InvalidObjects as invalid:
            problems += invalid.problems
        except (msgspec.DecodeError, RecursionError) as error:
            problems.append(Problem(source.name, document.position, "", f"is no object of Kubernetes: {error}"))
    return Manifest(tuple(objects), tuple(problems))


def together(manifests: Sequence[tuple[str, Manifest]]) -> dict[ObjectKey, ProxyObject]:
    """Return the objects of all files (name, content) by key. Raises InvalidObjects with every problem."""
    found: dict[ObjectKey, ProxyObject] = {}
    places: dict[ObjectKey, str] = {}
    problems: list[Problem] = []
    for file, manifest in manifests:
        problems += manifest.problems
        for each in manifest.objects:
            key = key_of(each)
            if key in found:
                problems.append(Problem(file, shown(key), "metadata.name", f"is already in {places[key]}"))
            found[key], places[key] = each, file
    if problems:
        raise InvalidObjects(problems)
    return found


def shown(key: ObjectKey) -> str:
    """Return kind and name as a person reads them."""
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _objects_of(document: bytes | msgspec.Raw) -> Iterator[bytes | msgspec.Raw]:
    """Yield a document, or the objects of a list in it; items of a ``<Kind>List`` need not say what they are."""
    head = _envelope.decode(document)
    if head.items is None or not head.kind.endswith("List"):
        yield document
        return
    kind = head.kind.removesuffix("List")
    for item in head.items:
        if kind and not _item.decode(item).kind:
            fields: dict[str, Any] = msgspec.json.decode(item)
            item = msgspec.Raw(msgspec.json.encode({**fields, "kind": kind, "apiVersion": head.api_version}))
        yield from _objects_of(item)


def _fault_of_head(raw: bytes | msgspec.Raw) -> tuple[str, str] | None:
    """Return the field by which an object does not say what it is, and the reason; None: it says it."""
    head = _envelope.decode(raw)
    for field, value in (("kind", head.kind), ("apiVersion", head.api_version)):
        if not value:
            return field, "is missing"
    known = _API_VERSIONS.get(head.kind, ())
    group = head.api_version.rpartition("/")[0]
    if head.api_version in known or group not in ("", *(each.rpartition("/")[0] for each in known)):
        return None
    return ("apiVersion", f"must be {known[0]} for {head.kind}: {head.api_version!r}") if known else None


def _object(raw: bytes | msgspec.Raw, file: str) -> Iterator[ProxyObject]:
    """Yield the object if a proxy reads its kind. Raises InvalidObjects."""
    record = load_object(raw, file)
    if record is None:
        return
    record = completed(record)
    faults = object_faults(record)
    if faults:
        name = shown(key_of(record))
        raise InvalidObjects([Problem(file, name, field, reason) for field, reason in faults])
    yield record


def completed(record: ProxyObject) -> ProxyObject:
    """Fill in what an API server would, as far as a proxy reads it."""
    if isinstance(record, EndpointSlice):
        ports = tuple(replace(each, name="") if each.name is None else each for each in record.ports)
        return replace(record, ports=ports)
    if isinstance(record, Service):
        spec = record.spec
        if spec.cluster_ips and not spec.cluster_ip:
            return replace(record, spec=replace(spec, cluster_ip=spec.cluster_ips[0]))
        if spec.cluster_ip and not spec.cluster_ips:
            return replace(record, spec=replace(spec, cluster_ips=(spec.cluster_ip,)))
    return record
