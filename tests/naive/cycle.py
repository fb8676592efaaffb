"""The scheduling cycle, pod after pod, with results in the form of the golden data's `expect`.

Does not scan a part of the nodes, keep a queue, preempt, or look at volumes and claims: what would need them is refused
by name (NotImplementedError).
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from typing import Any

from .filters import CycleError, Rejection, filter_node, needs_filter, node_names
from .nodes import NodeState, PlacedPod, pod_priority
from .profiles import Profile, read_profiles
from .scores import SCORED, needs_score, normalize, score_node
from .selectors import labels_of
from .topology import Affinity, Spread, World, normalized_affinity, normalized_spread

Json = dict[str, Any]

_SELECTING = frozenset({"Service", "ReplicaSet", "StatefulSet", "ReplicationController"})
_KINDS = frozenset({"Namespace", "Node", "Pod", "PriorityClass"}) | _SELECTING
_STATE_READ = {  # Filter plugins that fail without their PreFilter, and the text of the failure
    "NodePorts": 'reading "PreFilterNodePorts" from cycleState: not found',
    "NodeResourcesFit": 'error reading "PreFilterNodeResourcesFit" from cycleState: not found',
    "NodeDeclaredFeatures": 'error reading "PreFilterNodeDeclaredFeatures" from cycle-state: not found',
    "InterPodAffinity": 'error reading "PreFilterInterPodAffinity" from cycleState: not found',
    "PodTopologySpread": 'reading "PreFilterPodTopologySpread" from cycleState: not found',
}
_SCORE_STATE_READ = {
    "TaintToleration": 'failed to read "PreScoreTaintToleration" from cycleState: not found',
    "InterPodAffinity": 'failed to read "PreScoreInterPodAffinity" from cycleState: not found',
    "PodTopologySpread": 'error reading "PreScorePodTopologySpread" from cycleState: not found',
}


class NaiveScheduler:
    """A cluster and a configuration that pods are scheduled onto one after the other."""

    def __init__(self, objects: list[Json], config: Json | None) -> None:
        """Take the objects of the cluster (running pods have `spec.nodeName`) and a KubeSchedulerConfiguration."""
        self.profiles = read_profiles(config)
        for profile in self.profiles.values():
            if not profile.plugins["score"]:
                raise NotImplementedError(f"profile {profile.name} without score plugins")
        for one in objects:
            if one["kind"] not in _KINDS:
                raise NotImplementedError(f"objects of kind {one['kind']}")
        self.nodes = [NodeState(one) for one in objects if one["kind"] == "Node"]
        self._by_name = {node.name: node for node in self.nodes}
        namespaces = {one["metadata"]["name"]: labels_of(one) for one in objects if one["kind"] == "Namespace"}
        self._world = World(
            [node.node for node in self.nodes], {}, namespaces, [one for one in objects if one["kind"] in _SELECTING]
        )
        for one in objects:
            if one["kind"] == "Pod" and (one.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                self._place(one, one["spec"].get("nodeName") or "")

    def schedule(self, pod: Json, index: int) -> Json:
        """Take a decision for a pod and place it; `index` is its position among the pods to place."""
        _refuse(pod)
        entry: Json = {"pod": f"{pod['metadata'].get('namespace') or 'default'}/{pod['metadata']['name']}"}
        scheduler = pod["spec"].get("schedulerName") or "default-scheduler"
        profile = self.profiles.get(scheduler)
        gates = [gate["name"] for gate in pod["spec"].get("schedulingGates") or []]
        if profile is None:
            reason = f'profile not found for scheduler name "{scheduler}"'
            return {**entry, "skipped": "unknownSchedulerName", "reason": reason, "feasible": None}
        if gates and "SchedulingGates" in profile.plugins["preEnqueue"]:
            reason = f"waiting for scheduling gates: [{' '.join(gates)}]"
            skipped = {"skipped": "preEnqueue", "skippedPlugin": "SchedulingGates", "reason": reason}
            return {**entry, **skipped, "feasible": None}
        if pod["metadata"].get("deletionTimestamp"):
            reason = f"skip schedule deleting pod: {entry['pod']}"
            return {**entry, "skipped": "deleting", "reason": reason, "feasible": None}
        entry["profile"] = profile.name
        try:
            entry |= self.decide(profile, pod)
        except CycleError as error:
            return {**entry, "error": str(error), "feasible": []}
        if "chosen" in entry:
            placed = copy.deepcopy(pod)
            placed["spec"]["nodeName"] = entry["chosen"]
            minutes, seconds = divmod(index, 60)
            hours, minutes = divmod(minutes, 60)
            placed.setdefault("status", {})["startTime"] = f"2026-01-01T{12 + hours:02d}:{minutes:02d}:{seconds:02d}Z"
            self._place(placed, entry["chosen"])
        return entry

    def decide(self, profile: Profile, pod: Json) -> Json:
        """Return what an attempt for a pod finds out, without placing it."""
        world = replace(self._world, pods={node.name: [one.pod for one in node.pods] for node in self.nodes})
        return _Cycle(self.nodes, world, profile, pod).run()

    def _place(self, pod: Json, node_name: str) -> None:
        _refuse(pod)
        if node_name in self._by_name:
            self._by_name[node_name].pods.append(PlacedPod.of(pod))


class _Cycle:
    """One attempt for one pod."""

    def __init__(self, nodes: list[NodeState], world: World, profile: Profile, pod: Json) -> None:
        self.nodes, self.world, self.profile, self.pod = nodes, world, profile, pod
        self.affinity = Affinity(world, pod, self._args("InterPodAffinity"))
        self.spread = Spread(world, pod, self._args("PodTopologySpread"))
        self.claims_were_looked_at = False  # DynamicResources leaves its state in PreFilter and wants it in PostFilter
        self.skipped_filters: set[str] = set()

    def run(self) -> Json:
        """Return what the entry holds beside the pod and the profile."""
        if not self.nodes:
            text = "no nodes available to schedule pods"
            return {"feasible": [], "unschedulable": True, "message": text}
        names, rejected = self._pre_filter()
        if rejected is not None:
            rejections = {node.name: rejected for node in self.nodes}
            return self._unschedulable(rejections, f" {', '.join(rejected.reasons)}.")
        rejections = {}
        feasible = []
        for node in self.nodes:
            rejection = self._filter(node) if names is None or node.name in names else _not_named()
            if rejection is None:
                feasible.append(node)
            else:
                rejections[node.name] = rejection
        if not feasible:
            return self._unschedulable(rejections, _histogram(list(rejections.values())))
        entry = {"feasible": sorted(node.name for node in feasible), **_told(rejections)}
        if len(feasible) == 1:
            return entry | {"best": entry["feasible"], "chosen": entry["feasible"][0]}
        return entry | self._score(feasible)

    def _pre_filter(self) -> tuple[set[str] | None, Rejection | None]:
        names = None
        for plugin in self.profile.plugins["preFilter"]:
            if plugin == "DynamicResources":
                self.claims_were_looked_at = True
            if not self._needs_filter(plugin):
                self.skipped_filters.add(plugin)
            elif plugin == "NodeAffinity":
                names = node_names(self.pod)
                if names is not None and not names:
                    return None, Rejection(plugin, ("pod affinity terms conflict",), True)
        return names, None

    def _filter(self, node: NodeState) -> Rejection | None:
        for plugin in self.profile.plugins["filter"]:
            if plugin in self.skipped_filters:
                continue
            if plugin in _STATE_READ and plugin not in self.profile.plugins["preFilter"]:
                raise CycleError(f'running "{plugin}" filter plugin: {_STATE_READ[plugin]}')
            if plugin in ("InterPodAffinity", "PodTopologySpread"):
                found = (self.affinity if plugin == "InterPodAffinity" else self.spread).filter(node.node)
                rejection = Rejection(plugin, (found[0],), found[1]) if found is not None else None
            else:
                rejection = filter_node(plugin, self.pod, node, self._args(plugin))
            if rejection is not None:
                return rejection
        return None

    def _needs_filter(self, plugin: str) -> bool:
        if plugin == "InterPodAffinity":
            return not self.affinity.skips_filter
        if plugin == "PodTopologySpread":
            return bool(self.spread.hard)
        return needs_filter(plugin, self.pod, self._args(plugin))

    def _score(self, feasible: list[NodeState]) -> Json:
        skipped = set()
        by_topology = self._topology_scores(feasible)
        for plugin in self.profile.plugins["preScore"]:
            try:
                if plugin in ("InterPodAffinity", "PodTopologySpread"):
                    skipped |= {plugin} - by_topology.keys()
                elif not needs_score(plugin, self.pod, self._args(plugin)):
                    skipped.add(plugin)
            except CycleError as error:
                raise CycleError(f'running PreScore plugin "{plugin}": {error}') from error
        raw: dict[str, dict[str, int]] = {}
        for plugin in self.profile.plugins["score"]:
            if plugin in skipped or plugin not in (*SCORED, "InterPodAffinity", "PodTopologySpread"):
                continue
            if plugin in _SCORE_STATE_READ and plugin not in self.profile.plugins["preScore"]:
                raise CycleError(f'running Score plugins: plugin "{plugin}" failed with: {_SCORE_STATE_READ[plugin]}')
            if plugin in by_topology:
                raw[plugin] = by_topology[plugin][0]
                continue
            args = self._args(plugin)
            try:
                raw[plugin] = {node.name: score_node(plugin, self.pod, node, self.nodes, args) for node in feasible}
            except CycleError as error:
                raise CycleError(f'running Score plugins: plugin "{plugin}" failed with: {error}') from error
        scores = {plugin: normalize(plugin, of_nodes) for plugin, of_nodes in raw.items()}
        scores |= {plugin: by_topology[plugin][1] for plugin in raw if plugin in by_topology}
        weights = {plugin: self.profile.weights[plugin] for plugin in raw}
        total = {node.name: sum(scores[one][node.name] * weights[one] for one in raw) for node in feasible}
        best = sorted(name for name, value in total.items() if value == max(total.values()))
        told = {"weights": weights, "rawScores": raw, "scores": scores, "total": total}
        return {**{key: value for key, value in told.items() if value}, "best": best, "chosen": best[0]}

    def _topology_scores(self, feasible: list[NodeState]) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
        """Return raw and normalised scores of the plugins that look at other pods, if they do not skip this one."""
        found = {}
        of_all, spread = self.affinity.scores(), self.spread.scores([node.node for node in feasible])
        if of_all is not None:
            raw = {node.name: of_all[node.name] for node in feasible}
            stretched = normalized_affinity(list(raw.values()))
            found["InterPodAffinity"] = (raw, dict(zip(raw, stretched, strict=True)))
        if spread is not None:
            found["PodTopologySpread"] = (spread[0], normalized_spread(*spread))
        return found

    def _unschedulable(self, rejections: dict[str, Rejection], why: str) -> Json:
        message = f"0/{len(self.nodes)} nodes are available:{why}"
        entry: Json = {"feasible": [], **_told(rejections), "unschedulable": True}
        refusal = self._post_filter(rejections)
        if refusal:
            message += f" {refusal}"
        if "DefaultPreemption" in self.profile.plugins["postFilter"]:
            eligible = self.pod["spec"].get("preemptionPolicy") != "Never"
            entry["preemption"] = {"eligible": eligible, "message": refusal}
        return {**entry, "message": message}

    def _post_filter(self, rejections: dict[str, Rejection]) -> str:
        texts = []
        for plugin in self.profile.plugins["postFilter"]:
            if plugin == "DynamicResources":
                if not self.claims_were_looked_at:
                    return "not found"
                texts.append("no new claims to deallocate")
            else:
                texts.append(f"preemption: {self._preemption(rejections)}")
        return ", ".join(texts)

    def _preemption(self, rejections: dict[str, Rejection]) -> str:
        if self.pod["spec"].get("preemptionPolicy") == "Never":
            return "not eligible due to preemptionPolicy=Never."
        priority = pod_priority(self.pod)
        outcomes = []
        for node in self.nodes:
            freed = node.without_lower_priority(priority)
            if rejections[node.name].unresolvable:
                outcomes.append(Rejection("", ("Preemption is not helpful for scheduling",), True))
            elif len(freed.pods) == len(node.pods):
                outcomes.append(Rejection("", ("No preemption victims found for incoming pod",), True))
            else:
                rejection = self._filter_freed(node, freed)
                if rejection is None:
                    raise NotImplementedError(f"preemption on node {node.name} would help")
                outcomes.append(rejection)
        return f"0/{len(self.nodes)} nodes are available:{_histogram(outcomes)}"

    def _filter_freed(self, node: NodeState, freed: NodeState) -> Rejection | None:
        """Run the filters on a node without some of its pods."""
        kept = [id(one) for one in freed.pods]
        gone = [one.pod for one in node.pods if id(one) not in kept]
        for sign in (-1, 1):
            for other in gone:
                self.affinity.count(other, node.node, sign)
                self.spread.count(other, node.node, sign)
            if sign < 0:
                rejection = self._filter(freed)
        return rejection

    def _args(self, plugin: str) -> Json:
        return self.profile.args.get(plugin) or {}


def _not_named() -> Rejection:
    return Rejection("", ("node(s) didn't satisfy plugin(s) [NodeAffinity]",), True)


def _histogram(rejections: list[Rejection]) -> str:
    counts = Counter(reason for rejection in rejections for reason in rejection.reasons)
    return f" {', '.join(sorted(f'{count} {reason}' for reason, count in counts.items()))}."


def _told(rejections: dict[str, Rejection]) -> Json:
    """What an entry tells about the nodes that were rejected."""
    infeasible: dict[str, list[str]] = {}
    for name, rejection in rejections.items():
        infeasible.setdefault(f"{rejection.plugin}|{';'.join(sorted(rejection.reasons))}", []).append(name)
    told = {
        "infeasible": {key: sorted(names) for key, names in infeasible.items()},
        "unresolvable": sorted(name for name, rejection in rejections.items() if rejection.unresolvable),
    }
    return {key: value for key, value in told.items() if value}


def _refuse(pod: Json) -> None:
    """Refuse a pod that needs a plugin which this twin lacks."""
    spec = pod["spec"]
    for name in ("resourceClaims", "schedulingGroup"):
        if spec.get(name):
            raise NotImplementedError(f"pods with {name}")
    for volume in spec.get("volumes") or []:
        if set(volume) - {"name", "image", "emptyDir", "configMap", "secret", "hostPath", "projected", "downwardAPI"}:
            raise NotImplementedError(f"volumes {sorted(volume)}")
    if (pod.get("status") or {}).get("nominatedNodeName") and not spec.get("nodeName"):
        raise NotImplementedError("nominated pods")
