"""What is gone is forgotten: numbers change, and nothing else does; snapshots of before stay good."""

from __future__ import annotations

import random

import pytest

from sched_core import Cluster, Engine, Pod
from tests.engine.worlds import ALL_NODES, ZONE, Json, cluster_of, node, node_record, places, pod, records, usage

PORT = {"ports": [{"containerPort": 80, "hostPort": 80}]}
NEAR = {
    "podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": ZONE}
        ]
    }
}


@pytest.fixture(autouse=True)
def without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sched_core.cluster", "sched_core.columns.pods", "sched_core.columns.nodes"):
        monkeypatch.setattr(f"{module}.SLACK", 4)


def churn(cluster: Cluster, rounds: int, **spec: Json) -> None:
    """Let so many pods of a class of their own come and go."""
    for number in range(rounds):
        passing = pod("passing", {"cpu": f"{number + 1}m"}, nodeName="a", **spec)
        cluster.add_pods(records([passing]))
        assert cluster.remove_pod("default/passing")


def test_pods_and_classes_that_are_gone_are_forgotten() -> None:
    cluster = cluster_of([node("a"), pod("kept", {"cpu": "1"}, nodeName="a")])
    before, known = usage(cluster), places(cluster)
    churn(cluster, 200)
    assert cluster.nodes.pods.count < 20 and len(cluster.classes) < 20 and cluster.classes.epoch > 10
    assert usage(cluster) == before and places(cluster) == known


def test_a_class_without_pods_comes_again() -> None:
    """What plugins see of a pod outlives the number of its class."""
    cluster = cluster_of([node("a")])
    info = cluster.classes.info(records([pod("p", {"cpu": "3"}, container=PORT)])[0])
    churn(cluster, 50)
    other = cluster.classes.info(records([pod("q", {"cpu": "2"})])[0])
    assert info.requests[0] == 3000 and info.has_host_ports and info.row != other.row
    assert info.row == cluster.classes.info(info.pod).row


def test_host_ports_are_numbered_anew() -> None:
    cluster = cluster_of([node("a"), node("b"), pod("kept", container=PORT, nodeName="b")])
    for number in range(100):
        container = {"ports": [{"containerPort": 80, "hostPort": 1000 + number}]}
        cluster.add_pods(records([pod("passing", container=container, nodeName="a")]))
        cluster.remove_pod("default/passing")
    assert len(cluster.nodes.ports.ports) < 20
    engine = Engine(cluster, ALL_NODES, speed="cycle")
    assert [engine.schedule(one).node for one in records([pod(name, container=PORT) for name in "pq"])] == ["a", None]
    assert engine.forget("default/kept")
    assert engine.schedule(records([pod("r", container=PORT)])[0]).node == "b"


def test_affinity_counts_until_the_last_pod_with_it_is_forgotten() -> None:
    cluster = cluster_of([node("a", labels={ZONE: "z"}), pod("near", affinity=NEAR, nodeName="a")])
    churn(cluster, 20)
    assert cluster.placed_with_affinity
    cluster.remove_pod("default/near")
    churn(cluster, 20)
    assert not cluster.placed_with_affinity


@pytest.mark.parametrize("speed", ["cycle", "incremental"])
def test_a_snapshot_outlives_epochs(speed: str) -> None:
    """Classes, host ports and label sets of a snapshot are found again, or come in again."""
    rng = random.Random(3)

    def waiting(count: int) -> list[Pod]:
        made = [pod(f"p{rng.random()}", {"cpu": f"{rng.randrange(500)}m"}) for _ in range(count)]
        for each in made:
            if rng.random() < 0.3:
                each["spec"]["containers"][0]["ports"] = [{"containerPort": 8, "hostPort": rng.choice([80, 81])}]
        return records(made)

    engine = Engine(cluster_of([node(name, labels={"rack": name}) for name in "abc"]), ALL_NODES, speed=speed)  # type: ignore[arg-type]
    engine.schedule_many(waiting(12))
    engine.cluster.add_pods(records([pod("early", {"cpu": "7m"}, container=PORT, nodeName="late")]))
    state, before, known = engine.snapshot(), usage_and_labels(engine.cluster), places(engine.cluster)
    pods = waiting(12)
    expected = engine.schedule_many(pods).node_of.tolist()
    for _ in range(2):
        for number in range(40):
            engine.cluster.add_node(node_record(node("a", labels={"rack": f"r{number}", ZONE: f"z{number}"})))
        churn(engine.cluster, 60)
        epoch = engine.cluster.classes.epoch
        engine.restore(state)
        assert usage_and_labels(engine.cluster) == before and places(engine.cluster) == known
        assert engine.schedule_many(pods).node_of.tolist() == expected
        assert engine.cluster.classes.epoch >= epoch > 0
    engine.restore(state)
    row = engine.cluster.add_node(node_record(node("late")))
    assert engine.cluster.nodes.requested[0, row] == 7 and engine.cluster.nodes.used_ports[:, row].any()


def usage_and_labels(cluster: Cluster) -> dict[str, object]:
    """Return what is in use on each node, host ports as such, and its labels."""
    nodes = cluster.nodes
    ports = nodes.ports.ports
    return {
        name: (
            nodes.requested[:, row].tolist(),
            {port for bit, port in enumerate(ports) if int(nodes.used_ports[bit >> 6, row]) >> (bit & 63) & 1},
            nodes.labels_of(row),
        )
        for name, row in nodes.row_of.items()
    }


def test_sets_and_zones_that_no_node_has_are_forgotten() -> None:
    cluster = cluster_of([node("a", labels={"disk": "ssd"}), node("b")])
    for number in range(100):
        taint = {"key": "k", "value": str(number), "effect": "NoSchedule"}
        changed = node("b", labels={"serial": str(number), ZONE: f"z{number}"}, taints=[taint])
        changed["status"] |= {"images": [{"names": [f"i{number}"], "sizeBytes": 5}], "declaredFeatures": [f"F{number}"]}
        cluster.add_node(node_record(changed))
        ids, values = cluster.nodes.label("serial")
        assert ids[0] == -1 and values[ids[1]] == str(number) and list(cluster.nodes.images) == [f"i{number}"]
        assert cluster.nodes.order().tolist() == [0, 1]
    nodes = cluster.nodes
    for sets in (nodes.label_sets, nodes.taint_sets, nodes.feature_sets, nodes.image_sets):
        assert len(sets) < 20
    assert nodes.labels_of(0) == {"disk": "ssd", "kubernetes.io/hostname": "a"}
    assert [each.value for each in nodes.taint_sets[nodes.taint_set[1]]] == ["99"]
    assert nodes.taint_sets[nodes.taint_set[0]] == ()
