"""The bytes of a record: what a log and a snapshot are made of, each with its checksum.

::

    magic u32 · crc32 of what follows u32 · kind u8 · key bytes u16 · value bytes u32 · revision u64 · created u64 ·
    acknowledged u64 · ends at (ms since 1970) u64 · time to live (s) u32 · key (UTF-8) · value

``acknowledged`` is the newest revision that was durable when the record was made. A record that cannot be read may be
the torn end of a log, which nobody was told of; if a later one says that it was durable, it is damage.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from cluster_shim.storage.expiry import FOREVER, Lifetime

PUT, DELETE, LOG, SNAPSHOT, MARK = 1, 2, 3, 4, 5
"""Kinds. LOG and SNAPSHOT open a file; MARK says what is durable, and at the end of a snapshot, that it is whole."""

MAGIC = 0x31675453
_MAGIC_BYTES = struct.pack("<I", MAGIC)
_PREFIX = struct.Struct("<II")
_BODY = struct.Struct("<BHIQQQQI")
_HEAD = struct.Struct("<IIBHIQQQQI")
BUFFER = 1 << 20


class Record(NamedTuple):
    """A record as it was read."""

    kind: int
    key: str
    value: bytes
    revision: int
    created: int
    acknowledged: int
    life: Lifetime
    offset: int


class Unreadable(Exception):
    """What stands at an offset is no record; `size` is how long the file was when it was opened."""

    def __init__(self, offset: int, why: str, size: int = 0) -> None:
        super().__init__(f"at byte {offset:,}: {why}")
        self.offset = offset
        self.size = size


def encode(
    kind: int, key: str, value: bytes, revision: int, created: int = 0, acknowledged: int = 0, life: Lifetime = FOREVER
) -> bytes:
    """Return what stands before the value; the value follows as it is."""
    name = key.encode()
    body = _BODY.pack(kind, len(name), len(value), revision, created, acknowledged, life.ends_at_ms, life.ttl_seconds)
    body += name
    return _PREFIX.pack(MAGIC, crc32(value, crc32(body))) + body


def read(path: Path) -> Iterator[Record]:
    """Yield the records of a file, up to where it ends now: somebody may be writing to it.

    Raises Unreadable, also for an end in the middle of a record.
    """
    offset, size, unpack = 0, _HEAD.size, _HEAD.unpack
    with path.open("rb", buffering=BUFFER) as file:
        end = os.fstat(file.fileno()).st_size
        while offset < end:
            head = file.read(size)
            if len(head) < size or offset + size > end:
                raise Unreadable(offset, "the file ends within a record", end)
            magic, crc, kind, key_size, value_size, revision, created, acknowledged, ends_at, ttl = unpack(head)
            if magic != MAGIC:
                raise Unreadable(offset, "there is no record", end)
            following = offset + size + key_size + value_size
            if following > end:
                raise Unreadable(offset, "the file ends within a record", end)
            name, value = file.read(key_size), file.read(value_size)
            if crc32(value, crc32(name, crc32(head[_PREFIX.size :]))) != crc:
                raise Unreadable(offset, "the checksum of a record is wrong", end)
            life = Lifetime(ttl, ends_at) if ttl else FOREVER
            if created == revision:
                created = revision  # one integer in memory in place of two equal ones
            yield Record(kind, name.decode(), value, revision, created, acknowledged, life, offset)
            offset = following


def acknowledged_beyond(path: Path, offset: int, size: int) -> int:
    """Return the newest revision that any record behind an offset knows as durable; 0 if there is no record."""
    with path.open("rb") as file:
        data = file.read(size)
    found, at = 0, data.find(_MAGIC_BYTES, offset + 1)
    while at >= 0:
        if len(data) - at >= _HEAD.size:
            _, crc, _, key_size, value_size, _, _, acknowledged, _, _ = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + key_size + value_size
            if end <= len(data) and crc32(data[at + _PREFIX.size : end]) == crc:
                found = max(found, acknowledged)
        at = data.find(_MAGIC_BYTES, at + 1)
    return found
