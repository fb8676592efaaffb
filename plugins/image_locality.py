"""ImageLocality: prefer nodes that have the pod's images (upstream: plugins/imagelocality)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sched_core import Plugin

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, Pod, PodInfo

LOW_BYTES = 23 << 20
HIGH_BYTES_PER_CONTAINER = 1000 << 20


class ImageLocality(Plugin):
    """Score the bytes that a node need not pull; an image counts in proportion to the share of nodes that have it.

    The share keeps pods from crowding on the few nodes that happen to have an image.
    """

    name = "ImageLocality"
    reads_amounts = False

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return container_count(pod.pod), tuple(image_names(pod.pod))

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        present_bytes = np.zeros(nodes.count, np.int64)
        for name in image_names(pod.pod):
            image = nodes.images.get(name)
            if image is not None:
                spread = len(image.rows) / nodes.snapshot_size
                present_bytes[image.rows] += int(image.size * spread)
        high_bytes = HIGH_BYTES_PER_CONTAINER * container_count(pod.pod)
        clamped = np.maximum(np.minimum(present_bytes, high_bytes), LOW_BYTES)
        return 100 * (clamped - LOW_BYTES) // (high_bytes - LOW_BYTES)


def container_count(pod: Pod) -> int:
    """Return the number of containers that raise the upper threshold: image volumes do not."""
    return len(pod.spec.init_containers) + len(pod.spec.containers)


def image_names(pod: Pod) -> list[str]:
    """Return the images of containers and image volumes as nodes list them; one that is used twice is there twice."""
    spec = pod.spec
    names = [each.image for each in (*spec.init_containers, *spec.containers)]
    names += [volume.image.reference for volume in spec.volumes if volume.image is not None]
    return [with_tag(name) for name in names]


def with_tag(name: str) -> str:
    """Return an image name with a tag or digest: ``:latest`` where it has none."""
    return name + ":latest" if name.rfind(":") <= name.rfind("/") else name
