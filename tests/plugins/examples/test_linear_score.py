"""LinearScore: weights from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins.examples.linear_score import LinearScore
from sched_core import PluginError
from tests.plugins.examples.alone import engine_of, scores, waiting
from tests.plugins.tiny import Json, Tiny, node


def allocatable(cpu: str, memory: str, pods: str = "100") -> Json:
    return {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods}}


NODES = [
    node("even", **allocatable("4", "4Gi")),
    node("cpu", **allocatable("8", "4Gi")),
    node("pods", **allocatable("4", "4Gi", "2")),
]
POD = waiting(requests={"cpu": "2", "memory": "2Gi"})  # leaves half of even and pods, and three quarters of cpu


def learned(folder: Path, weights: Json) -> dict[str, int]:
    file = folder / "weights.json"
    file.write_text(json.dumps(weights), encoding="utf-8")
    return scores(engine_of(Tiny(*NODES), LinearScore, {"file": str(file)}), POD)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"bias": 40}, [40, 40, 40]),
        ({"bias": 10, "cpu_free": 400}, [30, 40, 30]),
        ({"bias": 90, "cpu_memory_gap": -1000}, [90, 65, 90]),
        ({"pods_free": 1000}, [99, 99, 50]),
        ({"bias": 3, "memory_free": -10000}, [0, 0, 0]),
        ({"bias": 200}, [100, 100, 100]),
    ],
)
def test_a_weighted_sum_cut_to_the_range(tmp_path: Path, weights: Json, expected: list[int]) -> None:
    assert list(learned(tmp_path, weights).values()) == expected


@pytest.mark.parametrize(
    ("weights", "needle"),
    [
        ({"cpu": 1}, "there is no feature cpu"),
        ({"bias": 1.5}, "bias: 1.5 is no whole number"),
        ({"bias": 10**6}, "bias"),
    ],
)
def test_weights_that_cannot_be_used(tmp_path: Path, weights: Json, needle: str) -> None:
    with pytest.raises(PluginError, match=needle):
        learned(tmp_path, weights)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(PluginError, match="FileNotFoundError"):
        engine_of(Tiny(*NODES), LinearScore, {"file": "gone.json"})
