"""The annotations that kube-scheduler-simulator writes on a pod, from an explanation.

Keys and forms are those of its result store (simulator/scheduler/plugin: annotation, resultstore, wrappedplugin.go).
The points behind Score are told as they would be where every plugin agrees; nothing is reserved or bound here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sched_core.engine.engine import Engine
from sched_core.explain.explanation import Explanation
from sched_core.explain.trial import SKIPPED
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.framework.status import Status
from sched_core.objects.records import Pod

PREFIX = "kube-scheduler-simulator.sigs.k8s.io/"
HISTORY = f"{PREFIX}result-history"
_SUCCESS, _NOMINATED = "success", "preemption victim"


def simulator_annotations(engine: Engine, pod: Pod, explanation: Explanation) -> dict[str, str]:
    """Return the annotations of a pod that was explained, by key; none for a pod that is not tried.

    The history gets this result behind those that the pod has in its own annotations.
    """
    if explanation.decision is None:
        return {}
    profile = engine.profiles[explanation.scheduler_name]
    status, names = _pre_filter(engine, pod, profile)
    scored = [each for each in explanation.nodes if each.scores]
    results: dict[str, Any] = {
        "prefilter-result-status": status,
        "prefilter-result": names,
        "filter-result": _filter(explanation),
        "postfilter-result": _post_filter(explanation, profile),
        "prescore-result": _pre_score(explanation, profile) if scored else {},
        "score-result": {each.node: {name: str(score.raw) for name, score in each.scores.items()} for each in scored},
        "finalscore-result": {
            each.node: {name: str(score.weighted) for name, score in each.scores.items()} for each in scored
        },
    }
    bound = explanation.node is not None
    for key, point in (("reserve-result", "reserve"), ("permit-result", "permit"), ("prebind-result", "preBind")):
        results[key] = {plugin.name: _SUCCESS for plugin in profile.points[point]} if bound else {}
    results["permit-result-timeout"] = {plugin.name: "0s" for plugin in profile.points["permit"]} if bound else {}
    results["bind-result"] = {plugin.name: _SUCCESS for plugin in profile.points["bind"][:1]} if bound else {}
    found = {f"{PREFIX}{key}": as_go_writes(value) for key, value in results.items()}
    found[f"{PREFIX}selected-node"] = explanation.node or ""
    return {**found, HISTORY: as_go_writes([*_history(pod), found])}


def as_go_writes(value: Any) -> str:
    """Return a value as Go's json.Marshal writes it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _pre_filter(engine: Engine, pod: Pod, profile: Profile) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Ask PreFilter again, plugin by plugin up to the first that refuses: its status, and the nodes that it names."""
    info, state = engine.cluster.classes.info(pod), CycleState(all_nodes=True)
    status: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    for plugin in profile.points["preFilter"]:
        result = plugin.pre_filter(state, info, engine.cluster.nodes)  # type: ignore[attr-defined]
        status[plugin.name] = _message(result.status)
        if result.node_names is not None:
            names[plugin.name] = sorted(result.node_names)
        if not (result.status.is_success or result.status.is_skip):
            break
    return status, names


def _message(status: Status) -> str:
    return _SUCCESS if status.is_success else status.message


def _filter(explanation: Explanation) -> dict[str, dict[str, str]]:
    """Return what the filters said, up to the first that refused; nodes that PreFilter left out are not there."""
    found: dict[str, dict[str, str]] = {}
    for each in explanation.nodes:
        if not each.feasible and each.refused_by not in each.verdicts:
            continue
        asked: dict[str, str] = {}
        for plugin, verdict in each.verdicts.items():
            if verdict != SKIPPED:
                asked[plugin] = verdict
            if plugin == each.refused_by:
                break
        found[each.node] = asked
    return found


def _post_filter(explanation: Explanation, profile: Profile) -> dict[str, dict[str, str]]:
    if explanation.node is not None or not profile.points["postFilter"]:
        return {}
    found: dict[str, dict[str, str]] = {each: {} for each in _filter(explanation)}
    chosen = explanation.preemption.chosen if explanation.preemption is not None else None
    post_filter = explanation.decision.post_filter if explanation.decision is not None else None
    if chosen is not None and post_filter is not None:
        found.setdefault(chosen.node, {})[post_filter.plugin] = _NOMINATED
    return found


def _pre_score(explanation: Explanation, profile: Profile) -> dict[str, str]:
    assert explanation.decision is not None
    skipped = explanation.decision.state.skip_score
    plugins: tuple[Plugin, ...] = profile.points["preScore"]
    return {plugin.name: "" if plugin.name in skipped else _SUCCESS for plugin in plugins}


def _history(pod: Pod) -> list[Mapping[str, str]]:
    """Return the results that a pod has already; what is no such list counts for nothing."""
    try:
        before = json.loads(pod.metadata.annotations.get(HISTORY, "[]"))
    except json.JSONDecodeError:
        return []
    return before if isinstance(before, list) else []
