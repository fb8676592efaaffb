"""What each plugin says stands in the way, word for word, and the change that is proven for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sched_core import (
    Change,
    Cluster,
    CycleState,
    Engine,
    Node,
    NodeArray,
    NodeColumns,
    Obstacle,
    Plugin,
    PluginError,
    PodInfo,
    Verdicts,
    load_config,
    load_documents,
    replaced,
)
from sched_core.explain import Explanation, explain, fix
from tests.explain.clusters import EVERY_NODE, HOSTNAME, ZONE, engine_of, load, node, pod

Json = dict[str, Any]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def explained(*objects: Json, **options: Any) -> Explanation:
    loaded, web = load(*objects)
    return explain(engine_of(loaded), web, **options)


def texts(found: Explanation, name: str = "n0") -> list[str]:
    return [obstacle.text for obstacle in found.of(name).obstacles]


def changes(found: Explanation) -> list[list[str]]:
    """Return the changes of the first fix, each with its alternatives."""
    first = found.fixes[0]
    return [
        [change.text, *(other.text for other in others)]
        for change, others in zip(first.changes, first.alternatives, strict=True)
    ]


def near(side: str, key: str, **labels: str) -> Json:
    return {side: {REQUIRED: [{"topologyKey": key, "labelSelector": {"matchLabels": labels}}]}}


def node_affinity(*expressions: Json) -> Json:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}}}


CASES: dict[str, tuple[list[Json], list[str], list[list[str]]]] = {
    "cpu that others use": (
        [node("n0"), pod("p0", {"cpu": "3800m"}, nodeName="n0"), pod(requests={"cpu": "500m"})],
        ["lacks 300m cpu: 500m requested, 200m of 4 free"],
        [["free 300m cpu on n0", "request 300m less cpu"]],
    ),
    "memory that the node does not have": (
        [node("n0"), pod(requests={"memory": "9.5Gi"})],
        ["lacks 1.5Gi memory: 9.5Gi requested, 8Gi of 8Gi free"],
        [["give n0 1.5Gi more memory", "request 1.5Gi less memory"]],
    ),
    "a device": (
        [node("n0"), pod(requests={"example.com/gpu": "2"})],
        ["lacks 2 example.com/gpu: 2 requested, 0 of 0 free"],
        [["give n0 2 more example.com/gpu"]],
    ),
    "the number of pods": (
        [node("n0", pods="1"), pod("p0", nodeName="n0"), pod()],
        ["runs 1 of at most 1 pods"],
        [["make room for 1 more pod on n0"]],
    ),
    "a taint": (
        [node("n0", spec={"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}), pod()],
        ["has the taint gpu=yes:NoSchedule"],
        [["add the toleration gpu=yes:NoSchedule", "remove the taint gpu=yes:NoSchedule from n0"]],
    ),
    "a cordon, with the taint that goes with it": (
        [
            node(
                "n0",
                spec={
                    "unschedulable": True,
                    "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
                },
            ),
            pod(),
        ],
        ["is cordoned", "has the taint node.kubernetes.io/unschedulable:NoSchedule"],
        [["uncordon n0", "add the toleration node.kubernetes.io/unschedulable:NoSchedule"]],
    ),
    "a node selector": (
        [node("n0", {"disk": "hdd"}), pod(nodeSelector={"disk": "ssd"})],
        ["has the label disk=hdd, not ssd (node selector disk=ssd)"],
        [["label node n0 disk=ssd", "drop disk from the node selector"]],
    ),
    "a node selector for a label that is not there": (
        [node("n0"), pod(nodeSelector={"disk": "ssd"})],
        ["lacks the label disk (node selector disk=ssd)"],
        [["label node n0 disk=ssd", "drop disk from the node selector"]],
    ),
    "the name of another node": (
        [node("n0"), pod(nodeSelector={HOSTNAME: "n1"})],
        [f"has the label {HOSTNAME}=n0, not n1 (node selector {HOSTNAME}=n1)"],
        [[f"drop {HOSTNAME} from the node selector"]],
    ),
    "node affinity": (
        [
            node("n0", {"rank": "3", "old": "1"}),
            pod(
                affinity=node_affinity(
                    {"key": "rank", "operator": "Gt", "values": ["5"]},
                    {"key": "old", "operator": "DoesNotExist"},
                    {"key": "disk", "operator": "In", "values": ["ssd", "nvme"]},
                )
            ),
        ],
        ["the required node affinity wants rank > 5 and no label old and disk in (ssd, nvme)"],
        [["label node n0 rank=6 old- disk=ssd", "drop the required node affinity"]],
    ),
    "a host port": (
        [
            node("n0"),
            pod("p0", nodeName="n0", container={"ports": [{"hostPort": 80, "containerPort": 1}]}),
            pod(container={"ports": [{"hostPort": 80, "containerPort": 80}]}),
        ],
        ["the host port 80/TCP is held by default/p0"],
        [["remove default/p0", "do without the host port 80/TCP"]],
    ),
    "anti-affinity of the pod": (
        [
            node("n0", {ZONE: "a"}),
            pod("p0", labels={"app": "db"}, nodeName="n0"),
            pod(affinity=near("podAntiAffinity", ZONE, app="db")),
        ],
        [f"the pod must not run in {ZONE}=a with default/p0"],
        [["remove default/p0", f"drop the anti-affinity term for {ZONE}"]],
    ),
    "anti-affinity of a pod that runs": (
        [
            node("n0"),
            pod("p0", affinity=near("podAntiAffinity", HOSTNAME, app="web"), nodeName="n0"),
            pod(labels={"app": "web"}),
        ],
        [f"default/p0 in {HOSTNAME}=n0 must not run with it"],
        [["remove default/p0"]],
    ),
    "affinity to nobody": (
        [node("n0", {ZONE: "a"}), pod(affinity=near("podAffinity", ZONE, app="db"))],
        ["no pod that it must be near runs anywhere"],
        [["drop the required pod affinity"]],
    ),
    "affinity to a pod elsewhere": (
        [
            node("n0", {ZONE: "a"}),
            node("n1", {ZONE: "b"}, pods="1"),
            pod("p0", labels={"app": "db"}, nodeName="n1"),
            pod(affinity=near("podAffinity", ZONE, app="db")),
        ],
        [f"what the pod must be near runs in {ZONE}=b only, not in {ZONE}=a"],
        [["make room for 1 more pod on n1"]],
    ),
    "affinity on a node without the label": (
        [
            node("n0"),
            node("n1", {ZONE: "b"}, {"unschedulable": True}, cpu="1m", memory="1"),
            pod("p0", labels={"app": "db"}, nodeName="n1"),
            pod(requests={"cpu": "1"}, affinity=near("podAffinity", ZONE, app="db")),
        ],
        [f"lacks the label {ZONE} of the required pod affinity"],
        [[f"label node n0 {ZONE}=b", "drop the required pod affinity"]],
    ),
    "a spread constraint": (
        [
            node("n0", {ZONE: "a"}),
            node("n1", {ZONE: "b"}, pods="0"),
            pod("p0", labels={"app": "web"}, nodeName="n0"),
            pod(
                labels={"app": "web"},
                topologySpreadConstraints=[
                    {
                        "maxSkew": 1,
                        "topologyKey": ZONE,
                        "whenUnsatisfiable": "DoNotSchedule",
                        "labelSelector": {"matchLabels": {"app": "web"}},
                    }
                ],
            ),
        ],
        [f"{ZONE}=a would have 2 matching pods, the least is 0, maxSkew 1"],
        [[f"allow a maxSkew of 2 over {ZONE}", "remove default/p0", f"spread over {ZONE} by ScheduleAnyway"]],
    ),
    "a spread constraint over a label that is nowhere": (
        [
            node("n0"),
            pod(
                topologySpreadConstraints=[
                    {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
                ]
            ),
        ],
        ["lacks the label rack of a spread constraint"],
        [["spread over rack by ScheduleAnyway"]],
    ),
    "too few domains": (
        [
            node("n0", {ZONE: "a"}),
            pod("p0", labels={"app": "web"}, nodeName="n0"),
            pod(
                labels={"app": "web"},
                topologySpreadConstraints=[
                    {
                        "maxSkew": 1,
                        "minDomains": 2,
                        "topologyKey": ZONE,
                        "whenUnsatisfiable": "DoNotSchedule",
                        "labelSelector": {"matchLabels": {"app": "web"}},
                    }
                ],
            ),
        ],
        [f"{ZONE}=a would have 2 matching pods, fewer than minDomains 2, so the least is 0, maxSkew 1"],
        [[f"allow a maxSkew of 2 over {ZONE}", "remove default/p0", f"spread over {ZONE} by ScheduleAnyway"]],
    ),
    "a disk": (
        [
            node("n0"),
            pod("p0", nodeName="n0", volumes=[{"name": "d", "awsElasticBlockStore": {"volumeID": "v1"}}]),
            pod(volumes=[{"name": "d", "awsElasticBlockStore": {"volumeID": "v1"}}]),
        ],
        ["a disk of the pod is in use by default/p0"],
        [["remove default/p0"]],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_obstacle_and_change(case: str) -> None:
    objects, obstacles, wanted = CASES[case]
    found = explained(*objects)
    assert found.outcome == "unschedulable"
    assert texts(found) == obstacles
    assert changes(found) == wanted


def test_the_name_in_the_spec() -> None:
    found = explained(node("n0"), pod(nodeName="n1"), node="n0")
    assert texts(found) == ["the pod names the node n1"]
    assert changes(found) == [["leave spec.nodeName empty"]]


def test_a_feature_that_only_another_kubelet_has() -> None:
    found = explained(node("n0"), pod(hostNetwork=True, hostUsers=False))
    assert texts(found) == ["its kubelet does not declare UserNamespacesHostNetworkSupport"]
    assert found.fixes == ()


def claim(name: str, volume: str = "", modes: tuple[str, ...] = ("ReadWriteOnce",)) -> Json:
    bound = {"pv.kubernetes.io/bind-completed": "yes"} if volume else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default", "annotations": bound},
        "spec": {"volumeName": volume, "storageClassName": "late", "accessModes": list(modes)},
    }


def volume(name: str, labels: Json | None = None, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **spec},
    }


LATE = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "late"},
    "provisioner": "kubernetes.io/no-provisioner",
    "volumeBindingMode": "WaitForFirstConsumer",
}
DATA = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]


def test_a_volume_out_of_reach() -> None:
    terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["b"]}]}]
    pv = volume("pv", nodeAffinity={"required": {"nodeSelectorTerms": terms}})
    found = explained(node("n0", {ZONE: "a"}), LATE, claim("data", "pv"), pv, pod(volumes=DATA))
    assert texts(found) == [f"the volume pv of the claim data wants {ZONE}=b"]
    assert found.fixes == ()


def test_a_volume_that_is_gone() -> None:
    found = explained(node("n0"), LATE, claim("data", "pv"), pod(volumes=DATA))
    assert found.message.startswith("0/1 nodes are available:")
    assert found.fixes == ()


def test_a_volume_in_another_zone() -> None:
    pv = volume("pv", {ZONE: "b"})
    found = explained(node("n0", {ZONE: "a"}), LATE, claim("data", "pv"), pv, pod(volumes=DATA))
    assert texts(found) == [f"a volume of the pod is in {ZONE}=b"]


def test_a_claim_without_a_volume() -> None:
    found = explained(node("n0"), LATE, claim("data"), pod(volumes=DATA))
    assert texts(found) == ["the claim data waits for a volume of class late that the node can reach"]


def test_a_claim_for_one_pod_alone() -> None:
    objects = [LATE, claim("data", "pv", ("ReadWriteOncePod",)), volume("pv")]
    found = explained(node("n0"), *objects, pod("p0", nodeName="n0", volumes=DATA), pod(volumes=DATA))
    assert texts(found) == ["the claim data is for one pod alone (ReadWriteOncePod) and in use by default/p0"]
    assert changes(found) == [["remove default/p0"]]


def test_the_volumes_of_a_driver() -> None:
    csi_node = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {"name": "n0"},
        "spec": {"drivers": [{"name": "disk.example.com", "nodeID": "n0", "allocatable": {"count": 0}}]},
    }
    pv = volume("pv", csi={"driver": "disk.example.com", "volumeHandle": "h"})
    found = explained(node("n0"), LATE, csi_node, claim("data", "pv"), pv, pod(volumes=DATA))
    assert texts(found) == [
        "has 0 volumes of disk.example.com attached, the pod adds 1, at most 0 are allowed",
    ]
    assert changes(found) == [["raise the limit of disk.example.com on n0 to 1"]]
    assert found.fixes[0].changes[0].target == "CSINode"


def test_no_change_is_claimed_for_a_claim_that_is_missing() -> None:
    found = explained(node("n0"), pod(volumes=DATA))
    assert found.outcome == "unschedulable"
    assert 'persistentvolumeclaim "data" not found' in found.message
    assert (found.fixes, found.of("n0").obstacles) == ((), ())


def test_pods_that_are_nominated_to_a_node_are_named() -> None:
    loaded, web = load(node("n0"), pod("p0", {"cpu": "4"}, priority=1), pod(requests={"cpu": "1"}))
    (rival,) = loaded.pods
    loaded.pods.clear()
    engine = engine_of(loaded)
    engine.nominate(rival, "n0")
    found = explain(engine, web)
    assert texts(found) == ["there is no room beside the pods that are nominated to it: default/p0"]
    assert found.fixes == ()


def test_nodes_that_a_field_rules_out() -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]
    affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": fields}]}}}
    found = explained(node("n0"), node("n1", pods="0"), pod(affinity=affinity), node="n0")
    assert texts(found) == ["the required node affinity wants metadata.name=n1"]
    assert changes(found) == [["drop the required node affinity"]]


def test_the_least_change_comes_first() -> None:
    taint = {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}
    found = explained(
        node("n0", spec=taint, cpu="1"), node("n1", cpu="1"), node("n2", cpu="1900m"), pod(requests={"cpu": "2"})
    )
    assert [each.node for each in found.fixes] == ["n2", "n1", "n0"]
    assert [each.node for each in found.nodes] == ["n2", "n1", "n0"]


class Picky(Plugin):
    """A plugin of a user's own that says what would help."""

    name = "Picky"

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        return Verdicts.refuse(np.array([value != "yes" for value in self._values(nodes)]), "node(s) were not fine")

    def _values(self, nodes: NodeColumns) -> list[str]:
        return [nodes.labels_of(row).get("fine", "") for row in range(nodes.count)]


