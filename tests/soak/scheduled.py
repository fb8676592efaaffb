"""A life through the whole scheduler: what the informers report and time go in, an API server answers as it likes.

At random moments cluster, queue and nominations are held against what the API server has; when all is quiet, nothing of
what was under way may be left.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from plugins.coscheduling import LABEL
from sched_core import (
    Code,
    CycleState,
    Engine,
    Plugin,
    Pod,
    PodInfo,
    Scheduler,
    SchedulerConfiguration,
    Status,
    WaitingPod,
    load_config,
    load_documents,
    pod_key,
    replaced,
)
from sched_core.cluster import ENDED
from tests.engine.worlds import cluster_of, records
from tests.plugins.test_coscheduling import group
from tests.scheduler.api import SECOND
from tests.soak.books import Books
from tests.soak.compare import assert_same_cluster, assert_same_decision
from tests.soak.objects import NAMESPACES, soak_node, soak_object, soak_template
from tests.soak.server import Server

TEMPLATES = 30
STEPS_NS = (0, 10**6, SECOND // 3, SECOND, SECOND, 7 * SECOND, 61 * SECOND)
GROUPS = {"g": 2, "h": 3}


class Hesitant(Plugin):
    """Has pods with the label ``wait`` wait at Permit."""

    def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> tuple[Status, float]:
        return Status(Code.Wait if self.concerns(pod) else Code.Success), 5

    def concerns(self, pod: PodInfo) -> bool:
        return "wait" in pod.pod.metadata.labels


def _config() -> SchedulerConfiguration:
    plugins = {
        "multiPoint": {"enabled": [{"name": "Coscheduling"}]},
        "queueSort": {"enabled": [{"name": "Coscheduling"}], "disabled": [{"name": "*"}]},
        "permit": {"enabled": [{"name": "Hesitant"}]},
    }
    args = [{"name": "VolumeBinding", "args": {"bindTimeoutSeconds": 20}}]
    names = ("default-scheduler", "second-scheduler")
    return load_config({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "percentageOfNodesToScore": 100,
        "profiles": [{"schedulerName": name, "plugins": plugins, "pluginConfig": args} for name in names],
    })  # fmt: skip


class ScheduledLife:
    """One life of a scheduler; `step` lets one thing happen."""

    def __init__(self, seed: int, *, nodes: int = 30, pods: int = 200, phase: int = 20_000, check: int = 600) -> None:
        """Begin with up to ``nodes`` nodes and, later, about ``pods`` pods; all else is as in `Life`."""
        self.rng, self.most_nodes, self.wanted_pods = random.Random(seed), nodes, pods
        self.plain = True
        self.books, self.api = Books(), Server(self.rng)
        self.seen: Counter[str] = Counter()
        self.events = self.serial = self.now = 0
        self.scheduler = Scheduler(self.api, _config(), cluster=cluster_of([]), plugins={"Hesitant": Hesitant})
        self.cluster, self.engine = self.scheduler.cluster, self.scheduler.engine
        for namespace in NAMESPACES:
            self.books.namespaces[namespace] = self.cluster.namespaces[namespace] = {}
        self.rates: dict[Callable[[], None], float] = {
            self.create: 30, self.remove: 14, self.terminate: 3, self.end: 6, self.update_pod: 8, self.ungate: 6,
            self.set_node: 6, self.drop_node: 1, self.set_object: 5, self.drop_object: 2, self.set_group: 1,
            self.control_volumes: 6, self.answer: 10, self.decide: 4, self.inform: 20, self.run: 40, self.wait: 20,
            self.new_templates: 2, self.new_phase: 600 / phase, self.check: 300 / check, self.be_quiet: 60 / check,
        }  # fmt: skip
        self.new_templates()
        for _ in range(nodes // 2):
            self.set_node()

    def live(self, events: int) -> None:
        """Let so many events happen, and check at the end."""
        end, steps, rates = self.events + events, list(self.rates), list(self.rates.values())
        while self.events < end:
            for step in self.rng.choices(steps, rates, k=64):
                self.seen[step.__name__] += 1
                self.events += 1
                step()
        self.be_quiet()

    # What users do ----------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """Pods come, more where there are few."""
        few = len(self.api.pods) < self.wanted_pods
        for _ in range(self.rng.choice([1, 3, 20] if few else [1])):
            self.api.change(self.new_pod())

    def remove(self) -> None:
        """A pod is deleted; one of its name may come at once."""
        if (pod := self._any_pod()) is None:
            return
        self.api.remove(pod)
        if self.rng.random() < 0.2:
            spec = replaced(pod.spec, node_name="")
            meta = replaced(pod.metadata, uid=f"uid-{self._next()}", deletion_timestamp=None)
            self.api.change(Pod(metadata=meta, spec=spec))

    def terminate(self) -> None:
        """A pod is to go, and is still there."""
        if (pod := self._any_pod()) is not None:
            meta = replaced(pod.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
            self.api.change(replaced(pod, metadata=meta))

    def end(self) -> None:
        """A pod that runs has done its work, and is deleted or not."""
        if (pod := self._any_pod()) is not None and pod.spec.node_name:
            self.api.change(replaced(pod, status=replaced(pod.status, phase=self.rng.choice(ENDED))))

    def update_pod(self) -> None:
        if (pod := self._any_pod()) is not None:
            labels = {**pod.metadata.labels, "app": self.rng.choice("xyz")}
            self.api.change(replaced(pod, metadata=replaced(pod.metadata, labels=labels)))

    def ungate(self) -> None:
        for pod in [each for each in self.api.pods.values() if each.spec.scheduling_gates][:3]:
            self.api.change(replaced(pod, spec=replaced(pod.spec, scheduling_gates=())))

    def set_node(self) -> None:
        name = f"n{self.rng.randrange(self.most_nodes)}"
        node = soak_node(self.rng, name, self._next())
        self.api.put(self.books.set_node(node))
        self._look()

    def drop_node(self) -> None:
        if len(self.books.nodes) > 2:
            name = self.rng.choice(list(self.books.nodes))
            self.books.drop_node(name)
            self.api.drop("Node", name)
            self._look()

    def set_object(self) -> None:
        for found in load_documents([soak_object(self.rng)]).others.values():
            self.api.put(found[0])

    def drop_object(self) -> None:
        there = [each for each in self.api.objects if each[0] not in ("Node", "PodGroup")]
        if there:
            self.api.drop(*self.rng.choice(there))

    def set_group(self) -> None:
        name = self.rng.choice(list(GROUPS))
        self.api.put(group(name, GROUPS[name], scheduleTimeoutSeconds=10))

    def new_templates(self) -> None:
        """Other pods come from now on."""
        names = list(self.books.nodes) or ["n0"]
        made = [soak_template(self.rng, names, self._next(), self.plain) for _ in range(TEMPLATES)]
        for number, template in enumerate(made):
            template["metadata"]["name"] = f"t{number}"
            which = self.rng.random()
            if which < 0.05:
                template["metadata"]["labels"]["wait"] = "5"
            elif which < 0.1:
                template["metadata"]["labels"][LABEL] = self.rng.choice(list(GROUPS))
            elif which < 0.15:
                template["spec"]["schedulingGates"] = [{"name": "later"}]
        self.templates = records(made)

    def new_phase(self) -> None:
        """Pods with affinity to others come no more, and those that are there are deleted; or they come again."""
        self.plain = not self.plain
        self.new_templates()
        if self.plain:
            for pod in [each for each in self.api.pods.values() if each.spec.affinity is not None]:
                self.api.remove(pod)

    # What the API server, its controllers and time do -----------------------------------------------------------------

    def control_volumes(self) -> None:
        self.api.control_volumes()

    def answer(self) -> None:
        self.api.answer(self.scheduler, self.now)

    def decide(self) -> None:
        """A waiting pod is let go, or not."""
        waiting = self._waiting()
        if waiting:
            chosen = self.rng.choice(waiting)
            chosen.allow("Hesitant") if self.rng.random() < 0.6 else chosen.reject("Hesitant", "rejected")

    def inform(self) -> None:
        self.api.tell(self.scheduler, self.now)

    def run(self) -> None:
        self.seen["attempts"] += self.scheduler.run(self.now, self.rng.choice([None, None, 1, 5]))

    def wait(self) -> None:
        self.now += self.rng.choice(STEPS_NS)

    # Checks -----------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Hold cluster, queue and nominations against the API server, and decisions against those of a fresh engine."""
        self.api.tell(self.scheduler, self.now)
        self._keep_books()
        assert_same_cluster(self.cluster, self.books.rebuilt(self.cluster))
        self._check_queue()
        fresh = Engine(
            self.books.rebuilt(self.cluster), self.engine.config, speed="cycle", plugins={"Hesitant": Hesitant}
        )
        fresh.start = self.engine.start
        for nominated, node_name in self.engine.nominator.state().values():
            fresh.nominate(nominated.pod, node_name)
        for pod in [self.new_pod() for _ in range(3)]:
            if pod.spec.scheduler_name in self.engine.profiles and LABEL not in pod.metadata.labels:
                assert_same_decision(self.engine, fresh, pod)

    def be_quiet(self) -> None:
        """Let all that is under way come to its end: nothing of it may be left."""
        cycles, handlers, queue = self.scheduler._cycles, self.scheduler.handlers, self.scheduler.queue
        self.scheduler.run(self.now)
        for _ in range(40):
            while self.api.open:
                self.api.answer(self.scheduler, self.now)
            self.api.tell(self.scheduler, self.now)
            self.now += SECOND
            self.scheduler.run(self.now, 0)
        self.check()
        assert not self.api.open and not self.api.told
        under_way = [
            cycles._waiting, cycles._in_pre_bind, cycles._to_bind, cycles._binding, cycles._cancelled,
            self.scheduler._preemptions._pending, handlers.assumed, self._waiting(), queue.in_flight.pods(),
        ]  # fmt: skip
        assert not any(under_way), [len(each) for each in under_way]
        assert queue.in_flight.event_count == 0
        assert self.scheduler._running.waiting.next_due is None
        others = {f"{kind} {key}": each for kind, found in self.cluster.others.items() for key, each in found.items()}
        assert others == {f"{kind} {key}": each for (kind, key), each in self.api.objects.items() if kind != "Node"}
        assert self.cluster.uids == {key: pod.metadata.uid for key, pod in self.books.pods.items()}
        assert len(self.scheduler._batches._known) <= len(self.cluster.classes)
        kept = {kind: len(found) for kind, found in handlers.objects.items() if found and kind != "Pod"}
        assert kept == Counter(kind for kind, _ in self.api.objects)

    def _look(self) -> None:
        """Report a change of a node, and look at the list of nodes, which depends on when it was looked at."""
        self.api.tell(self.scheduler, self.now)
        rows = self.cluster.nodes.order().tolist()
        assert [self.cluster.nodes.names[row] for row in rows] == self.books.tree.order()

    def _keep_books(self) -> None:
        """Take the placed pods of the API server and those that are on their way, in the order of each node's list."""
        handlers, pods = self.scheduler.handlers, self.cluster.nodes.pods
        live = {key: pod for key, pod in self.api.pods.items() if pod.status.phase not in ENDED}
        assert handlers.pods == live
        placed = {key: pod for key, pod in live.items() if pod.spec.node_name}
        placed |= {pod_key(each.pod): each.placed for each in handlers.assumed.values()}
        lists: dict[str, list[str]] = {}
        for name, row in self.cluster.nodes.row_of.items():
            lists[name] = [pods.key(number) for number in pods.on(row).tolist()]
        listed = {key for keys in lists.values() for key in keys}
        for key, pod in placed.items():
            if pod.spec.node_name in self.cluster.nodes.row_of:
                assert key in listed, key
            else:
                lists.setdefault(pod.spec.node_name, []).append(key)
        assert listed <= placed.keys()
        self.books.pods, self.books.lists = placed, lists

    def _check_queue(self) -> None:
        queue, handlers = self.scheduler.queue, self.scheduler.handlers
        on_their_way = {pod_key(each.pod) for each in handlers.assumed.values()}
        on_their_way |= {entry.info.key for entry in self.scheduler._cycles._binding.values()}
        for key, pod in handlers.pods.items():
            info = queue.get(key)
            if pod.spec.node_name or pod.spec.scheduler_name not in self.engine.profiles or key in on_their_way:
                assert info is None or key in on_their_way, key
            elif pod.metadata.deletion_timestamp is None:
                assert info is not None, key
        assert len(queue) <= len(handlers.pods)
        expected = {
            key: pod.status.nominated_node_name
            for key, pod in handlers.pods.items()
            if pod.status.nominated_node_name and not pod.spec.node_name and key not in on_their_way
            and pod.spec.scheduler_name in self.engine.profiles
        }  # fmt: skip
        assert {key: name for key, (_, name) in queue.nominator.state().items()} == expected

    def new_pod(self) -> Pod:
        template, number = self.rng.choice(self.templates), self._next()
        return replaced(template, metadata=replaced(template.metadata, name=f"p{number}", uid=f"uid-{number}"))

    def _waiting(self) -> list[WaitingPod]:
        return self.engine.profiles["default-scheduler"].handle.waiting_pods()

    def _any_pod(self) -> Pod | None:
        return self.api.pods[self.rng.choice(list(self.api.pods))] if self.api.pods else None

    def _next(self) -> int:
        self.serial += 1
        return self.serial
