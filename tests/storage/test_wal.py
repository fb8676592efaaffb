"""A folder with a write-ahead log: what is there after a restart, and after damage of every kind."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cluster_shim.storage.local import LocalStore
from cluster_shim.storage.store import Compacted, Corrupt, Event, Store, Unavailable
from cluster_shim.storage.wal import WriteAheadLog
from tests.storage.running import run

T = TypeVar("T")
State = tuple[list[tuple[str, bytes, int, int]], int]
"""Key, value, revision and created revision of each entry, and the revision of the store."""

NODES = "/registry/nodes/"
EVENTS = "/registry/events/"


def with_store(
    folder: Path, scenario: Callable[[LocalStore], Coroutine[Any, Any, T]], snapshot_bytes: int = 1 << 30
) -> T:
    async def whole() -> T:
        store = LocalStore(WriteAheadLog(folder, snapshot_bytes=snapshot_bytes))
        await store.start()
        try:
            return await scenario(store)
        finally:
            await store.close()

    return run(whole())


async def fill(store: Store) -> list[Event]:
    """Write so that each kind of event is there, and return the events."""
    begin = store.revision
    for number in range(10):
        entry = await store.create(f"{NODES}n{begin}-{number}", b"1" * number)
        if number % 2:
            entry = await store.update(entry.key, b"2" * 100, entry.revision)
        if number % 3 == 0:
            await store.delete(entry.key, entry.revision)
    await store.create(f"{EVENTS}default/e{begin}", b"event", ttl_seconds=3600)
    return store.events("", begin)


async def look(store: Store) -> State:
    entries = store.range("").entries
    return [(entry.key, entry.value, entry.revision, entry.created) for entry in entries], store.revision


async def write_much(store: LocalStore, folder: Path) -> State:
    """Write until there have been three snapshots, and return what is there."""
    seen: set[Path] = set()
    while len(seen) < 3 or store._tidying:
        await fill(store)
        await asyncio.sleep(0.01)
        seen.update(path for path in folder.glob("snapshot-*") if path.suffix != ".tmp")
    return await look(store)


async def fill_and_look(store: Store) -> State:
    await fill(store)
    return await look(store)


def plain(events: list[Event]) -> list[tuple[str, bytes, int, int, bool]]:
    return [(entry.key, entry.value, entry.revision, entry.created, gone) for entry, _, gone in events]


def newest(folder: Path, prefix: str) -> Path:
    return max(folder.glob(prefix + "*"))


def test_all_is_there_after_a_restart_history_included(tmp_path: Path) -> None:
    events = with_store(tmp_path, fill)
    more = with_store(tmp_path, fill)

    async def later(store: LocalStore) -> None:
        assert plain(store.events("", 1)) == plain(events + more)
        assert store.oldest == 1
        assert store.revision == more[-1].entry.revision

    with_store(tmp_path, later)


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    with_store(folder, fill, snapshot_bytes=100)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_snapshots_take_the_place_of_logs(tmp_path: Path) -> None:
    expected = with_store(tmp_path, lambda store: write_much(store, tmp_path), snapshot_bytes=3000)
    assert len(list(tmp_path.glob("snapshot-*"))) == 2
    assert len(list(tmp_path.glob("log-*"))) <= 4
    assert list(tmp_path.glob("*.tmp")) == []
    assert with_store(tmp_path, look) == expected


def test_a_stop_does_not_wait_for_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster_shim.storage.wal.PAUSE_SECONDS", 30)

    async def write(store: LocalStore) -> State:
        await fill(store)
        while not list(tmp_path.glob("*.tmp")):
            await asyncio.sleep(0.01)
        return await look(store)

    began = time.monotonic()
    expected = with_store(tmp_path, write, snapshot_bytes=100)
    assert time.monotonic() - began < 10
    assert list(tmp_path.glob("snapshot-*")) == []
    assert with_store(tmp_path, look) == expected


def test_what_a_killed_server_had_not_finished_is_removed(tmp_path: Path) -> None:
    (tmp_path / "snapshot-00000000000000000009.tmp").write_bytes(b"half")
    with_store(tmp_path, fill)
    assert list(tmp_path.glob("*.tmp")) == []


def test_a_snapshot_that_has_gone_bad_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = with_store(tmp_path, lambda store: write_much(store, tmp_path), snapshot_bytes=3000)
    path = newest(tmp_path, "snapshot-")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert with_store(tmp_path, look) == expected
    assert path.name in caplog.text
    oldest = min(tmp_path.glob("snapshot-*"))
    oldest.write_bytes(oldest.read_bytes()[:-1])
    with pytest.raises(Corrupt, match=rf"{oldest.name}, at byte [\d,]+: .*stowage snapshot restore"):
        with_store(tmp_path, look)


def test_what_is_compacted_stays_so_where_a_snapshot_begins(tmp_path: Path) -> None:
    async def write(store: LocalStore) -> None:
        await fill(store)
        while store._tidying:
            await asyncio.sleep(0.01)

    with_store(tmp_path, write, snapshot_bytes=100)

    async def later(store: LocalStore) -> None:
        assert store.oldest > 1
        with pytest.raises(Compacted):
            store.events("", 1)

    with_store(tmp_path, later)


def test_a_torn_end_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is missing at the end: the state is that after some write, and the next one goes on from there."""
    expected = [with_store(tmp_path / "whole", look)]

    async def write(store: LocalStore) -> None:
        for number in range(4):
            await store.create(f"{NODES}{number}", b"value")
            expected.append(await look(store))

    with_store(tmp_path / "whole", write)
    log = newest(tmp_path / "whole", "log-")
    data = log.read_bytes()
    seen = set()
    for size in range(0, len(data), 9):
        folder = tmp_path / "torn"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / log.name).write_bytes(data[:size])
        state = with_store(folder, look)
        assert state in expected
        seen.add(state[1])
        if size % 4 == 0:
            after = with_store(folder, fill_and_look)
            assert after[1] > state[1]
            assert with_store(folder, look) == after
    assert seen == {state[1] for state in expected}
    assert "never acknowledged" in caplog.text


