"""FileClient: manifests in files and folders, looked at again and again.

Looking is cheap (a stat for each file), works on every file system and through the symbolic links of mounted
ConfigMaps; so there is no inotify. A file is read once it has stood still between two looks, so that none is read half
written. Either all files are good, or nothing changes; a folder without any file is no good one, for it may have lost
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep

from cluster_shim.proxy.client import Event, ObjectKey, difference
from cluster_shim.proxy.manifests import Manifest, find_files, read_file, together
from proxy_core import ProxyObject
from sched_core.objects.source import STDIN, Source

LOOK_SECONDS = 0.1
SHARE = 20
"""A look may cost this part of the time between two looks."""

Signature = tuple[int, int, int]
"""Inode, size and time of change of a file; zeros where it cannot be seen."""


class FileClient:
    """The objects in some files and folders."""

    def __init__(self, paths: Sequence[str], resync_seconds: float = 900) -> None:
        """Look at ``paths``; all of them are read again after ``resync_seconds`` even if they look as before."""
        self._paths, self._resync = paths, resync_seconds
        self._resync_at = monotonic() + resync_seconds
        self._objects: dict[ObjectKey, ProxyObject] = {}
        self._read: dict[str, tuple[Signature, Manifest]] = {}
        self._applied: dict[str, Signature] = {}
        self._seen: dict[str, Signature] = {}
        self._look_at = 0.0
        self.is_good = True

    def list(self) -> Sequence[ProxyObject]:
        self._seen = self._look()
        self._objects = self._load()
        return list(self._objects.values())

    def watch(self, timeout_seconds: float) -> Sequence[Event]:
        end = monotonic() + timeout_seconds
        while (now := monotonic()) < end:
            sleep(max(0.0, min(self._look_at, end) - now))
            if monotonic() < self._look_at:
                break
            seen = self._look()
            still, self._seen = seen == self._seen, seen
            if monotonic() >= self._resync_at:
                self._read = {name: read for name, read in self._read.items() if name == STDIN}  # that can be read once
                self._applied = {}
                self._resync_at = monotonic() + self._resync
            if still and seen != self._applied:
                old, self._objects = self._objects, self._load()
                return difference(old, self._objects)
        return []

    def _look(self) -> dict[str, Signature]:
        begin = monotonic()
        seen = {each.name: _signature(each) for each in find_files(self._paths)}
        now = monotonic()
        self._look_at = now + max(LOOK_SECONDS, SHARE * (now - begin))
        return seen

    def _load(self) -> dict[ObjectKey, ProxyObject]:
        """Read what has changed and return all objects. Raises InvalidObjects, once for what is there now."""
        self._applied, self.is_good = self._seen, False
        sources = find_files(self._paths)
        for name in self._read.keys() - {each.name for each in sources}:
            del self._read[name]
        for each in sources:
            known = self._read.get(each.name)
            signature = self._seen.get(each.name, (0, 0, 0))
            if known is None or (known[0] != signature and each.name != STDIN):
                self._read[each.name] = signature, read_file(each)
        found = together([(each.name, self._read[each.name][1]) for each in sources])
        self.is_good = True
        return found


def _signature(source: Source) -> Signature:
    try:
        found = Path(source.name).stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns
