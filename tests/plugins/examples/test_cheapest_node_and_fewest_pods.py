"""The examples that users start from."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plugins.examples.cheapest_node import PRICE_LABEL, UNKNOWN_PRICE, CheapestNode
from plugins.examples.fewest_pods import FewestPods
from sched_core import CycleState, Engine, Pod, Speed, load_config
from tests.plugins.tiny import Tiny, by_name, node, pod


def room(pods: int) -> dict[str, Any]:
    return {"allocatable": {"cpu": "4", "memory": "32Gi", "pods": str(pods)}}


def test_fewest_pods_scores_the_share_of_free_places() -> None:
    running = [pod(f"p{number}", nodeName="a") for number in range(3)] + [pod("q", nodeName="full")]
    tiny = Tiny(node("a", **room(9)), node("b", **room(9)), node("full", **room(1)), node("none", **room(0)), *running)
    assert tiny.each(FewestPods(), FewestPods.score_row, tiny.info()) == [66, 100, 0, 0]


def test_cheapest_node_reads_prices_from_a_label() -> None:
    prices = {"cheap": "12", "dear": "40", "middle": "19", "odd": "a lot"}
    tiny = Tiny(*(node(name, labels={PRICE_LABEL: price}) for name, price in prices.items()), node("unknown"))
    scores = CheapestNode().score(CycleState(), tiny.info(), tiny.nodes)
    assert by_name(tiny.nodes, scores) == {
        "cheap": 12, "dear": 40, "middle": 19, "odd": UNKNOWN_PRICE, "unknown": UNKNOWN_PRICE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("prices", "expected"), [([12, 40, 19], [100, 0, 75]), ([5, 5], [0, 0]), ([7, UNKNOWN_PRICE], [100, 0])]
)
def test_cheapest_node_compares_the_nodes_that_would_do(prices: list[int], expected: list[int]) -> None:
    assert [CheapestNode.normalize_row(price, min(prices), max(prices)) for price in prices] == expected


def test_the_price_needs_no_look_at_the_pod() -> None:
    tiny = Tiny(node("a"))
    assert CheapestNode().sign_pod(tiny.info()) == CheapestNode().sign_pod(tiny.info("other", priority=3))


CONFIG = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [
        {
            "plugins": {
                "score": {
                    "disabled": [{"name": "*"}],
                    "enabled": [{"name": "CheapestNode", "weight": 3}, {"name": "FewestPods", "weight": 2}],
                }
            }
        }
    ],
}


@pytest.mark.parametrize("speed", ["cycle", "fused", "incremental"])
def test_the_examples_decide_together(speed: Speed) -> None:
    prices = {"cheap": "10", "middle": "14", "dear": "30"}
    tiny = Tiny(*(node(name, labels={PRICE_LABEL: price}, **room(4)) for name, price in prices.items()))
    examples = {"CheapestNode": CheapestNode, "FewestPods": FewestPods}
    engine = Engine(tiny.cluster, load_config(CONFIG), speed=speed, plugins=examples)
    batch = engine.schedule_many([msgspec.convert(pod(f"p{number}"), Pod) for number in range(9)])
    # 3 * price + 2 * places: cheap starts at 300 + 200, middle at 240 + 200, dear at 0 + 200; a pod costs 50. When
    # cheap is full, middle is the cheapest of those that would do.
    names = [tiny.nodes.names[row] for row in batch.node_of.tolist()]
    assert names == ["cheap", "cheap", "middle", "cheap", "middle", "cheap", "middle", "middle", "dear"]
    assert batch.speed_used == {speed: 9}