class Helpful(Picky):
    """The same with an explanation."""

    name = "Helpful"

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        def edit(one: Node) -> Node:
            return replaced(one, metadata=replaced(one.metadata, labels={**one.metadata.labels, "fine": "yes"}))

        return [Obstacle("is not fine", (Change("make it fine", node=edit),))]


def with_plugin(plugin: type[Plugin]) -> Explanation:
    profile = {"plugins": {"multiPoint": {"enabled": [{"name": plugin.name}]}}}
    loaded, web = load(node("n0"), pod())
    config = load_config({**EVERY_NODE, "profiles": [profile]})
    engine = Engine(Cluster.from_objects(loaded), config, plugins={plugin.name: plugin})
    return explain(engine, web)


def test_a_plugin_of_ones_own_explains_itself() -> None:
    found = with_plugin(Helpful)
    assert (texts(found), changes(found)) == (["is not fine"], [["make it fine"]])


def test_a_plugin_that_explains_nothing_is_quoted() -> None:
    found = with_plugin(Picky)
    assert (texts(found), found.fixes) == (["node(s) were not fine"], ())


class Broken(Picky):
    """The same with an explanation that fails."""

    name = "Broken"

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        raise ZeroDivisionError("by zero")


def test_a_plugin_whose_explanation_fails_is_named() -> None:
    text = "plugin Broken, explain, pod default/web, node n0: ZeroDivisionError: by zero"
    with pytest.raises(PluginError, match=text):
        with_plugin(Broken)


