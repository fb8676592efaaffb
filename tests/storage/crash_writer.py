"""A process that is to be killed: many writers and a watcher on a store, and a line for each thing that happened.

Run as ``python -m tests.storage.crash_writer DRIVER PLACE RUN AFTER``. A line is JSON: what, then its arguments.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster_shim.storage.store import Changed, Compacted, Event, KeyExists, Store
from tests.storage.drivers import CRASHED, etcd_at

WRITERS = 50
PODS = "/registry/pods/"


def value_of(name: str) -> bytes:
    """Return the value that belongs to the name of a write: its length and bytes follow from it."""
    dice = random.Random(name)
    return f"{name}:".encode() + dice.randbytes(dice.choice([0, 10, 1000, 3000]))


def name_of(value: bytes) -> str:
    return value.partition(b":")[0].decode()


def tell(*line: Any) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


def tell_events(events: Sequence[Event]) -> None:
    for entry, _, is_delete in events:
        tell("event", entry.revision, entry.key, None if is_delete else name_of(entry.value))
        assert entry.value == value_of(name_of(entry.value))


async def write(store: Store, run: str, writer: int) -> None:
    """Create, update and delete keys, of one's own and of all, for ever."""
    dice = random.Random(f"{run}/{writer}")
    for number in range(1_000_000):
        owner = writer if dice.random() < 0.7 else "all"
        key = f"{PODS}{owner}/{dice.randrange(5)}"
        now, name = store.get(key), f"{run}-{writer}-{number}"
        try:
            if now is None:
                tell("try", key, name)
                entry = await store.create(key, value_of(name))
            elif dice.random() < 0.2:
                tell("try", key, None)
                entry = await store.delete(key, now.revision)
                name = ""
            else:
                tell("try", key, name)
                entry = await store.update(key, value_of(name), now.revision)
        except (KeyExists, Changed):
            continue
        tell("done", entry.revision, key, name or None)


async def main(driver: str, place: str, run: str, after: int) -> None:
    make = etcd_at(place.split(",")) if driver == "etcd" else CRASHED[driver]
    store = make(Path(place))
    await store.start()
    tell(
        "start",
        store.revision,
        {entry.key: [entry.revision, name_of(entry.value)] for entry in store.range("").entries},
    )
    try:
        tell_events(store.events("", after))
    except Compacted:
        tell("again", store.revision)
    store.subscribe("", tell_events)
    await asyncio.gather(*(write(store, run, writer) for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
