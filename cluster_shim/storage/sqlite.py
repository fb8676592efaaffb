"""SQLite as the log of a store: one table of writes, of which only those are kept that somebody may still ask for.

Why a table of writes and not one of keys: all questions are answered from memory, so that the file is read once, at the
start, in order of revision. Then a write is an append to the only B-tree there is, no index has to be kept, and history
survives a restart for nothing. What is superseded goes when the history before it is forgotten.

The checksums are ours, and the number of rows is kept beside them: SQLite has no checksums for its pages, and a row
that damage has hidden is missed by nobody else. ``durability`` is SQLite's ``synchronous``: FULL, NORMAL, OFF.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from cluster_shim.storage.expiry import FOREVER, Expiry, Lifetime
from cluster_shim.storage.log import Write
from cluster_shim.storage.memory import FIRST, Memory
from cluster_shim.storage.snapshot import State
from cluster_shim.storage.store import Corrupt, Entry, Event, Unavailable
from cluster_shim.storage.worker import Worker

SYNCHRONOUS = {"commit": "FULL", "interval": "NORMAL", "none": "OFF"}
FORMAT = 1
TABLES = """
CREATE TABLE writes (
  revision INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  value BLOB,           -- of a deletion: none
  created INTEGER NOT NULL,
  ttl_seconds INTEGER NOT NULL,
  ends_at_ms INTEGER NOT NULL,
  checksum INTEGER NOT NULL
);
CREATE TABLE state (
  compacted INTEGER NOT NULL, -- history begins after this revision
  newest INTEGER NOT NULL,    -- the revision of the last write
  number INTEGER NOT NULL     -- of rows in writes
);
"""
COLUMNS = 7
MOST_ROWS = 64
"""A statement inserts so many rows at most: each statement lets go of the interpreter, and may wait to get it back."""
MOST_DELETIONS = 500
WAY_OUT = "restore a snapshot into another file (stowage snapshot restore)"

Row = tuple[int, str, bytes | None, int, int, int, int]


class Superseded(NamedTuple):
    """A row that is of no use once the history up to a revision is forgotten."""

    by: int
    row: int


class Prepared(NamedTuple):
    """Rows to insert, and what they supersede."""

    rows: list[Row]
    superseded: list[Superseded]


class SqliteLog:
    """A `Log` in a file of SQLite."""

    def __init__(self, path: Path, durability: str = "commit") -> None:
        if durability not in SYNCHRONOUS:
            raise ValueError(f"durability is one of {', '.join(SYNCHRONOUS)}, not {durability!r}")
        self._path = path
        self._synchronous = SYNCHRONOUS[durability]
        self._connection: sqlite3.Connection | None = None
        self._superseded: deque[Superseded] = deque()
        self._number = 0

    def open(self, memory: Memory, expiry: Expiry) -> None:
        """Read the file. Raises Corrupt, Unavailable."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._read(self._connect(), memory, expiry)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be used: {error.strerror}") from error
        except sqlite3.Error as error:
            self._disconnect()
            raise self._translated(error) from error
        except Corrupt:
            self._disconnect()
            raise

    def _translated(self, error: sqlite3.Error) -> Corrupt | Unavailable:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return Corrupt(f"{self._path}: {error}; {WAY_OUT}")
        if code == sqlite3.SQLITE_BUSY:
            return Unavailable(f"{self._path} is in use by another server")
        return Unavailable(f"{self._path}: {error}")

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        self._connection = connection
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("BEGIN IMMEDIATE")  # takes hold of the file until it is closed
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in TABLES.split(";")[:-1]:
                connection.execute(statement)
            connection.execute("INSERT INTO state VALUES (?, ?, 0)", (FIRST, FIRST))
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        elif version != FORMAT:
            connection.execute("ROLLBACK")
            raise Corrupt(f"{self._path} is of the format {version}; this version reads {FORMAT}")
        connection.execute("COMMIT")
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _read(self, connection: sqlite3.Connection, memory: Memory, expiry: Expiry) -> None:
        compacted, newest, self._number = connection.execute("SELECT * FROM state").fetchone()
        entries: dict[str, Entry] = {}
        loaded, number, revision = False, 0, FIRST
        with contextlib.closing(connection.execute("SELECT * FROM writes ORDER BY revision")) as rows:
            for row in rows:
                number += 1
                revision = self._checked(row)
                if revision > compacted and not loaded:
                    memory.load(entries.values(), compacted)
                    loaded = True
                event = self._event(row, memory.entries if loaded else entries, expiry)
                if event is not None and loaded:
                    memory.apply([event])
                elif event is not None and event.is_delete:
                    del entries[event.entry.key]
                elif event is not None:
                    entries[event.entry.key] = event.entry
        if not loaded:
            memory.load(entries.values(), compacted)
        if number != self._number or max(revision, compacted) < newest:
            raise Corrupt(f"{self._path} has {number:,} writes of {self._number:,}; {WAY_OUT}")

    def _checked(self, row: Row) -> int:
        """Return the revision of a row. Raises Corrupt."""
        revision, key, value, *_, checksum = row
        if not isinstance(value, bytes | None) or checksum != _checksum(row):
            raise Corrupt(f"{self._path}, revision {revision} ({key!r}): the checksum is wrong; {WAY_OUT}")
        return revision

    def _event(self, row: Row, known: Mapping[str, Entry], expiry: Expiry) -> Event | None:
        """Return what a row has done to a state; None for a deletion of what compaction has removed."""
        revision, key, value, created, ttl, ends_at, _ = row
        previous = known.get(key)
        if value is not None:
            event = Event(Entry(key, value, revision, created), previous, False)
        elif previous is not None:
            event = Event(Entry(key, previous.value, revision, created), previous, True)
        else:
            self._superseded.append(Superseded(revision, revision))
            return None
        expiry.set(key, revision, Lifetime(ttl, ends_at))
        self._superseded += _superseded_by(event)
        return event

    def prepare(self, writes: Sequence[Write], acknowledged: int) -> Prepared:
        """Make rows of writes."""
        prepared = Prepared([], [])
        for event, life, _ in writes:
            entry = event.entry
            value = None if event.is_delete else entry.value
            row: Row = (entry.revision, entry.key, value, entry.created, life.ttl_seconds, life.ends_at_ms, 0)
            prepared.rows.append((*row[:-1], _checksum(row)))
            prepared.superseded.extend(_superseded_by(event))
        return prepared

    def append(self, prepared: Prepared) -> None:
        """Make writes durable. Raises Unavailable: then none of them is."""
        rows = prepared.rows
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            at = 0
            while at < len(rows):
                number = MOST_ROWS
                while number > len(rows) - at:  # powers of two, so that few statements are ever compiled
                    number //= 2
                values = ", ".join([f"({', '.join('?' * COLUMNS)})"] * number)
                parameters = [column for row in rows[at : at + number] for column in row]
                connection.execute(f"INSERT INTO writes VALUES {values}", parameters)
                at += number
            total = self._number + len(rows)
            connection.execute("UPDATE state SET newest = ?, number = ?", (rows[-1][0], total))
            connection.execute("COMMIT")
            self._number = total
        except sqlite3.Error as error:
            self._disconnect()  # rolls back; whatever state the connection was in, the next one is in none
            raise self._translated(error) from error
        self._superseded += prepared.superseded

    def due(self, memory: Memory) -> bool:
        """Tell whether rows can go."""
        return bool(self._superseded) and self._superseded[0].by <= memory.oldest

    async def tidy(self, memory: Memory, expiry: Expiry, worker: Worker) -> None:
        """Delete rows that nobody can ask for. Raises Unavailable."""
        while self.due(memory):
            oldest = memory.oldest
            await worker.run(lambda to=oldest: self._delete(to))  # type: ignore[misc]

    def _delete(self, oldest: int) -> None:
        some: list[Superseded] = []
        while self._superseded and self._superseded[0].by <= oldest and len(some) < MOST_DELETIONS:
            some.append(self._superseded.popleft())
        marks = ", ".join("?" * len(some))
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"DELETE FROM writes WHERE revision IN ({marks})", [each.row for each in some])
            total = self._number - len(some)
            connection.execute("UPDATE state SET compacted = ?, number = ?", (oldest, total))
            connection.execute("COMMIT")
            self._number = total
        except sqlite3.Error as error:
            self._disconnect()
            self._superseded.extendleft(reversed(some))
            raise self._translated(error) from error

    def set_compacted(self, revision: int) -> None:
        """Note that history begins after a revision. Raises sqlite3.Error."""
        self._connect().execute("UPDATE state SET compacted = ?", (revision,))

    def idle(self, acknowledged: int) -> None:
        """Do nothing: each transaction is complete."""

    def close(self, acknowledged: int) -> None:
        """Let go of the file."""
        self._disconnect()


def restore(path: Path, state: State) -> None:
    """Make a file of a state. Raises Unavailable, also where there is something."""
    if path.exists():
        raise Unavailable(f"{path} is there already")
    log = SqliteLog(path)
    log.open(Memory(), Expiry())
    try:
        lives = state.lives
        writes = [Write(Event(each, None, False), lives.get(each.key, FOREVER), None) for each in state.entries]
        log.append(log.prepare(writes, 0))
        log.set_compacted(state.revision)
    except sqlite3.Error as error:
        raise Unavailable(f"{path}: {error}") from error
    finally:
        log.close(0)


def _superseded_by(event: Event) -> list[Superseded]:
    """Return the rows that an event makes useless, its own included if it is a deletion."""
    entry, previous, is_delete = event
    found = [] if previous is None else [Superseded(entry.revision, previous.revision)]
    return [*found, Superseded(entry.revision, entry.revision)] if is_delete else found


def _checksum(row: Row) -> int:
    """Return the checksum of all columns before it."""
    revision, key, value, created, ttl, ends_at, _ = row
    head = f"{revision} {created} {ttl} {ends_at} {value is None} {key}"
    return crc32(value or b"", crc32(head.encode()))
