"""Client: where a proxy gets Services, EndpointSlices, ServiceCIDRs and Nodes from, and one that has them in memory.

An API server will be one more client: it lists, then watches; so does a folder of manifests (files.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from proxy_core import EndpointSlice, ProxyObject
from proxy_core.model.endpoint import SERVICE_NAME

ObjectKey = tuple[str, str, str]
"""Kind, namespace and name."""


class Event(NamedTuple):
    """One change of an object; of a deleted one its last state."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: ProxyObject


class Client(Protocol):
    """Lists objects once and says what changes from then on; raises ProxyError where it cannot."""

    @property
    def is_good(self) -> bool:
        """Whether the objects of now could be used when they were last looked at."""

    def list(self) -> Sequence[ProxyObject]:
        """Return all objects. Raises InvalidObjects with every problem."""

    def watch(self, timeout_seconds: float) -> Sequence[Event]:
        """Wait for changes since the last call, and return them; nothing if there is none in time.

        Raises InvalidObjects, once, for objects that cannot be used; those of before stay as they are.
        """


def key_of(record: ProxyObject) -> ObjectKey:
    """Return what tells an object from all others."""
    return type(record).__name__, record.metadata.namespace, record.metadata.name


def by_key(records: Iterable[ProxyObject]) -> dict[ObjectKey, ProxyObject]:
    """Return objects by their keys."""
    return {key_of(each): each for each in records}


def difference(old: Mapping[ObjectKey, ProxyObject], new: Mapping[ObjectKey, ProxyObject]) -> list[Event]:
    """Return what leads from one set of objects to another: what is gone first, so that addresses are free.

    A slice that belongs to another Service than before, or to another family, is gone and added.
    """
    gone = {key for key, each in old.items() if key not in new or _is_elsewhere(each, new[key])}
    events = [Event("DELETED", each) for key, each in old.items() if key in gone]
    for key, each in new.items():
        if key not in old or key in gone:
            events.append(Event("ADDED", each))
        elif old[key] != each:
            events.append(Event("MODIFIED", each))
    return events


def _is_elsewhere(old: ProxyObject, new: ProxyObject) -> bool:
    """Tell whether a slice has moved: its endpoints would stay where they were."""
    if not isinstance(old, EndpointSlice) or not isinstance(new, EndpointSlice):
        return False
    labels = [each.metadata.labels.get(SERVICE_NAME) for each in (old, new)]
    return labels[0] != labels[1] or old.address_type != new.address_type


class MemoryClient:
    """Objects in memory, changed by `apply` and `delete` from any thread."""

    is_good = True

    def __init__(self, records: Iterable[ProxyObject] = ()) -> None:
        self._objects = by_key(records)
        self._events: list[Event] = []
        self._changed = threading.Condition()

    def list(self) -> Sequence[ProxyObject]:
        with self._changed:
            self._events.clear()
            return list(self._objects.values())

    def watch(self, timeout_seconds: float) -> Sequence[Event]:
        with self._changed:
            self._changed.wait_for(lambda: self._events, timeout_seconds)
            events, self._events = self._events, []
            return events

    def apply(self, *records: ProxyObject) -> None:
        """Add objects, or change those that are there."""
        with self._changed:
            new = by_key(records)
            self._events += difference({key: each for key, each in self._objects.items() if key in new}, new)
            self._objects |= new
            self._changed.notify_all()

    def delete(self, *records: ProxyObject) -> None:
        """Remove objects that are there."""
        with self._changed:
            self._events += [Event("DELETED", self._objects.pop(key_of(each))) for each in records]
            self._changed.notify_all()
