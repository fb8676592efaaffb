"""Merging a profile's plugin sets with the default ones (apis/config/v1/default_plugins.go).

This is done point by point, multiPoint being one of them; what multiPoint means is the business of expand.py.
"""

from __future__ import annotations

from sched_core.config.types import Plugin, Plugins, PluginSet
from sched_core.config.upstream_plugins import DEFAULT_MULTI_POINT

DEFAULT_PLUGINS = Plugins(multi_point=PluginSet(enabled=tuple(Plugin(*entry) for entry in DEFAULT_MULTI_POINT)))


def merge_plugins(default: Plugins, custom: Plugins | None) -> Plugins:
    """Return the default plugins with a user's changes, for all points."""
    if custom is None:
        return default
    return Plugins(
        **{
            attribute: merge_plugin_set(getattr(default, attribute), getattr(custom, attribute))
            for attribute in Plugins.__struct_fields__
        }
    )


def merge_plugin_set(default: PluginSet, custom: PluginSet) -> PluginSet:
    """Return one default plugin set with a user's changes.

    A default plugin that is disabled (or ``*``) goes. One that the user enables again keeps its place and takes the
    user's weight, of the last entry if there are several. All other entries of the user follow in their order; an entry
    that is there twice stays twice, for expand.py to refuse.
    """
    disabled = custom.disabled + default.disabled
    disabled_names = {plugin.name for plugin in disabled}
    last_entry = {plugin.name: position for position, plugin in enumerate(custom.enabled)}
    replaced = set()
    enabled = []
    for plugin in () if "*" in disabled_names else default.enabled:
        if plugin.name in disabled_names:
            continue
        position = last_entry.get(plugin.name)
        if position is None:
            enabled.append(plugin)
        else:
            enabled.append(custom.enabled[position])
            replaced.add(position)
    enabled += [plugin for position, plugin in enumerate(custom.enabled) if position not in replaced]
    # Weights say nothing in a disabled list, and upstream drops them.
    return PluginSet(enabled=tuple(enabled), disabled=tuple(Plugin(plugin.name) for plugin in disabled))
