"""Tables and metadata-only objects: what a client gets that asks for ``as=Table`` or ``as=PartialObjectMetadata``.

Columns stand in ``tables/columns.json``, cells are functions (pods.py, workloads.py, networking.py and so on); kinds
that have neither show when they were created. Upstream: pkg/printers/internalversion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast

import msgspec

from cluster_shim.api import errors, fields
from cluster_shim.api.printers import access, autoscalers, cluster, networking, storage, workloads
from cluster_shim.api.printers.cells import Row, name
from cluster_shim.api.printers.custom import AGE, custom_columns
from cluster_shim.api.printers.durations import Json, seconds_of
from cluster_shim.api.printers.pods import COMPLETED
from cluster_shim.api.resources import GroupVersionKind, Resource

Object = Mapping[str, Any]
META_V1 = "meta.k8s.io/v1"
DAEMON_SET, TEMPLATE_GENERATION = "DaemonSet", "deprecated.daemonset.template.generation"
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
INCLUDE = ("", "None", "Metadata", "Object")

ROWS: dict[tuple[str, str], Row] = {
    **workloads.ROWS,
    **networking.ROWS,
    **storage.ROWS,
    **cluster.ROWS,
    **access.ROWS,
}
"""The row of a kind, by group and kind: as a rule it does not depend on the version."""

OTHER_VERSIONS: dict[GroupVersionKind, Row] = {autoscalers.VERSION_1: autoscalers.version_1_row}
"""The exceptions."""


def table(
    resource: Resource,
    objects: Iterable[Object],
    now: float,
    include_object: str = "Metadata",
    metadata: Object | None = None,
    api_version: str = META_V1,
    subresource: str = "",
    headers: bool = True,
) -> Json:
    """Return the Table of some objects at a time (seconds since 1970).

    `metadata` is that of the list; without it the Table is of one object and has its resourceVersion. `headers` False
    leaves the column definitions out, as all events of a watch but the first do.
    """
    check_include_object(include_object)
    found = cast(list[Json], list(objects))
    kind = _kind(resource, subresource, found)
    columns, row = _printer(resource, kind)
    row = OTHER_VERSIONS.get(kind, row)
    if (order := cluster.ORDERS.get((kind.group, kind.kind))) is not None:
        found.sort(key=order)
    if metadata is None:
        metadata = {"resourceVersion": (found[0].get("metadata") or {}).get("resourceVersion", "")}
    rows = [_row(obj, row, now, kind, include_object, api_version) for obj in found]
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": metadata,
        "columnDefinitions": columns if headers else None,
        "rows": rows if rows or row is not _created else None,  # upstream's default printer makes no list for nothing
    }


def check_include_object(include_object: str) -> None:
    """Raise what a client gets that asks for another form of the objects beside the rows."""
    if include_object not in INCLUDE:
        detail = "must be 'Metadata', 'Object', 'None', or empty"
        problem = fields.invalid(fields.Path("includeObject"), include_object, detail)
        raise errors.bad_request(f"Unable to convert to Table as requested: {problem.message()}")


def columns(resource: Resource, subresource: str = "") -> Sequence[Json]:
    """Return the column definitions of a resource."""
    return _printer(resource, _kind(resource, subresource))[0]


def partial(obj: Object, api_version: str = META_V1) -> Json:
    """Return the PartialObjectMetadata of an object."""
    metadata = obj.get("metadata") or {}
    if (annotations := metadata.get("annotations")) and TEMPLATE_GENERATION in annotations:
        metadata = _without_template_generation(obj, metadata)
    return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": metadata}


def _without_template_generation(obj: Object, metadata: Json) -> Json:
    """Return the metadata of a DaemonSet as upstream's internal form has it: one annotation is a field there."""
    if obj.get("kind", DAEMON_SET) != DAEMON_SET:
        return metadata
    kept = {key: value for key, value in metadata["annotations"].items() if key != TEMPLATE_GENERATION}
    others = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**others, "annotations": kept} if kept else others


