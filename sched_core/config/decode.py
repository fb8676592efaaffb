"""Strict decoding of a plain tree into records: every unknown field and every wrong type is found, not only the first.

msgspec's own decoder stops at the first mistake, and its words are not upstream's; this one walks the same annotations.
Wordings are those of sigs.k8s.io/json. Null means "not given", as in Go. This module fills in no defaults beyond those
that stand in the records.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from sched_core.config.duration import parse_duration
from sched_core.config.findings import Findings, shown

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1, extra={"go": "int32"})]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1, extra={"go": "int64"})]
Float32 = Annotated[float, msgspec.Meta(extra={"go": "float32"})]
DurationNs = Annotated[int, msgspec.Meta(extra={"go": "v1.Duration"})]
"""Whole nanoseconds; a Go duration (``15s``) on the wire."""

Record = TypeVar("Record", bound=msgspec.Struct)

_BAD: Any = object()
_GO_SCALARS = {str: "string", bool: "bool", int: "int64", float: "float64", bytes: "[]uint8"}


class _At(NamedTuple):
    """Where the decoder stands, in the three ways in which upstream names a place."""

    path: str  # from the top of the configuration: profiles[0].pluginConfig[2].args.resources[0].name
    inner: str  # from the top of what is decoded: resources[0].name
    names: str  # the same without positions: resources.name
    owner: str  # Go name of the innermost struct: ResourceSpec

    def field(self, name: str, owner: str) -> _At:
        def join(path: str) -> str:
            return f"{path}.{name}" if path else name

        return _At(join(self.path), join(self.inner), join(self.names), owner)

    def item(self, position: int) -> _At:
        return self._replace(path=f"{self.path}[{position}]", inner=f"{self.inner}[{position}]")


def decode(record: type[Record], tree: Any, path: str, findings: Findings, context: str = "") -> Record:
    """Return a record from a plain tree; where the tree is wrong, the record has its default.

    ``path`` is where the tree stands in the configuration; ``context`` (``decoding args for plugin X: ``) goes before
    every reason.
    """
    value = _Decoder(findings, context).value(record, tree, _At(path, "", "", ""))
    return record() if value is _BAD or value is None else value


def decode_loosely(annotation: Any, tree: Any) -> tuple[Any, str]:
    """Return what Go's encoding/json makes of a tree, and what it complains about first (empty: nothing).

    Names match whatever their case, unknown ones are ignored. None stands for null.
    """
    findings = Findings("")
    value = _Decoder(findings, "", loose=True).value(annotation, tree, _At("", "", "", ""))
    return value, findings.problems[0].reason if findings.problems else ""


class _Decoder:
    def __init__(self, findings: Findings, context: str, *, loose: bool = False) -> None:
        self.findings, self.context, self.loose = findings, context, loose

    def problem(self, at: _At, reason: str) -> Any:
        self.findings.add(at.path, self.context + reason)
        return _BAD

    def mismatch(self, at: _At, value: Any, annotation: Any, literal: bool = False) -> Any:
        kind = f"{json_kind(value)} {value}" if literal else json_kind(value)
        target = f"struct field {at.owner}.{at.names}" if at.owner else "value"
        return self.problem(at, f"json: cannot unmarshal {kind} into Go {target} of type {_go(annotation)}")

    def value(self, annotation: Any, value: Any, at: _At) -> Any:
        """Return the decoded value, None for null, `_BAD` after a problem."""
        whole = annotation
        annotation, meta = plain_type(annotation)
        if meta == "v1.Duration":
            return self.duration(value, at)
        if value is None or annotation is Any:
            return value
        origin = get_origin(annotation)
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return self.struct(annotation, value, at) if isinstance(value, Mapping) else self.mismatch(at, value, whole)
        if origin in (tuple, list):
            is_list = isinstance(value, list)
            return self.sequence(origin, annotation, value, at) if is_list else self.mismatch(at, value, whole)
        if origin in (dict, Mapping):
            return (
                self.mapping(annotation, value, at) if isinstance(value, Mapping) else self.mismatch(at, value, whole)
            )
        return self.scalar(annotation, meta, value, at)

    def struct(self, annotation: type[msgspec.Struct], value: Mapping[str, Any], at: _At) -> Any:
        fields = fields_of(annotation)
        folded = {name.lower(): name for name in fields} if self.loose else {}
        decoded = {}
        for written, item in value.items():
            name = folded.get(written.lower(), written)
            inside = at.field(name, annotation.__name__)
            if name not in fields:
                if not self.loose:
                    self.problem(inside, f"unknown field {shown(inside.inner)}")
                continue
            result = self.value(fields[name].type, item, inside)
            if result is not _BAD and result is not None:
                decoded[fields[name].name] = result
        return annotation(**decoded)

    def sequence(self, origin: Any, annotation: Any, value: list[Any], at: _At) -> Any:
        item_type = get_args(annotation)[0]
        items = []
        for position, item in enumerate(value):
            result = self.value(item_type, item, at.item(position))
            # A null or wrong item keeps its place as Go's zero value, so that later paths are right.
            items.append(_zero(item_type) if result is _BAD or result is None else result)
        return origin(items)

    def mapping(self, annotation: Any, value: Mapping[str, Any], at: _At) -> Any:
        item_type = get_args(annotation)[1]
        # Go's names of a place have the key of a map only where upstream's decoder adds it
        items = {
            name: self.value(item_type, item, at if self.loose else at.field(name, at.owner))
            for name, item in value.items()
        }
        return {name: item for name, item in items.items() if item is not _BAD}

    def duration(self, value: Any, at: _At) -> Any:
        if value is not None and not isinstance(value, str):
            return self.problem(at, f"json: cannot unmarshal {json_kind(value)} into Go value of type string")
        try:
            return parse_duration(value or "")
        except ValueError as error:
            return self.problem(at, str(error))

    def scalar(self, annotation: Any, meta: str, value: Any, at: _At) -> Any:
        go_type = Annotated[annotation, msgspec.Meta(extra={"go": meta})] if meta else annotation
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if annotation is bytes and isinstance(value, str):
            try:
                return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
            except (binascii.Error, ValueError):
                return self.problem(at, "illegal base64 data")
        if annotation is float and number:
            fits = math.isfinite(value) and abs(value) <= (3.4028234663852886e38 if meta == "float32" else math.inf)
            return float(value) if fits else self.mismatch(at, value, go_type, literal=True)
        if annotation is int and number:
            bits = 31 if meta == "int32" else 63
            fits = isinstance(value, int) and -(1 << bits) <= value < 1 << bits
            return value if fits else self.mismatch(at, value, go_type, literal=True)
        return value if type(value) is annotation else self.mismatch(at, value, go_type)


@cache
def fields_of(record: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return the fields of a record by their names on the wire."""
    return {field.encode_name: field for field in msgspec.structs.fields(record)}