def test_a_pod_that_is_nominated_to_a_node_goes_there() -> None:
    loaded, web = load(node("n0"), node("n1", cpu="8"), node("n2", spec={"unschedulable": True}), pod())
    web.status.nominated_node_name = "n0"
    found = explain(engine_of(loaded), web)
    assert (found.node, found.nominated, found.margin) == ("n0", True, None)
    assert [each.node for each in found.nodes] == ["n0", "n2"]


def test_nodes_from_templates_are_explained_too() -> None:
    template = load_documents([node("n", cpu="1")]).nodes[0]
    engine = Engine(Cluster.from_array(NodeArray(["n0"], [template], np.zeros(1, np.int32))), load_config(EVERY_NODE))
    (web,) = load_documents([pod(requests={"cpu": "1500m"})]).pods
    found = explain(engine, web)
    assert changes(found) == [["give n0 500m more cpu", "request 500m less cpu"]]


def test_the_runner_up_is_what_comes_without_the_chosen_node() -> None:
    objects = [node(f"n{number}", cpu=cpu) for number, cpu in enumerate(("4", "8", "8", "8", "2"))]
    loaded, web = load(*objects, pod(requests={"cpu": "1", "memory": "1Gi"}))
    found = explain(engine_of(loaded), web)
    assert found.margin is not None
    without, _ = load(*(each for each in objects if each["metadata"]["name"] != found.node), pod())
    assert engine_of(without).evaluate(web, all_nodes=True).node == found.margin.node
    assert [each.node for each in found.nodes[:2]] == [found.node, found.margin.node]
    first, second = found.nodes[:2]
    assert first.total is not None and second.total is not None
    assert found.margin.points == first.total - second.total == sum(found.margin.by_plugin.values())


