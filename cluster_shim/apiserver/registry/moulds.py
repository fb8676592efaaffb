"""Moulds: new pods of one template differ in name, uid and time only; what became of the first becomes of the next.

A mould is made of two pods that went the long way and came out alike. Whatever that way reads beside them is part of
the key of a mould (namespace, user, field manager, metadata, spec), or is an object: a change of any, but of kinds
that no admission plugin looks up for a pod, breaks all moulds. There are none where webhooks, policies or quotas are
asked, and none for pods whose name or node has a part in the matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cluster_shim.api.codec.json import COLON, has_spaced_colons
from cluster_shim.api.resources import Resource
from cluster_shim.api.validation.formats import dns_label
from cluster_shim.apiserver.admission.plugin import Reader
from cluster_shim.apiserver.registry.identity import generated_name, new_uid
from cluster_shim.apiserver.request import Request
from cluster_shim.storage.keys import bucket_of
from cluster_shim.storage.store import Entry, Event, KeyExists, Store

if TYPE_CHECKING:
    from cluster_shim.apiserver.registry.registry import Write

IRRELEVANT = frozenset(
    f"/registry/{name}/"
    for name in (
        *("pods", "minions", "events", "leases", "configmaps", "secrets", "services", "endpointslices"),
        *("controllerrevisions", "daemonsets", "deployments", "jobs", "replicasets", "statefulsets", "controllers"),
        *(
            "persistentvolumeclaims",
            "persistentvolumes",
            "csinodes",
            "poddisruptionbudgets",
            "horizontalpodautoscalers",
        ),
    )
)
"""Where the objects are whose changes break no mould."""

_ASKED = tuple(
    ("admissionregistration.k8s.io", name)
    for name in (
        *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
        *("mutatingadmissionpolicies", "validatingadmissionpolicies"),
    )
)
_METADATA = frozenset(("name", "generateName", "namespace", "labels", "annotations", "ownerReferences", "finalizers"))
_OWN = (b'"nodeName"', b'"ephemeral"', b'"schedulingGates"', b'"resourceClaims"')
"""What makes a spec depend on more than itself."""
_MAX, _MAX_BYTES = 1024, 16 << 10
_TOP_LEVEL_KEYS = 4
_NAME_ATTEMPTS = 4
_NAME, _UID, _NOW = "mould-of-a-name", "mould-of-a-uid", "mould-of-a-time"
_SLOTS = {text.encode(): slot for slot, text in enumerate((_NAME, _UID, _NOW))}
_SLOT = re.compile(b"(%b)" % b"|".join(_SLOTS))

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    apiVersion: str  # noqa: N815
    metadata: dict[str, Any]
    spec: msgspec.Raw


_read = msgspec.json.Decoder(_Body).decode

Key = tuple[str, str, tuple[str, ...], str, bytes, bytes]


class Asked(NamedTuple):
    """A new pod that a mould may be of, or become of."""

    key: Key
    name: str
    base: str
    """What a name is generated of, if there is none."""
    colons: int
    """How many keys the spec has, if no key is there twice."""


class Mould(NamedTuple):
    """The text of a stored pod without what is its own."""

    pieces: tuple[bytes, ...]
    slots: tuple[int, ...]
    """What follows each piece but the last: 0 the name, 1 the uid, 2 the time."""
    annotations: tuple[tuple[str, str], ...]
    """What admission says to the audit log."""
    colons: int


class _Made(NamedTuple):
    """A pod that went the long way."""

    entry: Entry
    now: str
    annotations: tuple[tuple[str, str], ...]
    colons: int

    def mould(self) -> Mould | None:
        """Return its mould; None if what is its own cannot be told from the rest."""
        pod = _decode(self.entry.value)
        if _encode(pod) != self.entry.value:
            return None
        metadata = pod["metadata"]
        own = [each for each in metadata.get("managedFields") or () if each.get("time") == self.now]
        if metadata.get("creationTimestamp") != self.now or len(own) != 1:
            return None
        metadata["name"], metadata["uid"], metadata["creationTimestamp"] = _NAME, _UID, _NOW
        own[0]["time"] = _NOW
        parts = _SLOT.split(_encode(pod))
        slots = tuple(_SLOTS[each] for each in parts[1::2])
        if sorted(slots) != [0, 1, 2, 2]:  # somebody else has these words
            return None
        return Mould(tuple(parts[::2]), slots, self.annotations, self.colons)


class Moulds:
    """The moulds of one server."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self._store = store
        self._reader = reader
        self._once: dict[Key, _Made] = {}
        self._moulds: dict[Key, Mould] = {}
        store.subscribe("/registry/", self._note)

    def _note(self, events: Sequence[Event]) -> None:
        for each in events:
            if bucket_of(each.entry.key) not in IRRELEVANT:
                self._moulds.clear()
                self._once.clear()
                return

    def asked(self, request: Request, resource: Resource, manager: str) -> Asked | None:
        """Return what a request asks for, if that is a pod of the usual kind; None for everything else."""
        body = request.body
        if resource.name != "pods" or resource.group or request.query or len(body) > _MAX_BYTES:
            return None
        if request.header("content-type") not in ("application/json", "") or b"\\" in body or has_spaced_colons(body):
            return None
        try:
            pod = _read(body)
        except (ValueError, RecursionError):
            return None
        metadata, spec = pod.metadata, bytes(pod.spec)
        if pod.kind != resource.kind or pod.apiVersion != resource.version or not metadata.keys() <= _METADATA:
            return None
        name, base = metadata.pop("name", ""), metadata.get("generateName", "")
        if name.__class__ is not str or base.__class__ is not str or not (name or base):
            return None
        user = request.user  # whose extra only webhooks and policies look at
        rest = _encode(metadata)
        colons = body.count(COLON) - rest.count(COLON) - _TOP_LEVEL_KEYS - (1 if name else 0)
        key = (request.info.namespace, user.name, user.groups, manager, rest, spec)
        return Asked(key, name, "" if name else base, colons)

    async def cast(self, asked: Asked, request: Request, resource: Resource, now: str) -> Entry | None:
        """Store a pod that there is a mould of. None: it has to go the long way, which knows what may be wrong."""
        mould = self._moulds.get(asked.key)
        if mould is None or mould.colons != asked.colons:
            return None
        namespace = asked.key[0]
        for _ in range(_NAME_ATTEMPTS if asked.base else 1):
            name = asked.name or generated_name(asked.base)
            if dns_label(name):
                return None
            values = (name.encode(), new_uid().encode(), now.encode())
            parts = [mould.pieces[0]]
            for slot, piece in zip(mould.slots, mould.pieces[1:], strict=True):
                parts += values[slot], piece
            try:
                entry = await self._store.create(resource.key_of(namespace, name), b"".join(parts))
            except KeyExists:
                continue
            request.annotations.update(mould.annotations)
            return entry
        return None

    def learn(self, asked: Asked, write: Write, entry: Entry, annotations: dict[str, str]) -> None:
        """Take note of what became of a pod on the long way, and of what that has said to the audit log."""
        if write.warnings or write.dry_run or any(each in asked.key[-1] for each in _OWN) or self._is_asked(write):
            return
        if dns_label(entry.key.rpartition("/")[2]):
            return
        made = _Made(entry, write.now, tuple(sorted(annotations.items())), asked.colons)
        before = self._once.get(asked.key)
        mould = made.mould() if before is not None else None
        if before is not None and mould is not None and before.mould() == mould:
            if len(self._moulds) >= _MAX:
                self._moulds.clear()
            self._moulds[asked.key] = mould
        if len(self._once) >= _MAX:
            self._once.clear()
        self._once[asked.key] = made

    def _is_asked(self, write: Write) -> bool:
        """Tell whether somebody has a say in each single pod."""
        return any(True for _ in self._reader.list("", "resourcequotas", write.namespace)) or any(
            True for group, name in _ASKED for _ in self._reader.list(group, name)
        )
