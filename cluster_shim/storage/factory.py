"""Opens the store that a server is told to use. Drivers are imported when they are wanted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cluster_shim.storage.history import DEFAULT, Limits
from cluster_shim.storage.local import COMPACT_SECONDS, LocalStore
from cluster_shim.storage.store import Store


class Options(NamedTuple):
    """What is common to the drivers."""

    durability: str = "commit"
    """What a folder trades for speed; see `wal`."""
    limits: Limits = DEFAULT
    compact_seconds: float = COMPACT_SECONDS
    """How long history is kept: one to two times that, in the limits. 0: until somebody compacts it."""


DEFAULTS = Options()


def open_store(data: Path | str | None = None, options: Options = DEFAULTS) -> Store:
    """Return a store that is not started: a folder with a write-ahead log, or without a path nothing but memory."""
    if data is None:
        from cluster_shim.storage.log import Nowhere

        return LocalStore(Nowhere(), options.limits, options.compact_seconds)
    from cluster_shim.storage.wal import WriteAheadLog

    return LocalStore(WriteAheadLog(Path(data), options.durability), options.limits, options.compact_seconds)
