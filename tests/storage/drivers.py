"""The drivers under test: how each is made, and made again on what it has left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster_shim.storage.etcd.store import EtcdStore
from cluster_shim.storage.local import LocalStore
from cluster_shim.storage.log import Nowhere
from cluster_shim.storage.sqlite import SqliteLog
from cluster_shim.storage.wal import WriteAheadLog

Make = Callable[..., Any]
"""Makes a `Store` in a folder."""


def volatile(_: Path, **options: Any) -> LocalStore:
    return LocalStore(Nowhere(), **options)


def wal(folder: Path, **options: Any) -> LocalStore:
    return LocalStore(WriteAheadLog(folder / "data"), **options)


def wal_interval(folder: Path, **options: Any) -> LocalStore:
    return LocalStore(WriteAheadLog(folder / "data", "interval"), **options)


def wal_none(folder: Path, **options: Any) -> LocalStore:
    return LocalStore(WriteAheadLog(folder / "data", "none"), **options)


def wal_with_snapshots(folder: Path, **options: Any) -> LocalStore:
    return LocalStore(WriteAheadLog(folder / "data", snapshot_bytes=500), **options)


def wal_small_snapshots(folder: Path, **options: Any) -> LocalStore:
    return LocalStore(WriteAheadLog(folder / "data", snapshot_bytes=200_000), **options)


def sqlite(folder: Path, **options: Any) -> LocalStore:
    return LocalStore(SqliteLog(folder / "data.sqlite"), **options)


LOCAL: dict[str, Make] = {
    "volatile": volatile,
    "wal": wal,
    "wal-interval": wal_interval,
    "wal-none": wal_none,
    "wal-with-snapshots": wal_with_snapshots,
    "sqlite": sqlite,
}
CRASHED: dict[str, Make] = {"wal": wal, "wal-small-snapshots": wal_small_snapshots, "sqlite": sqlite}


def etcd_at(urls: list[str]) -> Make:
    """Return what makes a store in an etcd."""

    def make(_: Path, **options: Any) -> EtcdStore:
        return EtcdStore(urls, **options)

    return make
