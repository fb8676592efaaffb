"""Kinds of pods: classes that nobody who counts placed pods can tell apart.

Pods of one kind have the same namespace, labels and affinity to pods, and are all being deleted or all not. Thousands
of classes may be of few kinds, so whoever weighs pods does so once a kind.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodClasses
from sched_core.objects.records import Pod

_encode = msgspec.json.Encoder().encode


class PodKinds:
    """The kinds of all classes of one epoch: ``pods[kind]`` is a pod of each. The next epoch has a table of its own."""

    def __init__(self, classes: PodClasses) -> None:
        self.classes = classes
        self.pods: list[Pod] = []
        self._number: dict[bytes, int] = {}
        self._of_shape: list[int] = []
        self._of = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self.pods)

    def of(self) -> NDArray[np.int32]:
        """Return the kind of every class, int32[C]; learns of those that are new."""
        known, total = len(self._of), len(self.classes)
        if known < total:
            shapes = self.classes.shape_of[known:total]
            fresh, first = np.unique(shapes, return_index=True)  # shapes are numbered as they come
            for shape, position in zip(fresh.tolist(), first.tolist(), strict=True):
                if shape == len(self._of_shape):
                    self._of_shape.append(self._intern(self.classes.pods[known + position]))
            self._of = np.concatenate([self._of, np.array(self._of_shape, np.int32)[shapes]])
        return self._of

    def _intern(self, pod: Pod) -> int:
        meta, affinity = pod.metadata, pod.spec.affinity
        near = affinity and (affinity.pod_affinity, affinity.pod_anti_affinity)
        labels = sorted(meta.labels.items())
        key = _encode((meta.namespace or "default", labels, meta.deletion_timestamp is None, near))
        number = self._number.setdefault(key, len(self.pods))
        if number == len(self.pods):
            self.pods.append(pod)
        return number
