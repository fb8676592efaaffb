"""Pods that wait for an event that helps, and gated pods (upstream: unschedulable_pods.go).

They are indexed by the plugins that rejected them: most events help the pods of a few plugins only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sched_core.queue.queued_pod_info import QueuedPodInfo


class UnschedulablePods:
    """Pods by ``namespace/name``."""

    def __init__(self) -> None:
        self._pods: dict[str, QueuedPodInfo] = {}
        self._rejectors: dict[str, frozenset[str]] = {}
        self._by_plugin: dict[str, dict[str, QueuedPodInfo]] = {}

    def __len__(self) -> int:
        return len(self._pods)

    def __contains__(self, key: str) -> bool:
        return key in self._pods

    def __iter__(self) -> Iterator[QueuedPodInfo]:
        return iter(list(self._pods.values()))

    def get(self, key: str) -> QueuedPodInfo | None:
        return self._pods.get(key)

    def add_or_update(self, info: QueuedPodInfo) -> None:
        """Add a pod, or note which plugins reject it by now."""
        rejectors = info.rejector_plugins
        if self._pods.get(info.key) is info and self._rejectors[info.key] == rejectors:
            return
        self.delete(info.key)
        self._pods[info.key] = info
        self._rejectors[info.key] = rejectors
        for plugin in rejectors:
            self._by_plugin.setdefault(plugin, {})[info.key] = info

    def delete(self, key: str) -> QueuedPodInfo | None:
        """Take a pod out; None if it is not there."""
        info = self._pods.pop(key, None)
        if info is not None:
            for plugin in self._rejectors.pop(key):
                del self._by_plugin[plugin][key]
        return info

    def rejected_by(self, plugins: Iterable[str]) -> list[QueuedPodInfo]:
        """Return the pods that one of the plugins rejected, each once."""
        found: dict[str, QueuedPodInfo] = {}
        for plugin in plugins:
            found |= self._by_plugin.get(plugin, {})
        return list(found.values())
