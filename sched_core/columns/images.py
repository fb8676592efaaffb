"""Images that nodes list: by name, how large they are and where they are (upstream: backend/cache/cache.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.objects.records import ContainerImage


class ImageState(NamedTuple):
    """An image name that nodes list: the size in bytes that the first of them gave, and the rows that have it."""

    size: int
    rows: NDArray[np.int64]


class ImageSizes:
    """The size of each image name and how many nodes list it.

    The size is that of the first node that listed the name, as long as any node does.
    """

    def __init__(self, sizes: dict[str, tuple[int, int]] | None = None) -> None:
        self._sizes = dict(sizes or {})

    def copy(self) -> ImageSizes:
        """Return a copy."""
        return ImageSizes(self._sizes)

    def count(self, images: tuple[ContainerImage, ...], nodes: int) -> None:
        """Note that so many more nodes list some images (or, negative, do so no longer)."""
        for name, size in _names(images).items():
            kept, count = self._sizes.get(name, (size, 0))
            if count + nodes > 0:
                self._sizes[name] = (kept, count + nodes)
            else:
                del self._sizes[name]

    def states(
        self, sets: Sequence[tuple[ContainerImage, ...]], image_set: NDArray[np.int32], alive: NDArray[np.int64]
    ) -> dict[str, ImageState]:
        """Return all images by exact name; the rows ``alive`` list what ``sets[image_set[row]]`` has."""
        rows_of: dict[str, list[NDArray[np.int64]]] = {}
        for number in np.unique(image_set[alive]).tolist():
            rows = alive[image_set[alive] == number]
            for name in _names(sets[number]):
                rows_of.setdefault(name, []).append(rows)
        return {
            name: ImageState(self._sizes[name][0], np.unique(np.concatenate(parts))) for name, parts in rows_of.items()
        }


def _names(images: tuple[ContainerImage, ...]) -> dict[str, int]:
    """Return the size by name of the images of one node; the first one counts where a name is there twice."""
    names: dict[str, int] = {}
    for image in images:
        for name in image.names:
            names.setdefault(name, image.size_bytes)
    return names
