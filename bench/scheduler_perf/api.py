"""The API server of a benchmark: objects in memory, created, bound, patched, replaced and deleted as the real one does.

It is the scheduler's client, and what the operations of a workload call. Every change is an event that `deliver` brings
to the scheduler, as informers would. There is no kubelet: pods never run, and one that is bound stays until its grace
period is 0. Source: pkg/registry/core/pod of Kubernetes, and the harness in test/integration/scheduler_perf/util.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec.structs import replace

from bench.scheduler_perf.watch import Watch
from sched_core import InvalidObjects, Node, PersistentVolume, PersistentVolumeClaim, Pod, Problem, object_key, pod_key
from sched_core.framework.status import SUCCESS, Status, error
from sched_core.objects.pod import PodCondition, PodStatus
from sched_core.objects.records import KINDS, AnyObject, Namespace, ObjectMeta
from sched_core.scheduler import Binding, Event

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
DEFAULT_GRACE_S = 30
SECOND = 10**9
_GATED = PodCondition(
    type="PodScheduled",
    status="False",
    reason="SchedulingGated",
    message="Scheduling is blocked due to non-empty scheduling gates",
)


class Informed(Protocol):
    """Who is told of changes: the scheduler."""

    def apply(self, record: AnyObject, now: int) -> None:
        """Take over an object that is new or changed."""

    def apply_many(self, records: Sequence[AnyObject], now: int) -> None:
        """Take over many."""

    def delete(self, kind: str, key: str, now: int) -> None:
        """Forget an object."""


class Api:
    """All objects; ``clock`` gives nanoseconds since 1970."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.objects: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        """Kind -> ``namespace/name`` (or name) -> object. What is in it is never changed, only replaced."""
        self.watches: list[Watch] = []
        """Who counts pods."""
        self.bound = 0
        """How many pods were bound."""
        self._version = 0
        self._generated: dict[str, int] = {}
        self._told: list[AnyObject | tuple[str, str]] = []

    @property
    def pods(self) -> dict[str, Pod]:
        """Return all pods."""
        return self.objects["Pod"]

    def deliver(self, scheduler: Informed) -> bool:
        """Bring all changes since the last call to the scheduler; False if there were none."""
        told, self._told = self._told, []
        now = self._clock()
        start = 0
        for position, change in enumerate(told):
            if isinstance(change, tuple):
                _apply(scheduler, told[start:position], now)
                scheduler.delete(*change, now)
                start = position + 1
        _apply(scheduler, told[start:], now)
        return bool(told)

    def create(self, record: AnyObject, namespace: str = "", name: str = "") -> AnyObject:
        """Create one object, and return it as it is stored; ``name`` stands for a name that it does not have.

        Raises InvalidObjects if there is one of that name, or the namespace does not fit the kind.
        """
        kind = type(record).__name__
        if KINDS[kind].namespaced != bool(namespace):
            raise _refused(kind, record.metadata.name, "is in no namespace" if namespace else "needs a namespace")
        meta = record.metadata
        name = meta.name or name or self.generate_name(meta.generate_name)
        key = f"{namespace}/{name}" if namespace else name
        if key in self.objects[kind]:
            raise _refused(kind, key, "exists already")
        if isinstance(record, Pod):
            self.create_pods(record, [name], namespace)
            return self.pods[key]
        stored = replace(record, metadata=self._metadata(meta, name, namespace))
        self._store(kind, key, stored)
        if isinstance(stored, PersistentVolume):
            self._bind_claim(stored)
        return stored

    def create_pods(self, pod: Pod, names: Sequence[str], namespace: str) -> None:
        """Create pods that differ only in name; nobody checks that there are none of these names."""
        status = replace(pod.status, phase="Pending", conditions=(_GATED,) if pod.spec.scheduling_gates else ())
        template, began = replace(pod, status=status), self._clock()
        meta, pods, version = pod.metadata, self.pods, self._version
        created = []
        for name in names:
            version += 1
            number = str(version)
            named = replace(meta, name=name, namespace=namespace, uid=number, resource_version=number)
            new = replace(template, metadata=named)
            pods[f"{namespace}/{name}"] = new
            created.append(new)
        self._version = version
        self._told += created
        self._notify([None] * len(created), created, began)

    def create_namespace(self, name: str, template: Namespace | None = None) -> None:
        """Create a namespace if there is none of that name."""
        if name not in self.objects["Namespace"]:
            self.create(template or Namespace(api_version="v1"), name=name)

    def generate_name(self, prefix: str) -> str:
        """Make a name as the API server does, but the same one each time: counted, not random."""
        number = self._generated.get(prefix, 0)
        self._generated[prefix] = number + 1
        return f"{prefix}{number:05d}"

    def update(self, record: AnyObject, namespace: str = "", subresource: str = "") -> None:
        """Replace an object, then its status, as two requests do. Raises InvalidObjects.

        Of a pod, labels, annotations, tolerations, gates and images may change; with ``resize`` only resources do.
        """
        kind, meta = type(record).__name__, record.metadata
        key = f"{namespace}/{meta.name}" if namespace else meta.name
        old = self.objects[kind].get(key)
        if old is None:
            raise _refused(kind, key, "does not exist")
        if isinstance(record, Pod):
            self._update_pod(key, old, record, subresource)
            return
        meta = self._metadata(meta, meta.name, namespace, old.metadata)
        if isinstance(record, Node):
            self._store(kind, key, replace(record, metadata=meta, status=old.status))
            meta = replace(meta, resource_version=self._next_version())
        self._store(kind, key, replace(record, metadata=meta))

    def remove(self, kind: str, key: str, grace_s: int | None = None) -> None:
        """Delete an object; one that is not there is no error.

        A pod goes at once if it is not bound or its grace period (30 s if nobody says) is 0; else, or if it has
        finalizers, it gets a deletionTimestamp and stays.
        """
        old = self.objects[kind].get(key)
        if old is None:
            return
        grace_s = self._grace(old, grace_s) if isinstance(old, Pod) else 0
        if grace_s == 0 and not old.metadata.finalizers:
            del self.objects[kind][key]
            self._told.append((kind, key))
            if isinstance(old, Pod):
                self._notify([old], [None], self._clock())
        elif old.metadata.deletion_timestamp is None:
            ends = datetime.fromtimestamp(self._clock() // SECOND + grace_s, UTC)
            meta = replace(
                old.metadata,
                deletion_timestamp=f"{ends:%Y-%m-%dT%H:%M:%SZ}",
                deletion_grace_period_seconds=grace_s,
                resource_version=self._next_version(),
            )
            self._store(kind, key, replace(old, metadata=meta))

    # What the scheduler calls (SchedulerClient):

    def bind(self, bindings: Sequence[Binding]) -> list[Status]:
        """Set the nodes of pods, and the condition that they are scheduled."""
        now = datetime.fromtimestamp(self._clock() // SECOND, UTC)
        scheduled = PodCondition(type="PodScheduled", status="True", last_transition_time=f"{now:%Y-%m-%dT%H:%M:%SZ}")
        pods, version = self.pods, self._version
        known, bound = PodStatus(), PodStatus(conditions=(scheduled,))
        olds, news, statuses = [], [], []
        for binding in bindings:
            pod = binding.pod
            key = pod_key(pod)
            old = pods.get(key)
            if old is None or old.metadata.uid != pod.metadata.uid:
                statuses.append(error(f'pods "{pod.metadata.name}" not found'))
                continue
            if refusal := _binding_refusal(old):
                statuses.append(error(refusal))
                continue
            if old.status is not known:  # pods that were created together share their status
                known = old.status
                kept = tuple(each for each in known.conditions if each.type != "PodScheduled")
                bound = replace(known, conditions=(*kept, scheduled), nominated_node_name="")
            version += 1
            new = replace(
                old,
                metadata=replace(old.metadata, resource_version=str(version)),
                spec=replace(old.spec, node_name=binding.node_name),
                status=bound,
            )
            pods[key] = new
            olds.append(old)
            news.append(new)
            statuses.append(SUCCESS)
        self._version = version
        self.bound += len(news)
        self._told += news
        self._notify(olds, news, self._clock())
        return statuses

    def patch_status(self, pod: Pod, condition: PodCondition | None, nominated_node_name: str | None) -> None:
        """Set a condition, the nominated node or both; None leaves it."""
        key = pod_key(pod)
        old = self.pods.get(key)
        if old is None or old.metadata.uid != pod.metadata.uid:
            return
        status = old.status
        if condition is not None:
            kept = tuple(each for each in status.conditions if each.type != condition.type)
            status = replace(status, conditions=(*kept, condition))
        if nominated_node_name is not None:
            status = replace(status, nominated_node_name=nominated_node_name)
        meta = replace(old.metadata, resource_version=self._next_version())
        self._store("Pod", key, replace(old, metadata=meta, status=status))

    def delete(self, pod: Pod, condition: PodCondition | None) -> Status | None:
        """Set a condition if there is one, then delete the pod."""
        key = pod_key(pod)
        old = self.pods.get(key)
        if old is not None and old.metadata.uid == pod.metadata.uid:
            if condition is not None:
                self.patch_status(pod, condition, None)
            self.remove("Pod", key)
        return SUCCESS

    def record_event(self, event: Event) -> None:
        """Drop an event; nobody reads them here."""

    def write(self, record: AnyObject) -> Status:
        """Replace a volume or a claim."""
        kind, meta = type(record).__name__, record.metadata
        key = object_key(meta)
        if key not in self.objects[kind]:
            return error(f'{kind} "{key}" not found')
        stored = replace(record, metadata=replace(meta, resource_version=self._next_version()))
        self._store(kind, key, stored)
        if isinstance(stored, PersistentVolume):
            self._bind_claim(stored)
        return SUCCESS

    def _store(self, kind: str, key: str, record: AnyObject) -> None:
        old = self.objects[kind].get(key)
        self.objects[kind][key] = record
        self._told.append(record)
        if isinstance(record, Pod):
            self._notify([old], [record], self._clock())

    def _notify(self, olds: Sequence[Pod | None], news: Sequence[Pod | None], now: int) -> None:
        for watch in self.watches:
            watch.changed(olds, news, now)

    def _next_version(self) -> str:
        self._version += 1
        return str(self._version)

    def _metadata(self, meta: ObjectMeta, name: str, namespace: str, old: ObjectMeta | None = None) -> ObjectMeta:
        number = self._next_version()
        uid = number if old is None else old.uid
        return replace(meta, name=name, namespace=namespace, uid=uid, resource_version=number)

    def _update_pod(self, key: str, old: Pod, new: Pod, subresource: str) -> None:
        if subresource == "resize":
            stored = replace(old, spec=_resized(old, new))
        else:
            kept = {
                "node_name": old.spec.node_name,
                "tolerations": new.spec.tolerations,
                "scheduling_gates": new.spec.scheduling_gates,
            }
            if replace(old.spec, **kept) != replace(new.spec, node_name=new.spec.node_name or old.spec.node_name):
                raise _refused("Pod", key, "an update may change only tolerations and scheduling gates of the spec")
            stored = replace(
                new,
                spec=replace(old.spec, **kept),
                status=old.status,
                metadata=replace(old.metadata, labels=new.metadata.labels, annotations=new.metadata.annotations),
            )
        meta = replace(stored.metadata, resource_version=self._next_version())
        stored = replace(stored, metadata=meta)
        self._store("Pod", key, stored)
        # The status that follows is that of the template, which has none: this takes the conditions away.
        meta = replace(
            meta,
            labels=new.metadata.labels,
            annotations=new.metadata.annotations,
            resource_version=self._next_version(),
        )
        self._store("Pod", key, replace(stored, metadata=meta, status=new.status))

    def _grace(self, pod: Pod, grace_s: int | None) -> int:
        if not pod.spec.node_name:
            return 0
        if grace_s is None:
            grace_s = pod.spec.termination_grace_period_seconds
        return DEFAULT_GRACE_S if grace_s is None else grace_s

    def _bind_claim(self, volume: PersistentVolume) -> None:
        """Bind the claim that a volume refers to, as the harness' stand-in for the volume controller does."""
        reference = volume.spec.claim_ref
        if reference is None:
            return
        key = f"{reference.namespace}/{reference.name}"
        claim: PersistentVolumeClaim | None = self.objects["PersistentVolumeClaim"].get(key)
        if claim is None or claim.spec.volume_name:
            return
        annotations = {**claim.metadata.annotations, BIND_COMPLETED: "yes"}
        meta = replace(claim.metadata, annotations=annotations, resource_version=self._next_version())
        spec = replace(claim.spec, volume_name=volume.metadata.name)
        self._store("PersistentVolumeClaim", key, replace(claim, metadata=meta, spec=spec))


def _apply(scheduler: Informed, records: Sequence[Any], now: int) -> None:
    if len(records) == 1:
        scheduler.apply(records[0], now)
    elif records:
        scheduler.apply_many(records, now)


def _resized(old: Pod, new: Pod) -> Any:
    containers = tuple(
        replace(before, resources=after.resources)
        for before, after in zip(old.spec.containers, new.spec.containers, strict=True)
    )
    return replace(old.spec, containers=containers)


def _binding_refusal(pod: Pod) -> str:
    if pod.metadata.deletion_timestamp is not None:
        return f"pod {pod.metadata.name} is being deleted, cannot be assigned to a host"
    if pod.spec.node_name:
        return f'pod {pod.metadata.name} is already assigned to node "{pod.spec.node_name}"'
    return ""


def _refused(kind: str, name: str, reason: str) -> InvalidObjects:
    return InvalidObjects([Problem("", f"{kind} {name}", "", reason)])
