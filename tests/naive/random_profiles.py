"""Random KubeSchedulerConfigurations that kube-scheduler accepts."""

from __future__ import annotations

import random
from typing import Any

from .profiles import POINTS, read_profiles
from .random_terms import preferred_term, required_term, several, some

Json = dict[str, Any]

_FILTERS = ["NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"]
_SCORES = ["TaintToleration", "NodeAffinity", "NodeResourcesFit", "NodeResourcesBalancedAllocation", "ImageLocality"]
_NEVER_SKIPPED = {"TaintToleration", "NodeResourcesFit", "ImageLocality"}
_SCORED_RESOURCES = ["cpu", "memory", "ephemeral-storage", "example.com/gpu", "vendor.io/nic", "hugepages-2Mi", "pods"]


def random_config(rng: random.Random, node_names: list[str]) -> Json | None:
    """Return a configuration of one or two profiles, None (the default configuration) now and then.

    In each profile a plugin scores that scores every pod: with none at all kube-scheduler does not look at all nodes.
    """
    if some(rng, 0.25):
        return None
    names = ["default-scheduler", "second-scheduler"][: rng.choice([1, 1, 2])]
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "profiles": [_profile(rng, name, node_names) for name in names],
    }


def _profile(rng: random.Random, name: str, node_names: list[str]) -> Json:
    profile: Json = {"schedulerName": name}
    if some(rng, 0.6):
        profile["plugins"] = _plugins(rng)
        scoring = read_profiles({"profiles": [profile]})[name].plugins["score"]
        if not _NEVER_SKIPPED & set(scoring):
            del profile["plugins"]
    plugin_config = [
        {"name": plugin, "args": args}
        for plugin, args in (
            ("NodeResourcesFit", _fit_args(rng)),
            ("NodeResourcesBalancedAllocation", _balanced_args(rng)),
            ("NodeAffinity", _affinity_args(rng, node_names)),
        )
        if args
    ]
    return profile | ({"pluginConfig": plugin_config} if plugin_config else {})


def _plugins(rng: random.Random) -> Json:
    plugins: Json = {}
    if some(rng, 0.3):
        plugins["multiPoint"] = _multi_point(rng)
    if some(rng, 0.7):
        plugins["score"] = {"enabled": _weighted(rng, several(rng, _SCORES, 1, 4))}
        if some(rng, 0.4):
            plugins["score"]["disabled"] = [{"name": "*"}]
    elif some(rng, 0.5):
        plugins["score"] = {"disabled": _named(several(rng, _SCORES, 1, 3))}
    if some(rng, 0.25):
        plugins["filter"] = {"disabled": _named(several(rng, _FILTERS, 1, 2))}
        if some(rng, 0.4):
            plugins["filter"]["enabled"] = _named(several(rng, _FILTERS, 1, 3))
    if some(rng, 0.15):
        plugins["postFilter"] = {"disabled": _named([rng.choice(["*", "DynamicResources", "DefaultPreemption"])])}
    if some(rng, 0.05):
        plugins["preEnqueue"] = {"disabled": _named(["SchedulingGates"])}
    if some(rng, 0.1):
        plugins["preScore"] = {"disabled": _named([rng.choice(sorted(POINTS["preScore"] & set(_SCORES)))])}
    if some(rng, 0.1):
        plugins["preFilter"] = {"disabled": _named([rng.choice(sorted(POINTS["preFilter"] & set(_FILTERS)))])}
    return plugins


def _multi_point(rng: random.Random) -> Json:
    if some(rng, 0.4):
        chosen = several(rng, [*_FILTERS, "NodeDeclaredFeatures", "DynamicResources", "DefaultPreemption"], 2, 7)
        chosen += several(rng, [one for one in _SCORES if one not in chosen], 1, 4)
        return {"disabled": _named(["*"]), "enabled": _weighted(rng, ["PrioritySort", "DefaultBinder", *chosen])}
    plugins = [*_FILTERS, "DefaultPreemption", "NodeResourcesBalancedAllocation", "ImageLocality"]
    chosen = several(rng, plugins, 1, 3)
    if some(rng, 0.5):
        return {"enabled": _weighted(rng, chosen)}
    return {"disabled": _named(chosen)}


def _fit_args(rng: random.Random) -> Json:
    args: Json = {}
    if some(rng, 0.3):
        args["ignoredResources"] = several(rng, ["example.com/ghost", "example.com/gpu", "hugepages-2Mi"], 1, 2)
    if some(rng, 0.2):
        args["ignoredResourceGroups"] = [rng.choice(["vendor.io", "example.com"])]
    if some(rng, 0.6):
        kind = rng.choice(["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"])
        strategy: Json = {"type": kind}
        if some(rng, 0.7):
            names = several(rng, _SCORED_RESOURCES, 1, 4)
            strategy["resources"] = [{"name": name, "weight": rng.choice([1, 2, 3, 8, 64, 100])} for name in names]
        if kind == "RequestedToCapacityRatio":
            utilizations = sorted(several(rng, list(range(101)), 1, 6))
            shape = [{"utilization": one, "score": rng.randint(0, 10)} for one in utilizations]
            strategy["requestedToCapacityRatio"] = {"shape": shape}
        args["scoringStrategy"] = strategy
    return args


def _balanced_args(rng: random.Random) -> Json:
    if some(rng, 0.6):
        return {}
    return {"resources": [{"name": name, "weight": 1} for name in several(rng, _SCORED_RESOURCES, 1, 5)]}


def _affinity_args(rng: random.Random, node_names: list[str]) -> Json:
    affinity: Json = {}
    if some(rng, 0.05):
        required = {"nodeSelectorTerms": [_parsable(required_term(rng, node_names)) for _ in range(rng.randint(1, 3))]}
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = required
    if some(rng, 0.2):
        terms = [preferred_term(rng, node_names, valid=True) for _ in range(rng.randint(1, 2))]
        terms = [one | {"preference": _parsable(one["preference"])} for one in terms]
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = terms
    return {"addedAffinity": affinity} if affinity else {}


def _parsable(term: Json) -> Json:
    """Leave out what would keep the scheduler from starting: a bound that is no number."""
    for one in term.get("matchExpressions", []):
        if one["operator"] in ("Gt", "Lt") and not one["values"][0].isdigit():
            one["values"] = ["1"]
    return term


def _named(names: list[str]) -> list[Json]:
    return [{"name": name} for name in names]


def _weighted(rng: random.Random, names: list[str]) -> list[Json]:
    return [{"name": name} | ({"weight": rng.choice([0, 1, 2, 5, 100])} if some(rng, 0.6) else {}) for name in names]
