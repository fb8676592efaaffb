"""Reported pods found by a label: an index for each label that a plugin has asked for."""

from __future__ import annotations

from collections.abc import Mapping

from sched_core.columns.classes import pod_key
from sched_core.objects.records import Pod


class PodsByLabel:
    """Pods by label, namespace and value; ``pods`` are all of them by key."""

    def __init__(self, pods: Mapping[str, Pod]) -> None:
        self._pods = pods
        self._by_label: dict[str, dict[tuple[str, str], dict[str, Pod]]] = {}

    def find(self, namespace: str, label: str, value: str) -> list[Pod]:
        """Return the pods of a namespace with a label, in the order in which they came."""
        if label not in self._by_label:
            self._by_label[label] = {}
            for pod in self._pods.values():
                self._add(label, pod)
        return list(self._by_label[label].get((namespace, value), {}).values())

    def change(self, old: Pod | None, new: Pod | None) -> None:
        """Take over that a pod has come, changed or gone."""
        for label, found in self._by_label.items():
            before = old.metadata.labels.get(label) if old is not None else None
            if old is not None and before is not None:
                if new is not None and new.metadata.labels.get(label) == before:
                    found[old.metadata.namespace, before][pod_key(new)] = new  # where it was
                    continue
                del found[old.metadata.namespace, before][pod_key(old)]
                if not found[old.metadata.namespace, before]:
                    del found[old.metadata.namespace, before]
            if new is not None:
                self._add(label, new)

    def _add(self, label: str, pod: Pod) -> None:
        value = pod.metadata.labels.get(label)
        if value is not None:
            self._by_label[label].setdefault((pod.metadata.namespace, value), {})[pod_key(pod)] = pod
