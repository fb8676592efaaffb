"""Whole states from one place to another: read from any driver, written where there is nothing yet.

A folder can be read while a server writes to it: what is read is what it was at some moment since. A file of SQLite
cannot; its server holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cluster_shim.storage import snapshot
from cluster_shim.storage.expiry import FOREVER, Expiry
from cluster_shim.storage.factory import sqlite_path
from cluster_shim.storage.folder import Folder
from cluster_shim.storage.memory import Memory
from cluster_shim.storage.snapshot import State
from cluster_shim.storage.store import Corrupt, StoreError, Unavailable

if TYPE_CHECKING:
    from cluster_shim.storage.etcd.client import Tls

ATTEMPTS = 5
"""How often a folder is read whose files are replaced meanwhile."""

AT_ONCE = 64


def read(path: Path, salvage: bool = False) -> State:
    """Read a folder, a file of SQLite or a snapshot; with `salvage`, of a folder what comes before damage.

    Raises Corrupt, Unavailable.
    """
    if (file := sqlite_path(path)) is not None:
        return _read_sqlite(file)
    if path.is_dir():
        return _read_folder(Folder(path), salvage)
    return snapshot.load(path)


def _read_folder(folder: Folder, salvage: bool) -> State:
    """Read a data folder, again if its files are replaced meanwhile."""
    if not folder.is_used():
        raise Unavailable(f"{folder.path} is no data folder: there is neither a log nor a snapshot")
    for attempt in range(ATTEMPTS):
        memory, expiry = Memory(), Expiry()
        before = set(folder.path.iterdir())
        try:
            folder.read(memory, expiry, salvage)
            break
        except (Corrupt, Unavailable):
            if before <= set(folder.path.iterdir()) or attempt == ATTEMPTS - 1:
                raise
    return _state(memory, expiry)


def _read_sqlite(file: Path) -> State:
    """Read a file of SQLite that no server holds."""
    from cluster_shim.storage.sqlite import SqliteLog

    if not file.is_file():
        raise Unavailable(f"there is no file {file}")
    log, memory, expiry = SqliteLog(file), Memory(), Expiry()
    log.open(memory, expiry)
    log.close(0)
    return _state(memory, expiry)


def _state(memory: Memory, expiry: Expiry) -> State:
    """Return what has been read, in order."""
    return State(sorted(memory.entries.values(), key=lambda entry: entry.key), memory.revision, expiry.all())


def read_etcd(urls: Sequence[str], tls: Tls) -> State:
    """Read what etcd has under our prefix. Raises Unavailable."""
    from cluster_shim.storage.etcd.store import EtcdStore

    async def run() -> State:
        store = EtcdStore(urls, tls, compact_seconds=0)
        await store.start()
        try:
            return await store.state()
        finally:
            await store.close()

    return asyncio.run(run())


def save(state: State, file: Path) -> None:
    """Write a state as a snapshot. Raises Unavailable."""
    snapshot.write(file, snapshot.slices(state.entries, state.revision, lambda key: state.lives.get(key, FOREVER)))


def restore(state: State, path: Path) -> None:
    """Make a data folder or a file of SQLite of a state. Raises Unavailable, also where there is something."""
    if (file := sqlite_path(path)) is not None:
        from cluster_shim.storage import sqlite

        sqlite.restore(file, state)
        return
    folder = Folder(path)
    folder.lock()
    try:
        if folder.is_used():
            raise Unavailable(f"{path} has a state already: restore into a folder that is new or empty")
        save(state, folder.snapshot(state.revision))
    finally:
        folder.unlock()


def restore_etcd(state: State, urls: Sequence[str], tls: Tls) -> int:
    """Write a state to an etcd without keys of ours; return its revision there. Raises Unavailable."""
    from cluster_shim.storage.etcd.store import PREFIX, EtcdStore

    async def run() -> int:
        store = EtcdStore(urls, tls, compact_seconds=0)
        await store.start()
        try:
            if store.entries:
                raise Unavailable(f"etcd has {len(store.entries):,} keys under {PREFIX} already")
            if outside := [entry.key for entry in state.entries if not entry.key.startswith(PREFIX)]:
                raise Unavailable(f"the key {outside[0]!r} is not under {PREFIX}")
            entries = iter(state.entries)

            async def write() -> None:
                for entry in entries:
                    await store.create(entry.key, entry.value, state.lives.get(entry.key, FOREVER).ttl_seconds)

            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(write())
            return store.revision
        except* StoreError as errors:
            raise Unavailable(str(errors.exceptions[0])) from errors
        finally:
            await store.close()

    return asyncio.run(run())
