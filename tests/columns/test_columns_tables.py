"""Ports as bits, labels as columns, pods and pod classes as tables."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sched_core import Cluster, Node, NodeArray, NodeColumns, NumberedNames, Pod, PodArray, Taint
from sched_core.columns.pods import SLACK, ArrayKeys, PodTable
from sched_core.columns.ports import HostPort, PortTable, host_ports
from tests.engine.worlds import GPU, Json, cluster_of, node, node_record, pod, records

# Ports ----------------------------------------------------------------------------------------------------------------

ADDRESSES = ["", "0.0.0.0", "10.0.0.1", "10.0.0.2", "::", "fd00::1"]
PORTS = [
    {"containerPort": 80, "hostPort": number, "hostIP": address, "protocol": protocol}
    for number, address, protocol in itertools.product([80, 81], ADDRESSES, ["TCP", "UDP", "SCTP"])
]


def with_ports(name: str, ports: list[Json]) -> Pod:
    """Return a pod whose first container has the ports."""
    return records([pod(name, container={"ports": ports})])[0]


def share(one: Json, other: Json) -> bool:
    """Say whether two host ports cannot be on one node, by the words of the specification."""
    if (one["hostPort"], one["protocol"]) != (other["hostPort"], other["protocol"]):
        return False
    addresses = {one["hostIP"] or "0.0.0.0", other["hostIP"] or "0.0.0.0"}
    return len(addresses) == 1 or "0.0.0.0" in addresses


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PORTS), max_size=3), min_size=1, max_size=12))
def test_bits_say_which_pods_cannot_share_a_node(pods: list[list[Json]]) -> None:
    """Whatever comes first: classes learn of ports that come up later, also when the words of bits get more."""
    cluster = Cluster()
    many = [{"containerPort": 1, "hostPort": 1000 + number} for number in range(30)]
    infos = [
        cluster.classes.info(with_ports(f"p{number}", [*ports, *many[: 5 * number]]))
        for number, ports in enumerate(pods)
    ]
    for (number, one), (other_number, other) in itertools.product(enumerate(infos), repeat=2):
        expected = any(share(a, b) for a in pods[number] for b in pods[other_number])
        expected |= bool(number and other_number)  # both have the first of the many
        assert bool((one.port_conflicts & other.port_bits).any()) == expected
        assert bool((other.port_conflicts & one.port_bits).any()) == expected


def test_words_of_bits_double() -> None:
    table = PortTable()
    assert table.words == 1
    words = []
    for number in range(1, 300):
        assert table.intern(HostPort("0.0.0.0", "TCP", number)) == (number - 1, True)
        words.append(table.words)
    assert [words.index(each) + 1 for each in (1, 2, 4, 8)] == [1, 65, 129, 257]
    assert table.intern(HostPort("0.0.0.0", "TCP", 7)) == (6, False)


def test_sidecars_have_host_ports_and_init_containers_none() -> None:
    def container(name: str, port: int, **more: Any) -> Json:
        return {"name": name, "image": "i", "ports": [{"containerPort": 1, "hostPort": port}], **more}

    init = [container("once", 1), container("sidecar", 2, restartPolicy="Always")]
    one = records(
        [
            pod(
                "p",
                container={"ports": [{"containerPort": 9}, {"containerPort": 3, "hostPort": 3}]},
                initContainers=init,
            )
        ]
    )
    assert {each.port for each in host_ports(one[0])} == {2, 3}


def test_used_ports_follow_pods_that_come_and_go() -> None:
    ports = [[{"containerPort": 1, "hostPort": number}] for number in range(1, 100)]
    objects = [pod(f"p{number}", container={"ports": each}, nodeName="a") for number, each in enumerate(ports)]
    cluster = cluster_of([node("a"), node("b"), *objects])
    used = [int(word).bit_count() for word in cluster.nodes.used_ports[:, 0]]
    assert used == [64, 35] and not cluster.nodes.used_ports[:, 1].any()
    for number in range(0, 99, 2):
        cluster.remove_pod(f"default/p{number}")
    assert sum(int(word).bit_count() for word in cluster.nodes.used_ports[:, 0]) == 49


# Labels ---------------------------------------------------------------------------------------------------------------


def test_a_label_column_has_ids_and_values() -> None:
    cluster = cluster_of(
        [
            node("a", labels={"disk": "ssd"}),
            node("b"),
            node("c", labels={"disk": "hdd"}),
            node("d", labels={"disk": "ssd"}),
        ]
    )
    column = cluster.nodes.label("disk")
    assert [column.values[each] if each >= 0 else None for each in column.ids.tolist()] == ["ssd", None, "hdd", "ssd"]
    assert column.ids.dtype == np.int32 and column.ids[0] == column.ids[3]
    assert cluster.nodes.label("missing").ids.tolist() == [-1] * 4


def test_a_label_column_follows_the_nodes() -> None:
    cluster = cluster_of([node("a", labels={"disk": "ssd"})])
    assert cluster.nodes.label("disk") is cluster.nodes.label("disk")
    cluster.update_node(node_record(node("a", labels={"disk": ""})))
    column = cluster.nodes.label("disk")
    assert column.values[column.ids[0]] == ""
    cluster.add_node(node_record(node("b")))
    assert cluster.nodes.label("disk").ids.tolist()[1] == -1


def test_the_hostname_is_kept_without_a_label_set_for_each_node() -> None:
    other = node("odd")
    other["metadata"]["labels"]["kubernetes.io/hostname"] = "another"
    none = node("none")
    del none["metadata"]["labels"]["kubernetes.io/hostname"]
    cluster = cluster_of([node("a"), node("b"), other, none])
    column = cluster.nodes.label("kubernetes.io/hostname")
    assert [column.values[each] if each >= 0 else None for each in column.ids.tolist()] == ["a", "b", "another", None]
    assert [cluster.nodes.labels_of(row).get("kubernetes.io/hostname") for row in range(4)] == [
        "a",
        "b",
        "another",
        None,
    ]
    assert len(cluster.nodes.label_sets) == 2


def test_the_hostname_of_one_node_may_be_the_name_of_another() -> None:
    other = node("b")
    other["metadata"]["labels"]["kubernetes.io/hostname"] = "a"
    column = cluster_of([node("a"), other]).nodes.label("kubernetes.io/hostname")
    assert column.ids[0] == column.ids[1] and column.values[column.ids[0]] == "a"


# Pods -----------------------------------------------------------------------------------------------------------------


def numbers(*values: int) -> Any:
    return np.array(values, np.int32)


def test_pods_are_found_by_key_whatever_way_they_came() -> None:
    table = PodTable()
    assert table.add(["d/a", "d/b"], numbers(0, 1), numbers(5, -1), np.zeros(2, np.int64)) == 0
    template = records([pod("t"), pod("u")])
    template[1].metadata.namespace = "team"
    array = PodArray(NumberedNames("p-{:02d}", 4), template, numbers(0, 1, 1, 0))
    keys = ArrayKeys(array, np.array([0, 2, 3]))
    assert list(keys) == ["default/p-00", "team/p-02", "default/p-03"]
    assert table.add(keys, numbers(3, 4, 4), numbers(1, 1, 2), np.array([7, 8, 9])) == 2
    assert [table.find(key) for key in ("d/a", "d/b", "team/p-02", "default/p-03", "default/p-01")] == [
        0,
        1,
        3,
        4,
        None,
    ]
    assert [table.key(number) for number in range(5)] == ["d/a", "d/b", *keys]
    assert (table.count, table.placed) == (5, 4)
    assert table.on(1).tolist() == [2, 3] and table.on(9).tolist() == []
    table.hide(2)
    assert table.placed == 3 and table.on(1).tolist() == [3]
    table.show(2, 1)
    assert table.placed == 4 and table.on(1).tolist() == [2, 3]
    table.drop(2)
    assert (table.find("default/p-00"), table.placed, table.live, table.on(1).tolist()) == (None, 3, 4, [3])
    assert table.class_of.tolist() == [0, 1, 3, 4, 4] and table.priority.tolist() == [0, 0, 7, 8, 9]


def test_a_key_that_was_dropped_may_come_again() -> None:
    table = PodTable()
    for round_ in range(3):
        number = table.add(["d/a"], numbers(0), numbers(0), np.zeros(1, np.int64))
        assert number == round_ and table.find("d/a") == number
        table.drop(number)
        assert table.find("d/a") is None
    table.add(["d/b"], numbers(0), numbers(0), np.zeros(1, np.int64))
    table.drop(3)  # before anybody asked for it
    assert table.find("d/b") is None and table.placed == 0


def test_the_pod_table_goes_back_to_a_state() -> None:
    table = PodTable()
    table.add(["d/a", "d/b"], numbers(0, 1), numbers(5, 6), np.zeros(2, np.int64))
    table.drop(0)
    state = table.state()
    table.add(["d/c"], numbers(2), numbers(7), np.zeros(1, np.int64))
    table.leave("six", 6)
    table.enter("six", 9)
    table.drop(1)
    for _ in range(2):  # a state can be used again
        table.restore(state)
        assert (table.count, table.placed, table.node_of.tolist()) == (2, 1, [-1, 6])
        assert [table.find(key) for key in ("d/a", "d/b", "d/c")] == [None, 1, None]
        table.add(["d/x"], numbers(3), numbers(1), np.zeros(1, np.int64))
        assert table.find("d/x") == 2


def keys_on(table: PodTable, row: int) -> str:
    """Return the last letters of the keys of the pods on a node, in their order."""
    return "".join(table.key(number)[-1] for number in table.on(row).tolist())


def test_the_last_pod_of_a_node_takes_the_place_of_one_that_leaves() -> None:
    """As in upstream's NodeInfo; also while the pods wait for their node, and after compacting."""
    table = PodTable()
    keys = [f"d/{letter}" for letter in "abcdefgh"]
    table.add(keys, numbers(*[0] * 8), numbers(*[3] * 5, 4, 4, 4), np.zeros(8, np.int64))
    table.drop(1)
    assert keys_on(table, 3) == "aecd" and keys_on(table, 4) == "fgh"
    table.drop(3)
    table.add(["d/x"], numbers(0), numbers(3), np.zeros(1, np.int64))
    assert keys_on(table, 3) == "aecx"
    table.leave("three", 3)
    table.wait(table.add(["d/y"], numbers(0), numbers(-1), np.zeros(1, np.int64)), "three")
    table.drop(0)
    assert table.placed == 3
    state = table.state()
    for _ in range(2):
        table.compact()
        table.drop(table.find("d/c") or -1)
        assert [table.key(number) for number in table.enter("three", 7)] == ["d/y", "d/e", "d/x"]
        assert keys_on(table, 7) == "yex" and keys_on(table, 4) == "fgh" and table.on(3).tolist() == []
        table.restore(state)


