"""FileWatch: which of a few files have changed. It asks when it is asked; nothing runs in the background."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class _Seen(NamedTuple):
    stamp: tuple[int, int, int]
    """Time of change in nanoseconds, size and inode: cheap, and enough unless a file was written twice in a moment."""
    digest: bytes
    """Of the content; empty for a file that is not there."""


_ABSENT = _Seen((0, 0, 0), b"")


class FileWatch:
    """Remembers the contents of files; a file that is written anew with what it had has not changed."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._seen = {file: _look(file, _ABSENT) for file in files}

    @property
    def digest(self) -> bytes:
        """A hash of all contents, as they were when they were looked at last."""
        whole = hashlib.sha256()
        for file, seen in sorted(self._seen.items()):
            whole.update(str(file).encode() + seen.digest)
        return whole.digest()

    def follow(self, files: Iterable[Path]) -> None:
        """Watch these files from now on, and no others; what is known of a file is kept."""
        self._seen = {file: self._seen.get(file) or _look(file, _ABSENT) for file in files}

    def changed(self) -> list[Path]:
        """Return the files whose content is another one than when they were looked at last."""
        found = []
        for file, before in self._seen.items():
            now = self._seen[file] = _look(file, before)
            if now.digest != before.digest:
                found.append(file)
        return found


def _look(file: Path, before: _Seen) -> _Seen:
    """Return what is to be seen of a file; one that cannot be read counts as absent."""
    try:
        state = file.stat()
        stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
        if stamp == before.stamp:
            return before
        return _Seen(stamp, hashlib.sha256(file.read_bytes()).digest())
    except OSError:
        return _ABSENT
