"""Random clusters with pods and events for the engine's tests, and the same history played on engines of each speed.

Configurations and resources come from a small fixed set, so that few modules are generated and compiled.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sched_core import (
    Cluster,
    Engine,
    Failure,
    Node,
    Plugin,
    Pod,
    SchedulerConfiguration,
    Speed,
    load_config,
    load_documents,
    pod_key,
)

Json = dict[str, Any]

COMPILING = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
"""Whether kernels are compiled in this run (see test_without_compiling)."""

ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
GPU = "example.com/gpu"
RESOURCES = (
    GPU, "vendor.io/nic", "hugepages-2Mi", "hugepages-1Gi", "attachable-volumes-csi-disk",
    "example.com.kubernetes.io/native", "example.com/ghost",
)  # fmt: skip
"""Every scalar resource of `tests.naive.generate`."""

SECOND: Json = {
    "schedulerName": "second-scheduler",
    "plugins": {
        "score": {
            "disabled": [{"name": "ImageLocality"}],
            "enabled": [{"name": "TaintToleration", "weight": 5}, {"name": "NodeResourcesFit", "weight": 4}],
        },
        "postFilter": {"disabled": [{"name": "DynamicResources"}]},
    },
    "pluginConfig": [
        {
            "name": "NodeResourcesFit",
            "args": {
                "scoringStrategy": {"type": "MostAllocated", "resources": [{"name": GPU, "weight": 3}, {"name": "cpu"}]}
            },
        }
    ],
}
"""A profile that packs, with other weights and without one of the PostFilter plugins."""


def looking_at(percentage: int, second: int | None = None) -> SchedulerConfiguration:
    """Return two profiles that look at so many percent of the nodes; the second one may have a number of its own."""
    own = {} if second is None else {"percentageOfNodesToScore": second}
    return load_config(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "percentageOfNodesToScore": percentage,
            "profiles": [{"schedulerName": "default-scheduler"}, SECOND | own],
        }
    )


ALL_NODES = looking_at(100)


def node(
    name: str,
    resources: Mapping[str, str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Json] = (),
    **allocatable: str,
) -> Json:
    """Return a node of 4 cores, 16 GiB and 110 pods unless said otherwise; ``resources`` are further ones."""
    amounts = {"cpu": "4", "memory": "16Gi", "pods": "110", **allocatable, **(resources or {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": amounts},
    }


def pod(name: str, requests: Json | None = None, *, container: Json | None = None, **spec: Any) -> Json:
    """Return a pod with one container; its requests are limits too."""
    resources = {"requests": requests, "limits": requests} if requests else {}
    main = {"name": "main", "image": "app", "resources": resources, **(container or {})}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [main], **spec}}


def records(objects: Sequence[Json]) -> list[Pod]:
    """Return pods as records, checked and with their defaults."""
    return load_documents(objects).pods


def node_record(one: Json) -> Node:
    """Return a node as a record."""
    return load_documents([one]).nodes[0]


def cluster_of(objects: Sequence[Json]) -> Cluster:
    """Return a cluster; its resources have the same rows whatever the objects name."""
    cluster = Cluster()
    for name in RESOURCES:
        cluster.nodes.resource_row(name)
    loaded = load_documents(objects)
    cluster.namespaces = {each.metadata.name: dict(each.metadata.labels) for each in loaded.namespaces}
    for record in (record for found in loaded.others.values() for record in found):
        cluster.add_object(record)
    for each in loaded.nodes:
        cluster.add_node(each)
    cluster.add_pods(one for one in loaded.pods if one.spec.node_name)
    return cluster


class Event(NamedTuple):
    """A change of the cluster between two pods: one of the methods of `play`, and what it takes."""

    before: int
    what: str
    given: Any


class World(NamedTuple):
    """A history: objects at the beginning, pods in turn, events in between."""

    objects: list[Json]
    pods: list[Pod]
    events: list[Event]


class Result(NamedTuple):
    """What became of a history: all that must be the same whatever decided."""

    nodes: list[str]
    failures: dict[int, Failure]
    usage: dict[str, Any]
    places: dict[str, str]
    start: int
    nominated: dict[str, str]


def play(
    world: World, speed: Speed, chunks: random.Random | None = None, config: SchedulerConfiguration = ALL_NODES,
    plugins: Mapping[str, type[Plugin]] | None = None,
) -> tuple[Result, dict[str, int]]:  # fmt: skip
    """Play a history; pods between two events are scheduled in one call, or in chunks of random size.

    Return the result, and how many pods each speed decided on.
    """
    engine = Engine(cluster_of(world.objects), config, speed=speed, plugins=plugins)
    kept = engine.snapshot()
    names: list[str] = []
    failures: dict[int, Failure] = {}
    used: dict[str, int] = {}
    marks = [*world.events, Event(len(world.pods), "", None)]
    for event in marks:
        while len(names) < event.before:
            start, stop = len(names), event.before
            if chunks is not None:
                stop = min(stop, start + chunks.choice([1, 2, 7, 30, 100, 1000]))
            batch = engine.schedule_many(world.pods[start:stop])
            names += [engine.cluster.nodes.names[row] if row >= 0 else "" for row in batch.node_of.tolist()]
            failures |= {start + position: failure for position, failure in batch.failures.items()}
            assert batch.scheduled == stop - start - len(batch.failures)
            for each, count in batch.speed_used.items():
                used[each] = used.get(each, 0) + count
        if event.what == "snapshot":
            kept = engine.snapshot()
        elif event.what == "restore":
            engine.restore(kept)
        elif event.what:
            take(engine, event)
    nominated = {pod.key: name for name in engine.nominator.nodes() for pod in engine.nominator.on(name)}
    return Result(names, failures, usage(engine.cluster), places(engine.cluster), engine.start, nominated), used


def take(engine: Engine, event: Event) -> None:
    """Let an event happen; what is not there is left alone."""
    cluster = engine.cluster
    match event.what:
        case "node":
            cluster.add_node(node_record(event.given))
        case "gone":
            if event.given in cluster.nodes.row_of:
                cluster.remove_node(event.given)
        case "running":
            cluster.add_pods(records([event.given]))
        case "object":
            for record in (each for kind in load_documents([event.given]).others.values() for each in kind):
                cluster.add_object(record)
        case "no object":
            kind, key = event.given
            if key in cluster.others.get(kind, {}):
                cluster.remove_object(kind, key)
        case "forget":
            engine.forget(event.given)
        case "assume":
            waiting, name = event.given
            if name in cluster.nodes.row_of:
                engine.assume(records([waiting])[0], name)
        case "object":
            for each in load_documents([event.given]).others.values():
                cluster.add_object(each[0])
        case "no object":
            if event.given[1] in cluster.others.get(event.given[0], {}):
                cluster.remove_object(*event.given)
        case "namespace":
            cluster.namespaces |= event.given
        case "nominate":
            engine.nominate(*event.given)
        case _:
            raise AssertionError(event.what)


def usage(cluster: Cluster) -> dict[str, Any]:
    """Return what is in use on each node, by name."""
    nodes = cluster.nodes
    numbers = (nodes.allocatable, nodes.requested, nodes.nonzero_requested, nodes.used_ports, nodes.pod_count)
    return {name: [each[..., row].tolist() for each in numbers] for name, row in nodes.row_of.items()}


def places(cluster: Cluster) -> dict[str, str]:
    """Return the node of each pod that is in the pod table, empty for one that waits for its node."""
    pods, found = cluster.nodes.pods, {}
    for number in range(pods.count):
        key = pods.key(number)
        if pods.find(key) == number:
            row = int(pods.node_of[number])
            found[key] = cluster.nodes.names[row] if row >= 0 else ""
    return found


# Random histories -----------------------------------------------------------------------------------------------------

_SHAPES = [("2", "8Gi"), ("4", "16Gi"), ("8", "16Gi"), ("16", "64Gi")]
_SOFT = {"key": "old", "effect": "PreferNoSchedule"}
_HARD = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def random_world(
    rng: random.Random,
    *,
    nodes: int,
    classes: int,
    pods: int,
    events: int = 0,
    roomy: bool = False,
    plain: bool = False,
    named: bool = False,
    profiles: Sequence[str] = ("default-scheduler", "second-scheduler"),
    priorities: Sequence[int] = (),
) -> World:
    """Return a history of ``pods`` pods of about ``classes`` classes.

    ``roomy`` nodes do not fill up; ``plain`` pods have nothing that a batch would leave to the cycle; with ``named``
    some pods name the only nodes that would do, which moves the index at which the next scan starts. Pods of one
    profile that follow each other are decided on together, so many classes at once take pods of one profile.
    """
    objects = [random_node(rng, f"n{number}", roomy) for number in range(nodes)]
    rng.shuffle(objects)
    names = [each["metadata"]["name"] for each in objects]
    running = [random_pod(rng, names, True) for _ in range(rng.randint(0, min(2 * nodes, 40)))]
    for number, each in enumerate(running):
        each["metadata"]["name"] = f"old-{number}"
        each["spec"] |= {"nodeName": rng.choice([*names, "elsewhere"]), "priority": 0}
    templates = [random_pod(rng, names, plain, named) for _ in range(classes)]
    for each in templates:
        each["spec"].setdefault("schedulerName", rng.choice(profiles))
        if priorities:
            each["spec"]["priority"] = rng.choice(priorities)
    loaded = records(_numbered([rng.choice(templates) for _ in range(pods)]))
    happenings = [random_event(rng, number, names, loaded) for number in range(events)]
    return World([*objects, *running], loaded, sorted(happenings, key=lambda event: event.before))


def random_node(rng: random.Random, name: str, roomy: bool) -> Json:
    """Return a node, often with a zone, sometimes with taints, devices, few places for pods or no room at all."""
    cpu, memory = ("64", "256Gi") if roomy else rng.choice(_SHAPES)
    labels = {"disk": rng.choice(["ssd", "hdd"])}
    if rng.random() < 0.8:
        labels[ZONE] = rng.choice("abc")
    if rng.random() < 0.2:
        labels[REGION] = "r"
    taints = [each for each, chance in ((_SOFT, 0.3), (_HARD, 0.1)) if rng.random() < chance]
    devices = {GPU: rng.choice(["1", "4"])} if rng.random() < 0.3 else {}
    places = "110" if roomy else rng.choice(["3", "10", "110"])
    made = node(name, devices, labels=labels, taints=taints, cpu=cpu, memory=memory, pods=places)
    made["spec"]["unschedulable"] = rng.random() < 0.03
    return made


def random_pod(rng: random.Random, names: Sequence[str], plain: bool, named: bool = False) -> Json:
    """Return a pod; see `random_world` for ``plain`` and ``named``."""
    requests = {"cpu": f"{rng.randrange(0, 1000, 50)}m", "memory": f"{rng.choice([0, 64, 100, 512, 1000])}Mi"}
    if rng.random() < 0.1:
        requests[GPU] = "1"
    spec: Json = {}
    container: Json = {}
    if rng.random() < 0.2:
        container["ports"] = [
            {"containerPort": 80, "hostPort": rng.choice([80, 8080]), "hostIP": rng.choice(["10.0.0.1", "0.0.0.0"])}
        ]
        spec["hostNetwork"] = False
    if rng.random() < 0.2:
        spec["nodeSelector"] = {"disk": rng.choice(["ssd", "hdd"])}
    if rng.random() < 0.3:
        spec["tolerations"] = [{"key": rng.choice(["old", "dedicated"]), "operator": "Exists"}]
    affinity: Json = {}
    if rng.random() < 0.3:
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": rng.randint(1, 100), "preference": {"matchExpressions": [
                {"key": rng.choice(["disk", ZONE]), "operator": "In", "values": [rng.choice(["ssd", "a", "b"])]}
            ]}}
            for _ in range(rng.randint(1, 2))
        ]  # fmt: skip
    if named and rng.random() < 0.15:
        fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in rng.sample(names, 1)]
        terms = [{"matchFields": [field]} for field in [*fields, *fields[: rng.randint(0, 1)]]]
        if rng.random() < 0.3:
            terms = [{"matchFields": [fields[0], {"key": "metadata.name", "operator": "In", "values": ["nobody"]}]}]
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if affinity:
        spec["affinity"] = {"nodeAffinity": affinity}
    made = pod("", requests, container=container, **spec)
    if not plain:
        _hold_back(rng, made)
    return made


def _hold_back(rng: random.Random, made: Json) -> None:
    """Give some pods what keeps them out of the cycle, or makes an attempt fail; others a status."""
    dice = rng.random()
    if dice < 0.03:
        made["spec"]["schedulingGates"] = [{"name": "quota"}]
    elif dice < 0.06:
        made["spec"]["schedulerName"] = "nobody"
    elif dice < 0.09:
        made["metadata"] |= {"deletionTimestamp": "2026-01-01T11:00:00Z", "deletionGracePeriodSeconds": 30}
    elif dice < 0.15:
        made["spec"]["preemptionPolicy"] = "Never"
    elif dice < 0.2:
        made["status"] = {
            "containerStatuses": [
                {"name": "main", "image": "", "imageID": "", "resources": {"requests": {"cpu": "1200m"}}}
            ],
            "conditions": [
                {"type": "PodResizePending", "status": "True", "reason": rng.choice(["Infeasible", "Deferred"])}
            ],
        }
    elif dice < 0.23:
        term = {"matchExpressions": [{"key": "disk", "operator": "Gt", "values": ["-1"]}]}
        affinity = made["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = [{"weight": 1, "preference": term}]


def random_event(rng: random.Random, number: int, names: Sequence[str], pods: Sequence[Pod]) -> Event:
    """Return an event before one of the pods; a pod that is forgotten is one of those before."""
    before = rng.randint(0, len(pods))
    what = rng.choice(["node", "node", "gone", "running", "forget", "forget", "forget", "assume"])
    if what == "node":
        return Event(before, what, random_node(rng, rng.choice([*names, f"late-{number}"]), False))
    if what == "gone":
        return Event(before, what, rng.choice(names))
    if what == "forget":
        return Event(before, what, pod_key(pods[rng.randrange(max(before, 1))]))
    made = random_pod(rng, names, True)
    made["metadata"]["name"] = f"event-{number}"
    if what == "assume":
        return Event(before, what, (made, rng.choice(names)))
    made["spec"]["nodeName"] = rng.choice([*names, "elsewhere"])
    return Event(before, what, made)


def _numbered(templates: Sequence[Json]) -> list[Json]:
    """Return a pod of each template, with names of their own."""
    made = []
    for number, template in enumerate(templates):
        copy = msgspec.json.decode(msgspec.json.encode(template))
        copy["metadata"]["name"] = f"new-{number}"
        made.append(copy)
    return made
