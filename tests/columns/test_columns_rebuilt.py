"""Columns after any history equal columns built from what is there in the end; arrays of nodes equal their objects."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
import pytest

from sched_core import Cluster, LimitExceeded, NodeArray, NumberedNames, load_documents
from sched_core.columns.nodes import MET_RESOURCES
from tests.engine.worlds import (
    GPU,
    RESOURCES,
    ZONE,
    Json,
    cluster_of,
    node,
    node_record,
    pod,
    random_node,
    random_pod,
    records,
)

ARRAYS = ("allocatable", "requested", "nonzero_requested", "pod_count", "allowed_pods", "unschedulable")


def described(cluster: Cluster) -> dict[str, Any]:
    """Return all that the columns say of each node, by name."""
    nodes = cluster.nodes
    images = {
        name: (state.size, {nodes.names[row] for row in state.rows.tolist()}) for name, state in nodes.images.items()
    }
    keys = sorted({key for row in nodes.row_of.values() for key in nodes.labels_of(row)})
    labels = {key: nodes.label(key) for key in keys}
    found: dict[str, Any] = {"images": images, "size": nodes.snapshot_size}
    for name, row in nodes.row_of.items():
        assert nodes.names[row] == name and bool(nodes.alive[row])
        column_labels = {key: column.values[column.ids[row]] for key, column in labels.items() if column.ids[row] >= 0}
        assert column_labels == nodes.labels_of(row)
        numbers = {array: getattr(nodes, array)[..., row].tolist() for array in ARRAYS}
        sets = nodes.taint_sets[nodes.taint_set[row]], nodes.feature_sets[nodes.feature_set[row]]
        ports = {
            port for bit, port in enumerate(nodes.ports.ports) if int(nodes.used_ports[bit >> 6, row]) >> (bit & 63) & 1
        }
        pods = sorted(nodes.pods.key(number) for number in nodes.pods.on(row).tolist())
        found[name] = (numbers, sets, column_labels, ports, pods)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_any_history_equals_a_fresh_start(seed: int) -> None:
    """Nodes and pods come, change and go in any order; pods outlive their nodes and wait for them."""
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(8)]
    cluster = cluster_of([])
    nodes: dict[str, Json] = {}
    pods: dict[str, Json] = {}
    for number in range(120):
        what = rng.choice(["node", "gone", "pod", "pod", "pod", "ended", "removed", "look"])
        name = rng.choice(names)
        if what == "node":
            nodes[name] = random_node(rng, name, False)
            nodes[name]["status"]["images"] = [{"names": ["app"], "sizeBytes": 5}] * rng.randint(0, 1)
            cluster.add_node(node_record(nodes[name]))
        elif what == "gone" and name in nodes:
            del nodes[name]
            cluster.remove_node(name)
        elif what == "pod":
            made = random_pod(rng, names, True)
            made["metadata"]["name"] = f"p{rng.randint(0, 30)}"  # now and then one that is there: it is replaced
            for port in made["spec"]["containers"][0].get(
                "ports", []
            ):  # no two pods share one: they would free it together
                port["hostPort"] = port["containerPort"] = 1000 + number
            made["spec"]["nodeName"] = name
            made["status"] = {"phase": "Running"}
            pods[made["metadata"]["name"]] = made
            cluster.add_pods(records([made]))
        elif what in ("ended", "removed") and pods:
            key = rng.choice(sorted(pods))
            made = pods.pop(key)
            if what == "ended":
                cluster.add_pods(records([made | {"status": {"phase": "Succeeded"}}]))
            else:
                assert cluster.remove_pod(f"default/{key}")
                assert not cluster.remove_pod(f"default/{key}")
        elif what == "look":
            cluster.nodes.order()
        assert cluster.nodes.pods.placed == sum(each["spec"]["nodeName"] in nodes for each in pods.values()), number
    assert described(cluster) == described(cluster_of([*nodes.values(), *pods.values()]))


def test_an_update_keeps_pods_and_replaces_everything_else() -> None:
    old = node(
        "a",
        {GPU: "4"},
        labels={"disk": "ssd", ZONE: "x"},
        taints=[{"key": "k", "effect": "NoSchedule"}],
        cpu="8",
    )
    cluster = cluster_of([old, pod("p", {"cpu": "1"}, nodeName="a")])
    row = cluster.update_node(node_record(node("a", labels={"disk": "hdd"}, memory="1Gi")))
    nodes = cluster.nodes
    assert nodes.allocatable[:4, row].tolist() == [4000, 1 << 30, 0, 0]
    assert nodes.requested[0, row] == 1000 and nodes.pod_count[row] == 1
    assert nodes.labels_of(row) == {"disk": "hdd", "kubernetes.io/hostname": "a"}
    assert nodes.taint_sets[nodes.taint_set[row]] == ()


def test_resources_that_come_up_later_widen_all_rows() -> None:
    cluster = Cluster()
    for each in load_documents([node("a"), node("b")]).nodes:
        cluster.add_node(each)
    before = cluster.classes.info(records([pod("p", {"cpu": "1"})])[0])
    assert cluster.nodes.resource_count == 4
    for number in range(2):
        name = f"example.com/r{number}"
        cluster.add_node(node_record(node(f"c{number}", {name: "3"})))
        assert cluster.nodes.allocatable[cluster.nodes.resource_row(name), cluster.nodes.row_of[f"c{number}"]] == 3
    assert cluster.nodes.resource_count == 8
    after = cluster.classes.info(records([pod("q", {"example.com/r2": "2"})])[0])
    cluster.classes.fit_resources()
    assert before.requests.tolist() == [1000, 0, 0, 0, 0, 0, 0, 0]
    assert after.requests.tolist() == [0, 0, 0, 0, 0, 2, 0, 0]
    assert cluster.nodes.allocatable[0, :2].tolist() == [4000, 4000]


def test_too_many_resources_that_plugins_name_are_refused_by_name() -> None:
    cluster = Cluster()
    for number in range(57):
        cluster.nodes.resource_row(f"example.com/r{number}")
    with pytest.raises(LimitExceeded, match=r"more than 60 resources with a column; the next one is example\.com/last"):
        cluster.nodes.resource_row("example.com/last")
    assert cluster.nodes.resource_row("example.com/r56") == 59


def test_resources_beyond_the_first_have_no_row_until_a_plugin_names_them() -> None:
    names = [f"example.com/r{number}" for number in range(MET_RESOURCES)]
    cluster = cluster_of([node("a", {name: str(number + 1) for number, name in enumerate(names)})])
    cluster.add_pods(records([pod("old", {names[-1]: "2"}, nodeName="a")]))
    waiting = cluster.classes.info(records([pod("new", {names[0]: "1", names[-1]: "3"})])[0])
    nodes, last = cluster.nodes, names[-1]
    assert len(nodes.resources) == MET_RESOURCES and last in nodes.rare_names
    rare = [column.tolist() for column in nodes.resource(last)]
    assert waiting.rare_requests == {last: 3} and waiting.requests_by_name == {names[0]: 1, last: 3}
    row = nodes.resource_row(last)
    cluster.classes.fit_resources()
    assert last not in nodes.rare_names and [column.tolist() for column in nodes.resource(last)] == rare
    assert rare == [[MET_RESOURCES], [2]] and nodes.nonzero_requested[row].tolist() == [2]
    assert not waiting.rare_requests and waiting.requests[row] == 3
    cluster.remove_pod("default/old")
    assert nodes.requested[row].tolist() == [0]


@pytest.mark.parametrize("seed", range(5))
def test_an_array_of_nodes_equals_their_objects(seed: int) -> None:
    rng = random.Random(seed)
    templates = [random_node(rng, f"t{number}", False) for number in range(5)]
    for number, template in enumerate(templates):
        template["status"]["images"] = [{"names": [f"image-{number % 2}"], "sizeBytes": number}]
        if number % 2:
            del template["metadata"]["labels"]["kubernetes.io/hostname"]
    template_of = np.array([rng.randrange(5) for _ in range(60)], np.int32)
    names = NumberedNames("node-{:03d}", 60, start=7)
    array = Cluster.from_array(NodeArray(names, [node_record(each) for each in templates], template_of))
    objects = []
    for name, number in zip(names, template_of.tolist(), strict=True):
        one = msgspec.json.decode(msgspec.json.encode(templates[number]))
        one["metadata"]["name"] = name
        if "kubernetes.io/hostname" in one["metadata"]["labels"]:
            one["metadata"]["labels"]["kubernetes.io/hostname"] = name
        objects.append(one)
    by_object = Cluster.from_objects(load_documents(objects))
    assert array.nodes.resources[3:] == by_object.nodes.resources[3:]
    assert described(array) == described(by_object)
    assert array.nodes.order().tolist() == by_object.nodes.order().tolist()


def test_a_name_that_occurs_twice_in_an_array_is_refused() -> None:
    template = [node_record(node("t"))]
    for names in (["a", "a"], ["a", "there"]):
        cluster = cluster_of([node("there")])
        with pytest.raises(ValueError, match="occurs twice"):
            cluster.nodes.add_array(NodeArray(names, template, np.zeros(2, np.int32)))
        assert described(cluster) == described(cluster_of([node("there")]))


def test_nodes_of_an_array_can_be_changed_one_by_one() -> None:
    cluster = Cluster.from_array(NodeArray(NumberedNames("n{}", 3), [node_record(node("t"))], np.zeros(3, np.int32)))
    cluster.update_node(node_record(node("n1", cpu="9")))
    cluster.remove_node("n0")
    cluster.add_node(node_record(node("n3")))
    assert sorted(cluster.nodes.row_of) == ["n1", "n2", "n3"]
    assert cluster.nodes.allocatable[0, cluster.nodes.row_of["n1"]] == 9000


def test_pods_wait_for_a_node_that_comes_later() -> None:
    cluster = cluster_of(
        [node("a"), pod("early", {"cpu": "1"}, nodeName="late"), pod("here", {"cpu": "2"}, nodeName="a")]
    )
    assert cluster.nodes.pods.placed == 1
    row = cluster.add_node(node_record(node("late")))
    assert cluster.nodes.requested[0, row] == 1000 and cluster.nodes.pod_count[row] == 1
    cluster.remove_node("late")
    cluster.nodes.order()
    other = cluster.add_node(node_record(node("other")))  # takes the free row, not the pods
    assert cluster.nodes.requested[0, other] == 0 and cluster.nodes.pod_count[other] == 0
    cluster.remove_pod("default/early")
    row = cluster.add_node(node_record(node("late")))
    assert cluster.nodes.requested[0, row] == 0


def test_ended_pods_do_not_count() -> None:
    ended = [pod(phase, {"cpu": "1"}, nodeName="a") | {"status": {"phase": phase}} for phase in ("Succeeded", "Failed")]
    for one in ended:
        one["metadata"]["name"] = one["metadata"]["name"].lower()
    cluster = cluster_of([node("a"), *ended])
    assert cluster.nodes.requested[0, 0] == 0 and cluster.nodes.pods.count == 0


def test_the_size_of_an_image_is_the_first_one_told() -> None:
    def holding(name: str, size: int) -> Json:
        one = node(name)
        one["status"]["images"] = [{"names": ["app:v1"], "sizeBytes": size}]
        return one

    cluster = cluster_of([node("x"), holding("a", 10), holding("b", 20)])
    assert cluster.nodes.images["app:v1"].size == 10
    cluster.remove_node("x")
    cluster.nodes.order()
    cluster.add_node(node_record(holding("c", 30)))  # in the first row, but the last to come
    assert cluster.nodes.images["app:v1"].size == 10
    assert {cluster.nodes.names[row] for row in cluster.nodes.images["app:v1"].rows.tolist()} == {"a", "b", "c"}


def test_the_resources_of_worlds_are_all_scalar() -> None:
    """What the other tests rely on: the fixed set has a row for each, from 3 on."""
    cluster = cluster_of([])
    assert [cluster.nodes.resource_row(name) for name in RESOURCES] == list(range(3, 3 + len(RESOURCES)))
    assert cluster.nodes.resource_row(GPU) == 3
