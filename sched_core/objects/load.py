"""Kubernetes objects from files or memory: read, decoded, checked, with all problems collected.

Objects keep the order of the input. Nothing here decides anything: the result is lists of records.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sched_core.errors import InvalidObjects, Problem
from sched_core.objects.check import check_namespace, check_node, check_other, check_pod, check_pod_group
from sched_core.objects.check_affinity import Finding
from sched_core.objects.decode import decode_slowly, type_name
from sched_core.objects.defaults import set_node_defaults, set_pod_defaults
from sched_core.objects.node import Namespace, Node
from sched_core.objects.pod import Pod
from sched_core.objects.records import KINDS, AnyObject, Kind
from sched_core.objects.source import find_sources, read_source, split_documents

MEMORY = "<memory>"
Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do in all (bytes of input; documents if they come from memory)."""

_PROGRESS_EVERY = 4096


@dataclass
class Objects:
    """What was loaded, in the order of the input."""

    nodes: list[Node] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    namespaces: list[Namespace] = field(default_factory=list)
    others: dict[str, list[Any]] = field(default_factory=dict)
    """Records of the other kinds that a scheduler reads, by kind."""
    skipped: list[Problem] = field(default_factory=list)
    """What was left out, when invalid objects are to be skipped."""
    ignored: dict[str, int] = field(default_factory=dict)
    """How many objects there were of each kind that no scheduler reads."""


def load(
    paths: Sequence[str | Path], *, skip_invalid: bool = False, strict: bool = True, on_progress: Progress | None = None
) -> Objects:
    """Load objects from files, folders (all .json, .yaml, .yml in them, also .gz) and ``-`` for standard input.

    A file may hold several documents, ``v1.List`` and ``<Kind>List``. With ``strict`` an unknown field is a problem.
    Namespaced objects without a namespace get ``default``, those with a generateName a name, counted from 00000.
    Raises InvalidObjects with every problem, unless ``skip_invalid``: then bad objects are left out and listed.
    """
    with _collector_paused():
        reader = _Reader(strict)
        sources = find_sources(paths)
        total = sum(source.size for source in sources)
        done = 0
        for source in sources:
            data = read_source(source)
            if isinstance(data, Problem):
                reader.problems.append(data)
                continue
            seen = reader.seen
            failed = len(reader.problems)
            reader.progress = _scaled(on_progress, done, source.size, total)
            for document in split_documents(source.name, data):
                if document.reason:
                    reader.problems.append(Problem(source.name, document.position, "", document.reason))
                else:
                    reader.add(document.json, _Place(source.name, document.position))
            if reader.seen == seen and len(reader.problems) == failed:
                reader.problems.append(Problem(source.name, "", "", "holds no objects"))
            done += source.size
            if on_progress:
                on_progress(done, total)
        return reader.result(skip_invalid)


def load_documents(
    documents: Iterable[Mapping[str, Any] | bytes | str],
    *,
    skip_invalid: bool = False,
    strict: bool = True,
    source: str = MEMORY,
) -> Objects:
    """Load objects that are in memory already: decoded, or as JSON; the rest is as with ``load``."""
    with _collector_paused():
        reader = _Reader(strict)
        for number, document in enumerate(documents, 1):
            place = _Place(source, f"document {number}")
            if isinstance(document, Mapping):
                reader.add(msgspec.json.encode(document), place)
                continue
            for each in split_documents(f"{source}.json", document.encode() if isinstance(document, str) else document):
                if each.reason:
                    reader.problems.append(Problem(source, place.document, "", each.reason))
                else:
                    reader.add(each.json, place)
        return reader.result(skip_invalid)


class _Place(NamedTuple):
    """Where an object was found."""

    file: str
    document: str
    items: tuple[int, ...] = ()

    def __str__(self) -> str:
        path = "".join(f"items[{index}]." for index in self.items).rstrip(".")
        if not path:
            return self.document
        return path if self.document in ("", "document 1") else f"{self.document}, {path}"


