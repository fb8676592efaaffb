"""What the operations of a workload do (upstream: executor.go, and test/utils/runners.go).

Where upstream polls once a second, the next operation begins here as soon as what it waits for has come. Labels and
allocatable that a strategy adds are there from a node's creation on; a volume and its claim are bound when created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from bench.scheduler_perf.background import Ticker, at_rate
from bench.scheduler_perf.harness import Harness, Stopped
from bench.scheduler_perf.objects import ObjectTemplate, base_node, base_pod
from bench.scheduler_perf.types import (
    AnyOperation,
    Barrier,
    Churn,
    CreateAny,
    CreateNamespaces,
    CreateNodes,
    CreatePods,
    DeletePods,
    Sleep,
    StartCollectingMetrics,
    StopCollectingMetrics,
    UpdateAny,
)
from bench.scheduler_perf.volumes import VolumeMaker
from bench.scheduler_perf.watch import Selection, Tally
from sched_core import CSINode, Node, object_key
from sched_core.config.duration import parse_duration
from sched_core.objects.records import CSINodeDriver, CSINodeSpec, Namespace, ObjectMeta, VolumeNodeResources

HOSTNAME = "kubernetes.io/hostname"
MIGRATED_PLUGINS = "storage.alpha.kubernetes.io/migrated-plugins"
PODS_AT_ONCE = 500
"""Pods that are created before the scheduler gets its turn."""
_DEFAULT_CHURN_MS = 500


def run_operation(harness: Harness, operation: AnyOperation, index: int) -> None:
    """Run one operation to its end; ``index`` is its place among all. Raises Stopped, Interrupted or InvalidObjects."""
    _RUN[type(operation)](harness, operation, index)


def create_nodes(harness: Harness, operation: CreateNodes, index: int) -> None:
    """Create nodes with what a strategy adds."""
    template = _template(harness, operation.node_template_path)
    count = operation.count or 0
    base = base_node()
    for number in range(count):
        node: Any = template.make(number, count) if template else base
        meta = node.metadata
        name = meta.name or harness.api.generate_name(meta.generate_name or f"node-{index}-")
        labels = {**meta.labels, HOSTNAME: name}
        status, strategy = node.status, operation.node_allocatable_strategy
        if strategy is not None:
            status = replace(status, allocatable={**status.allocatable, **strategy.node_allocatable})
            harness.api.create(_csi_node(name, operation))
        elif operation.label_node_prepare_strategy is not None:
            values = operation.label_node_prepare_strategy.label_values
            labels[operation.label_node_prepare_strategy.label_key] = values[number % len(values)]
        elif operation.unique_node_label_strategy is not None:
            labels[operation.unique_node_label_strategy.label_key] = name
        new: Node = replace(node, metadata=replace(meta, name=name, labels=labels), status=status)
        harness.api.create(new)
    harness.nodes += count
    harness.turn()


def _csi_node(name: str, operation: CreateNodes) -> CSINode:
    strategy = operation.node_allocatable_strategy
    assert strategy is not None
    drivers = tuple(
        CSINodeDriver(
            name=driver,
            node_id=name,
            allocatable=None if allocatable is None else VolumeNodeResources(count=allocatable.count),
        )
        for driver, allocatable in strategy.csi_node_allocatable.items()
    )
    annotations = {MIGRATED_PLUGINS: ",".join(strategy.migrated_plugins)}
    return CSINode(
        api_version="storage.k8s.io/v1",
        metadata=ObjectMeta(name=name, annotations=annotations),
        spec=CSINodeSpec(drivers=drivers),
    )


def create_namespaces(harness: Harness, operation: CreateNamespaces, index: int) -> None:
    """Create namespaces."""
    template = _template(harness, operation.namespace_template_path)
    for number in range(operation.count or 0):
        namespace: Any = template.make(0, 1) if template else Namespace(api_version="v1")
        name = f"{operation.prefix}-{number}"
        harness.api.create_namespace(name, namespace)
        harness.waited_for.setdefault(name, 0)


def create_pods(harness: Harness, operation: CreatePods, index: int) -> None:
    """Create pods, a few at a time while the scheduler works on those that are there."""
    api, count = harness.api, operation.count or 0
    namespace = operation.namespace if operation.namespace is not None else f"namespace-{index}"
    api.create_namespace(namespace)
    harness.waited_for.setdefault(namespace, 0)
    template = _template(harness, operation.pod_template_path or harness.job.case.default_pod_template_path)
    volumes = VolumeMaker.of(operation, harness.job.templates)
    selection = Selection([namespace], {})
    if operation.collect_metrics:
        harness.start_collecting(namespace, selection)
    tally = Tally(selection, api.pods.values())
    api.watches.append(tally)
    create = partial(_create_some, harness, template, volumes, namespace, count)
    for start in range(0, count, PODS_AT_ONCE):
        create(start, min(start + PODS_AT_ONCE, count))
        harness.turn()
    if operation.skip_wait_to_completion:
        harness.waited_for[namespace] += count
    else:
        harness.wait(
            lambda: tally.scheduled >= count,
            lambda: f"{tally.scheduled:,} of {count:,} pods of namespace {namespace} are scheduled",
        )
    api.watches.remove(tally)
    if operation.collect_metrics:
        harness.stop_collecting()


def _create_some(
    harness: Harness,
    template: ObjectTemplate | None,
    volumes: VolumeMaker | None,
    namespace: str,
    count: int,
    start: int,
    stop: int,
) -> None:
    """Create the pods of the given numbers."""
    api = harness.api
    first: Any = template.make(start, count) if template else base_pod()
    if volumes is None and (template is None or not template.varies) and not first.metadata.name:
        prefix = first.metadata.generate_name
        api.create_pods(first, [api.generate_name(prefix) for _ in range(start, stop)], namespace)
        return
    for number in range(start, stop):
        pod: Any = template.make(number, count) if template else first
        if volumes is not None:
            pod = volumes.create(api, pod, namespace, number)
        api.create(pod, namespace)


def delete_pods(harness: Harness, operation: DeletePods, index: int) -> None:
    """Delete the pods that are there now."""
    selection = Selection([operation.namespace], operation.label_selector)
    keys = [key for key, pod in harness.api.pods.items() if pod in selection]
    steps = [partial(harness.api.remove, "Pod", key) for key in keys]
    _at_rate(harness, operation.delete_pods_per_second, steps, wait=not operation.skip_wait_to_completion)


def update_any(harness: Harness, operation: UpdateAny, index: int) -> None:
    """Replace objects one after the other."""
    template = _template(harness, operation.template_path)
    assert template is not None
    count = operation.count or 0
    subresource = next(iter(operation.subresources), "")

    def update(number: int) -> None:
        harness.api.update(template.make(number, count), operation.namespace, subresource)

    _at_rate(harness, operation.update_per_second, [partial(update, number) for number in range(count)], wait=True)


def _at_rate(harness: Harness, per_second: int, steps: Sequence[Callable[[], None]], *, wait: bool) -> None:
    if not per_second:
        for step in steps:
            step()
        harness.turn()
        return
    going = at_rate(harness.clock, per_second, steps)
    harness.background.add(going)
    if wait:
        harness.wait(lambda: not harness.background.is_running(going), None)


def create_any(harness: Harness, operation: CreateAny, index: int) -> None:
    """Create objects of any kind."""
    template = _template(harness, operation.template_path)
    assert template is not None
    if operation.namespace:
        harness.api.create_namespace(operation.namespace)
    count = operation.count or 0
    for number in range(count):
        harness.api.create(template.make(number, count), operation.namespace)


def churn(harness: Harness, operation: Churn, index: int) -> None:
    """Begin to create (and delete again) objects in the background."""
    namespace = operation.namespace if operation.namespace is not None else f"namespace-{index}"
    harness.api.create_namespace(namespace)
    interval = (operation.interval_milliseconds or _DEFAULT_CHURN_MS) * 10**6
    going = _recreate if operation.mode == "recreate" else _create
    harness.background.add(going(harness, operation, namespace, Ticker(harness.clock, interval)))


def _create(harness: Harness, operation: Churn, namespace: str, ticker: Ticker) -> Iterator[int]:
    count = 0
    while not operation.number or count < operation.number:
        yield ticker.next()
        for path in operation.template_paths:
            _create_one(harness, path, namespace)
        count += 1


def _recreate(harness: Harness, operation: Churn, namespace: str, ticker: Ticker) -> Iterator[int]:
    """Create one of each in ``number`` rounds, delete them in the next, and so on."""
    there: dict[tuple[str, int], tuple[str, str]] = {}
    count = 0
    while True:
        yield ticker.next()
        for path in operation.template_paths:
            place = path, count % operation.number
            if place in there:
                harness.api.remove(*there.pop(place))
            else:
                there[place] = _create_one(harness, path, namespace)
        count += 1


def _create_one(harness: Harness, path: str, namespace: str) -> tuple[str, str]:
    template = harness.job.templates[path]
    record = harness.api.create(template.make(0, 1), namespace if template.kind.namespaced else "")
    return template.kind.name, object_key(record.metadata)


def barrier(harness: Harness, operation: Barrier, index: int) -> None:
    """Wait until pods that were created without waiting are scheduled, or attempted."""
    waited_for = harness.waited_for
    for namespace in operation.namespaces:
        if namespace not in waited_for:
            raise Stopped(f"unknown namespace {namespace}")
    attempted = operation.stage_requirement == "Attempted"
    for namespace in operation.namespaces or list(waited_for):
        _wait_for(harness, namespace, operation, waited_for[namespace], attempted=attempted)
    if not attempted:
        for namespace in operation.namespaces or list(waited_for):
            del waited_for[namespace]


def _wait_for(harness: Harness, namespace: str, operation: Barrier, count: int, *, attempted: bool) -> None:
    api = harness.api
    tally = Tally(Selection([namespace], operation.label_selector), api.pods.values())
    api.watches.append(tally)

    def reached() -> int:
        return tally.attempted if attempted else tally.scheduled

    stage = "attempted" if attempted else "scheduled"
    harness.wait(
        lambda: reached() >= count,
        lambda: f"of {count:,} pods of namespace {namespace}, {reached():,} are {stage}",
    )
    api.watches.remove(tally)


def sleep(harness: Harness, operation: Sleep, index: int) -> None:
    """Let time pass."""
    until = harness.clock() + parse_duration(operation.duration or "0")
    going = iter([until])
    harness.background.add(going)
    harness.wait(lambda: not harness.background.is_running(going), None)


def start_collecting(harness: Harness, operation: StartCollectingMetrics, index: int) -> None:
    """Begin to measure the pods of some namespaces."""
    harness.start_collecting(operation.name, Selection(operation.namespaces, operation.label_selector))


def stop_collecting(harness: Harness, operation: StopCollectingMetrics, index: int) -> None:
    """End measuring."""
    harness.stop_collecting()


def _template(harness: Harness, path: str | None) -> ObjectTemplate | None:
    return harness.job.templates[path] if path else None


_RUN: dict[type, Callable[[Harness, Any, int], None]] = {
    Barrier: barrier,
    Churn: churn,
    CreateAny: create_any,
    CreateNamespaces: create_namespaces,
    CreateNodes: create_nodes,
    CreatePods: create_pods,
    DeletePods: delete_pods,
    Sleep: sleep,
    StartCollectingMetrics: start_collecting,
    StopCollectingMetrics: stop_collecting,
    UpdateAny: update_any,
}