def test_compacting_leaves_what_is_there_and_nothing_else() -> None:
    table = PodTable()
    rng = np.random.default_rng(1)
    there: dict[str, tuple[int, int, int]] = {}
    for number in range(3000):
        rows = rng.integers(0, 9, 8).astype(np.int32)
        keys = [f"d/{number}-{part}" for part in range(8)]
        table.add(keys, rows + 20, rows, rows.astype(np.int64) + 40, number)
        there |= {key: (int(row) + 20, int(row), number) for key, row in zip(keys, rows, strict=True)}
        for key in rng.choice(sorted(there), 8 if number > 20 else 4, replace=False).tolist():
            table.drop(table.find(key) or 0)
            del there[key]
        if table.is_sparse:
            before = [keys_on(table, row) for row in range(9)]
            table.compact()
            assert [keys_on(table, row) for row in range(9)] == before
    assert table.count <= 2 * len(there) + SLACK + 8 and table.live == table.placed == len(there)
    for key, (pod_class, row, start) in there.items():
        found = table.find(key)
        assert found is not None and table.key(found) == key
        assert (table.class_of[found], table.node_of[found], table.start_time[found]) == (pod_class, row, start)
        assert table.priority[found] == row + 40


def test_keys_outlive_numbers() -> None:
    table = PodTable()
    table.add(["d/a", "d/b", "d/c"], numbers(0, 0, 0), numbers(1, 1, 1), np.zeros(3, np.int64))
    keys, state = table.keys(np.array([2, 0])), table.state()
    table.drop(1)
    table.compact()
    table.drop(0)
    assert list(keys) == ["d/c", "d/a"] and list(keys[1:]) == ["d/a"]
    table.restore(state)
    assert list(keys) == ["d/c", "d/a"]