class _Envelope(msgspec.Struct, rename="camel"):
    """As much of a document as tells a list from an object."""

    kind: str = ""
    api_version: str = ""
    items: list[msgspec.Raw] | None = None


class _Handler(NamedTuple):
    """What to do with the records of a kind."""

    kind: Kind
    check: Callable[[Any], list[Finding]]
    set_defaults: Callable[[Any], None] | None
    append: Callable[[Any], None]
    places: dict[str, _Place]
    """Where an object of this kind and name was found first."""


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_any = msgspec.json.Decoder(AnyObject).decode
_decode_kind = {name: msgspec.json.Decoder(kind.record).decode for name, kind in KINDS.items()}


class _Reader:
    """Collects records and problems."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.objects = Objects()
        self.problems: list[Problem] = []
        self.seen = 0
        self.progress: Progress | None = None
        self._generated: dict[str, int] = {}
        self._handlers = {kind.record: self._handler(kind) for kind in KINDS.values()}

    def result(self, skip_invalid: bool) -> Objects:
        """Return what was read; raise InvalidObjects if something was wrong and that is not to be skipped."""
        if self.problems and not skip_invalid:
            raise InvalidObjects(self.problems)
        self.objects.others = {kind: records for kind, records in self.objects.others.items() if records}
        self.objects.skipped = self.problems
        return self.objects

    def add(self, document: bytes | msgspec.Raw, place: _Place) -> None:
        """Read one JSON document, an object or a list of objects."""
        try:
            envelope = _decode_envelope(document)
        except (msgspec.DecodeError, RecursionError):
            self._add_slowly(document, place)
            return
        if envelope.items is None or not envelope.kind.endswith("List"):
            self._add_object(document, place, _decode_any, "")
            return
        kind = KINDS.get(envelope.kind.removesuffix("List"))
        decode = _decode_kind[kind.name] if kind else _decode_any
        self._add_items(envelope, place, decode)

    def _add_items(self, envelope: _Envelope, place: _Place, decode: Callable[[msgspec.Raw], AnyObject]) -> None:
        items = envelope.items or []
        self.seen += not items  # an empty list says that there is nothing
        name, document, outer = place
        kind = envelope.kind.removesuffix("List")
        api_version = envelope.api_version if kind else ""
        progress = self.progress if not outer else None
        for index, raw in enumerate(items):
            self._add_object(raw, _Place(name, document, (*outer, index)), decode, api_version, kind)
            if progress and index % _PROGRESS_EVERY == 0:
                progress(index, len(items))

    def _add_object(
        self,
        raw: bytes | msgspec.Raw,
        place: _Place,
        decode: Callable[[Any], AnyObject],
        api_version: str,
        kind: str = "",
    ) -> None:
        """Read one object; ``api_version`` and ``kind`` are those of its list, if that says what its items are."""
        try:
            record = decode(raw)
        except (msgspec.DecodeError, RecursionError):
            self._add_slowly(raw, place, api_version, kind)
            return
        handler = self._handlers[type(record)]
        if not record.api_version:
            record.api_version = api_version
        if record.api_version != handler.kind.api_version:
            self._add_slowly(raw, place, api_version, kind)
            return
        self.seen += 1
        self._accept(handler, record, place)

    def _accept(self, handler: _Handler, record: AnyObject, place: _Place) -> None:
        """Check a record and keep it."""
        metadata = record.metadata
        if not metadata.name and metadata.generate_name:
            metadata.name = self._generate_name(metadata.generate_name)
        if handler.kind.namespaced:
            if not metadata.namespace:
                metadata.namespace = "default"
            name = f"{metadata.namespace}/{metadata.name}"
        else:
            name = metadata.name
        found = handler.check(record)
        if found:
            label = f"{handler.kind.name} {name}" if metadata.name else str(place)
            self.problems += [Problem(place.file, label, path, reason) for path, reason in found]
            return
        first = handler.places.setdefault(name, place)
        if first is not place:
            there = f"{first.file}, {first}" if first.file != place.file else str(first)
            reason = f"exists twice: {place} here, first in {there}"
            self.problems.append(Problem(place.file, f"{handler.kind.name} {name}", "", reason))
            return
        if handler.set_defaults:
            handler.set_defaults(record)
        handler.append(record)

    def _add_slowly(self, raw: bytes | msgspec.Raw, place: _Place, api_version: str = "", kind: str = "") -> None:
        """Read an object that did not decode at once: say why, or find out that it is none of ours."""
        self.seen += 1
        try:
            value = msgspec.json.decode(raw)
        except RecursionError:
            self._refuse(place, str(place), "", "is nested too deeply")
            return
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._refuse(place, str(place), "", f"malformed JSON: {error}")
            return
        if not isinstance(value, dict):
            self._refuse(place, str(place), "", f"expected an object, got {type_name(value)}")
            return
        value.setdefault("kind", kind)
        value.setdefault("apiVersion", api_version)
        label = _label(value) or str(place)
        for key in ("kind", "apiVersion"):
            if not isinstance(value[key], str) or not value[key]:
                reason = "is missing" if value[key] in ("", None) else f"expected string, got {type_name(value[key])}"
                self._refuse(place, label, key, reason)
                return
        self._add_value(raw, value, label, place)

    def _add_value(self, raw: bytes | msgspec.Raw, value: dict[str, Any], label: str, place: _Place) -> None:
        name: str = value["kind"]
        kind = KINDS.get(name)
        if kind is None or _group(value["apiVersion"]) != _group(kind.api_version):
            if name.endswith("List") and "items" in value:
                if isinstance(value["items"], list):
                    self.add(raw, place)
                elif value["items"] is not None:
                    self._refuse(place, str(place), "items", f"expected list, got {type_name(value['items'])}")
                return
            self.objects.ignored[name] = self.objects.ignored.get(name, 0) + 1
            return
        if value["apiVersion"] != kind.api_version:
            reason = f"{value['apiVersion']!r} is not supported for {name}: only {kind.api_version}"
            self._refuse(place, label, "apiVersion", reason)
            return
        record, found = decode_slowly(name, value, strict=self.strict)
        self.problems += [Problem(place.file, label, path, reason) for path, reason in found]
        if record is not None and not found:
            self._accept(self._handlers[kind.record], record, place)

    def _generate_name(self, prefix: str) -> str:
        """Make a name as the API server does, but the same one each time: counted, not random."""
        number = self._generated.get(prefix, 0)
        self._generated[prefix] = number + 1
        return f"{prefix}{number:05d}"

    def _refuse(self, place: _Place, label: str, path: str, reason: str) -> None:
        self.problems.append(Problem(place.file, label, path, reason))

    def _handler(self, kind: Kind) -> _Handler:
        match kind.name:
            case "Pod":
                return _Handler(kind, check_pod, set_pod_defaults, self.objects.pods.append, {})
            case "Node":
                return _Handler(kind, check_node, set_node_defaults, self.objects.nodes.append, {})
            case "Namespace":
                return _Handler(kind, check_namespace, None, self.objects.namespaces.append, {})
        check = check_pod_group if kind.name == "PodGroup" else check_other
        return _Handler(kind, check, None, self.objects.others.setdefault(kind.name, []).append, {})


def _label(value: dict[str, Any]) -> str:
    """Name an object by kind, namespace and name; empty if it does not say them."""
    kind, metadata = value.get("kind"), value.get("metadata")
    if not isinstance(kind, str) or not kind or not isinstance(metadata, dict):
        return ""
    name, namespace = metadata.get("name"), metadata.get("namespace") or "default"
    if not isinstance(name, str) or not name:
        return ""
    return f"{kind} {namespace}/{name}" if kind not in KINDS or KINDS[kind].namespaced else f"{kind} {name}"


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _scaled(progress: Progress | None, done: int, size: int, total: int) -> Progress | None:
    """Turn progress within one file into progress in all."""
    if progress is None:
        return None
    report = progress
    return lambda index, count: report(done + size * index // count, total)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the cyclic garbage collector off: records have no cycles, and it would walk them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
