"""A scheduler whose gate SchedulerQueueingHints is off."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import Scheduler, replaced
from tests.scheduler.api import SECOND, Api, node, pod, world

AFFINITY: Any = {
    "podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}
        ]
    }
}
SPREAD: Any = [
    {
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
]  # fmt: skip


def waiting(*pods: Any) -> tuple[Scheduler, Api]:
    """Return a scheduler with a small node, where pods have been tried in vain."""
    scheduler, api = world(node("a", cpu="1"), queueing_hints=False)
    api.create(scheduler, *pods)
    scheduler.run(0)
    assert len(scheduler.queue.unschedulable_pods) == len(pods)
    return scheduler, api


def moved(scheduler: Scheduler) -> bool:
    return not len(scheduler.queue.unschedulable_pods)


def test_every_event_that_a_plugin_registers_helps() -> None:
    scheduler, api = waiting(pod("p", "8"))
    api.create(scheduler, pod("q", "1"))
    scheduler.run(1)
    api.echo(scheduler, 1)
    assert not moved(scheduler)
    api.remove(api.pods["default/q"])  # it leaves less room than is wanted
    api.echo(scheduler, 2)
    assert moved(scheduler)


@pytest.mark.parametrize(
    ("new", "admitted"),
    [
        (node("b", cpu="7"), False),
        (node("b", cpu="8"), True),
        (node("b", cpu="8", pods="0"), False),
        (node("b", cpu="8", taints=[{"key": "t", "effect": "NoSchedule"}]), False),
        (node("b", cpu="8", taints=[{"key": "t", "effect": "PreferNoSchedule"}]), True),
    ],
)
def test_a_node_helps_only_pods_that_it_admits(new: Any, admitted: bool) -> None:
    scheduler, _ = waiting(pod("p", "8"))
    scheduler.apply(new, 1)
    assert moved(scheduler) == admitted


@pytest.mark.parametrize(
    ("spec", "admitted"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "hdd"}}, False),
        ({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["ssd"]}]}]}}}}, False),
        ({"containers": [{"name": "c", "ports": [{"hostPort": 80, "containerPort": 80}]}]}, False),
    ],
)  # fmt: skip
def test_a_node_helps_only_pods_that_select_it_and_whose_ports_are_free(spec: Any, admitted: bool) -> None:
    port = [{"name": "c", "ports": [{"hostPort": 80, "containerPort": 80}]}]
    scheduler, api = world(node("a", cpu="0"), queueing_hints=False)
    spec.setdefault("containers", [{"name": "c"}])
    if "ports" in spec["containers"][0]:
        scheduler, api = world(node("a", cpu="1", pods="0"), queueing_hints=False)
    else:
        spec["nodeSelector"] = spec.get("nodeSelector", {"disk": "ssd"})
    api.create(scheduler, pod("p", **spec))
    scheduler.run(0)
    api.create(scheduler, pod("taken", containers=port, nodeName="b"))
    scheduler.apply(node("b", labels={"disk": "ssd"}), 1)
    assert moved(scheduler) == admitted


def test_what_happens_during_an_attempt_sends_the_pod_to_the_back_off() -> None:
    scheduler, _ = waiting(pod("p", "8"))
    scheduler.queue.activate([scheduler.handlers.pods["default/p"]], 0)
    info = scheduler.queue.pop()
    assert info is not None
    scheduler.apply(node("b", cpu="1"), 1)  # admits nobody, but it is an event
    scheduler.handlers.handle_scheduling_failure(info, 1, frozenset({"NodeResourcesFit"}))
    assert moved(scheduler) and len(scheduler.queue.backoff_q) == 1


@pytest.mark.parametrize(
    ("spec", "labels", "namespace", "helps"),
    [
        ({"affinity": AFFINITY}, {"app": "db"}, "default", True),
        ({"affinity": AFFINITY}, {"app": "web"}, "default", False),
        ({"affinity": AFFINITY}, {"app": "db"}, "other", False),
        ({"topologySpreadConstraints": SPREAD}, {"app": "other"}, "default", True),
        ({"topologySpreadConstraints": SPREAD}, {"app": "other"}, "other", False),
        ({"nodeSelector": {"no": "such"}}, {"app": "db"}, "default", False),
    ],
)
def test_a_pod_with_a_node_helps_those_that_spread_or_want_to_be_near_it(
    spec: Any, labels: dict[str, str], namespace: str, helps: bool
) -> None:
    scheduler, _ = waiting(pod("p", **spec))
    new = pod("new", labels=labels, nodeName="a")
    scheduler.apply(replaced(new, metadata=replaced(new.metadata, namespace=namespace)), 1)
    assert moved(scheduler) == helps


def test_a_change_of_the_pod_itself_helps_unless_it_is_its_status() -> None:
    scheduler, api = waiting(pod("p", "8"))
    api.echo(scheduler, 1)  # the condition
    assert not moved(scheduler)
    known = api.pods["default/p"]
    api.change(replaced(known, metadata=replaced(known.metadata, labels={"x": "y"})))
    api.echo(scheduler, 1)
    assert moved(scheduler) and scheduler.run(1) == 1


def test_smaller_pods_on_nodes_help_everybody() -> None:
    scheduler, api = waiting(pod("p", "8"))
    running = pod("r", "1", nodeName="a")
    api.create(scheduler, running)
    smaller = replaced(pod("r", "500m", nodeName="a"), metadata=replaced(running.metadata, resource_version="9"))
    scheduler.apply(smaller, 2 * SECOND)
    assert moved(scheduler)
