"""A store that is obviously right: a list of all that was ever written; every question reads the whole of it."""

from __future__ import annotations

from typing import NamedTuple


class Written(NamedTuple):
    """One write; without a value it is a deletion."""

    revision: int
    key: str
    value: bytes | None


class NaiveStore:
    """What was written, in order."""

    def __init__(self, revision: int) -> None:
        self.writes: list[Written] = []
        self.revision = self.start = revision

    def write(self, revision: int, key: str, value: bytes | None) -> None:
        """Note a write that was acknowledged with a revision."""
        assert revision > self.revision
        self.revision = revision
        self.writes.append(Written(revision, key, value))

    def state(self, prefix: str, revision: int) -> dict[str, tuple[bytes, int, int]]:
        """Return value, revision and created revision by key, in order of the keys' bytes."""
        found: dict[str, tuple[bytes, int, int]] = {}
        for number, key, value in self.writes:
            if number > revision or not key.startswith(prefix):
                continue
            if value is None:
                del found[key]
            else:
                found[key] = value, number, found[key][2] if key in found else number
        return dict(sorted(found.items(), key=lambda item: item[0].encode()))

    def events(self, prefix: str, after: int) -> list[Written]:
        """Return the writes of a prefix after a revision."""
        return [each for each in self.writes if each.revision > after and each.key.startswith(prefix)]
