"""Storage objects as plain JSON for the tests of the volume plugins, and plugins on a small cluster with them."""

from __future__ import annotations

from typing import Any

from sched_core import Cluster, CycleState, Handle, Plugin, PodInfo, PreFilterResult, Verdicts, load_documents
from tests.plugins.tiny import Json, Tiny, node, refusals

ZONE = "topology.kubernetes.io/zone"
BOUND = {"pv.kubernetes.io/bind-completed": "yes"}


def claim(name: str, volume: str = "", *, meta: Json | None = None, phase: str = "", **spec: Any) -> Json:
    """Return a claim of the class ``late`` for 1Gi; with ``volume`` it is bound to it."""
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "annotations": BOUND if volume else {}}
    size = {"requests": {"storage": spec.pop("size", "1Gi")}}
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": size, "volumeName": volume, "storageClassName": "late"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata | (meta or {}),
        "spec": wanted | spec,
        "status": {"phase": phase or ("Bound" if volume else "Pending")},
    }


def volume(name: str, *, zone: str = "", meta: Json | None = None, phase: str = "Available", **spec: Any) -> Json:
    """Return an available volume of the class ``late`` with 1Gi, in reach of the nodes of a zone."""
    its: Json = {
        "capacity": {"storage": spec.pop("size", "1Gi")},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "late",
    }
    if zone:
        its["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [within(ZONE, zone)]}]}}
    meta = {"name": name, **(meta or {})}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": its | spec,
            "status": {"phase": phase}}  # fmt: skip


def within(key: str, *values: str) -> Json:
    return {"key": key, "operator": "In", "values": list(values)}


def storage(kind: str, name: str, **fields: Any) -> Json:
    """Return an object of the storage API."""
    return {"apiVersion": "storage.k8s.io/v1", "kind": kind, "metadata": {"name": name}, **fields}


def storage_class(name: str = "late", mode: str = "WaitForFirstConsumer", provisioner: str = "", **fields: Any) -> Json:
    provisioner = provisioner or "kubernetes.io/no-provisioner"
    return storage("StorageClass", name, provisioner=provisioner, volumeBindingMode=mode, **fields)


def mounts(*claims: str) -> list[Json]:
    """Return the volumes of a pod that uses claims."""
    return [{"name": f"v{index}", "persistentVolumeClaim": {"claimName": name}} for index, name in enumerate(claims)]


def zones(*names: str) -> list[Json]:
    """Return a node for each letter of the zones: ``a1`` in zone ``a``."""
    return [node(name, labels={ZONE: name[0]}) for name in names]


class World:
    """A plugin on a small cluster with storage."""

    def __init__(self, plugin: Plugin, *objects: Json) -> None:
        self.tiny = Tiny(*(each for each in objects if each["kind"] in ("Node", "Pod")))
        self.cluster: Cluster = self.tiny.cluster
        others = [each for each in objects if each["kind"] not in ("Node", "Pod")]
        for records in load_documents(others, source="test").others.values():
            for record in records:
                self.cluster.add_object(record)
        self.plugin: Any = plugin
        self.plugin.handle = self.handle = Handle(self.cluster)
        self.state = CycleState()

    def info(self, name: str = "web", **spec: Any) -> PodInfo:
        return self.tiny.info(name, **spec)

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        self.state = CycleState()
        answer: PreFilterResult = self.plugin.pre_filter(self.state, pod, self.tiny.nodes)
        return answer

    def verdicts(self, pod: PodInfo) -> Verdicts:
        assert self.pre_filter(pod).status.is_success
        answer: Verdicts = self.plugin.filter(self.state, pod, self.tiny.nodes)
        return answer

    def refused(self, pod: PodInfo) -> dict[str, tuple[str, ...]]:
        """Return the reasons by node; all of them have the code that the plugin is known for."""
        return {name: reasons for name, (reasons, _) in refusals(self.tiny.nodes, self.verdicts(pod)).items()}
