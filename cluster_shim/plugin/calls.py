"""A plugin called as the engine calls it, on random clusters: its answers, and whether they can be relied on."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_shim.plugin.verdict import NothingToCheck, Wrong
from cluster_shim.plugin.worlds import World, random_world
from cluster_shim.scheduler.configuration import name_of
from sched_core import (
    Cluster,
    CycleState,
    Decision,
    Engine,
    NodeColumns,
    Plugin,
    PodInfo,
    PreFilterResult,
    SchedulerConfiguration,
    Speed,
    Status,
    Verdicts,
    extension_points,
    load_config,
)

WORLDS = ((1, 0), (3, 4), (12, 30), (40, 60), (70, 20))
"""Nodes and running pods of the random clusters."""
WAITING = 12
_ARRAYS = ("allocatable", "requested", "nonzero_requested", "used_ports", "pod_count", "allowed_pods", "alive",
           "unschedulable", "taint_set", "label_set", "image_set", "feature_set")  # fmt: skip


class Trying(NamedTuple):
    """The plugin under check and the clusters to check it on."""

    plugin: type[Plugin]
    args: dict[str, Any] | None
    file: Path | None
    worlds: list[World]

    @property
    def name(self) -> str:
        return name_of(self.plugin)

    def config(self) -> SchedulerConfiguration:
        """Return a configuration with this plugin, and what every profile needs."""
        enabled = [{"name": "PrioritySort"}, {"name": "DefaultBinder"}, {"name": self.name, "weight": 1}]
        points = extension_points(self.plugin)
        if "score" not in points:  # batches are compiled where somebody scores
            enabled.append({"name": "ImageLocality"})
        if "queueSort" in points:
            enabled.pop(0)
        if "bind" in points:
            enabled.reverse()
        profile: dict[str, Any] = {"plugins": {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}}
        if self.args is not None:
            profile["pluginConfig"] = [{"name": self.name, "args": self.args}]
        header = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
        return load_config({**header, "percentageOfNodesToScore": 100, "profiles": [profile]})

    def engine(self, cluster: Cluster, speed: Speed = "cycle") -> Engine:
        """Return an engine that decides by this plugin alone."""
        return Engine(cluster, self.config(), speed=speed, plugins={self.name: self.plugin})

    def instance(self, engine: Engine) -> Any:
        """Return the plugin as an engine has made it."""
        (profile,) = engine.profiles.values()
        return next(each for point in profile.points.values() for each in point if each.name == self.name)

    def call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method; what it raises is a failed check that says where."""
        try:
            return method(*arguments)
        except Exception as reason:
            frames = traceback.extract_tb(reason.__traceback__)
            own = [frame for frame in frames if self.file is not None and frame.filename == str(self.file)]
            last = (own or frames)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            raise Wrong(f"{place}: {method.__name__} raised {type(reason).__name__}: {reason}") from reason


def make_worlds(seed: int, keys: list[str]) -> list[World]:
    """Return random clusters of growing size."""
    return [
        random_world(seed + number, keys, nodes=nodes, running=running, waiting=WAITING)
        for number, (nodes, running) in enumerate(WORLDS)
    ]


class Answers(NamedTuple):
    """What a plugin says of one pod, by its array form."""

    passes: NDArray[np.bool_] | None
    """bool[N], None if it has no filter or skips it."""
    scores: NDArray[np.int64] | None


def check_answers(trying: Trying) -> str:
    """Check that the array form answers for all nodes, in the right types."""
    if not any(hasattr(trying.plugin, method) for method in ("pre_filter", "filter", "pre_score", "score")):
        raise NothingToCheck("it has no array form")
    asked = 0
    for engine, pod in _pods(trying):
        ask(trying, trying.instance(engine), pod, engine.cluster.nodes)
        asked += 1
    return f"{asked} pods on {len(trying.worlds)} clusters"


