"""Reads what the processes of ``crash_writer`` told, and says whether a store may have done that."""

from __future__ import annotations

import json
from typing import Any

State = dict[str, tuple[int, str]]
"""Revision and name of the last write of each key."""


class Checker:
    """All runs so far."""

    def __init__(self) -> None:
        self.tried: set[tuple[str, str | None]] = set()
        self.done: dict[str, tuple[int, str | None]] = {}
        """The newest write of each key that was acknowledged; without a name it was a deletion."""
        self.newest = 0
        """The newest revision that anyone has seen."""
        self.watched: State = {}
        """What a client knows that has followed the watch through all runs."""
        self.position = 1  # where every store begins
        self.acknowledged = 0
        self.relisted = 0

    def read(self, output: bytes) -> None:
        """Check the lines of a process that was killed; the last may be cut off."""
        lines = [json.loads(line) for line in output.split(b"\n")[:-1]]
        assert lines, "the process was killed before it had started"
        assert lines[0][0] == "start"
        done_in_this_run: set[int] = set()
        for what, *rest in lines:
            getattr(self, f"_{what}")(*rest)
            if what == "done":
                assert rest[0] not in done_in_this_run, "two writes have one revision"
                done_in_this_run.add(rest[0])

    def _start(self, revision: int, state: dict[str, list[Any]]) -> None:
        """A new process has read the store."""
        assert revision >= self.newest, f"the revision went back from {self.newest} to {revision}"
        found = {key: (number, name) for key, (number, name) in state.items()}
        for key, (number, name) in self.done.items():
            now = found.get(key)
            if now is None:
                assert name is None or (key, None) in self.tried, f"{key}: {name} was acknowledged and is gone"
            else:
                assert now[0] >= number, f"{key} is at {now}, but {number, name} was acknowledged"
                assert now[0] > number or now[1] == name, f"{key} is {now[1]}, but {name} was acknowledged"
        for key, (_, name) in found.items():
            assert (key, name) in self.tried, f"{key} is {name}, which nobody has written"
        self.state, self.started_at = found, revision
        self.newest = revision

    def _again(self, revision: int) -> None:
        """The watch could not go on from where it was: its client has read all again."""
        assert revision == self.started_at
        assert self.position < revision
        self.watched, self.position = dict(self.state), revision
        self.relisted += 1

    def _try(self, key: str, name: str | None) -> None:
        self.tried.add((key, name))

    def _event(self, revision: int, key: str, name: str | None) -> None:
        assert revision > self.position, f"revision {revision} came after {self.position}"
        assert (key, name) in self.tried
        self.position = revision
        self.newest = max(self.newest, revision)
        if name is None:
            assert key in self.watched, f"{key} is deleted, but the watch has never shown it"
            del self.watched[key]
        else:
            self.watched[key] = revision, name
        if revision == self.started_at:
            self.check_watch()

    def check_watch(self) -> None:
        """After a start a watch that has caught up knows what the store had read."""
        assert self.watched == self.state, "the watch has missed something"

    def _done(self, revision: int, key: str, name: str | None) -> None:
        assert revision <= self.position, f"revision {revision} of {key} was acknowledged before the watch showed it"
        if revision > self.done.get(key, (0, None))[0]:
            self.done[key] = revision, name
        self.acknowledged += 1
