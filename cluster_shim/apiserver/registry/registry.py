"""Registry: the objects of all resources over one store; looks them up, and has what the writing verbs share.

The verbs are next door: create.py, update.py, delete.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from cluster_shim.api import errors
from cluster_shim.api.fields import quoted
from cluster_shim.api.resources import Catalogue, GroupVersionKind, Resource
from cluster_shim.apiserver.admission.plugin import Attributes
from cluster_shim.apiserver.registry import objects
from cluster_shim.apiserver.registry.locks import Locks, Nothing
from cluster_shim.apiserver.registry.moulds import Moulds
from cluster_shim.apiserver.registry.strategies.strategy import Strategy, custom_strategy, strategy_of
from cluster_shim.apiserver.request import Request, UserInfo
from cluster_shim.storage.store import Entry, Event, Store

EVENT_TTL_SECONDS = 3600
REVISION_POLL_SECONDS = 0.02
LIST_MAX = 64
"""Objects; a longer list is not remembered."""
LISTS_MAX = 20_000

CONFLICT_ATTEMPTS = 50
"""How often a write that another one overtakes is tried."""
_ADMISSION = "admissionregistration.k8s.io"
_WEBHOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
_FREE = Nothing()

WRONG_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"

Document = dict[str, Any]


class Admission(Protocol):
    """The chain of admission plugins."""

    async def admit(self, attributes: Attributes) -> None:
        """Let plugins change the object. Raises APIError."""

    async def validate(self, attributes: Attributes) -> None:
        """Let plugins refuse the object. Raises APIError."""


class Transaction(Protocol):
    """What a resource reserves for an object while it is written: addresses and ports of Services."""

    def finish(self, success: bool) -> Any:
        """Keep what was reserved, or give it back; may return an awaitable."""


class Reserve(Protocol):
    """What reserves for one resource; changes the object in place."""

    async def begin_create(self, new: Document, dry_run: bool) -> Transaction:
        """Reserve for a new object. Raises APIError."""

    async def begin_update(self, new: Document, old: Document, dry_run: bool) -> Transaction:
        """Reserve for a changed object. Raises APIError."""

    async def after_delete(self, old: Document) -> None:
        """Give back what a deleted object had."""


@dataclass(frozen=True, slots=True)
class View:
    """What admission sees in place of an object: its Scale."""

    of: Callable[[Document], Document]
    taken: Callable[[Document, Document], Document]
    """Makes of an object and of what admission made of its view the object that is wanted. Raises APIError."""


@dataclass(slots=True)
class Write:
    """One write: who, where, how; the same for every verb."""

    resource: Resource
    namespace: str
    name: str
    user: UserInfo
    now: str
    """As metadata has it: ``2026-01-02T03:04:05Z``."""
    subresource: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    manager: str = ""
    """The field manager."""
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    verbatim: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    """Members of the object that are stored as they were sent."""
    force_create: bool = False
    """Whether an update makes what is not there (server-side apply)."""
    of_collection: bool = False
    """Whether the object is one of many: admission is not told its name."""
    view: View | None = None
    may_create: Callable[[], None] = lambda: None
    """Raises APIError 403 where an update would make an object and the user may not."""

    @property
    def group(self) -> str:
        """Return the group of the resource."""
        return self.resource.group


class Registry:
    """All objects, over a store."""

    def __init__(self, store: Store, catalogue: Catalogue, admission: Admission) -> None:
        self.store = store
        self.catalogue = catalogue
        self.admission = admission
        self.reserves: dict[tuple[str, str], Reserve] = {}
        self.event_ttl_seconds = EVENT_TTL_SECONDS
        self.check_may_create: Callable[[Request], None] = lambda request: None
        """Raises APIError 403 if the user of a request may not create what it updates; the server sets it."""
        self.memory: dict[str, Any] = {}
        """What others derive from resources and keep, by their name."""
        self.moulds = Moulds(store, self)
        self._locks = Locks()
        self._lists: dict[str, Sequence[Document]] = {}
        self._followed: set[str] = set()

    # ------------------------------------------------------------------ reading

    def entry(self, resource: Resource, namespace: str, name: str) -> Entry:
        """Return an object's entry. Raises APIError 404."""
        check_name(name)
        found = self.store.get(resource.key_of(namespace, name))
        if found is None:
            raise errors.not_found(resource.name, name, resource.group)
        return found

    def get(self, group: str, resource: str, namespace: str, name: str) -> Document | None:
        """Return an object as it is stored, or None; nobody may change it (the Reader of admission and others)."""
        row = self._row(group, resource)
        found = self.store.get(row.key_of(namespace, name)) if row is not None else None
        return objects.shared(found) if found is not None else None

    def list(self, group: str, resource: str, namespace: str = "") -> Iterable[Document]:
        """Return the objects of a namespace, or all, as they are stored; nobody may change them."""
        row = self._row(group, resource)
        if row is None:
            return []
        prefix = f"{row.prefix}{namespace}/" if namespace and row.namespaced else row.prefix
        found = self._lists.get(prefix)
        if found is None:
            entries = self.store.range(prefix).entries
            if len(entries) > LIST_MAX:
                return (objects.load(each, row) for each in entries)  # not all at once in memory
            found = [objects.shared(each) for each in entries]
            self._remember(row.prefix, prefix, found)
        return found

    def _remember(self, root: str, prefix: str, found: Sequence[Document]) -> None:
        """Keep a short list until an object of its resource changes: plugins ask for the same few at each write."""
        if root not in self._followed:
            self._followed.add(root)
            self.store.subscribe(root, lambda events: self._forget(events))
        if len(self._lists) >= LISTS_MAX:
            self._lists.clear()
        self._lists[prefix] = found

    def _forget(self, events: Sequence[Event]) -> None:
        for event in events:
            folder = event.entry.key.rpartition("/")[0] + "/"
            self._lists.pop(folder, None)
            self._lists.pop(folder.removesuffix("/").rpartition("/")[0] + "/", None)

    def _row(self, group: str, resource: str) -> Resource | None:
        return self.catalogue.first(group, resource)

    def strategy(self, resource: Resource) -> Strategy:
        """Return what is special about the objects of a resource."""
        if resource.custom is not None:
            return custom_strategy("status" in resource.subresources)
        return strategy_of(resource.group, resource.kind)

    # ------------------------------------------------------------------ what writes share

    def attributes(self, write: Write, operation: str, new: Document | None, old: Document | None) -> Attributes:
        """Return what admission is told of a write."""
        if write.view is not None:
            new = write.view.of(new) if new is not None else None
            old = write.view.of(old) if old is not None else None
        return Attributes(
            operation=operation,
            resource=write.resource,
            subresource=write.subresource,
            kind=self.kind_of(write),
            namespace=write.name if is_namespace(write.resource) else write.namespace,
            name="" if write.of_collection else write.name or ((new or {}).get("metadata") or {}).get("name", ""),
            object=new,
            old_object=old,
            options=write.options,
            user=write.user,
            dry_run=write.dry_run,
            warnings=write.warnings,
            annotations=write.annotations,
        )

    def kind_of(self, write: Write) -> GroupVersionKind:
        """Return the kind of the body of a write: that of the subresource, if there is one."""
        found = write.resource.subresources.get(write.subresource)
        return found.gvk if found is not None else write.resource.gvk

    def reserve(self, resource: Resource) -> Reserve | None:
        """Return what reserves addresses and ports for the objects of a resource."""
        return self.reserves.get((resource.group, resource.name))

    def ttl_seconds(self, resource: Resource) -> int:
        """Return after which time objects of a resource vanish; 0: never."""
        return self.event_ttl_seconds if resource.name == "events" else 0

    async def wait_for_revision(self, revision: int, timeout_seconds: float) -> None:
        """Wait until the store has reached a revision, or for a time."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while self.store.revision < revision and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(REVISION_POLL_SECONDS)

    def locked(self, key: str) -> Nothing:
        """Let one write at a time read, change and write an object: those of this process never conflict by chance.

        Where webhooks are asked in between, nobody waits: one may write that very object. Then the store tells who was
        faster.
        """
        return _FREE if self._asks_webhooks() else self._locks.hold(key)

    def may_be_overtaken(self) -> bool:
        """Tell whether another write may come between the parts of one, so that it is made again."""
        return self.store.is_shared or self._asks_webhooks()

    def _asks_webhooks(self) -> bool:
        return any(True for kind in _WEBHOOKS for _ in self.list(_ADMISSION, kind))


def check_name(name: str) -> None:
    """Refuse a name that no object can have, as it is no segment of a path. Raises APIError 400."""
    if name in (".", ".."):
        problem = f"may not be '{name}'"
    else:
        problem = ";".join(f"may not contain '{each}'" for each in "/%" if each in name)
    if problem:
        raise errors.bad_request(f"Name parameter invalid: {quoted(name)}: {problem}")


class NoReservation:
    """A transaction that reserves nothing."""

    def finish(self, success: bool) -> None:
        """Do nothing."""


NOTHING = NoReservation()


def is_kept_by_spec(resource: Resource, document: Document) -> bool:
    """Tell whether an object is a namespace that finalizers keep: those of namespaces stand in the spec, too."""
    return is_namespace(resource) and bool((document.get("spec") or {}).get("finalizers"))


def drop_twin_owners(write: Write, document: Document, after_admission: bool = False) -> None:
    """Keep of owner references that are the same only the first, and warn."""
    references = document["metadata"].get("ownerReferences")
    if not references or len(references) < 2:
        return
    kept: list[Any] = []
    twins: list[str] = []
    for each in references:
        if each in kept:
            twins.append(each.get("uid", ""))
        else:
            kept.append(each)
    if twins:
        when = " after mutating admission happens" if after_admission else ""
        write.warnings.append(
            f".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, "
            "and may reject such requests as early as 1.24; please fix your requests; "
            f"duplicate UID(s) observed: {', '.join(twins)}"
        )
        document["metadata"]["ownerReferences"] = kept


def check_namespace(write: Write, document: Document) -> None:
    """Refuse an object of another namespace than that of its path. Raises APIError 400."""
    metadata = document["metadata"]
    if metadata.get("namespace", "") == write.namespace:
        return
    if metadata.get("namespace") and write.namespace:
        raise errors.bad_request(WRONG_NAMESPACE)
    if write.namespace:
        metadata["namespace"] = write.namespace
    else:
        del metadata["namespace"]


def is_namespace(resource: Resource) -> bool:
    """Tell whether objects are namespaces: each is in itself, to admission."""
    return resource.name == "namespaces" and not resource.group
