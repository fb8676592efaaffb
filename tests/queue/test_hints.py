"""The hints of all in-tree plugins: which event helps which pod."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plugins.helper import (
    hints_default_preemption,
    hints_inter_pod_affinity,
    hints_node_volume_limits,
    hints_pod_topology_spread,
    hints_volume_binding,
    hints_volume_restrictions,
    hints_volume_zone,
)
from plugins.helper.hints_pod_topology_spread import HardConstraint
from sched_core import (
    ActionType,
    Cluster,
    ClusterEvent,
    ClusterEventWithHint,
    Engine,
    Plugin,
    QueueingHint,
    load_config,
)
from sched_core.objects.records import KINDS
from sched_core.queue import QueueingHintMap
from sched_core.queue.event_handlers import RESOURCES
from tests.queue.toys import node, pod

HELPED = {
    "InterPodAffinity": hints_inter_pod_affinity.events_to_register(),
    "PodTopologySpread": hints_pod_topology_spread.events_to_register(),
    "NodeVolumeLimits": hints_node_volume_limits.events_to_register(),
    "VolumeBinding": hints_volume_binding.events_to_register(),
    "VolumeRestrictions": hints_volume_restrictions.events_to_register(),
    "VolumeZone": hints_volume_zone.events_to_register(),
    "DefaultPreemption": hints_default_preemption.events_to_register(),
}


def plugins(config: dict[str, Any] | None = None) -> dict[str, Plugin]:
    profile = Engine(Cluster(), load_config(config) if config else None, speed="cycle").profiles["default-scheduler"]
    return {plugin.name: plugin for each in profile.points.values() for plugin in each}


def answer(plugin: str, event: str, waiting: Any, old: Any, new: Any, more: Any = None) -> bool | None:
    """Return whether an event (``Resource.Action``) helps a pod that the plugin rejected; None if it is not told."""
    registered: Any = more or HELPED.get(plugin)
    if registered is None:
        registered = plugins()[plugin].events_to_register()  # type: ignore[attr-defined]
    resource, action = event.split(".")
    resource = RESOURCES.get(resource, resource)
    hints = QueueingHintMap({plugin: registered}).wanted(ClusterEvent(resource, ActionType[action])).get(plugin)
    if hints is None:
        return None
    return any(hint is None or hint(waiting, old, new) == QueueingHint.Queue for hint in hints)


def thing(kind: str, name: str = "x", *, annotations: Any = None, labels: Any = None, **fields: Any) -> Any:
    metadata: dict[str, Any] = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    if KINDS[kind].namespaced:
        metadata["namespace"] = fields.pop("namespace", "default")
    return msgspec.convert({"kind": kind, "metadata": metadata, **fields}, KINDS[kind].record)


def on(name: str = "other", **more: Any) -> Any:
    return pod(name, nodeName="n", **more)


def elsewhere(record: Any) -> Any:
    record.metadata.namespace = "elsewhere"
    return record


def room(cpu: str, pods: str = "10", **more: str) -> Any:
    return node(status={"allocatable": {"cpu": cpu, "pods": pods, "memory": "1Gi"} | more})


def asks(cpu: str = "", name: str = "a", **more: Any) -> Any:
    requests = {"cpu": cpu} if cpu else {}
    container = {"name": "c", "resources": {"requests": requests | more.pop("requests", {})}}
    return pod(name, containers=[container], **more)


def port(number: int, name: str = "a", address: str = "", **more: Any) -> Any:
    ports = [{"containerPort": 1, "hostPort": number, "hostIP": address}]
    return pod(name, containers=[{"name": "c", "ports": ports}], **more)


def tainted(effect: str = "NoSchedule") -> Any:
    return node(spec={"taints": [{"key": "k", "effect": effect}]})


CORDONED = node(spec={"unschedulable": True})
TOLERANT: dict[str, Any] = {"tolerations": [{"key": "k", "operator": "Exists"}]}
GPU = "example.com/gpu"


def required(*terms: Any) -> Any:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def expression(operator: str, *values: str) -> Any:
    return {"matchExpressions": [{"key": "k", "operator": operator, "values": list(values)}]}


NODE_CASES: list[tuple[str, str, Any, Any, Any, bool | None]] = [
    ("NodeName", "Node.Add", pod(), None, node(), True),
    ("NodeName", "Node.UpdateNodeLabel", pod(), node(), node(), None),
    ("NodeName", "Node.UpdateNodeTaint", pod(), node(), node(), True),  # the safety net
    ("SchedulingGates", "Pod.UpdatePodSchedulingGatesEliminated", pod(), pod(), pod(), True),
    ("SchedulingGates", "Pod.UpdatePodSchedulingGatesEliminated", pod(), pod("b"), pod("b"), False),
    ("NodeUnschedulable", "Node.Add", pod(), None, node(), True),
    ("NodeUnschedulable", "Node.Add", pod(), None, CORDONED, False),
    ("NodeUnschedulable", "Node.UpdateNodeTaint", pod(), CORDONED, node(), True),
    ("NodeUnschedulable", "Node.UpdateNodeTaint", pod(), tainted(), node(), False),
    ("NodeUnschedulable", "UnschedulablePod.UpdatePodToleration", pod(), pod(), pod(**TOLERANT), False),
    ("NodeUnschedulable", "UnschedulablePod.UpdatePodToleration", pod(), pod(),
     pod(tolerations=[{"operator": "Exists"}]), True),
    ("NodeUnschedulable", "UnschedulablePod.UpdatePodToleration", pod(), pod("b"),
     pod("b", tolerations=[{"operator": "Exists"}]), False),
    ("TaintToleration", "Node.Add", pod(), None, tainted(), False),
    ("TaintToleration", "Node.Add", pod(**TOLERANT), None, tainted(), True),
    ("TaintToleration", "Node.Add", pod(), None, tainted("PreferNoSchedule"), True),
    ("TaintToleration", "Node.UpdateNodeTaint", pod(), tainted("NoExecute"), node(), True),
    ("TaintToleration", "Node.UpdateNodeTaint", pod(), node(), node(), False),
    ("TaintToleration", "Node.UpdateNodeTaint", pod(), node(), tainted(), False),
    ("TaintToleration", "UnschedulablePod.UpdatePodToleration", pod(), pod(), pod(**TOLERANT), True),
    ("TaintToleration", "UnschedulablePod.UpdatePodToleration", pod(), pod("b"), pod("b", **TOLERANT), False),
    ("NodeAffinity", "Node.Add", pod(nodeSelector={"k": "v"}), None, node(labels={"k": "v"}), True),
    ("NodeAffinity", "Node.Add", pod(nodeSelector={"k": "v"}), None, node(), False),
    ("NodeAffinity", "Node.UpdateNodeLabel", pod(nodeSelector={"k": "v"}), node(), node(labels={"k": "v"}), True),
    ("NodeAffinity", "Node.UpdateNodeLabel", pod(nodeSelector={"k": "v"}), node(labels={"k": "v"}),
     node(labels={"k": "v", "l": "w"}), False),
    ("NodeAffinity", "Node.Add", pod(affinity=required(expression("In", "v"))), None, node(labels={"k": "v"}), True),
    ("NodeAffinity", "Node.Add", pod(affinity=required(expression("In", "v"))), None, node(), False),
    ("NodeAffinity", "Node.Add", pod(affinity=required(expression("Gt", "x"))), None, node(), True),  # does not parse
    ("NodeAffinity", "Node.Add", pod(nodeSelector={"k": "v"}, affinity=required(expression("Gt", "x"))), None, node(),
     False),
    ("NodePorts", "Node.Add", port(80), None, node(), True),
    ("NodePorts", "AssignedPod.Delete", port(80), port(80, "b", nodeName="n"), None, True),
    ("NodePorts", "AssignedPod.Delete", port(80), port(80, "b"), None, False),
    ("NodePorts", "AssignedPod.Delete", port(80), port(80, "b", status={"nominatedNodeName": "n"}), None, True),
    ("NodePorts", "AssignedPod.Delete", port(80), port(81, "b", nodeName="n"), None, False),
    ("NodePorts", "AssignedPod.Delete", port(80, address="1.1.1.1"), port(80, "b", "2.2.2.2", nodeName="n"), None,
     False),
    ("NodePorts", "AssignedPod.Delete", port(80, address="1.1.1.1"), port(80, "b", nodeName="n"), None, True),
    ("NodeResourcesFit", "AssignedPod.Delete", pod(), on(), None, True),
    ("NodeResourcesFit", "AssignedPod.Delete", pod(), pod("b"), None, False),
    ("NodeResourcesFit", "UnschedulablePod.UpdatePodScaleDown", asks("1"), asks("2"), asks("1"), True),
    ("NodeResourcesFit", "UnschedulablePod.UpdatePodScaleDown", asks("1"), asks("2", "b"), asks("1", "b"), False),
    ("NodeResourcesFit", "AssignedPod.UpdatePodScaleDown", asks("1"), asks("2", "b", nodeName="n"),
     asks("1", "b", nodeName="n"), True),
    ("NodeResourcesFit", "AssignedPod.UpdatePodScaleDown", pod(), asks("2", "b", nodeName="n"),
     asks("1", "b", nodeName="n"), False),
    ("NodeResourcesFit", "Node.Add", asks("2"), None, room("2"), True),
    ("NodeResourcesFit", "Node.Add", asks("2"), None, room("1999m"), False),
    ("NodeResourcesFit", "Node.Add", asks(), None, room("1", pods="0"), False),
    ("NodeResourcesFit", "Node.Add", asks(requests={GPU: "1"}), None, room("1"), False),
    ("NodeResourcesFit", "Node.Add", asks(requests={GPU: "1"}), None, room("1", **{GPU: "1"}), True),
    ("NodeResourcesFit", "Node.UpdateNodeAllocatable", asks("2"), room("1"), room("2"), True),
    ("NodeResourcesFit", "Node.UpdateNodeAllocatable", asks("2"), room("3"), room("2"), False),
    ("NodeResourcesFit", "Node.UpdateNodeAllocatable", asks(), room("1"), room("2"), False),
    ("NodeResourcesFit", "Node.UpdateNodeAllocatable", asks(), room("1"), room("1", pods="11"), True),
    ("NodeResourcesFit", "Node.UpdateNodeAllocatable", asks("1"), room("2"), room("2", memory="2Gi"), False),
    ("NodeDeclaredFeatures", "Node.Add", pod(), None, node(), True),
    ("NodeDeclaredFeatures", "Node.UpdateNodeDeclaredFeature", pod(), node(), node(status={"declaredFeatures": ["X"]}),
     True),
    ("NodeDeclaredFeatures", "UnschedulablePod.Update", pod(), pod(), pod(hostNetwork=True, hostUsers=False), True),
    ("NodeDeclaredFeatures", "UnschedulablePod.Update", pod(), pod(), pod(hostNetwork=True), False),
    ("NodeDeclaredFeatures", "UnschedulablePod.UpdatePodLabel", pod(), pod("b"),
     pod("b", hostNetwork=True, hostUsers=False), False),
    ("DynamicResources", "Node.UpdateNodeAllocatable", pod(), node(), node(), True),
    ("DynamicResources", "Node.UpdateNodeCondition", pod(), node(), node(), None),
    ("DefaultPreemption", "AssignedPod.Delete", pod(), on(), None, False),
]  # fmt: skip

WEB, DB = {"app": "web"}, {"app": "db"}


def near(kind: str, *terms: Any) -> Any:
    found = [{"topologyKey": "zone", "labelSelector": {"matchLabels": DB}, **term} for term in terms or ({},)]
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": found}}}


LIKES, HATES = near("podAffinity"), near("podAntiAffinity")
Z1, Z2 = node(labels={"zone": "1"}), node(labels={"zone": "2"})
IPA = "InterPodAffinity"

AFFINITY_CASES: list[tuple[str, str, Any, Any, Any, bool | None]] = [
    (IPA, "AssignedPod.Add", pod(**LIKES), None, on(labels=DB), True),
    (IPA, "AssignedPod.Add", pod(**LIKES), None, on(labels=WEB), False),
    (IPA, "AssignedPod.Add", pod(**LIKES), None, elsewhere(on(labels=DB)), False),
    (IPA, "AssignedPod.Add", pod(**near("podAffinity", {"namespaces": ["elsewhere"]})), None,
     elsewhere(on(labels=DB)), True),
    (IPA, "AssignedPod.Add", pod(**near("podAffinity", {"namespaceSelector": {}})), None, elsewhere(on(labels=DB)),
     True),
    (IPA, "AssignedPod.Add", pod(**near("podAffinity", {"namespaceSelector": {"matchLabels": WEB}})), None,
     on(labels=DB), False),
    (IPA, "AssignedPod.Add", pod(**near("podAffinity", {}, {"labelSelector": {"matchLabels": WEB}})), None,
     on(labels=DB), False),
    (IPA, "AssignedPod.Add", pod(**HATES), None, on(labels=DB), False),
    (IPA, "UnschedulablePod.UpdatePodLabel", pod(**HATES), pod(), pod(labels=WEB), True),
    (IPA, "UnschedulablePod.UpdatePodLabel", pod(**LIKES), pod("b"), pod("b", labels=DB), False),
    (IPA, "AssignedPod.UpdatePodLabel", pod(**LIKES), on(), on(labels=DB), True),
    (IPA, "AssignedPod.UpdatePodLabel", pod(**LIKES), on(labels=DB), on(), False),
    (IPA, "AssignedPod.UpdatePodLabel", pod(**HATES), on(labels=DB), on(), True),
    (IPA, "AssignedPod.Delete", pod(**HATES), on(labels=DB), None, True),
    (IPA, "AssignedPod.Delete", pod(**HATES), on(labels=WEB), None, False),
    (IPA, "AssignedPod.Delete", pod(labels=DB), on(**HATES), None, True),
    (IPA, "AssignedPod.Delete", pod(labels=WEB), on(**HATES), None, False),
    (IPA, "AssignedPod.Delete", pod(**HATES), pod("b", labels=DB), None, False),
    (IPA, "Node.Add", pod(**LIKES), None, Z1, True),
    (IPA, "Node.Add", pod(**LIKES), None, node(), False),
    (IPA, "Node.Add", pod(**HATES), None, node(), True),
    (IPA, "Node.Add", pod(), None, Z1, False),
    (IPA, "Node.UpdateNodeLabel", pod(**LIKES), node(), Z1, True),
    (IPA, "Node.UpdateNodeLabel", pod(**LIKES), Z1, Z2, True),
    (IPA, "Node.UpdateNodeLabel", pod(**LIKES), Z1, node(), False),
    (IPA, "Node.UpdateNodeLabel", pod(**LIKES), Z1, Z1, False),
    (IPA, "Node.UpdateNodeLabel", pod(**HATES), Z1, node(), True),
    (IPA, "Node.UpdateNodeLabel", pod(**HATES), Z1, Z2, True),
    (IPA, "Node.UpdateNodeLabel", pod(**HATES), node(), Z1, False),
]  # fmt: skip


def spread(when: str = "DoNotSchedule", **more: Any) -> Any:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": when, "labelSelector": {"matchLabels": WEB}}
    return {"topologySpreadConstraints": [constraint | more]}


PTS = "PodTopologySpread"
OLD = {"tier": "1"}
DIRTY = node(labels={"zone": "1"}, spec={"taints": [{"key": "k", "effect": "NoSchedule"}]})

SPREAD_CASES: list[tuple[str, str, Any, Any, Any, bool | None]] = [
    (PTS, "AssignedPod.Add", pod(**spread()), None, on(labels=WEB), True),
    (PTS, "AssignedPod.Add", pod(**spread()), None, on(labels=DB), False),
    (PTS, "AssignedPod.Add", pod(**spread()), None, elsewhere(on(labels=WEB)), False),
    (PTS, "AssignedPod.Add", pod(**spread("ScheduleAnyway")), None, on(labels=WEB), False),
    (PTS, "AssignedPod.Add", pod(**spread(labelSelector=None)), None, on(labels=WEB), False),
    (PTS, "AssignedPod.Add", pod(**spread(labelSelector={})), None, on(labels=DB), True),
    (PTS, "AssignedPod.Add", pod(labels=OLD, **spread(matchLabelKeys=["tier"])), None, on(labels=WEB), False),
    (PTS, "AssignedPod.Add", pod(labels=OLD, **spread(matchLabelKeys=["tier"])), None, on(labels=WEB | OLD), True),
    (PTS, "AssignedPod.Add", pod(**spread(matchLabelKeys=["tier"])), None, on(labels=WEB), True),
    (PTS, "AssignedPod.Delete", pod(**spread()), on(labels=WEB), None, True),
    (PTS, "AssignedPod.Delete", pod(**spread()), on(labels=DB), None, False),
    (PTS, "AssignedPod.Delete", pod(**spread()), pod("b", labels=WEB), None, False),
    (PTS, "AssignedPod.UpdatePodLabel", pod(**spread()), on(labels=WEB), on(labels=DB), True),
    (PTS, "AssignedPod.UpdatePodLabel", pod(**spread()), on(labels=WEB), on(labels=WEB | OLD), False),
    (PTS, "UnschedulablePod.UpdatePodLabel", pod(**spread()), pod(), pod(labels=WEB), True),
    (PTS, "UnschedulablePod.UpdatePodToleration", pod(**spread()), pod(), pod(**TOLERANT), False),
    (PTS, "UnschedulablePod.UpdatePodToleration", pod(**spread(nodeTaintsPolicy="Honor")), pod(), pod(**TOLERANT),
     True),
    (PTS, "Node.Add", pod(**spread()), None, Z1, True),
    (PTS, "Node.Add", pod(**spread()), None, node(), False),
    (PTS, "Node.Add", pod(), None, node(), True),
    (PTS, "Node.Delete", pod(**spread()), Z1, None, True),
    (PTS, "Node.Delete", pod(**spread()), node(), None, False),
    (PTS, "Node.UpdateNodeLabel", pod(**spread()), node(), Z1, True),
    (PTS, "Node.UpdateNodeLabel", pod(**spread()), Z1, node(), True),
    (PTS, "Node.UpdateNodeLabel", pod(**spread()), Z1, Z2, True),
    (PTS, "Node.UpdateNodeLabel", pod(**spread()), node(), node(labels=WEB), False),
    (PTS, "Node.UpdateNodeTaint", pod(**spread()), Z1, DIRTY, True),
    (PTS, "Node.UpdateNodeTaint", pod(**spread()), node(), tainted(), False),
]  # fmt: skip


def volumes(*sources: Any) -> Any:
    return {"volumes": [{"name": f"v{number}", **source} for number, source in enumerate(sources)]}


CLAIM = volumes({"persistentVolumeClaim": {"claimName": "x"}})
EPHEMERAL = volumes({"ephemeral": {}})
GCE, READ_GCE = ({"gcePersistentDisk": {"pdName": "d", "readOnly": only}} for only in (False, True))
RBD = {"rbd": {"monitors": ["m"], "image": "i"}}
PVC, OWN_PVC, FAR_PVC = "PersistentVolumeClaim", thing("PersistentVolumeClaim"), thing(
    "PersistentVolumeClaim", namespace="elsewhere"
)  # fmt: skip
LATE, EARLY = (thing("StorageClass", volumeBindingMode=mode) for mode in ("WaitForFirstConsumer", "Immediate"))
TOPOLOGY = thing("StorageClass", allowedTopologies=[{"matchLabelExpressions": []}])
ZONE_LABEL = "topology.kubernetes.io/zone"


def driver(count: int | None, name: str = "d") -> Any:
    allocatable = {} if count is None else {"allocatable": {"count": count}}
    return thing("CSINode", spec={"drivers": [{"name": name, **allocatable}]})


def capacity(**sizes: str) -> Any:
    return thing("CSIStorageCapacity", **sizes)


def zones(value: str) -> Any:
    return thing("PersistentVolume", labels={ZONE_LABEL: value})


INLINE = pod(**volumes({"csi": {"driver": "x"}}))
MIGRATED = {"storage.alpha.kubernetes.io/migrated-plugins": "x"}
TRACKS, IGNORES = (thing("CSIDriver", spec={"storageCapacity": yes}) for yes in (True, False))

VOLUME_CASES: list[tuple[str, str, Any, Any, Any, bool | None]] = [
    ("VolumeRestrictions", "Node.Add", pod(), None, node(), True),
    ("VolumeRestrictions", f"{PVC}.Add", pod(**CLAIM), None, OWN_PVC, True),
    ("VolumeRestrictions", f"{PVC}.Add", pod(**CLAIM), None, FAR_PVC, False),
    ("VolumeRestrictions", f"{PVC}.Add", pod(), None, OWN_PVC, False),
    ("VolumeRestrictions", f"{PVC}.Update", pod(**CLAIM), OWN_PVC, OWN_PVC, None),
    ("VolumeRestrictions", "AssignedPod.Delete", pod(**CLAIM), on(**CLAIM), None, True),
    ("VolumeRestrictions", "AssignedPod.Delete", pod(**CLAIM), elsewhere(on(**CLAIM)), None, False),
    ("VolumeRestrictions", "AssignedPod.Delete", pod(**volumes(GCE)), on(**volumes(READ_GCE)), None, True),
    ("VolumeRestrictions", "AssignedPod.Delete", pod(**volumes(READ_GCE)), on(**volumes(READ_GCE)), None, False),
    ("VolumeRestrictions", "AssignedPod.Delete", pod(**volumes(RBD)), on(**volumes(RBD)), None, True),
    ("VolumeRestrictions", "AssignedPod.Delete", pod(**volumes({"awsElasticBlockStore": {"volumeID": "v"}})),
     on(**volumes({"awsElasticBlockStore": {"volumeID": "v", "readOnly": True}})), None, True),
    ("VolumeRestrictions", "AssignedPod.Delete", pod(**volumes({"iscsi": {"iqn": "v"}})),
     on(**volumes({"iscsi": {"iqn": "w"}})), None, False),
    ("NodeVolumeLimits", "CSINode.Add", pod(), None, driver(1), True),
    ("NodeVolumeLimits", "CSINode.Update", pod(), driver(1), driver(2), True),
    ("NodeVolumeLimits", "CSINode.Update", pod(), driver(2), driver(1), False),
    ("NodeVolumeLimits", "CSINode.Update", pod(), driver(None), driver(1), True),
    ("NodeVolumeLimits", "CSINode.Update", pod(), driver(1), driver(None), False),
    ("NodeVolumeLimits", "CSINode.Update", pod(), driver(1, "a"), driver(1, "b"), True),
    ("NodeVolumeLimits", "AssignedPod.Delete", pod(), on(**CLAIM), None, True),
    ("NodeVolumeLimits", "AssignedPod.Delete", pod(), on(**EPHEMERAL), None, True),
    ("NodeVolumeLimits", "AssignedPod.Delete", pod(), on(**volumes(GCE)), None, True),
    ("NodeVolumeLimits", "AssignedPod.Delete", pod(), on(**volumes({"emptyDir": {}})), None, False),
    ("NodeVolumeLimits", "AssignedPod.Delete", pod(), pod("b", **CLAIM), None, False),
    ("NodeVolumeLimits", f"{PVC}.Add", pod("x-v0", **EPHEMERAL), None, OWN_PVC, False),
    ("NodeVolumeLimits", f"{PVC}.Add", pod("p", **EPHEMERAL), None, thing(PVC, "p-v0"), True),
    ("NodeVolumeLimits", "VolumeAttachment.Delete", pod(**CLAIM), thing("VolumeAttachment"), None, True),
    ("NodeVolumeLimits", "VolumeAttachment.Delete", pod(**volumes(GCE)), thing("VolumeAttachment"), None, False),
    ("NodeVolumeLimits", "VolumeAttachment.Delete", pod(**volumes(GCE)),
     thing("VolumeAttachment", spec={"attacher": "pd.csi.storage.gke.io"}), None, True),
    ("NodeVolumeLimits", "VolumeAttachment.Delete", pod(), thing("VolumeAttachment"), None, False),
    ("VolumeBinding", f"{PVC}.Update", pod(**CLAIM), OWN_PVC, OWN_PVC, True),
    ("VolumeBinding", f"{PVC}.Add", pod("p", **EPHEMERAL), None, thing(PVC, "p-v0"), True),
    ("VolumeBinding", f"{PVC}.Add", pod(**CLAIM), None, FAR_PVC, False),
    ("VolumeBinding", "PersistentVolume.Update", pod(), zones("a"), zones("a"), True),
    ("VolumeBinding", "Node.UpdateNodeLabel", pod(), node(), node(), True),
    ("VolumeBinding", "Node.UpdateNodeTaint", pod(), node(), node(), True),
    ("VolumeBinding", "StorageClass.Add", pod(), None, EARLY, True),
    ("VolumeBinding", "StorageClass.Update", pod(), EARLY, TOPOLOGY, True),
    ("VolumeBinding", "StorageClass.Update", pod(), EARLY, LATE, False),
    ("VolumeBinding", "CSINode.Add", pod(), None, driver(1), True),
    ("VolumeBinding", "CSINode.Update", pod(), driver(1), driver(2), False),
    ("VolumeBinding", "CSINode.Update", pod(), driver(1), thing("CSINode", annotations=MIGRATED), True),
    ("VolumeBinding", "CSIDriver.Update", INLINE, TRACKS, IGNORES, True),
    ("VolumeBinding", "CSIDriver.Update", INLINE, IGNORES, TRACKS, False),
    ("VolumeBinding", "CSIDriver.Update", pod(**CLAIM), TRACKS, IGNORES, False),
    ("VolumeBinding", "CSIDriver.Add", INLINE, None, IGNORES, None),
    ("VolumeBinding", "CSIStorageCapacity.Add", pod(), None, capacity(), True),
    ("VolumeBinding", "CSIStorageCapacity.Update", pod(), capacity(capacity="1Gi"), capacity(capacity="2Gi"), True),
    ("VolumeBinding", "CSIStorageCapacity.Update", pod(), capacity(capacity="2Gi"), capacity(capacity="1Gi"), False),
    ("VolumeBinding", "CSIStorageCapacity.Update", pod(), capacity(capacity="1Gi", maximumVolumeSize="1Gi"),
     capacity(capacity="2Gi", maximumVolumeSize="1Gi"), False),
    ("VolumeBinding", "CSIStorageCapacity.Update", pod(), capacity(), capacity(capacity="1Gi"), True),
    ("VolumeBinding", "CSIStorageCapacity.Update", pod(), capacity(capacity="1Gi"), capacity(), False),
    ("VolumeZone", "StorageClass.Add", pod(), None, LATE, True),
    ("VolumeZone", "StorageClass.Add", pod(), None, EARLY, False),
    ("VolumeZone", "StorageClass.Update", pod(), EARLY, LATE, None),
    ("VolumeZone", "Node.Add", pod(), None, node(), True),
    ("VolumeZone", f"{PVC}.Update", pod(**CLAIM), OWN_PVC, OWN_PVC, True),
    ("VolumeZone", f"{PVC}.Add", pod("p", **EPHEMERAL), None, thing(PVC, "p-v0"), False),
    ("VolumeZone", "PersistentVolume.Add", pod(), None, zones("a"), True),
    ("VolumeZone", "PersistentVolume.Update", pod(), zones("a"), zones("b"), True),
    ("VolumeZone", "PersistentVolume.Update", pod(), zones("a__b"), zones("b__a"), False),
    ("VolumeZone", "PersistentVolume.Update", pod(), thing("PersistentVolume"), zones("a____b"), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("plugin", "event", "waiting", "old", "new", "helps"), NODE_CASES + AFFINITY_CASES + SPREAD_CASES + VOLUME_CASES
)
def test_hints(plugin: str, event: str, waiting: Any, old: Any, new: Any, helps: bool | None) -> None:
    assert answer(plugin, event, waiting, old, new) is helps


def test_added_affinity_comes_before_the_pods_own() -> None:
    term = {"nodeSelectorTerms": [expression("In", "v")]}
    args = {"name": "NodeAffinity", "args": {"addedAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}}}
    config = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    plugin: Any = plugins({**config, "profiles": [{"pluginConfig": [args]}]})["NodeAffinity"]
    registered: list[ClusterEventWithHint] = plugin.events_to_register()
    for labels, helps in (({}, False), ({"k": "v"}, True)):
        assert answer("NodeAffinity", "Node.Add", pod(), None, node(labels=labels), registered) is helps


def test_default_constraints_count_for_pods_without_their_own() -> None:
    default = HardConstraint("rack", lambda labels: "app" in labels)
    registered = hints_pod_topology_spread.events_to_register(lambda pod: [default])
    for waiting, helps in ((pod(), True), (pod(**spread()), False)):
        assert answer(PTS, "Node.Add", waiting, None, node(labels={"rack": "1"}), registered) is helps
        assert answer(PTS, "AssignedPod.Add", waiting, None, on(labels=DB), registered) is helps


def test_every_plugin_that_rejects_registers_its_events() -> None:
    silent = {name for name, plugin in plugins().items() if not hasattr(plugin, "events_to_register")}
    assert silent == {"PrioritySort", "ImageLocality", "NodeResourcesBalancedAllocation", "DefaultBinder"}
