"""What every driver does alike: the contract of ``storage/store.py``, sentence by sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cluster_shim.storage.history import Limits
from cluster_shim.storage.store import Changed, Compacted, Event, FutureRevision, KeyExists, Store
from tests.storage.conftest import Scenario
from tests.storage.drivers import LOCAL, Make
from tests.storage.running import run

Play = Callable[[Scenario], None]
PODS = "/registry/pods/"


def pod(name: str, namespace: str = "default") -> str:
    return f"{PODS}{namespace}/{name}"


def test_a_key_is_created_once(play: Play) -> None:
    async def scenario(store: Store) -> None:
        entry = await store.create(pod("a"), b"1")
        assert entry.revision == entry.created == store.revision > 1
        assert store.get(pod("a")) is entry
        with pytest.raises(KeyExists):
            await store.create(pod("a"), b"2")
        assert store.get(pod("a")) is entry
        assert store.revision == entry.revision

    play(scenario)


def test_an_update_needs_the_revision_of_now(play: Play) -> None:
    async def scenario(store: Store) -> None:
        first = await store.create(pod("a"), b"1")
        second = await store.update(pod("a"), b"2", first.revision)
        assert (second.created, second.value) == (first.revision, b"2")
        assert second.revision > first.revision
        with pytest.raises(Changed) as error:
            await store.update(pod("a"), b"3", first.revision)
        assert error.value.current is not None
        assert (error.value.current.value, error.value.current.revision) == (b"2", second.revision)
        with pytest.raises(Changed) as error:
            await store.update(pod("b"), b"3", first.revision)
        assert error.value.current is None
        with pytest.raises(Changed):
            await store.update(pod("b"), b"3", 0)
        with pytest.raises(Changed):
            await store.delete(pod("b"), 0)

    play(scenario)


def test_a_deletion_returns_the_last_value_with_the_revision_of_now(play: Play) -> None:
    async def scenario(store: Store) -> None:
        first = await store.create(pod("a"), b"1")
        with pytest.raises(Changed):
            await store.delete(pod("a"), first.revision + 1)
        last = await store.delete(pod("a"), first.revision)
        assert (last.value, last.created) == (b"1", first.revision)
        assert last.revision == store.revision > first.revision
        assert store.get(pod("a")) is None
        with pytest.raises(Changed) as error:
            await store.delete(pod("a"), last.revision)
        assert error.value.current is None
        again = await store.create(pod("a"), b"2")
        assert again.created == again.revision > last.revision

    play(scenario)


def test_a_range_is_sorted_bytewise_and_comes_in_pages(play: Play) -> None:
    names = ["b", "a-b", "a", "a0", "é", "z", "Z", "\U0001f600", "\uffff"]

    async def scenario(store: Store) -> None:
        await store.create("/registry/podtemplates/default/x", b"")
        await asyncio.gather(*(store.create(pod(name), name.encode()) for name in names))
        await store.create("/registry/nodes/x", b"")
        expected = sorted((pod(name) for name in names), key=str.encode)
        page = store.range(PODS)
        assert [entry.key for entry in page.entries] == expected
        assert (page.remaining, page.revision) == (0, store.revision)
        found, start = [], ""
        while page := store.range(PODS, start, 2):
            found += [entry.key for entry in page.entries]
            assert page.remaining == len(names) - len(found)
            if not page.remaining:
                break
            start = page.entries[-1].key + "\0"
        assert found == expected
        assert store.count(PODS) == len(names)
        assert store.count("/registry/") == len(names) + 2
        assert store.count("/registry/secrets/") == 0
        assert store.range("/registry/secrets/").entries == []

    play(scenario)


def test_an_old_revision_can_be_read(play: Play) -> None:
    async def scenario(store: Store) -> None:
        entries = [await store.create(pod(f"p{number}"), b"old") for number in range(6)]
        before = store.revision
        await store.update(pod("p1"), b"new", entries[1].revision)
        await store.delete(pod("p2"), entries[2].revision)
        await store.create(pod("p25"), b"new")
        gone = await store.delete(pod("p4"), entries[4].revision)
        back = await store.create(pod("p4"), b"new")
        assert back.created > gone.revision
        page = store.range(PODS, revision=before)
        assert page.entries == entries
        assert (page.remaining, page.revision) == (0, before)
        page = store.range(PODS, pod("p1"), 2, before)
        assert (page.entries, page.remaining) == (entries[1:3], 3)
        page = store.range(PODS, pod("p2\0"), 2, before)
        assert (page.entries, page.remaining) == (entries[3:5], 1)
        with pytest.raises(FutureRevision) as error:
            store.range(PODS, revision=store.revision + 1)
        assert error.value.current == store.revision

    play(scenario)


def test_a_subscriber_sees_each_later_event_of_its_prefix_once(play: Play) -> None:
    async def scenario(store: Store) -> None:
        seen: list[Event] = []
        all_of_them: list[Event] = []

        def deliver(events: Sequence[Event]) -> None:
            assert events[-1].entry.revision <= store.revision  # what it hears of, it can read
            seen.extend(events)

        early = await store.create(pod("early"), b"")
        end = store.subscribe(PODS + "default/", deliver)
        store.subscribe("", all_of_them.extend)
        first = await store.create(pod("a"), b"1")
        await store.create(pod("a", "default-2"), b"elsewhere")
        second = await store.update(pod("a"), b"2", first.revision)
        last = await store.delete(pod("a"), second.revision)
        assert seen == [(first, None, False), (second, first, False), (last, second, True)]
        assert seen == store.events(PODS + "default/", early.revision)
        assert len(all_of_them) == 4
        assert all_of_them == store.events("/registry/", early.revision) == store.events(PODS, early.revision)
        end()
        await store.create(pod("b"), b"")
        assert len(seen) == 3
        assert store.events(PODS, store.revision) == []

    play(scenario)


def test_a_subscriber_that_fails_disturbs_nobody(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(store: Store) -> None:
        def fail(_: Sequence[Event]) -> None:
            raise RuntimeError("not my day")

        seen: list[Event] = []
        store.subscribe(PODS, fail)
        store.subscribe(PODS, seen.extend)
        entry = await store.create(pod("a"), b"")
        assert seen == [(entry, None, False)]

    play(scenario)
    assert "not my day" in caplog.text


def test_what_is_compacted_is_refused(play: Play) -> None:
    async def scenario(store: Store) -> None:
        first = await store.create(pod("a"), b"1")
        second = await store.update(pod("a"), b"2", first.revision)
        third = await store.update(pod("a"), b"3", second.revision)
        await store.compact(second.revision)
        assert store.oldest == second.revision
        assert [entry.value for entry in store.range(PODS, revision=second.revision).entries] == [b"2"]
        assert store.events(PODS, second.revision) == [(third, second, False)]
        with pytest.raises(Compacted) as error:
            store.range(PODS, revision=first.revision)
        assert error.value.oldest == second.revision
        with pytest.raises(Compacted):
            store.events(PODS, first.revision)
        await store.compact(first.revision)
        assert store.oldest == second.revision
        with pytest.raises(FutureRevision):
            await store.compact(third.revision + 1)

    play(scenario)


def test_of_many_who_write_one_key_at_once_one_wins(play: Play) -> None:
    async def scenario(store: Store) -> None:
        results = await asyncio.gather(
            *(store.create(pod("a"), str(number).encode()) for number in range(20)), return_exceptions=True
        )
        won = [result for result in results if not isinstance(result, BaseException)]
        assert len(won) == 1
        assert sum(isinstance(result, KeyExists) for result in results) == 19
        results = await asyncio.gather(
            *(store.update(pod("a"), b"x", won[0].revision) for _ in range(20)), return_exceptions=True
        )
        lost = [result for result in results if isinstance(result, Changed)]
        newest = store.get(pod("a"))
        assert len(lost) == 19
        assert newest is not None
        assert {each.current.revision for each in lost if each.current} == {newest.revision}

    play(scenario)


def test_a_writer_that_gives_up_harms_nobody(play: Play) -> None:
    async def scenario(store: Store) -> None:
        task = asyncio.create_task(store.create(pod("a"), b"1"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.create(pod("b"), b"")
        entry = store.get(pod("a"))
        assert entry is None or entry.value == b"1"

    play(scenario)


def test_current_is_the_revision_that_everyone_can_see(play: Play) -> None:
    async def scenario(store: Store) -> None:
        entry = await store.create(pod("a"), b"1")
        assert await store.current() == store.revision == entry.revision

    play(scenario)


def test_a_key_that_cannot_be_one_is_refused(play: Play) -> None:
    async def scenario(store: Store) -> None:
        with pytest.raises(ValueError):
            await store.create(pod("x" * 5000), b"")
        with pytest.raises(ValueError):
            await store.create(pod("\ud800"), b"")
        await store.create(pod("a"), b"")

    play(scenario)


def test_a_key_ends_after_its_time_to_live(play: Play) -> None:
    async def scenario(store: Store) -> None:
        ended: asyncio.Queue[Event] = asyncio.Queue()

        def deliver(events: Sequence[Event]) -> None:
            for event in events:
                if event.is_delete:
                    ended.put_nowait(event)

        store.subscribe("/registry/events/", deliver)
        await store.create("/registry/events/default/long", b"long", ttl_seconds=3600)
        short = await store.create("/registry/events/default/short", b"short", ttl_seconds=1)
        kept = await store.create("/registry/events/default/kept", b"kept", ttl_seconds=1)
        kept = await store.update(kept.key, b"kept", kept.revision)
        event = await asyncio.wait_for(ended.get(), 10)
        assert (event.entry.key, event.entry.value, event.previous) == (short.key, b"short", short)
        assert event.entry.revision > kept.revision
        await asyncio.sleep(0.3)
        assert ended.empty()
        assert [entry.value for entry in store.range("/registry/events/").entries] == [b"kept", b"long"]

    play(scenario)


def test_history_is_kept_for_one_to_two_intervals(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = LOCAL["volatile"](tmp_path, compact_seconds=1)
        await store.start()
        first = await store.create(pod("a"), b"1")
        second = await store.update(pod("a"), b"2", first.revision)
        await asyncio.sleep(0.5)
        assert store.events(PODS, first.revision) == [(second, first, False)]
        while store.oldest < second.revision:
            await asyncio.sleep(0.05)
        with pytest.raises(Compacted):
            store.events(PODS, first.revision)
        assert store.get(pod("a")) is second
        await store.close()

    run(scenario())


def test_history_is_bounded_by_number_and_bytes(make: Make, tmp_path: Path) -> None:
    async def scenario(limits: Limits, size: int) -> int:
        store = make(tmp_path, limits=limits)
        await store.start()
        entry = store.get(pod("a")) or await store.create(pod("a"), b"")
        for _ in range(300):
            entry = await store.update(entry.key, bytes(size), entry.revision)
        kept = len(store.events("", store.oldest))
        await store.close()
        return kept

    assert 80 < run(scenario(Limits(events=100), 10)) <= 104
    assert 80 < run(scenario(Limits(bytes=100 * 1250), 1000)) <= 104
