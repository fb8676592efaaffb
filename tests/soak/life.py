"""Life: a cluster and its engine driven by random events from a seed, with books of what should be there.

Each event is drawn from what its rate says; at random moments everything is held against a fresh start (see `compare`).
Nothing here knows about time or memory.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sched_core import (
    Engine,
    NotSupported,
    NumberedNames,
    Pod,
    PodArray,
    SchedulerConfiguration,
    Speed,
    load_documents,
    pod_key,
    replaced,
)
from sched_core.engine.engine import State
from tests.engine.worlds import cluster_of, looking_at, records
from tests.soak.books import Books
from tests.soak.compare import assert_same_cluster, assert_same_decision, outcome
from tests.soak.objects import NAMESPACES, soak_node, soak_object, soak_template

SPEEDS: tuple[Speed, ...] = ("auto", "incremental", "fused", "cycle")
CONFIGS = (looking_at(100), looking_at(100), looking_at(30))
MOST_PENDING = 60
TEMPLATES = 30


class Saved(NamedTuple):
    """A snapshot with the books of that moment."""

    state: State
    books: Books
    pending: dict[str, Pod]


class Life:
    """One life; `step` lets one thing happen."""

    def __init__(self, seed: int, *, nodes: int = 30, pods: int = 300, phase: int = 20_000, check: int = 600) -> None:
        """Begin with up to ``nodes`` nodes; about ``pods`` pods are there at a time, and all is checked every ``check``
        events or so.

        ``phase`` is how long, on the average, pods without affinity to others come, and then a third of that with it:
        some of what is worked out depends on whether any such pod is placed.
        """
        self.rng, self.most_nodes, self.wanted_pods = random.Random(seed), nodes, pods
        self.plain = True
        self.books, self.pending = Books(), dict[str, Pod]()
        self.seen: Counter[str] = Counter()
        """How often each kind of event, of check and of outcome came about."""
        self.events = self.serial = 0
        self.saved: Saved | None = None
        self.cluster = cluster_of([])
        self.engine = self._new_engine()
        self.rates: dict[Callable[[], None], float] = {
            self.arrive: 30, self.leave: 30, self.retry: 5, self.preempt: 8, self.update_pod: 10, self.fail: 4,
            self.run_elsewhere: 6, self.set_node: 8, self.drop_node: 1, self.set_object: 4, self.drop_object: 2,
            self.bind_volumes: 1, self.label_namespace: 0.3, self.save: 0.5, self.go_back: 0.5, self.new_templates: 3,
            self.new_engine: 0.03, self.check: 300 / check, self.new_phase: 600 / phase,
        }  # fmt: skip
        self.new_templates()
        for namespace in NAMESPACES:
            self.books.namespaces[namespace] = self.cluster.namespaces[namespace] = {}
        for _ in range(nodes // 2):
            self.set_node()

    def live(self, events: int) -> None:
        """Let so many events happen, and check at the end."""
        end = self.events + events
        steps, rates = list(self.rates), list(self.rates.values())
        while self.events < end:
            for step in self.rng.choices(steps, rates, k=64):
                self.seen[step.__name__] += 1
                self.events += 1
                step()
        self.check()

    # Pods -------------------------------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Pods come and are scheduled in one call; more where there are few."""
        few = len(self.books.pods) < self.wanted_pods
        count = self.rng.choice([1, 3, 20, 100] if few else [1, 2])
        if self.rng.random() < 0.7:
            self.schedule([self._new_pod() for _ in range(count)])
            return
        templates = self.rng.sample(self.templates, 3)
        template_of = np.array([self.rng.randrange(3) for _ in range(count)], np.int32)
        array = PodArray(NumberedNames(f"p{self._next()}-{{}}", count), templates, template_of)
        self.schedule([_named(templates[of], name) for of, name in zip(template_of, array.names, strict=True)], array)

    def retry(self) -> None:
        """Pods that failed are tried again."""
        self.schedule(self.rng.sample(list(self.pending.values()), min(len(self.pending), 8)))

    def schedule(self, pods: list[Pod], array: PodArray | None = None) -> None:
        """Schedule pods, which may be given as an array too, in one call and note where they are."""
        self._look()
        self.events += max(len(pods) - 1, 0)
        batch = self.engine.schedule_many(pods if array is None else array)
        for position, (pod, row) in enumerate(zip(pods, batch.node_of.tolist(), strict=True)):
            if row >= 0:
                self._placed(pod, self.cluster.nodes.names[row])
            else:
                self.seen["failed with an error" if batch.failures[position].error else "failed"] += 1
                self._set_aside(pod)
        self.seen.update(batch.speed_used)

    def preempt(self) -> None:
        """One pod is tried by itself, and makes room for itself if it may."""
        pod = self._new_pod()
        self._look()
        try:
            decision = self.engine.schedule(pod)
        except (KeyError, NotSupported):  # no profile for it, or a plugin that is missing
            return
        if decision.node is not None:
            self._placed(pod, decision.node)
            return
        self._set_aside(pod)
        if decision.victims:
            self.seen["preempted"] += 1
            self.engine.preempt(decision)
            for key in decision.victims:
                self.books.remove(key)

    def leave(self) -> None:
        """Pods are deleted; more where there are many."""
        many = len(self.books.pods) > self.wanted_pods
        count = min(self.rng.choice([1, 3, 100] if many else [1]), len(self.books.pods))
        self._delete(self.rng.sample(list(self.books.pods), count))
        self.events += max(count - 1, 0)

    def fail(self) -> None:
        """A pod ends."""
        if (pod := self._any_pod()) is not None:
            self.books.remove(pod_key(pod))
            phase = self.rng.choice(["Failed", "Succeeded"])
            self.cluster.add_pod(replaced(pod, status=replaced(pod.status, phase=phase)))

    def update_pod(self) -> None:
        """A pod starts, is labelled, or is about to go: it moves to the end of its node's list."""
        pod = self._any_pod()
        if pod is None:
            return
        meta, status = pod.metadata, pod.status
        match self.rng.randrange(3):
            case 0:
                status = replaced(status, start_time=f"2026-01-01T00:00:{self.rng.randrange(60):02}Z")
            case 1:
                meta = replaced(meta, labels={**meta.labels, "app": self.rng.choice("xyz")})
            case 2:
                meta = replaced(meta, deletion_timestamp="2026-01-01T00:00:00Z")
        self._run(replaced(pod, metadata=meta, status=status), pod.spec.node_name)

    def run_elsewhere(self) -> None:
        """A pod turns up on a node, there or not, that nobody here has put there."""
        name = self.rng.choice([*self.books.nodes, *(f"n{number}" for number in range(3))])
        pod = self._new_pod()
        if not self.books.uses_port(name, pod):
            self._run(pod, name)

    # Nodes and other objects ------------------------------------------------------------------------------------------

    def set_node(self) -> None:
        """A node comes or changes in any way."""
        name = f"n{self.rng.randrange(self.most_nodes)}"
        self.cluster.add_node(self.books.set_node(soak_node(self.rng, name, self._next())))

    def drop_node(self) -> None:
        if len(self.books.nodes) > 2:
            name = self.rng.choice(list(self.books.nodes))
            self.books.drop_node(name)
            self.cluster.remove_node(name)

    def set_object(self) -> None:
        """An object of another kind comes or changes."""
        for found in load_documents([soak_object(self.rng)]).others.values():
            self.cluster.add_object(found[0])

    def drop_object(self) -> None:
        there = [(kind, key) for kind, found in self.cluster.others.items() for key in found]
        if there:
            self.cluster.remove_object(*self.rng.choice(there))

    def bind_volumes(self) -> None:
        """What plugins assumed is reported as it is."""
        for found in list(self.cluster.others.values()):
            for record in list(found.values()):
                self.cluster.add_object(record)

    def label_namespace(self) -> None:
        name = self.rng.choice(NAMESPACES)
        self.books.namespaces[name] = self.cluster.namespaces[name] = self.rng.choice([{}, {"purpose": "work"}])

    # Going back, starting anew ----------------------------------------------------------------------------------------

    def save(self) -> None:
        self.saved = Saved(self.engine.snapshot(), self.books.copy(), dict(self.pending))

    def go_back(self) -> None:
        """Everything is as it was when it was saved; it may be gone back to again."""
        if self.saved is not None:
            self.engine.restore(self.saved.state)
            self.books, self.pending = self.saved.books.copy(), dict(self.saved.pending)
            if self.rng.random() < 0.7:
                self.saved = None

    def new_phase(self) -> None:
        """Pods with affinity to others come no more, and those that are there are deleted; or they come again."""
        if self.plain and self.rng.random() < 2 / 3:
            return
        self.plain = not self.plain
        self.new_templates()
        if self.plain:
            self._delete([key for key, pod in self.books.pods.items() if pod.spec.affinity is not None])
            for key in [key for key, pod in self.pending.items() if pod.spec.affinity is not None]:
                self.engine.nominate(self.pending.pop(key), "")

    def new_templates(self) -> None:
        """Other pods come from now on."""
        names = list(self.books.nodes) or ["n0"]
        made = [soak_template(self.rng, names, self._next(), self.plain) for _ in range(TEMPLATES)]
        for number, template in enumerate(made):
            template["metadata"]["name"] = f"t{number}"
        self.templates = records(made)

    def new_engine(self) -> None:
        """The scheduler starts anew, perhaps with another speed, on the cluster as it stands."""
        old = self.engine
        self.engine = self._new_engine()
        self.engine.start = old.start
        self._nominate(old, self.engine)

    def check(self) -> None:
        """Hold all that is kept against a fresh start, and decisions on new pods against those of a fresh engine."""
        self._look()
        fresh = self._fresh_engine()
        assert_same_cluster(self.cluster, fresh.cluster)
        for pod in [self._new_pod() for _ in range(4)]:
            if pod.spec.scheduler_name in self.engine.profiles:
                assert_same_decision(self.engine, fresh, pod)
        pods = [self._new_pod() for _ in range(10)]
        expected = outcome(fresh, fresh.schedule_many(pods))
        self.events += len(pods)
        batch = self.engine.schedule_many(pods)
        got = outcome(self.engine, batch)
        assert got == expected
        for pod, name in zip(pods, got["nodes"], strict=True):
            self._placed(pod, name) if name else self._set_aside(pod)
        assert_same_cluster(self.cluster, fresh.cluster)
        assert_same_cluster(self.cluster, self.books.rebuilt(self.cluster))

    def _fresh_engine(self) -> Engine:
        fresh = Engine(self.books.rebuilt(self.cluster), self.config, speed="cycle")
        fresh.start = self.engine.start
        self._nominate(self.engine, fresh)
        return fresh

    def _new_engine(self) -> Engine:
        self.config: SchedulerConfiguration = self.rng.choice(CONFIGS)
        return Engine(self.cluster, self.config, speed=self.rng.choice(SPEEDS))

    @staticmethod
    def _nominate(old: Engine, new: Engine) -> None:
        for pod, node_name in old.nominator.state().values():
            new.nominate(pod.pod, node_name)

    def _look(self) -> None:
        """Begin an attempt as upstream does: with the list of nodes as it is now."""
        rows = self.cluster.nodes.order().tolist()
        assert [self.cluster.nodes.names[row] for row in rows] == self.books.tree.order()

    def _placed(self, pod: Pod, node_name: str) -> None:
        self.pending.pop(pod_key(pod), None)
        self.books.place(pod, node_name)

    def _run(self, pod: Pod, node_name: str) -> None:
        self.cluster.add_pod(self.books.place(pod, node_name))

    def _set_aside(self, pod: Pod) -> None:
        """Let a pod that has no node wait; those that wait for longest are deleted."""
        self.pending[pod_key(pod)] = pod
        while len(self.pending) > MOST_PENDING:
            self.engine.nominate(self.pending.pop(next(iter(self.pending))), "")

    def _delete(self, keys: list[str]) -> None:
        for key in keys:
            self.books.remove(key)
            assert self.engine.forget(key)

    def _any_pod(self) -> Pod | None:
        return self.books.pods[self.rng.choice(list(self.books.pods))] if self.books.pods else None

    def _new_pod(self) -> Pod:
        return _named(self.rng.choice(self.templates), f"p{self._next()}")

    def _next(self) -> int:
        self.serial += 1
        return self.serial


def _named(template: Pod, name: str) -> Pod:
    return replaced(template, metadata=replaced(template.metadata, name=name))