def test_pods_of_one_key_are_told_apart() -> None:
    """Nobody checks that a key is new in a batch: the later one is found, both count."""
    table = PodTable()
    for row in (1, 2):
        table.add(["d/a"], numbers(0), numbers(row), np.zeros(1, np.int64))
    assert table.find("d/a") == 1
    table.compact()
    assert table.placed == 2 and table.on(1).tolist() == [0] and table.find("d/a") == 1
    table.drop(0)
    assert table.find("d/a") == 1


# Classes --------------------------------------------------------------------------------------------------------------

SAME: dict[str, Json] = {
    "the name": {"metadata": {"name": "other", "namespace": "default"}},
    "the uid": {"metadata": {"name": "p", "namespace": "default", "uid": "x"}},
    "the phase": {"status": {"phase": "Pending"}},
    "volumes that no plugin reads": {
        "spec": pod(
            "p", {"cpu": "1"}, volumes=[{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "s"}}]
        )["spec"]
    },
}
OTHER: dict[str, Json] = {
    "the namespace": {"metadata": {"name": "p", "namespace": "team"}},
    "labels": {"metadata": {"name": "p", "namespace": "default", "labels": {"app": "web"}}},
    "being deleted": {"metadata": {"name": "p", "namespace": "default", "deletionTimestamp": "2026-01-01T11:00:00Z"}},
    "a nomination": {"status": {"nominatedNodeName": "a"}},
    "a resize": {"status": {"containerStatuses": [{"name": "main", "image": "", "imageID": "", "resources": {}}]}},
}
SPECS: list[Json] = [
    {"schedulerName": "other"}, {"priority": 1}, {"preemptionPolicy": "Never"}, {"nodeSelector": {"a": "b"}},
    {"hostNetwork": True}, {"nodeName": "a"}, {"schedulingGates": [{"name": "g"}]}, {"overhead": {"cpu": "1"}},
    {"tolerations": [{"operator": "Exists"}]}, {"resources": {"requests": {"cpu": "2"}}}, {"hostUsers": False},
    {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
    {"initContainers": [{"name": "i", "image": "i"}]},
]  # fmt: skip


def classes_of(pods: list[Json]) -> list[int]:
    """Return the class of each pod; pods of one name are loaded apart, since no cluster has two of them."""
    cluster = Cluster()
    return [cluster.classes.intern(records([each])[0]) for each in pods]


@pytest.mark.parametrize("what", SAME)
def test_what_makes_no_difference_to_a_class(what: str) -> None:
    assert classes_of([pod("p", {"cpu": "1"}), pod("p", {"cpu": "1"}) | SAME[what]]) == [0, 0]


@pytest.mark.parametrize(
    "change", [*OTHER.values(), *({"spec": pod("p", {"cpu": "1"}, **spec)["spec"]} for spec in SPECS)]
)
def test_what_makes_another_class(change: Json) -> None:
    assert classes_of([pod("p", {"cpu": "1"}), pod("p", {"cpu": "1"}) | change, pod("q", {"cpu": "1"})]) == [0, 1, 0]


def test_quantities_and_images_make_other_classes() -> None:
    pods = [
        pod("p", {"cpu": "1"}),
        pod("p", {"cpu": "2"}),
        pod("p", {GPU: "1"}),
        pod("p", {"cpu": "1"}, container={"image": "x"}),
    ]
    assert classes_of(pods) == [0, 1, 2, 3]


def test_claims_make_other_classes_of_one_shape() -> None:
    """What pods of different claims share does not depend on which claims they are; a volume more does."""
    mounts = [[], ["a"], ["b"], ["a", "b"], ["b", "a"]]
    volumes = [[{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names] for names in mounts]
    cluster = Cluster()
    pods = records([pod(f"p{number}", volumes=each) for number, each in enumerate(volumes)])
    assert [cluster.classes.intern(each) for each in pods] == [0, 1, 2, 3, 4]
    assert cluster.classes.shape_of[:5].tolist() == [0, 1, 1, 2, 2]
    assert cluster.classes.with_claims == {1, 2, 3, 4}


def test_a_sidecar_and_an_init_container_request_other_amounts() -> None:
    """Pods that are equal but for the restart policy of an init container, which decides whether it counts on top."""

    def init(**more: str) -> list[Json]:
        return [{"name": "i", "image": "i", "resources": {"requests": {"cpu": "1"}}, **more}]

    cluster = Cluster()
    pods = records(
        [
            pod("p", {"cpu": "1"}, initContainers=init()),
            pod("q", {"cpu": "1"}, initContainers=init(restartPolicy="Always")),
        ]
    )
    assert [cluster.classes.info(each).requests[0] for each in pods] == [1000, 2000]


def test_classes_keep_their_rows_as_the_table_grows() -> None:
    cluster = Cluster()
    pods = records(
        [pod(f"p{number}", {"cpu": f"{number}m", "memory": f"{number}"}, priority=number) for number in range(1, 200)]
    )
    assert [cluster.classes.intern(each) for each in pods + pods] == [*range(199), *range(199)]
    for number in (0, 63, 64, 128, 198):
        info = cluster.classes.info_of(number)
        assert info.requests[:2].tolist() == [number + 1, number + 1] and info.priority == number + 1
        assert cluster.classes.priority[number] == number + 1
    assert len(cluster.classes) == 199


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (slice(None), ["n5", "n6", "n7"]), (slice(1, None), ["n6", "n7"]), (slice(-1, None), ["n7"]),
        (slice(None, None, 2), ["n5", "n7"]), (slice(2, 1), []), (slice(None, None, -1), ["n7", "n6", "n5"]),
    ],
)  # fmt: skip
def test_numbered_names_behave_as_a_list(part: slice, expected: list[str]) -> None:
    names = NumberedNames("n{}", 3, start=5)
    assert list(names[part]) == expected and len(names[part]) == len(expected)
    assert (names[0], names[-1], list(names), "n6" in names) == ("n5", "n7", ["n5", "n6", "n7"], True)
    for index in (3, -4):
        with pytest.raises(IndexError):
            names[index]


def test_a_node_without_an_object_is_told_from_its_columns() -> None:
    template = Node()
    template.metadata.labels = {"kubernetes.io/hostname": "", "disk": "ssd"}
    template.spec.taints = (Taint(key="gpu", effect="NoSchedule"),)
    template.spec.unschedulable = True
    template.status.allocatable = {"cpu": "1500m", "memory": "2Gi", "pods": "7", "example.com/gpu": "1"}
    template.status.declared_features = ("B", "A")
    nodes = NodeColumns()
    nodes.add_array(NodeArray(["n0"], [template], np.zeros(1, np.int32)))
    again = NodeColumns()
    again.add(nodes.record(0))
    for name in ("allocatable", "allowed_pods", "unschedulable", "alive"):
        assert getattr(again, name).tolist() == getattr(nodes, name).tolist()
    assert again.labels_of(0) == nodes.labels_of(0) == {"disk": "ssd", "kubernetes.io/hostname": "n0"}
    assert again.record(0).spec.taints == template.spec.taints
    assert again.record(0).status.declared_features == ("A", "B")
    assert again.record(0) is again.objects[0]
