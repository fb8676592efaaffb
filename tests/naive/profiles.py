"""From a KubeSchedulerConfiguration to the plugins of each extension point.

Does not validate: configurations are taken to be what kube-scheduler accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

# The order is that of the default multiPoint list; the number is the default weight.
DEFAULT_PLUGINS: dict[str, int] = {
    "SchedulingGates": 0,
    "PrioritySort": 0,
    "NodeUnschedulable": 0,
    "NodeName": 0,
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodePorts": 0,
    "NodeResourcesFit": 1,
    "VolumeRestrictions": 0,
    "NodeVolumeLimits": 0,
    "VolumeBinding": 0,
    "VolumeZone": 0,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "DynamicResources": 2,
    "DefaultPreemption": 0,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
    "DefaultBinder": 0,
    "NodeDeclaredFeatures": 0,
}

POINTS: dict[str, frozenset[str]] = {
    "queueSort": frozenset({"PrioritySort"}),
    "preEnqueue": frozenset({"SchedulingGates", "DynamicResources", "DefaultPreemption"}),
    "preFilter": frozenset(
        {"NodeAffinity", "NodePorts", "NodeResourcesFit", "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding"}
        | {"VolumeZone", "PodTopologySpread", "InterPodAffinity", "DynamicResources", "NodeDeclaredFeatures"}
    ),
    "filter": frozenset(
        {"NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"}
        | {"VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread"}
        | {"InterPodAffinity", "DynamicResources", "NodeDeclaredFeatures"}
    ),
    "postFilter": frozenset({"DynamicResources", "DefaultPreemption"}),
    "preScore": frozenset(
        {"TaintToleration", "NodeAffinity", "NodeResourcesFit", "VolumeBinding", "PodTopologySpread"}
        | {"InterPodAffinity", "NodeResourcesBalancedAllocation"}
    ),
    "score": frozenset(
        {"TaintToleration", "NodeAffinity", "NodeResourcesFit", "VolumeBinding", "PodTopologySpread"}
        | {"InterPodAffinity", "DynamicResources", "NodeResourcesBalancedAllocation", "ImageLocality"}
    ),
    "reserve": frozenset({"VolumeBinding", "DynamicResources"}),
    "permit": frozenset(),
    "preBind": frozenset({"VolumeBinding", "DynamicResources"}),
    "bind": frozenset({"DefaultBinder"}),
    "postBind": frozenset(),
}


@dataclass(frozen=True)
class Profile:
    """One profile: its plugins in order per extension point, score weights and plugin arguments."""

    name: str
    plugins: dict[str, list[str]]
    weights: dict[str, int]
    args: dict[str, Json]


def read_profiles(config: Json | None) -> dict[str, Profile]:
    """Return the profiles of a configuration by name."""
    profiles = (config or {}).get("profiles") or [{}]
    read = [_read_profile(profile) for profile in profiles]
    return {profile.name: profile for profile in read}


def _read_profile(profile: Json) -> Profile:
    plugins = profile.get("plugins") or {}
    multi = _merge(DEFAULT_PLUGINS, plugins.get("multiPoint") or {})
    by_point = {}
    for point, able in POINTS.items():
        own = plugins.get(point) or {}
        by_point[point] = _expand(own, [name for name in multi if name in able])
    explicit = _merge({}, plugins.get("score") or {})
    weights = {name: explicit.get(name, multi.get(name, 0)) or 1 for name in by_point["score"]}
    args = {one["name"]: one.get("args") or {} for one in profile.get("pluginConfig") or []}
    return Profile(profile.get("schedulerName") or "default-scheduler", by_point, weights, args)


def _merge(defaults: dict[str, int], own: Json) -> dict[str, int]:
    """Merge a plugin set with its defaults; a plugin enabled again keeps its place but takes the new weight."""
    disabled = _disabled(own)
    enabled = {one["name"]: one.get("weight") or 0 for one in own.get("enabled") or []}
    result = {}
    if "*" not in disabled:
        for name, weight in defaults.items():
            if name not in disabled:
                result[name] = enabled.get(name, weight)
    for name, weight in enabled.items():
        result.setdefault(name, weight)
    return result


def _expand(own: Json, multi: list[str]) -> list[str]:
    """Return the plugins of one extension point: explicit ones that multiPoint has too, multiPoint, other explicit."""
    explicit = [one["name"] for one in own.get("enabled") or []]
    disabled = _disabled(own)
    if "*" in disabled:
        return explicit
    expanded = [name for name in multi if name not in disabled]
    overrides = [name for name in explicit if name in expanded]
    others = [name for name in explicit if name not in expanded]
    return overrides + [name for name in expanded if name not in explicit] + others


def _disabled(own: Json) -> set[str]:
    return {one["name"] for one in own.get("disabled") or []}