def test_a_node_that_is_asked_for_is_examined_among_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix, "EXAMINED", 1)
    found = explained(node("n0", cpu="1"), node("n1", cpu="1"), pod(requests={"cpu": "2"}), node="n1")
    assert [each.node for each in found.fixes] == ["n1"]
    assert [bool(each.obstacles) for each in found.nodes] == [True, False]


def test_only_the_port_of_the_protocol_is_given_up() -> None:
    ports = [{"containerPort": 1, "hostPort": 80, "protocol": each} for each in ("TCP", "UDP")]
    holder = pod("p0", nodeName="n0", container={"ports": [{"containerPort": 1, "hostPort": 80, "protocol": "UDP"}]})
    loaded, web = load(node("n0"), holder, pod(container={"ports": ports}))
    (alternative,) = explain(engine_of(loaded), web).fixes[0].alternatives[0]
    assert alternative.text == "do without the host port 80/UDP"
    assert alternative.pod is not None
    assert [each.host_port for each in alternative.pod(web).spec.containers[0].ports] == [80, 0]


def test_an_unknown_node_is_an_error() -> None:
    with pytest.raises(KeyError):
        explained(node("n0"), pod(), node="n1")
    with pytest.raises(KeyError):
        explained(node("n0"), pod()).of("n1")
