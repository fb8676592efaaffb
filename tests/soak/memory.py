"""How much memory a life takes, sample by sample, and whether that grows."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path
from typing import NamedTuple

from tests.soak.life import Life
from tests.soak.scheduled import ScheduledLife

WARM_UP, WINDOW = 1 / 6, 1 / 6
BOUND = 0.05
"""By how much of itself the least of a size may be larger in the last window than in the first."""
SPARE_BYTES = 16 << 20
"""Freed memory does not all go back to the system."""


class Sample(NamedTuple):
    """Sizes at one moment; tables are counted with what is gone but has not been forgotten yet."""

    events: int
    resident_bytes: int
    objects: int
    pods: int
    pod_numbers: int
    classes: int
    epoch: int
    sets: int

    @classmethod
    def of(cls, life: Life | ScheduledLife) -> Sample:
        """Measure, after a collection; objects are those that the collector tracks."""
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's: gives back what is free
        if trim is not None:
            trim(0)
        nodes, classes = life.cluster.nodes, life.cluster.classes
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        sets = len(nodes.label_sets) + len(nodes.taint_sets) + len(nodes.image_sets)
        return cls(
            life.events, pages * os.sysconf("SC_PAGE_SIZE"), len(gc.get_objects()), len(life.books.pods),
            nodes.pods.count, len(classes), classes.epoch, sets,
        )  # fmt: skip


def growth(samples: list[Sample]) -> dict[str, tuple[int, int]]:
    """Return what has grown: the least in the window up to a third of the events, and in the last window.

    What is kept until the next time that something is forgotten makes sizes go up and down; a leak lifts the least.
    """
    end = samples[-1].events
    early = [each for each in samples if WARM_UP * end <= each.events <= (WARM_UP + WINDOW) * end]
    late = [each for each in samples if each.events >= (1 - WINDOW) * end]
    found = {}
    for name, spare in (("resident_bytes", SPARE_BYTES), ("objects", 0)):
        before, after = (min(getattr(each, name) for each in window) for window in (early, late))
        if after > before * (1 + BOUND) + spare:
            found[name] = (before, after)
    return found
