"""The hub: one encoding for all watchers, transitions of selectors, and an end for those who do not read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from cluster_shim.api.resources import Resource, built_in
from cluster_shim.apiserver.options import ListOptions
from cluster_shim.apiserver.registry.selection import Selection, selection
from cluster_shim.apiserver.watching import hub as module
from cluster_shim.apiserver.watching.hub import Change, Hub, Watcher
from cluster_shim.storage.factory import open_store
from cluster_shim.storage.store import Store

CONFIG_MAPS: Resource = next(each for each in built_in() if each.name == "configmaps")


def value(name: str, **labels: str) -> bytes:
    metadata: dict[str, Any] = {"name": name, "namespace": "a", **({"labels": labels} if labels else {})}
    return msgspec.json.encode({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata})


def key(name: str) -> str:
    return CONFIG_MAPS.key_of("a", name)


def with_hub(test: Callable[[Store, Hub], Awaitable[None]]) -> None:
    async def run() -> None:
        store = open_store()
        await store.start()
        await test(store, Hub(store))
        await store.close()

    asyncio.run(run())


class Encoded:
    """Encodes changes, and remembers which."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def __call__(self, change: Change) -> bytes:
        self.changes.append(change)
        return f"{change.type} {change.entry.key.rpartition('/')[2]} {change.entry.revision}\n".encode()


def watching(hub: Hub, encode: Encoded, chosen: Selection | None = None, after: int = 0) -> Watcher:
    watcher = Watcher(CONFIG_MAPS.prefix, chosen, hub.form(CONFIG_MAPS, "plain", encode), after)
    hub.add(CONFIG_MAPS, watcher)
    return watcher


def test_a_change_is_encoded_once_for_all_who_watch_in_one_form() -> None:
    async def test(store: Store, hub: Hub) -> None:
        encode = Encoded()
        watchers = [watching(hub, encode) for _ in range(50)]
        entry = await store.create(key("x"), value("x"))
        frames = [watcher.take() for watcher in watchers]
        assert len(encode.changes) == 1
        assert frames[0] == [f"ADDED x {entry.revision}\n".encode()]
        assert all(each[0] is frames[0][0] for each in frames)

    with_hub(test)


def test_who_selects_is_told_when_an_object_begins_and_ceases_to_be_selected() -> None:
    async def test(store: Store, hub: Hub) -> None:
        chosen = selection(CONFIG_MAPS, ListOptions(label_selector="tier=web"))
        watcher = watching(hub, Encoded(), chosen)
        entry = await store.create(key("x"), value("x"))
        entry = await store.update(key("x"), value("x", tier="web"), entry.revision)
        entry = await store.update(key("x"), value("x", tier="web", more="1"), entry.revision)
        entry = await store.update(key("x"), value("x", tier="db"), entry.revision)
        await store.delete(key("x"), entry.revision)
        told = [frame.split()[0].decode() for frame in watcher.take()]
        assert told == ["ADDED", "MODIFIED", "DELETED"]

    with_hub(test)


def test_an_object_that_is_no_longer_selected_is_shown_as_it_last_was_at_the_revision_of_now() -> None:
    async def test(store: Store, hub: Hub) -> None:
        encode = Encoded()
        chosen = selection(CONFIG_MAPS, ListOptions(label_selector="tier=web"))
        watching(hub, encode, chosen)
        entry = await store.create(key("x"), value("x", tier="web"))
        changed = await store.update(key("x"), value("x", tier="db"), entry.revision)
        last = encode.changes[-1]
        assert (last.type, last.entry.value, last.entry.revision) == ("DELETED", entry.value, changed.revision)

    with_hub(test)


def test_a_watch_from_the_future_is_silent_until_the_store_is_there() -> None:
    async def test(store: Store, hub: Hub) -> None:
        watcher = watching(hub, Encoded(), after=store.revision + 2)
        for name in ("x", "y", "z"):
            await store.create(key(name), value(name))
        assert [frame.split()[1] for frame in watcher.take()] == [b"z"]

    with_hub(test)


def test_who_does_not_read_is_ended_and_nobody_else_feels_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PENDING_MAX_BYTES", 100)

    async def test(store: Store, hub: Hub) -> None:
        encode = Encoded()
        slow, quick = watching(hub, encode), watching(hub, encode)
        read: list[bytes] = []
        for number in range(50):
            await store.create(key(f"x{number}"), value(f"x{number}"))
            read += quick.take()
        assert slow.is_ended and slow.take() == []
        assert not quick.is_ended and len(read) == 50

    with_hub(test)


def test_forms_and_subscriptions_go_with_the_last_who_uses_them() -> None:
    async def test(store: Store, hub: Hub) -> None:
        encode = Encoded()
        one, other = watching(hub, encode), watching(hub, encode)
        hub.remove(CONFIG_MAPS, one)
        await store.create(key("x"), value("x"))
        assert one.take() == [] and len(other.take()) == 1
        hub.remove(CONFIG_MAPS, other)
        await store.create(key("y"), value("y"))
        assert len(encode.changes) == 1 and hub.watching == 0

    with_hub(test)