def ask(trying: Trying, instance: Any, pod: PodInfo, nodes: NodeColumns) -> Answers:
    """Call the array form as the cycle does; raises Wrong for an answer that is none."""
    state = CycleState()
    skips = False
    if hasattr(instance, "pre_filter"):
        result = trying.call(instance.pre_filter, state, pod, nodes)
        if not isinstance(result, PreFilterResult):
            raise Wrong(f"pre_filter returned {_shown(result)}, not a PreFilterResult")
        skips = result.status.is_skip
        if not skips and not result.status.is_success:
            return Answers(np.zeros(nodes.count, np.bool_), None)
    passes = None
    if hasattr(instance, "filter") and not skips:
        passes = _verdicts(trying.call(instance.filter, state, pod, nodes), nodes.count) == 0
    feasible = np.flatnonzero(nodes.alive if passes is None else nodes.alive & passes)
    if hasattr(instance, "pre_score"):
        status = trying.call(instance.pre_score, state, pod, nodes, feasible)
        if not isinstance(status, Status):
            raise Wrong(f"pre_score returned {_shown(status)}, not a Status")
        if status.is_skip:
            return Answers(passes, None)
    if not hasattr(instance, "score"):
        return Answers(passes, None)
    return Answers(passes, _scores(trying.call(instance.score, state, pod, nodes), nodes.count))


def _verdicts(answer: Any, count: int) -> NDArray[np.int64]:
    if not isinstance(answer, Verdicts):
        raise Wrong(f"filter returned {_shown(answer)}, not Verdicts")
    bits = np.asarray(answer.bits)
    if bits.shape != (count,) or bits.dtype != np.int64:
        raise Wrong(f"filter returned bits {_shown(bits)}, not int64 of shape ({count},): one for each row of nodes")
    if int(np.bitwise_or.reduce(bits, initial=0)) >> len(answer.reasons):
        raise Wrong(f"filter returned a bit without a reason: there are {len(answer.reasons)} reasons")
    return bits


def _scores(answer: Any, count: int) -> NDArray[np.int64]:
    found = np.asarray(answer)
    if found.shape != (count,):
        raise Wrong(f"score returned {_shown(found)}, not one number for each row of nodes: shape ({count},)")
    if found.dtype.kind not in "biuf":
        raise Wrong(f"score returned {_shown(found)}, which are not numbers")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise Wrong(f"score returned a number that is not finite, in row {int(np.argmin(np.isfinite(found)))}")
    return found


def check_range(trying: Trying) -> str:
    """Check that scores lie in 0..100, after normalisation if the plugin has one."""
    if "score" not in extension_points(trying.plugin):
        raise NothingToCheck("it does not score")
    lowest, highest = 100, 0
    for decision in decisions(trying):
        for scores in decision.scores.values():
            lowest, highest = min(lowest, int(scores.min())), max(highest, int(scores.max()))
    if highest <= lowest:
        raise Wrong("every node gets the same score for every pod: is a label missing, or an argument?", warning=True)
    normalised = hasattr(trying.plugin, "normalize_row") or hasattr(trying.plugin, "normalize_score")
    return f"{lowest} to {highest}{' after normalisation' if normalised else ''}"


def check_determinism(trying: Trying) -> str:
    """Check that the same question has the same answer: asked again, and by another instance."""
    first = [_summary(decision) for decision in decisions(trying, twice=True)]
    second = [_summary(decision) for decision in decisions(trying)]
    for number, (once, again) in enumerate(zip(first[::2], first[1::2], strict=True)):
        if once != again:
            raise Wrong(f"the same pod on the same cluster is decided in two ways: {_differ(once, again)}")
        if once != second[number]:
            raise Wrong(f"two instances of the plugin decide in two ways: {_differ(once, second[number])}")
    return f"{len(second)} pods, asked again and by another instance"


def check_hands_off(trying: Trying) -> str:
    """Check that deciding changes nothing in the columns."""
    for engine, pod in _pods(trying):
        nodes = engine.cluster.nodes
        before = {name: getattr(nodes, name).copy() for name in _ARRAYS}
        version = nodes.object_version
        engine.evaluate(pod.pod)
        for name, array in before.items():
            if not np.array_equal(array, getattr(nodes, name)):
                raise Wrong(f"it changes nodes.{name} while it decides")
        if nodes.object_version != version:
            raise Wrong("it changes nodes.object_version while it decides")
    return "nothing is changed"


