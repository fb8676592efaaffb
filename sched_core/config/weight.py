"""Another weight of a score plugin in a configuration that is complete already."""

from __future__ import annotations

from msgspec.structs import replace

from sched_core.config.types import Plugin, PluginSet, ProfileConfig, SchedulerConfiguration


def with_weight(config: SchedulerConfiguration, name: str, weight: int) -> SchedulerConfiguration:
    """Return a configuration in which a plugin has another weight in each profile where it scores.

    Weight 0 leaves its score out.
    """
    return replace(config, profiles=tuple(_changed(profile, name, weight) for profile in config.profiles))


def _changed(profile: ProfileConfig, name: str, weight: int) -> ProfileConfig:
    score, every = profile.plugins.score, profile.plugins.multi_point
    own = name in {plugin.name for plugin in score.enabled}
    inherited = name in {plugin.name for plugin in every.enabled} and not {name, "*"} & {
        plugin.name for plugin in score.disabled
    }
    if not own and not inherited:
        return profile
    enabled = tuple(plugin for plugin in score.enabled if plugin.name != name)
    disabled = score.disabled
    if weight:
        enabled += (Plugin(name, weight),)
    elif inherited:
        disabled += (Plugin(name),)
    return replace(profile, plugins=replace(profile.plugins, score=PluginSet(enabled=enabled, disabled=disabled)))
