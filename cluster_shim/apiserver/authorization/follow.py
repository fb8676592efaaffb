"""Keeps an index up to date with what the store has: all that is there, then every change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cluster_shim.apiserver.authorization.rbac import RBAC
from cluster_shim.storage.store import Event, Source

Put = Callable[[str, str, bytes | None], None]
"""Takes the namespace, the name and the value of one object, None if it is gone."""


def follow(source: Source, prefix: str, put: Put) -> Callable[[], None]:
    """Call `put` with each object below a prefix, now and whenever one changes; return what ends it."""

    def tell(key: str, value: bytes | None) -> None:
        namespace, _, name = key[len(prefix) :].rpartition("/")
        put(namespace, name, value)

    def deliver(events: Sequence[Event]) -> None:
        for event in events:
            tell(event.entry.key, None if event.is_delete else event.entry.value)

    end = source.subscribe(prefix, deliver)
    for entry in source.range(prefix).entries:  # no event comes in between: both are in one step of the event loop
        tell(entry.key, entry.value)
    return end


def follow_rbac(source: Source, rbac: RBAC) -> Callable[[], None]:
    """Keep RBAC up to date with the roles and bindings of the store; return what ends it."""
    from msgspec import json

    def putter(resource: str) -> Put:
        return lambda namespace, name, value: rbac.put(
            resource, namespace, name, None if value is None else json.decode(value)
        )

    resources = ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
    ends = [follow(source, f"/registry/{resource}/", putter(resource)) for resource in resources]

    def end() -> None:
        for each in ends:
            each()

    return end
