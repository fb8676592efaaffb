"""Arrivals: an order drawn from a seed until the ratio is reached, and files with worked-out orders."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.replay.arrivals import draw_arrivals, read_arrivals
from bench.traces.trace import Nodes, NodeShape, PodShape, Trace
from sched_core import InvalidObjects

NODES = Nodes("nodes.csv", ["n0", "n1"], [NodeShape(8000, 1 << 30, 4, "T4")], np.zeros(2, np.int32))
SHAPES = [PodShape(100, 1 << 20), PodShape(100, 1 << 20, 1, 500), PodShape(100, 1 << 20, 2, 1000)]


def trace_of(count: int, shapes: list[PodShape] = SHAPES) -> Trace:
    shape_of = (np.arange(count) % len(shapes)).astype(np.int32)
    names = [f"p{number}" for number in range(count)]
    return Trace("pods.csv", names, shapes, shape_of, np.zeros(count), np.full(count, np.inf))


def asked(trace: Trace, order: np.ndarray[Any, Any]) -> int:
    return int(trace.amounts()[2][trace.shape_of[order]].sum())


def test_pods_come_again_until_the_ratio_is_reached() -> None:
    """Originals first; what one device needs decides, so the last clone may lead beyond by its other devices."""
    trace = trace_of(6)  # asks for 5 of 8 devices
    for seed in range(30):
        order = draw_arrivals(NODES, trace, seed, 1.3).order
        assert sorted(order[:6]) == list(range(6))
        assert 10_400 - 1000 < asked(trace, order) <= 10_400 + 1000
        before = asked(trace, order[:-1])
        assert before + trace.shapes[trace.shape_of[order[-1]]].gpu_milli <= 10_400


def test_pods_are_left_out_until_the_ratio_is_reached() -> None:
    trace = trace_of(60)  # asks for 50 of 8 devices
    for seed in range(30):
        order = draw_arrivals(NODES, trace, seed, 1.3).order
        assert len(set(order.tolist())) == len(order)
        assert 10_400 - 2000 < asked(trace, order) <= 10_400


def test_a_seed_decides_everything() -> None:
    trace = trace_of(40)
    first, again, other = (draw_arrivals(NODES, trace, seed, 0.9) for seed in (1, 1, 2))
    assert first.order.tolist() == again.order.tolist() != other.order.tolist()
    assert first.nodes_by_rank == again.nodes_by_rank
    assert {tuple(draw_arrivals(NODES, trace, seed, 1).nodes_by_rank) for seed in range(9)} == {
        ("n0", "n1"),
        ("n1", "n0"),
    }


def test_the_order_of_the_file_does_not_matter() -> None:
    trace = trace_of(12, SHAPES[1:2])
    turned = Trace("t", trace.names[::-1], trace.shapes, trace.shape_of, trace.created_s, trace.deleted_s)
    names = [trace.names[number] for number in draw_arrivals(NODES, trace, 5, 1).order]
    assert [turned.names[number] for number in draw_arrivals(NODES, turned, 5, 1).order] == names


def test_pods_without_gpus_reach_no_ratio() -> None:
    with pytest.raises(InvalidObjects, match=r"pods.csv: no pod asks for a GPU"):
        draw_arrivals(NODES, trace_of(3, SHAPES[:1]), 1, 1.3)


GIVEN = {
    "trace": "pods",
    "pods_by_name": ["p0", "p1", "p2"],
    "seeds": {"42": {"arrivals": [2, 0, 1, 2], "nodes_by_rank": ["n1", "n0"]}},
}


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "arrivals.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_file_of_arrivals(tmp_path: Path) -> None:
    plain = written(tmp_path, GIVEN)
    packed = tmp_path / "arrivals.json.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        found = read_arrivals(path, NODES, trace_of(3))
        assert found.keys() == {42}
        assert found[42].order.tolist() == [2, 0, 1, 2]
        assert found[42].nodes_by_rank == ["n1", "n0"]


def seed_with(**changed: Any) -> dict[str, Any]:
    return GIVEN | {"seeds": {"42": GIVEN["seeds"]["42"] | changed}}  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "needle"),
    [
        ("", "is not a file of arrivals"),
        ("[]", "is not a file of arrivals: Expected `object`, got `array`"),
        ({"trace": "pods"}, "is not a file of arrivals: Object missing required field `pods_by_name`"),
        (GIVEN | {"seeds": {}}, "seeds: is empty"),
        (GIVEN | {"seeds": {"x": GIVEN["seeds"]["42"]}}, "seeds.x: is not a whole number"),  # type: ignore[index]
        (GIVEN | {"pods_by_name": ["p0", "p1", "q"]}, "pods_by_name: 1 pods are not in pods.csv, such as q"),
        (seed_with(arrivals=[]), "seeds.42.arrivals: is empty"),
        (seed_with(arrivals=[0, 3]), "seeds.42.arrivals: an index is not one of 3 pods"),
        (seed_with(arrivals=[0, "1"]), "is not a file of arrivals: Expected `int`, got `str`"),
        (seed_with(nodes_by_rank=["n0"]), "seeds.42.nodes_by_rank: are not the 2 nodes with a GPU of nodes.csv"),
    ],
)
def test_a_file_with_a_fault_is_refused(tmp_path: Path, content: Any, needle: str) -> None:
    with pytest.raises(InvalidObjects) as caught:
        read_arrivals(written(tmp_path, content), NODES, trace_of(3))
    assert f"arrivals.json: {needle}" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidObjects, match="No such file"):
        read_arrivals(tmp_path / "gone.json", NODES, trace_of(3))
