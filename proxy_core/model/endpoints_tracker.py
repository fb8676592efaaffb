"""EndpointsChangeTracker: changed EndpointSlices until the next sync (upstream: pkg/proxy/endpointschangetracker.go,
endpointslicecache.go).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from proxy_core.addresses import Family
from proxy_core.model.endpoint import HEADLESS, SERVICE_NAME, Endpoints, SliceEndpoints, merged, slice_endpoints
from proxy_core.model.service_port import ServicePortName
from proxy_core.model.service_tracker import Key
from proxy_core.model.times import nanoseconds
from proxy_core.objects import EndpointSlice

TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"


class EndpointsChange(NamedTuple):
    """What `EndpointsChangeTracker.apply` has brought up to date."""

    services: frozenset[Key]
    """Services with a changed slice."""
    conntrack_cleanup: bool
    """Whether one of them has, or had, an endpoint of protocol UDP."""
    trigger_times: tuple[int, ...]
    """When the changes were triggered, in nanoseconds since 1970."""


class EndpointsChangeTracker:
    """The slices of one family: what a sync has seen of them (`endpoints`), and what has changed since."""

    def __init__(self, family: Family, node_name: str, start: int = 0) -> None:
        """Note nothing yet; triggers not later than ``start`` (nanoseconds since 1970) do not count."""
        self.family, self.node_name, self._start = family, node_name, start
        self.endpoints: dict[ServicePortName, Endpoints] = {}
        """As of the last `apply`."""
        self._names: dict[Key, tuple[ServicePortName, ...]] = {}
        self._applied: dict[Key, dict[str, EndpointSlice]] = {}
        self._read: dict[Key, dict[str, SliceEndpoints]] = {}
        """The endpoints of slices, of Services that have several: a change of one need not read the others again."""
        self._pending: dict[Key, dict[str, EndpointSlice | None]] = {}
        self._triggers: dict[Key, list[int]] = {}

    def update(self, slice_: EndpointSlice) -> bool:
        """Take over a slice that is new or changed; return whether that is news.

        Slices of another family, of no Service, or of a headless one are none; one that has become headless is gone, as
        a watch that does not ask for such slices has it.
        """
        key = _service_of(slice_)
        if key is None or slice_.address_type != self.family:
            return False
        return self._change(key, slice_.metadata.name, None if HEADLESS in slice_.metadata.labels else slice_)

    def delete(self, slice_: EndpointSlice) -> bool:
        """Forget a slice; return whether it was known."""
        key = _service_of(slice_)
        if key is None or slice_.address_type != self.family:
            return False
        return self._change(key, slice_.metadata.name, None)

    def apply(self) -> EndpointsChange:
        """Bring `endpoints` up to date and return what has changed."""
        udp = False
        for key, changes in self._pending.items():
            udp |= self._is_udp(key)
            slices = self._applied.setdefault(key, {})
            for name, each in changes.items():
                if each is None:
                    slices.pop(name, None)
                else:
                    slices[name] = each
            self._replace(key, slices, changes)
            udp |= self._is_udp(key)
            if not slices:
                del self._applied[key]
        changed = frozenset(self._pending)
        triggers = tuple(time for times in self._triggers.values() for time in times)
        self._pending.clear()
        self._triggers.clear()
        return EndpointsChange(changed, udp, triggers)

    @property
    def pending(self) -> int:
        """How many Services with a changed slice wait for a sync."""
        return len(self._pending)

    def _change(self, key: Key, name: str, new: EndpointSlice | None) -> bool:
        changes = self._pending.get(key, {})
        known = changes[name] if name in changes else self._applied.get(key, {}).get(name)
        if new == known:
            return False
        self._pending.setdefault(key, {})[name] = new
        if new is None:
            self._triggers.pop(key, None)
        elif (time := _trigger_time(new)) is not None and time > self._start:
            self._triggers.setdefault(key, []).append(time)
        return True

    def _replace(self, key: Key, slices: dict[str, EndpointSlice], changed: Iterable[str]) -> None:
        """Bring the endpoints of a Service up to date; slices count in the order of their names."""
        for name in self._names.pop(key, ()):
            del self.endpoints[name]
        read = self._read.pop(key, {})
        for slice_name in changed:
            read.pop(slice_name, None)
        for slice_name, each in slices.items():
            if slice_name not in read:
                read[slice_name] = slice_endpoints(each, self.node_name)
        found = merged([read[slice_name] for slice_name in sorted(read)], *key)
        if len(read) > 1:
            self._read[key] = read
        if found:
            self.endpoints |= found
            self._names[key] = tuple(found)

    def _is_udp(self, key: Key) -> bool:
        return any(name.protocol == "UDP" for name in self._names.get(key, ()))


def _service_of(slice_: EndpointSlice) -> Key | None:
    labels = slice_.metadata.labels
    service = labels.get(SERVICE_NAME, "")
    if not service or not slice_.metadata.name:
        return None
    return slice_.metadata.namespace, service


def _trigger_time(slice_: EndpointSlice) -> int | None:
    text = slice_.metadata.annotations.get(TRIGGER_TIME)
    return nanoseconds(text) if text else None
