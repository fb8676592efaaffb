"""LeastFragmented: what is left of a node and cannot be used by pods of a typical shape."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.examples.least_fragmented import LeastFragmented
from sched_core import PluginError
from tests.plugins.examples.alone import engine_of, scores, waiting
from tests.plugins.tiny import Tiny, node

ONE_CORE_FOUR_GIB = {"cpu": "1", "memory": "4Gi"}


def room(cpu: str, memory: str) -> dict[str, Any]:
    return {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}}


def test_what_is_stranded_costs() -> None:
    # After the pod: even 3 cores and 12 GiB, all of it usable; no_memory 7 cores of 8 and 0 of 4 GiB;
    # some 3 cores of 4 and 10 of 14 GiB, of which two pods fit: 1 core of 4 and 2 GiB of 14 are left (25 %, 14 %).
    nodes = [
        node("even", **room("4", "16Gi")),
        node("no_memory", **room("8", "4Gi")),
        node("some", **room("4", "14Gi")),
    ]
    found = scores(engine_of(Tiny(*nodes), LeastFragmented), waiting(requests=ONE_CORE_FOUR_GIB))
    assert found == {"even": 100, "no_memory": 100 - 87 // 2, "some": 100 - (25 + 14) // 2}


def test_the_typical_shape_is_an_argument() -> None:
    tiny = Tiny(node("large", **room("16", "16Gi")), node("small", **room("4", "16Gi")))
    small_memory = {"cpuMilli": 1000, "memoryMib": 1024}
    pod = waiting(requests={"cpu": "1", "memory": "1Gi"})
    assert scores(engine_of(tiny, LeastFragmented, small_memory), pod)["large"] == 100
    assert scores(engine_of(tiny, LeastFragmented), pod)["large"] < 70


def test_a_shape_of_nothing_is_refused() -> None:
    with pytest.raises(PluginError, match="cpuMilli and memoryMib must be positive"):
        engine_of(Tiny(node("a")), LeastFragmented, {"cpuMilli": 0})