def check_signature(trying: Trying) -> str:
    """Check that what is signed depends on the signature and node objects alone: neither on placements nor on more."""
    if not hasattr(trying.plugin, "sign_pod"):
        raise NothingToCheck("it has no sign_pod")
    signatures = 0
    for world in trying.worlds:
        engine = trying.engine(world.cluster())
        nodes, instance = engine.cluster.nodes, trying.instance(engine)
        known: dict[Any, tuple[str, Answers]] = {}
        for each in world.waiting:
            pod = engine.cluster.classes.info(each)
            answers = ask(trying, instance, pod, nodes)
            key = trying.call(instance.sign_pod, pod)
            try:
                other, before = known.setdefault(key, (pod.key, answers))
            except TypeError:
                raise Wrong(f"sign_pod returned {_shown(key)}, which is not hashable") from None
            if not _same(before, answers):
                raise Wrong(f"{other} and {pod.key} have one signature and different answers: sign_pod leaves out what"
                            " filter or score read of the pod")  # fmt: skip
        signatures += len(known)
        rows = np.flatnonzero(nodes.alive)
        for number, each in enumerate(world.waiting):
            engine.assume(each, nodes.names[int(rows[number % len(rows)])])
        for each in world.waiting[:3]:
            pod = engine.cluster.classes.info(each)
            if not _same(known[instance.sign_pod(pod)][1], ask(trying, instance, pod, nodes)):
                raise Wrong("its answers change when pods are placed: a plugin that reads placements must not sign")
    return f"{signatures} signatures, before and after placements"


def check_agreement(trying: Trying) -> str:
    """Check that row form and array form say the same where a plugin has both."""
    plugin = trying.plugin
    both = [word for word in ("filter", "score") if hasattr(plugin, word) and hasattr(plugin, f"{word}_row")]
    if not both:
        raise NothingToCheck("it has no point in both forms")
    asked = 0
    for engine, pod in _pods(trying):
        nodes = engine.cluster.nodes
        answers = ask(trying, trying.instance(engine), pod, nodes)
        decision = engine.evaluate(pod.pod, all_nodes=True)
        feasible = np.isin(np.arange(nodes.count), decision.feasible_rows)
        if "filter" in both and answers.passes is not None:
            _agree(f"{pod.key}: whether it fits", nodes, nodes.alive, answers.passes, feasible)
        if "score" in both and answers.scores is not None and trying.name in decision.raw_scores:
            by_row = np.zeros(nodes.count, np.int64)
            by_row[decision.feasible_rows] = decision.raw_scores[trying.name]
            _agree(f"{pod.key}: score", nodes, feasible, answers.scores, by_row)
        asked += 1
    return f"{' and '.join(both)}, {asked} pods on {len(trying.worlds)} clusters"


def decisions(trying: Trying, *, twice: bool = False) -> Iterator[Decision]:
    """Yield the decisions of the cycle; raises Wrong where an attempt ends with an error."""
    for engine, pod in _pods(trying):
        for _ in range(1 + twice):
            decision = engine.evaluate(pod.pod, all_nodes=True)
            if decision.status.code.name == "Error":
                raise Wrong(f"pod {pod.key} on {len(engine.cluster.nodes.names)} nodes: {decision.message}")
            yield decision


def _pods(trying: Trying) -> Iterator[tuple[Engine, PodInfo]]:
    for world in trying.worlds:
        engine = trying.engine(world.cluster())
        for each in world.waiting:
            yield engine, engine.cluster.classes.info(each)


def _summary(decision: Decision) -> tuple[str, str | None, dict[str, dict[str, int]]]:
    scores = {
        name: dict(zip(decision.feasible, values.tolist(), strict=True)) for name, values in decision.raw_scores.items()
    }
    return decision.key, decision.node, scores


def _differ(once: Any, again: Any) -> str:
    for plugin, scores in once[2].items():
        for node, score in scores.items():
            other = again[2].get(plugin, {}).get(node)
            if other != score:
                return f"pod {once[0]}, node {node}: {plugin} gives {score}, then {other}"
    return f"pod {once[0]} goes to {once[1]}, then to {again[1]}"


def _same(one: Answers, other: Answers) -> bool:
    def equal(left: Any, right: Any) -> bool:
        return (left is None) == (right is None) and (left is None or np.array_equal(left, right))

    return equal(one.passes, other.passes) and equal(one.scores, other.scores)


def _agree(what: str, nodes: NodeColumns, rows: NDArray[np.bool_], array: NDArray[Any], row: NDArray[Any]) -> None:
    wrong = np.flatnonzero(rows & (array != row))
    if len(wrong):
        first = int(wrong[0])
        raise Wrong(f"{what} on {nodes.names[first]}: array form {array[first]}, row form {row[first]}"
                    f" ({len(wrong)} of {int(rows.sum())} nodes differ)")  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return f"{type(value).__name__}" if value is not None else "nothing"