def partial_list(objects: Iterable[Object], metadata: Object, api_version: str = META_V1) -> Json:
    """Return the PartialObjectMetadataList of some objects."""
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": api_version,
        "metadata": metadata,
        "items": [partial(obj, api_version) for obj in objects] or None,
    }


def _row(obj: Json, row: Row, now: float, kind: GroupVersionKind, include: str, api_version: str) -> Json:
    shown: Json = {"cells": row(obj, now)}
    if kind.kind == "Pod" and (done := COMPLETED.get((obj.get("status") or {}).get("phase", ""))):
        shown["conditions"] = done
    if include == "Object":
        shown["object"] = obj if "kind" in obj else {"kind": kind.kind, "apiVersion": kind.api_version, **obj}
    else:
        shown["object"] = None if include == "None" and not _ends_initial_events(obj) else partial(obj, api_version)
    return shown


def _ends_initial_events(obj: Json) -> bool:
    """Tell whether an object is the bookmark after the initial events of a watch, whose annotation the client needs."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return bool(annotations.get(INITIAL_EVENTS_END) == "true")


def _kind(resource: Resource, subresource: str, objects: Sequence[Json] = ()) -> GroupVersionKind:
    """Return of which kind objects are: that of the resource, or of the subresource from which they come."""
    own = objects[0].get("kind", resource.kind) if objects else resource.kind
    if not subresource and own != resource.kind:  # a Scale says itself what it is
        subresource = next((name for name, each in resource.subresources.items() if each.gvk.kind == own), "")
    return resource.subresources[subresource].gvk if subresource in resource.subresources else resource.gvk


def _printer(resource: Resource, kind: GroupVersionKind) -> tuple[Sequence[Json], Row]:
    if resource.custom is None or kind != resource.gvk:
        return _built_in(kind.group, kind.kind)
    return _custom(msgspec.json.encode(resource.custom.printer_columns))


@lru_cache(maxsize=1024)
def _custom(wanted: bytes) -> tuple[Sequence[Json], Row]:
    """Return the printer of what a definition asks for; the encoded form is the key under which it is kept."""
    age = {**AGE, "description": _default_columns()[1]["description"]}
    more, row = custom_columns(msgspec.json.decode(wanted) or (age,))
    return [_default_columns()[0], *more], row


@cache
def _built_in(group: str, kind: str) -> tuple[Sequence[Json], Row]:
    found = _columns().get((group, kind)) or (_columns()["", "Event"] if kind == "Event" else None)
    return (_default_columns(), _created) if found is None else (found, ROWS[group, kind])


def _created(obj: Json, now: float) -> list[Any]:
    """Return the row of a kind without a printer of its own: name and time of creation."""
    created = (obj.get("metadata") or {}).get("creationTimestamp")
    moment = datetime.fromtimestamp(seconds_of(created), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if created else ""
    return [name(obj, now), moment or "0001-01-01T00:00:00Z"]


@cache
def _tables() -> Json:
    found: Json = msgspec.json.decode((files(__package__) / "tables" / "columns.json").read_bytes())
    return found


@cache
def _default_columns() -> list[Json]:
    about = _tables()["metadata"]
    return [
        _definition({"name": "Name", "type": "string", "format": "name", "same": "name"}, about),
        _definition({"name": "Created At", "type": "date", "same": "creationTimestamp"}, about),
    ]


@cache
def _columns() -> dict[tuple[str, str], list[Json]]:
    found: dict[tuple[str, str], list[Json]] = {}
    for each in _tables()["columns"]:
        found.setdefault((each["group"], each["kind"]), []).append(_definition(each, _tables()["metadata"]))
    return found


def _definition(row: Json, about: dict[str, str]) -> Json:
    return {
        "name": row["name"],
        "type": row["type"],
        "format": row.get("format", ""),
        "description": about[row["same"]] if "same" in row else row["description"],
        "priority": row.get("priority", 0),
    }
