"""Opens the store that a server is told to use. Drivers are imported when they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cluster_shim.storage.folder import Folder
from cluster_shim.storage.history import DEFAULT, Limits
from cluster_shim.storage.local import COMPACT_SECONDS, LocalStore
from cluster_shim.storage.log import Log, Nowhere
from cluster_shim.storage.store import Store

SQLITE = "sqlite:"
SQLITE_SUFFIXES = (".sqlite", ".sqlite3", ".db")
SQLITE_IN_FOLDER = "state.sqlite"


class Options(NamedTuple):
    """What is common to the drivers, and what one of them needs."""

    durability: str = "commit"
    """What a folder or a file trades for speed: commit, interval or none; see `wal` and `sqlite`."""
    sqlite: bool = False
    """In a new folder, begin a file of SQLite in place of a log."""
    limits: Limits = DEFAULT
    compact_seconds: float = COMPACT_SECONDS
    """How long history is kept: one to two times that, within the limits. 0: until somebody compacts it."""
    etcd_ca: Path | None = None
    etcd_certificate: Path | None = None
    etcd_key: Path | None = None
    etcd_prefix: str = "/registry/"


DEFAULTS = Options()


def sqlite_path(data: Path | str) -> Path | None:
    """Return the file of SQLite that is meant: ``sqlite:FILE``, a name that ends like one, a folder that has one."""
    name = str(data)
    if name.startswith(SQLITE):
        return Path(name.removeprefix(SQLITE))
    if name.endswith(SQLITE_SUFFIXES):
        return Path(name)
    inside = Path(name) / SQLITE_IN_FOLDER
    return inside if inside.exists() else None


def open_store(data: Path | str | None = None, *, etcd: Sequence[str] = (), options: Options = DEFAULTS) -> Store:
    """Return a store that is not started: in etcd if there are endpoints, else in a folder or a file, else in memory.

    Raises ValueError for what makes no sense.
    """
    if etcd:
        from cluster_shim.storage.etcd.client import Tls
        from cluster_shim.storage.etcd.store import EtcdStore

        tls = Tls(options.etcd_ca, options.etcd_certificate, options.etcd_key)
        return EtcdStore(etcd, tls, options.limits, options.compact_seconds, options.etcd_prefix)
    return LocalStore(_log(data, options), options.limits, options.compact_seconds)


def _log(data: Path | str | None, options: Options) -> Log:
    """Return the log that a store in one process is to have."""
    if data is None:
        return Nowhere()
    file = sqlite_path(data)
    if file is None and options.sqlite:
        if Folder(Path(data)).is_used():
            raise ValueError(f"{data} has a log already, and no file of SQLite")
        file = Path(data) / SQLITE_IN_FOLDER
    if file is not None:
        from cluster_shim.storage.sqlite import SqliteLog

        return SqliteLog(file, options.durability)
    from cluster_shim.storage.wal import WriteAheadLog

    return WriteAheadLog(Path(data), options.durability)
