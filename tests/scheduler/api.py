"""A small API server for the tests: it keeps pods and nodes, and tells the scheduler what has become of its requests.

What the scheduler asks for is done at once and told (`Api.echo`) when the test says so, as informers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sched_core import (
    SUCCESS,
    Binding,
    Event,
    Node,
    Plugin,
    Pod,
    PodCondition,
    Scheduler,
    SchedulerConfiguration,
    Status,
    load_config,
    pod_key,
    pod_uid,
    replaced,
)

Json = dict[str, Any]
SECOND = 10**9


def node(name: str, cpu: str = "4", pods: str = "110", **more: Any) -> Node:
    """Return a node with so much of everything."""
    allocatable = {"cpu": cpu, "memory": "32Gi", "pods": pods}
    metadata = {"name": name, "labels": more.pop("labels", {"kubernetes.io/hostname": name})}
    content = {"kind": "Node", "metadata": metadata, "spec": more, "status": {"allocatable": allocatable}}
    return msgspec.convert(content, Node)


def pod(name: str, cpu: str = "1", **more: Any) -> Pod:
    """Return a pod that requests so much CPU; more than uid, labels and status goes to the spec."""
    metadata = {
        "name": name, "namespace": "default", "uid": more.pop("uid", f"uid-{name}"), "resourceVersion": "1",
        "labels": more.pop("labels", {}),
    }  # fmt: skip
    status = more.pop("status", {})
    more.setdefault("containers", [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "1Mi"}}}])
    content = {"kind": "Pod", "metadata": metadata, "spec": more, "status": status}
    return msgspec.convert(content, Pod)


def config(*points: str, plugin: str = "Toy", **more: Any) -> SchedulerConfiguration:
    """Return upstream's configuration with one more plugin at some extension points."""
    plugins = {point: {"enabled": [{"name": plugin}]} for point in points}
    head = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    return load_config(head | {"profiles": [{"schedulerName": "default-scheduler", "plugins": plugins}]} | more)


def world(
    *nodes: Node, toy: type[Plugin] | None = None, at: tuple[str, ...] = (), **options: Any
) -> tuple[Scheduler, Api]:
    """Return a scheduler with nodes, and its API server; ``toy`` is a plugin for the extension points ``at``."""
    api = Api()
    plugins = {"Toy": toy} if toy is not None else None
    scheduler = Scheduler(api, config(*at), plugins=plugins, **options)
    scheduler.apply_many(nodes, options.get("start", 0))
    return scheduler, api


class Api:
    """The client of a scheduler; ``outcomes`` are what bindings and deletions of a pod (by name) come to."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.events: list[Event] = []
        self.outcomes: dict[str, Status | None] = {}
        self.told: list[tuple[str, Pod]] = []
        self.version = 1

    def bind(self, bindings: Sequence[Binding]) -> Sequence[Status | None]:
        return [self._bind(each) for each in bindings]

    def _bind(self, binding: Binding) -> Status | None:
        name = binding.pod.metadata.name
        self.calls.append(("bind", name, binding.node_name))
        outcome = self.outcomes.get(name, SUCCESS)
        if outcome is not None and outcome.is_success:
            self.bound(binding.pod, binding.node_name)
        return outcome

    def bound(self, pod: Pod, node_name: str) -> None:
        """Give a pod its node, and clear its nomination."""
        known = self.pods.get(pod_key(pod))
        if known is not None and pod_uid(known) == pod_uid(pod):
            status = replaced(known.status, nominated_node_name="")
            self.change(replaced(known, spec=replaced(known.spec, node_name=node_name), status=status))

    def patch_status(self, pod: Pod, condition: PodCondition | None, nominated_node_name: str | None) -> None:
        self.calls.append(("patch", pod.metadata.name, condition, nominated_node_name))
        known = self.pods.get(pod_key(pod))
        if known is None:
            return
        status = known.status
        if condition is not None:
            others = tuple(each for each in status.conditions if each.type != condition.type)
            status = replaced(status, conditions=(*others, condition))
        if nominated_node_name is not None:
            status = replaced(status, nominated_node_name=nominated_node_name)
        self.change(replaced(known, status=status))

    def delete(self, pod: Pod, condition: PodCondition | None) -> Status | None:
        name = pod.metadata.name
        self.calls.append(("delete", name))
        outcome = self.outcomes.get(name, SUCCESS)
        if outcome is not None and outcome.is_success:
            self.remove(pod)
        return outcome

    def record_event(self, event: Event) -> None:
        self.events.append(event)

    def write(self, record: Any) -> Status:
        self.calls.append(("write", record.metadata.name))
        return SUCCESS

    def change(self, pod: Pod) -> None:
        """Take a new or changed pod."""
        self.version += 1
        pod = replaced(pod, metadata=replaced(pod.metadata, resource_version=str(self.version)))
        self.pods[pod_key(pod)] = pod
        self.told.append(("apply", pod))

    def remove(self, pod: Pod) -> None:
        """Delete a pod."""
        if self.pods.pop(pod_key(pod), None) is not None:
            self.told.append(("delete", pod))

    def create(self, scheduler: Scheduler, *pods: Pod, now: int = 0) -> None:
        """Create pods, and tell the scheduler."""
        for pod in pods:
            self.change(pod)
        self.echo(scheduler, now)

    def echo(self, scheduler: Scheduler, now: int) -> int:
        """Tell the scheduler what has changed since the last time; return how much that was."""
        told, self.told = self.told, []
        for verb, pod in told:
            if verb == "apply":
                scheduler.apply(pod, now)
            else:
                scheduler.delete("Pod", pod_key(pod), now)
        return len(told)

    def notes(self, reason: str) -> list[str]:
        """Return the notes of the events of a reason."""
        return [event.note for event in self.events if event.reason == reason]

    def said(self, verb: str) -> list[tuple[Any, ...]]:
        """Return what was asked for with a verb, without the verb."""
        return [call[1:] for call in self.calls if call[0] == verb]
