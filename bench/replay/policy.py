"""A policy by name → a configuration with it: upstream's filters, GPU sharing, one score, nothing else.

Names are those of `plugins.policies`; any other plugin is named by file or module and class. What it may be told (the
kinds of pods that come, a seed, the ranks of nodes) it is told if its ``arguments`` name it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.traces.trace import Trace
from cluster_shim.scheduler.load import load_plugin
from cluster_shim.scheduler.reference import parse_reference
from plugins.policies.at_random import Random
from plugins.policies.best_fit import BestFit
from plugins.policies.dot_prod import DotProd
from plugins.policies.fgd import FGD
from plugins.policies.gpu_clustering import GpuClustering
from plugins.policies.gpu_packing import GpuPacking
from plugins.policies.gpu_share import DEVICES, GPU, GpuShare
from plugins.policies.typical_pods import Kind, TypicalPod, as_arguments, typical_pods
from plugins.policies.worth import Worth
from sched_core import Plugin, PluginError, SchedulerConfiguration, extension_points, load_config

POLICIES: dict[str, type[Plugin]] = {
    each.name: each for each in (Random, DotProd, GpuClustering, GpuPacking, BestFit, FGD, Worth)
}


class Policy(NamedTuple):
    """What an engine needs to follow a policy."""

    name: str
    config: SchedulerConfiguration
    plugins: dict[str, type[Plugin]]


def find_policy(spec: str) -> type[Plugin]:
    """Return the class of a policy: one of POLICIES, ``file.py:Class`` or ``module:Class``; raises PluginError."""
    if spec in POLICIES:
        return POLICIES[spec]
    if ":" not in spec and not spec.endswith(".py"):
        raise PluginError(
            spec, "load", f"it is none of {', '.join(POLICIES)}, and not of the form FILE.py:Class or module:Class"
        )
    try:
        reference = parse_reference(spec)
    except ValueError as reason:
        raise PluginError(spec, "load", str(reason)) from None
    return load_plugin(reference)


def policy_of(
    spec: str,
    typical: Sequence[TypicalPod] = (),
    nodes_by_rank: Sequence[str] = (),
    seed: int = 0,
    devices: int = DEVICES,
) -> Policy:
    """Return a policy that knows these typical pods, for nodes of at most ``devices`` devices.

    Without ``nodes_by_rank`` ties are broken as upstream does. Raises PluginError.
    """
    chosen = find_policy(spec)
    name = vars(chosen).get("name") or chosen.__name__  # not the name of the policy that it is derived from
    classes: dict[str, type[Plugin]] = {} if issubclass(chosen, GpuShare) else {GpuShare.name: GpuShare}
    classes[name] = chosen
    told: dict[str, Any] = {"devices": max(devices, DEVICES), "seed": seed}
    told |= {"typicalPods": as_arguments(typical)} if typical else {}
    told |= {"nodesByRank": list(nodes_by_rank)} if nodes_by_rank else {}
    arguments = {
        plugin: {each: told[each] for each in getattr(known, "arguments", ()) if each in told}
        for plugin, known in classes.items()
    }
    return Policy(name, _config(name, chosen, arguments), classes)


def _config(name: str, chosen: type[Plugin], arguments: dict[str, dict[str, Any]]) -> SchedulerConfiguration:
    everyone, chosen_alone = [{"name": "*"}], [{"name": name}]
    scores = {"disabled": everyone, "enabled": [{"name": name, "weight": 1}]}
    pre_scores: dict[str, Any] = {"disabled": everyone}
    if "preScore" in extension_points(chosen):
        pre_scores["enabled"] = chosen_alone
    others = [{"name": plugin} for plugin in arguments]
    told: list[dict[str, Any]] = [{"name": "NodeResourcesFit", "args": {"ignoredResources": [GPU]}}]
    told += [{"name": plugin, "args": args} for plugin, args in arguments.items() if args]
    profile = {
        "plugins": {
            "multiPoint": {"enabled": others},
            "preScore": pre_scores,
            "score": scores,
            "postFilter": {"disabled": everyone},
        },
        "pluginConfig": told,
    }
    return load_config(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "percentageOfNodesToScore": 100,
            "profiles": [profile],
        }
    )


def typical_of(trace: Trace) -> list[TypicalPod]:
    """Return the typical pods of a trace; memory makes no difference."""
    kinds: Counter[Kind] = Counter()
    pods_of = np.bincount(trace.shape_of, minlength=len(trace.shapes))
    for shape, pods in zip(trace.shapes, pods_of.tolist(), strict=True):
        kinds[shape.cpu_milli, shape.gpu_milli, shape.gpus, "|".join(shape.models)] += pods
    return typical_pods(kinds)