def plain_type(annotation: Any) -> tuple[Any, str]:
    """Return an annotation without ``| None`` and without Annotated, and the Go type that was named in it."""
    if get_origin(annotation) in (Union, UnionType):
        choices = [choice for choice in get_args(annotation) if choice is not NoneType]
        annotation = choices[0]
        assert len(choices) == 1, f"a field of a configuration has one type, not {choices}"
    if get_origin(annotation) is Annotated:
        annotation, meta = get_args(annotation)
        return annotation, (meta.extra or {}).get("go", "")
    return annotation, ""


def _zero(annotation: Any) -> Any:
    annotation, _ = plain_type(annotation)
    return None if annotation is Any else (get_origin(annotation) or annotation)()


def json_kind(value: Any) -> str:
    """Return what upstream calls a JSON value."""
    kinds: tuple[tuple[Any, str], ...] = ((bool, "bool"), (int | float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")


def _go(annotation: Any) -> str:
    """Return the Go name of a type, as upstream's errors show it."""
    annotation, meta = plain_type(annotation)
    if meta:
        return meta
    origin = get_origin(annotation)
    if origin in (tuple, list):
        return f"[]{_go(get_args(annotation)[0])}"
    if origin in (dict, Mapping):
        return f"map[string]{_go(get_args(annotation)[1])}"
    if annotation is Any:
        return "interface {}"
    package = (
        "v1alpha1" if annotation.__name__ in ("LeaderElectionConfiguration", "ClientConnectionConfiguration") else "v1"
    )
    return _GO_SCALARS.get(annotation) or f"{package}.{annotation.__name__}"
