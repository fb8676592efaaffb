"""Profile: the plugins of one scheduler name, instantiated, in the order in which they run."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import NamedTuple

from sched_core.config import ExpandedProfile, SchedulerConfiguration, expand, validate_profiles
from sched_core.errors import NotSupported, PluginError
from sched_core.framework.handle import Handle
from sched_core.framework.plugin import EXTENSION_POINTS, Plugin
from sched_core.framework.registry import Registry


class Profile(NamedTuple):
    """What runs for the pods of one ``schedulerName``."""

    scheduler_name: str
    points: Mapping[str, tuple[Plugin, ...]]
    """Extension point (upstream's spelling) -> plugins in execution order."""
    named: Mapping[str, frozenset[str]]
    """Extension point -> the plugins that the configuration names there, whether or not they have anything to do."""
    weights: Mapping[str, int]
    """Score plugin -> weight."""
    percentage_of_nodes_to_score: int
    """0 is adaptive, 100 looks at all nodes."""
    handle: Handle
    """What its plugins see of the rest of the cluster."""


def build_profiles(config: SchedulerConfiguration, registry: Registry, handle: Handle) -> dict[str, Profile]:
    """Return the profiles of a configuration by scheduler name, all plugins instantiated.

    Raises InvalidConfig, NotSupported or PluginError.
    """
    expanded = [expand(profile, registry.extension_points_of) for profile in config.profiles]
    validate_profiles(expanded)
    profiles = {}
    for written, profile in zip(config.profiles, expanded, strict=True):
        percentage = written.percentage_of_nodes_to_score
        if percentage is None:
            percentage = config.percentage_of_nodes_to_score
        profiles[profile.scheduler_name] = _build(profile, registry, percentage, copy.copy(handle))
    return profiles


def _build(profile: ExpandedProfile, registry: Registry, percentage: int, handle: Handle) -> Profile:
    instances: dict[str, Plugin] = {}
    for name in dict.fromkeys(name for names in profile.points.values() for name in names):
        found = registry.find(name)
        if found is None:
            raise NotSupported(f'profile "{profile.scheduler_name}": the plugin {name} is not supported yet')
        instances[name] = _instantiate(found, name, profile, handle)
    points = {
        point: tuple(
            instances[name]
            for name in profile.points[point]
            if any(hasattr(instances[name], method) for method in methods)
        )
        for point, methods in EXTENSION_POINTS.items()
    }
    named = {point: frozenset(names) for point, names in profile.points.items()}
    return Profile(profile.scheduler_name, points, named, profile.score_weights, percentage, handle)


def _instantiate(plugin: type[Plugin], name: str, profile: ExpandedProfile, handle: Handle) -> Plugin:
    try:
        instance = plugin(profile.args.get(name))
    except Exception as reason:
        raise PluginError(name, "__init__", f"{type(reason).__name__}: {reason}") from reason
    instance.name = name  # the one it was registered under
    instance.handle = handle
    return instance
