"""Engine: decisions for the pods of a cluster, one by one or many at once, by the fastest way with the same result.

The engine owns no clock and no random stream: the same calls give the same decisions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from msgspec import structs

from sched_core.cluster import Cluster, ClusterState, start_time
from sched_core.columns.arrays import PodArray
from sched_core.columns.classes import PodInfo
from sched_core.columns.own import NO_COLUMNS
from sched_core.config import Extender, SchedulerConfiguration, load_config
from sched_core.engine.batch import Batch, Failure
from sched_core.engine.bind import bind, reserve
from sched_core.engine.compiled import Compiled, Places, Way
from sched_core.engine.cycle import Cycle
from sched_core.engine.decision import Decision
from sched_core.engine.dry_run import DryRuns
from sched_core.engine.many import Many
from sched_core.engine.own import own_columns
from sched_core.engine.program import Program
from sched_core.engine.regular import Regular
from sched_core.engine.static import compilable
from sched_core.errors import NotSupported, PluginError, StowageError
from sched_core.extender import Connect, Extenders, Transport
from sched_core.framework.handle import Handle
from sched_core.framework.nominator import Nominator
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile, build_profiles
from sched_core.framework.registry import Registry
from sched_core.framework.running import Running
from sched_core.framework.status import SUCCESS, Status, error, unresolvable
from sched_core.objects.records import ObjectMeta, Pod
from sched_core.rows.generate import is_cached

Speed = Literal["auto", "cycle", "fused", "incremental"]


class State(NamedTuple):
    """What `Engine.snapshot` returns."""

    cluster: ClusterState
    start: int
    nominated: dict[str, tuple[PodInfo, str]]


class Sides(NamedTuple):
    """A profile with both ways to decide for it; ``compiled`` is None where only the cycle can."""

    profile: Profile
    cycle: Cycle
    compiled: Compiled | None


class Engine:
    """Decides where pods go, and places them on its cluster."""

    def __init__(
        self,
        cluster: Cluster,
        config: SchedulerConfiguration | None = None,
        *,
        speed: Speed = "auto",
        plugins: Mapping[str, type[Plugin]] | None = None,
        nominator: Nominator | None = None,
        running: Running | None = None,
        extenders: Connect | None = None,
    ) -> None:
        """Prepare to decide on ``cluster`` with the profiles of ``config`` (default: upstream's).

        ``plugins`` are further plugin classes by the names that the configuration uses. ``speed`` forces one way for
        all pods that it can decide on; whatever it cannot goes through the cycle. ``extenders`` connects to the HTTP
        extenders of ``config``; without it they are refused. A scheduler brings the nominations of its queue and what
        it does for plugins. Raises InvalidConfig, NotSupported or PluginError.
        """
        self.cluster, self.speed, self.start = cluster, speed, 0
        self.nominator = nominator if nominator is not None else Nominator()
        self._running, self._connect = running, extenders or _refuse
        self.profiles: dict[str, Profile] = {}
        self._own = NO_COLUMNS
        self._sides: dict[str, Sides] = {}
        self.seen = [0, 0]
        """Pods and classes that compiled batches have met, to tell whether classes come again."""
        self.known: dict[int, Failure] = {}
        """Class -> why its last pod failed; the next one fails for the same reason if nothing has changed since."""
        self._epoch = cluster.classes.epoch
        self._take_over(config if config is not None else load_config(None), plugins, compiling=False)

    def swap(self, config: SchedulerConfiguration, *, plugins: Mapping[str, type[Plugin]] | None = None) -> None:
        """Put the profiles of ``config`` in the place of those in force, between two pods.

        All decisions from now on are those of a new engine on this cluster: plugins are made anew, their own columns
        are filled from nodes and placed pods, and those of plugins that go are gone. What placements remember stays
        where a plugin declares its column alike; so do nominations and the index at which the next scan starts.
        ``plugins`` are plugin classes as of the engine (default: the ones it has). Raises InvalidConfig, NotSupported
        or PluginError, also where a row function cannot be compiled, and has changed nothing then.
        """
        self._tidy()
        self._take_over(config, self._plugins if plugins is None else plugins, compiling=True)
        self.known.clear()
        self.seen = [0, 0]

    def evaluate(self, pod: Pod, *, all_nodes: bool = False) -> Decision:
        """Decide on a pod without placing it; ``all_nodes`` ignores percentageOfNodesToScore.

        Raises KeyError if no profile has the pod's scheduler name, NotSupported if a plugin is needed that is missing.
        """
        self._tidy()
        return self.decide(self.cluster.classes.info(pod), self._sides[pod.spec.scheduler_name], all_nodes=all_nodes)

    def schedule(self, pod: Pod) -> Decision:
        """Decide on a pod and place it where it fits; see `evaluate`.

        Nobody is evicted: where preemption would help, the decision says so, and `preempt` does it.
        """
        self._tidy()
        sides = self._sides[pod.spec.scheduler_name]
        decision = self.decide(self.cluster.classes.info(pod), sides)
        self.advance(decision)
        if decision.row >= 0:
            bind(self, sides.profile, decision)
        return decision

    def nominate(self, pod: Pod, node_name: str) -> None:
        """Note that a pending pod has a claim to a node, which counts in the filters of pods of no higher priority.

        An empty name takes its nomination away; so does placing it.
        """
        self.nominator.add(self.cluster.classes.info(pod), node_name)

    def preempt(self, decision: Decision, node_name: str | None = None) -> list[str]:
        """Make room as a decision says: evict the victims at once and nominate the pod.

        ``node_name`` is another candidate than the chosen one. Returns the keys of the pods of a lower priority that
        lose their nomination to the node. Whoever waits for victims to end calls `nominate` now and `forget` later.
        Raises ValueError if the decision has no candidates, KeyError if the node is none of them.
        """
        found = decision.preemption
        candidate = None if found is None else found.of(node_name) if node_name is not None else found.chosen
        if candidate is None:
            raise ValueError(f"pod {decision.key}: there is nobody to preempt")
        for victim in tuple(candidate.victims):
            self.forget(victim)
        cleared = self.nominator.lower(candidate.node, decision.pod.priority)
        for key in cleared:
            self.nominator.remove(key)
        self.nominator.add(decision.pod, candidate.node)
        return cleared

    def assume(self, pod: Pod | Decision, node_name: str) -> int:
        """Place a pod on a node, whatever the filters say; return its number in the pod table (see `Cluster.tidy`).

        A pod that was decided on (`evaluate`) goes through Reserve, to take the volumes that were found for it.
        Raises PluginError if Reserve refuses.
        """
        self._tidy()
        if isinstance(pod, Pod):
            return self.place(self.cluster.classes.info(pod), self.cluster.nodes.row_of[node_name])
        number = self.place(pod.pod, self.cluster.nodes.row_of[node_name])
        refused = reserve(self._sides[pod.pod.pod.spec.scheduler_name].profile, pod, node_name)
        if not refused.is_success:
            self.cluster.remove_pod(pod.key)
            raise PluginError(refused.plugin, "reserve", refused.message, pod.key, node_name)
        return number

    def forget(self, pod: str | Decision) -> bool:
        """Take a placed pod (``namespace/name``, or its decision) away again; False if it is not there."""
        return self.cluster.remove_pod(pod if isinstance(pod, str) else pod.key)

    def snapshot(self) -> State:
        """Return the state of the cluster, for `restore`."""
        return State(self.cluster.state(), self.start, self.nominator.state())

    def restore(self, state: State) -> None:
        """Bring the cluster back to a snapshot."""
        self.cluster.restore(state.cluster)
        self.start = state.start
        self.nominator.restore(state.nominated)

    def admit(self, pod: PodInfo) -> Status:
        """Tell whether a pod is tried at all; if not: no profile, held back by PreEnqueue (named), or being deleted."""
        name = pod.pod.spec.scheduler_name
        if name not in self.profiles:
            return unresolvable(f'profile not found for scheduler name "{name}"')
        for plugin in self.profiles[name].points["preEnqueue"]:
            try:
                status: Status = plugin.pre_enqueue(pod)  # type: ignore[attr-defined]
            except StowageError:
                raise
            except Exception as reason:
                status = error(f'running PreEnqueue plugin "{plugin.name}": {str(reason) or type(reason).__name__}')
            if not status.is_success:
                return status.of(plugin.name)
        if pod.pod.metadata.deletion_timestamp is not None:
            return unresolvable(f"skip schedule deleting pod: {pod.key}")
        return SUCCESS

    def warm_up(self) -> float:
        """Compile what batches need, or load it from the cache; return the seconds that it took."""
        began = time.perf_counter()
        speeds: tuple[Speed, ...] = ("cycle", "fused", "incremental") if self.speed == "auto" else (self.speed,)
        config = structs.replace(self.config, extenders=())
        for speed in speeds:
            engine = Engine(self.cluster.sample(), config, speed=speed, plugins=self._plugins)
            for name in self.profiles:
                pods = [Pod(metadata=ObjectMeta(name=f"warm-up-{number}")) for number in range(2)]
                for pod in pods:
                    pod.spec.scheduler_name = name
                engine.schedule_many(pods, measure=True)
            for sides in engine._sides.values():
                sides.cycle.program.compile_loops()
                if sides.compiled is not None and sides.profile.percentage_of_nodes_to_score < 100:
                    none = np.zeros(0, np.int32)  # the small cluster would never be sampled
                    owners = engine.cluster.nodes.owners
                    placed = tuple(column.empty(0, rows_last=False) for column in owners.placed.values())
                    places = Places(none, np.zeros(0, np.int64), placed)
                    sides.compiled.run(none, 0, 0, places, Way.SAMPLED, 0)
                if sides.compiled is not None:
                    sides.compiled.terms.tallies.compile()
        return time.perf_counter() - began

    def schedule_many(self, pods: Sequence[Pod] | PodArray, *, measure: bool = False, explain: bool = True) -> Batch:
        """Decide on pods in the given order and place those that fit.

        A pod that fails is in ``failures`` of the result; nothing is raised for it. With ``measure`` the time of each
        decision is kept. Without ``explain`` compiled code goes on behind a pod that no node takes: it is told from its
        row alone, and PostFilter is not asked; what fails for an error is in ``failures`` all the same.
        """
        self._tidy()
        return Many(self, pods, measure=measure, asks=explain).run()

    def place_regular(self, pods: Sequence[PodInfo], deal: Callable[[int, int], None]) -> int:
        """Place pods in compiled code, the first of them on, until one comes that only the cycle can decide on.

        ``deal`` is called with the number of each pod that was dealt with and its row; -1 is a pod that no node takes,
        for the same reasons as one of its class before, since which nothing has changed. Where plugins are asked about
        each pod, that is before they are asked about the next. Returns how many pods were dealt with; the pod behind
        them is one for `decide`. Nothing is asked of PreEnqueue: the pods come from a queue.
        """
        self._tidy()
        return Regular(self, pods, deal).place()

    def forget_failure(self, pod: PodInfo) -> None:
        """Have the next pod of a class go through the cycle, even if nothing has changed since one has failed."""
        compiled = self._sides[pod.pod.spec.scheduler_name].compiled
        if compiled is not None:
            compiled.forget_failure(pod.row)

    def sides(self, scheduler_name: str) -> Sides | None:
        """Return both ways to decide for a scheduler name, None if no profile has it."""
        return self._sides.get(scheduler_name)

    def advance(self, decision: Decision) -> None:
        """Move the index at which the next scan starts; a pod that has no hope loses its nomination."""
        if decision.row < 0 and decision.nominated_node == "":
            self.nominator.remove(decision.key)
        if decision.diagnosis is not None and not decision.nominated_node_used:
            self.start = (self.start + decision.evaluated) % max(decision.diagnosis.nodes_total, 1)

    def decide(self, pod: PodInfo, sides: Sides, *, all_nodes: bool = False) -> Decision:
        """Run the cycle for a pod. Raises NotSupported where a plugin refuses it by name."""
        return sides.cycle.run(pod, self.start, all_nodes=all_nodes)

    def place(self, pod: PodInfo, row: int) -> int:
        """Note that a pod runs on a node; return its number in the pod table.

        Raises PluginError, and has not placed it, where a plugin cannot change its own columns.
        """
        start = start_time(pod.pod)
        number = self.cluster.place([pod.key], np.array([pod.row], np.int32), np.array([row], np.int32), start)
        try:
            self.cluster.add_usage(pod.row, row, number, raising=True)
        except PluginError:
            self.cluster.nodes.pods.withdraw(number)
            raise
        if pod.uid:
            self.cluster.uids[pod.key] = pod.uid
        self.nominator.remove(pod.key)
        return number

    def _tidy(self) -> None:
        """Let the cluster forget what is gone; what is known by numbers of classes goes with them."""
        self.cluster.tidy()
        if self._own and self.cluster.nodes.owners is not self._own:  # another engine has put its own in their place
            self.cluster.declare(self._own)
        if self._epoch != self.cluster.classes.epoch:
            self._epoch, self.seen = self.cluster.classes.epoch, [0, 0]
            self.known.clear()

    def give_up_compiled(self, scheduler_name: str) -> None:
        """Leave all pods of a profile to the cycle, because its row functions cannot be compiled together."""
        self._sides[scheduler_name] = self._sides[scheduler_name]._replace(compiled=None)

    def kernels_cached(self) -> bool:
        """Tell whether this machine has compiled the batches of all profiles before."""
        compiled = (sides.compiled for sides in self._sides.values())
        return all(each is None or is_cached(each.module()) for each in compiled)

    def _take_over(
        self, config: SchedulerConfiguration, plugins: Mapping[str, type[Plugin]] | None, *, compiling: bool
    ) -> None:
        """Make everything that comes of a configuration, then let it be in force; all or nothing."""
        cluster = self.cluster
        extenders = Extenders(config.extenders, self._connect, cluster)
        handle = Handle(cluster, self.nominator, self._running, extenders)
        profiles = build_profiles(config, Registry(plugins), handle)
        own, before = own_columns(profiles), cluster.nodes.owners
        kept = cluster.state() if own or self._own else None
        if kept is not None:
            cluster.declare(own)
        try:
            sides = {name: self._make_sides(profile, extenders) for name, profile in profiles.items()}
            for each in sides.values() if compiling else ():
                each.cycle.program.compile_loops()
        except StowageError:
            if kept is not None:
                cluster.declare(before)
                cluster.restore(kept)
            raise
        self.config, self.extenders, self._plugins, self._own = config, extenders, plugins, own
        self.profiles.clear()
        self.profiles.update(profiles)
        self._sides = sides

    def _make_sides(self, profile: Profile, extenders: Extenders) -> Sides:
        program = Program(profile, self.cluster.nodes, self.cluster.classes)
        program.module(in_float=False)  # compiles nothing, but refuses row functions that break the rules
        program.order()
        cycle = Cycle(profile, self.cluster, program, self.nominator, extenders)
        compiled = None
        if self.speed != "cycle" and compilable(profile) and not extenders.care_for_all:
            compiled = Compiled(profile, self.cluster, program, cycle.nominated)
        profile.handle.dry_runs = lambda state, pod: DryRuns(cycle, state, pod)
        return Sides(profile, cycle, compiled)


def _refuse(extender: Extender) -> Transport:
    raise NotSupported(f"extender {extender.url_prefix}: an engine without a transport calls no extenders")
