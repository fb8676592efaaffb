"""A scenario replayed: pods worked through in order, each decision compared before the next one is taken.

A scenario ends at its first difference, and at the first pod that this version cannot decide: what follows would be
decided on another state. Golden data's rules for both kinds of scenarios are kept here, and nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench.verify.compare import Difference, first_difference
from bench.verify.entry import entry_of, sequence_entry_of, skipped
from bench.verify.outcome import Outcome
from bench.verify.queue import replay_queue
from bench.verify.read import Json, Queue, Scenario, Step
from sched_core import (
    Cluster,
    Engine,
    InvalidConfig,
    InvalidObjects,
    NotSupported,
    Pod,
    Problem,
    StowageError,
    load_config,
    load_documents,
    pod_key,
)
from sched_core.config import UPSTREAM_PLUGINS
from sched_core.objects.meta import ObjectMeta

FIRST_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When the first pod of a scenario starts; the next one starts a second later."""


def replay(scenario: Scenario | Queue) -> Outcome:
    """Work through the pods of a scenario until one is decided in another way or cannot be decided.

    Of a script for the queue, the steps.
    """
    if isinstance(scenario, Queue):
        return replay_queue(scenario)
    count = len(scenario.pods)
    try:
        pods = load_documents(map(bytes, scenario.pods), source=scenario.name).pods
        cluster = Cluster.from_objects(load_documents(map(bytes, scenario.objects), source=scenario.name))
        engine = Engine(cluster, load_config(scenario.config), speed="cycle")
    except (InvalidObjects, InvalidConfig) as refusal:
        field = "config" if isinstance(refusal, InvalidConfig) else "objects"
        return Outcome(count, 0, difference=Difference(field, "accepted", str(refusal)))
    if len(pods) != count:
        return Outcome(count, 0, difference=Difference("pods", f"{count} pods", f"{len(pods)} pods"))
    entries = _sequence(scenario, engine, pods) if scenario.kind == "sequence" else _placed(scenario, engine, pods)
    for index, expected in enumerate(scenario.expect):
        try:
            got = next(entries)
        except NotSupported as lacking:
            needs = needs_of(lacking)
            return Outcome(count, index, expected["pod"], needs=tuple(sorted(needs)))
        except StowageError as error:
            got = {"pod": expected["pod"], "error": str(error)}
        if difference := first_difference(expected, got):
            return Outcome(count, index, expected["pod"], difference)
    return Outcome(count, count)


def needs_of(lacking: NotSupported) -> set[str]:
    """Return the plugins that a refusal names, else its whole text."""
    return UPSTREAM_PLUGINS.keys() & set(re.findall(r"\w+", str(lacking))) or {str(lacking)}


def _placed(scenario: Scenario, engine: Engine, pods: list[Pod]) -> Iterator[Json]:
    """Yield an entry for each pod; all nodes are looked at, and it goes to the first of the best by name."""
    nominations = Nominations(engine, pods)
    for index, pod in enumerate(pods):
        entry = skipped(engine, pod)
        if entry is not None:
            yield entry
            continue
        decision = engine.evaluate(pod, all_nodes=True)
        entry = last = entry_of(engine, decision, scenario.detail)
        if node := entry.get("preemption", {}).get("nominatedNode"):
            engine.preempt(decision, node)
            if cleared := nominations.clear(node, pod):
                entry["preemption"]["clearedNominations"] = cleared
            decision = engine.evaluate(pod, all_nodes=True)
            last = entry_of(engine, decision, scenario.detail)
            entry["afterPreemption"] = last
        elif decision.nominated_node == "":
            nominations.lose(pod)
        if "chosen" in last:
            pod.status.start_time = f"{FIRST_START + timedelta(seconds=index):%Y-%m-%dT%H:%M:%SZ}"
            engine.assume(decision, last["chosen"])
            nominations.lose(pod)
        yield entry


class Nominations:
    """The nominations that pods of a scenario hold before they are tried.

    For the other pods such a pod counts as it does in kube-scheduler while it is in no queue: by its name alone,
    without requests, labels or a priority.
    """

    def __init__(self, engine: Engine, pods: list[Pod]) -> None:
        self._engine = engine
        self._held = {pod_key(pod): pod for pod in pods if pod.status.nominated_node_name}
        self._tell()

    def clear(self, node: str, preemptor: Pod) -> list[str]:
        """Take a node from the pods of a lower priority than the preemptor's; return their keys, sorted."""
        self._held.pop(pod_key(preemptor), None)
        priority = preemptor.spec.priority or 0
        cleared = sorted(
            key
            for key, pod in self._held.items()
            if pod.status.nominated_node_name == node and (pod.spec.priority or 0) < priority
        )
        for key in cleared:
            self.lose(self._held[key])
        self._tell()
        return cleared

    def lose(self, pod: Pod) -> None:
        """Take the nomination from a pod if it holds one."""
        self._held.pop(pod_key(pod), None)
        pod.status.nominated_node_name = ""
        self._engine.nominate(pod, "")

    def _tell(self) -> None:
        for pod in self._held.values():
            meta = ObjectMeta(name=pod.metadata.name, namespace=pod.metadata.namespace)
            self._engine.nominate(Pod(metadata=meta), pod.status.nominated_node_name)


def _sequence(scenario: Scenario, engine: Engine, pods: list[Pod]) -> Iterator[Json]:
    """Yield an entry for each pod, which goes where the engine's own selection puts it."""
    for index, pod in enumerate(pods):
        for step in scenario.steps:
            if step.before == index:
                _take(step, engine.cluster, scenario.name)
        entry = skipped(engine, pod)
        yield sequence_entry_of(engine, engine.schedule(pod)) if entry is None else entry


def _take(step: Step, cluster: Cluster, source: str) -> None:
    """Change the cluster."""
    node = step.add_node or step.update_node
    if node is not None:
        cluster.add_node(load_documents([node], source=source).nodes[0])
    elif step.delete_node is not None:
        if step.delete_node not in cluster.nodes.row_of:
            raise InvalidObjects([Problem(source, f"Node {step.delete_node}", "", "is not there to be deleted")])
        cluster.remove_node(step.delete_node)
    elif step.delete_pod is not None:
        cluster.remove_pod(step.delete_pod)
