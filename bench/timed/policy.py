"""A policy by name → a configuration, for traces by time: also upstream's profiles, as they are or from a file.

A pod that asks for a part of a device takes a whole one with these, since upstream knows no parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.replay.policy import POLICIES, Policy, find_policy, policy_of, typical_of
from bench.traces.trace import Nodes, Trace
from cluster_shim.scheduler.configuration import EVERY_NODE, resolve
from plugins.policies.at_random import Random
from plugins.policies.gpu_share import GpuShare
from sched_core import InvalidObjects, Problem, load_config

PROFILES = ("default", "LeastAllocated", "MostAllocated")
"""Upstream's default profile, and the same with another scoring strategy of NodeResourcesFit."""
SUFFIXES = (".yaml", ".yml")


def is_profile(spec: str) -> bool:
    """Tell whether a policy is a whole profile: one of PROFILES, or the file of a KubeSchedulerConfiguration."""
    return spec in PROFILES or spec.endswith(SUFFIXES)


def profile_of(spec: str) -> Policy:
    """Return such a policy. Raises InvalidConfig or PluginError."""
    if spec not in PROFILES:
        found = resolve(load_config(spec), spec)
        return Policy(spec, found.config, found.plugins)
    if spec == "default":
        return Policy(spec, load_config(EVERY_NODE), {})
    resources = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
    args = {"scoringStrategy": {"type": spec, "resources": resources}}
    told: dict[str, Any] = {"pluginConfig": [{"name": "NodeResourcesFit", "args": args}]}
    return Policy(spec, load_config(EVERY_NODE | {"profiles": [told]}), {})


def files_of(spec: str) -> tuple[Path, ...]:
    """Return the files of such a policy, its own first. Raises InvalidConfig or PluginError for one that cannot be."""
    return () if spec in PROFILES else resolve(load_config(spec), spec).files


def timed_policy(spec: str, nodes: Nodes, trace: Trace, seed: int) -> Policy:
    """Return a policy for a trace on nodes, of which the first wins among equal scores where a policy has ranks.

    Raises InvalidObjects for a policy that places pods on devices where there are none.
    """
    if is_profile(spec):
        return profile_of(spec)
    check_devices(spec, nodes, trace)
    most = max(shape.gpus for shape in nodes.shapes)
    return policy_of(spec, typical_of(trace), list(nodes.names), seed, most)


def check_devices(spec: str, nodes: Nodes, trace: Trace) -> None:
    """Raise InvalidObjects if a policy is about devices, and nodes or pods have nothing to do with them."""
    chosen = find_policy(spec)
    if chosen is Random or not (chosen in POLICIES.values() or issubclass(chosen, GpuShare)):
        return
    have: Sequence[tuple[str, str, bool]] = (
        (trace.title, "no pod asks for a GPU", any(shape.gpus for shape in trace.shapes)),
        (nodes.title, "no node has a GPU", any(shape.gpus for shape in nodes.shapes)),
    )
    for title, reason, fine in have:
        if not fine:
            other = ", ".join(PROFILES)
            text = f"{reason}, and the policy {spec} is about GPUs; {other} and profiles in a file are not"
            raise InvalidObjects([Problem(title, "", "", text)])