def test_damage_is_named_with_the_way_out(tmp_path: Path) -> None:
    """A bit turned anywhere in a log that was closed is found; nothing but the last mark can go unnoticed."""
    expected = with_store(tmp_path, fill_and_look)
    log = newest(tmp_path, "log-")
    data = log.read_bytes()
    harmless = 0
    for at in range(0, len(data), 11):
        log.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        try:
            assert with_store(tmp_path, look) == expected
            harmless += 1
        except Corrupt as error:
            assert log.name in str(error)
            assert "at byte " in str(error)
            assert "stowage snapshot restore" in str(error)
        for other in set(tmp_path.glob("log-*")) - {log}:
            other.unlink()
    assert harmless <= 60 // 11 + 1


def test_a_log_that_is_missing_is_named(tmp_path: Path) -> None:
    for _ in range(3):
        with_store(tmp_path, fill)
    middle = sorted(tmp_path.glob("log-*"))[1]
    middle.unlink()
    with pytest.raises(Corrupt, match=r"ends at revision \d+ of \d+"):
        with_store(tmp_path, look)
    min(tmp_path.glob("log-*")).unlink()
    with pytest.raises(Corrupt, match=r"no log of the revisions 2 to \d+"):
        with_store(tmp_path, look)


def test_a_log_that_is_cut_short_is_named(tmp_path: Path) -> None:
    for _ in range(2):
        with_store(tmp_path, fill)
    first = min(tmp_path.glob("log-*"))
    first.write_bytes(first.read_bytes()[:-200])
    with pytest.raises(Corrupt, match=first.name):
        with_store(tmp_path, look)


def test_a_format_of_another_version_is_refused(tmp_path: Path) -> None:
    from cluster_shim.storage import record

    (tmp_path / "log-00000000000000000001").write_bytes(record.encode(record.LOG, "stowage log 2", b"", 1))
    with pytest.raises(Corrupt, match="stowage log 2"):
        with_store(tmp_path, look)


def test_a_folder_has_one_server(tmp_path: Path) -> None:
    async def second(_: LocalStore) -> None:
        other = LocalStore(WriteAheadLog(tmp_path))
        with pytest.raises(Unavailable, match=r"in use by another server \(process \d+\)"):
            await other.start()

    with_store(tmp_path, second)
    with_store(tmp_path, look)


def test_a_clock_that_jumps_changes_no_time_to_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a server runs, only the monotonic clock counts, in whichever direction the other one goes."""
    now = time.time()
    jumps = itertools.cycle([now + 1e7, now - 1e7])
    monkeypatch.setattr("cluster_shim.storage.expiry.time.time", lambda: next(jumps))

    async def scenario(store: LocalStore) -> None:
        before = store.revision
        for number in range(10):
            await store.create(f"{EVENTS}{number}", b"", ttl_seconds=1)
        await asyncio.sleep(0.5)
        assert store.count(EVENTS) == 10
        await asyncio.sleep(1)
        assert store.count(EVENTS) == 0
        assert store.revision == before + 20

    with_store(tmp_path, scenario)


def test_a_time_to_live_goes_on_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(store: LocalStore) -> None:
        await store.create(f"{EVENTS}soon", b"", ttl_seconds=60)
        await store.create(f"{EVENTS}later", b"", ttl_seconds=3600)

    with_store(tmp_path, write)

    async def read(store: LocalStore) -> list[str]:
        await asyncio.sleep(0.05)
        return [entry.key for entry in store.range(EVENTS).entries]

    assert len(with_store(tmp_path, read)) == 2
    now = time.time()
    monkeypatch.setattr("cluster_shim.storage.expiry.time.time", lambda: now - 1e6)  # a clock that was set back
    assert len(with_store(tmp_path, read)) == 2
    monkeypatch.setattr("cluster_shim.storage.expiry.time.time", lambda: now + 100)
    assert with_store(tmp_path, read) == [f"{EVENTS}later"]
    assert with_store(tmp_path, read, snapshot_bytes=10) == [f"{EVENTS}later"]
    monkeypatch.setattr("cluster_shim.storage.expiry.time.time", lambda: now + 4000)
    assert with_store(tmp_path, read) == []
