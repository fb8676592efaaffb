"""The configuration of a run: a profile from a file or the default, with plugins of one's own in place of others."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Sequence, Set

from msgspec.structs import replace

from bench.scheduling.options import PluginSpec
from cluster_shim.cli.inputs import read_profile
from sched_core import (
    InvalidConfig,
    Plugin,
    PluginError,
    Problem,
    SchedulerConfiguration,
    extension_points,
)
from sched_core.config import PluginSet, ProfileConfig
from sched_core.config.types import Plugin as PluginEntry

_STANDS_IN = {
    "pre_filter": {"filter"},
    "filter": {"filter"},
    "pre_score": {"score"},
    "score": {"score"},
}
"""Where a disabled plugin goes if one's own plugins have the extension points behind it."""


def configure(
    profile: str | None, plugins: Sequence[PluginSpec], disable: Sequence[str]
) -> tuple[SchedulerConfiguration, dict[str, type[Plugin]]]:
    """Return the configuration and the plugin classes that it names besides the registry's.

    Plugins of one's own are added to every profile. A disabled plugin makes room for them: it goes where they score or
    filter, so that a score in place of NodeResourcesFit does not let nodes overflow; without them it goes altogether.
    Raises InvalidConfig for a profile that cannot be used or a name that is not enabled, PluginError for a file without
    the class.
    """
    config = read_profile(profile)
    enabled = {name for each in config.profiles for name in each.plugins.names()}
    for name in disable:
        if name not in enabled:
            raise _refused("--disable", f'plugin "{name}" is not enabled; enabled are {", ".join(sorted(enabled))}')
    classes: dict[str, type[Plugin]] = {}
    added = []
    for spec in plugins:
        plugin = load_plugin(spec)
        name = plugin.name or plugin.__name__
        if name in classes:
            raise _refused("--plugin", f'plugin "{name}" is given twice')
        if name in enabled and name not in disable:
            raise _refused("--plugin", f'plugin "{name}" is enabled already; --disable {name} as well to replace it')
        classes[name] = plugin
        added.append(PluginEntry(name, spec.weight))
    points = {
        point for plugin in classes.values() for point in _STANDS_IN if _STANDS_IN[point] & extension_points(plugin)
    }
    profiles = tuple(_changed(each, added, disable, points) for each in config.profiles)
    return replace(config, profiles=profiles), classes


def without(config: SchedulerConfiguration, names: Sequence[str]) -> SchedulerConfiguration:
    """Return a configuration in which some plugins are enabled nowhere."""
    return replace(config, profiles=tuple(_changed(each, (), names, frozenset()) for each in config.profiles))


def load_plugin(spec: PluginSpec) -> type[Plugin]:
    """Run a plugin's file and return its class; raises PluginError."""
    module_name = f"stowage_user_plugin_{spec.file.stem}"
    found = importlib.util.spec_from_file_location(module_name, spec.file)
    if found is None or found.loader is None:
        raise PluginError(spec.class_name, "load", f"{spec.file} is not a Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[module_name] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        raise PluginError(spec.class_name, "load", f"{spec.file}: {type(error).__name__}: {error}") from error
    plugin = getattr(module, spec.class_name, None)
    if plugin is None:
        raise PluginError(spec.class_name, "load", f"{spec.file} has no class {spec.class_name}")
    if not (inspect.isclass(plugin) and issubclass(plugin, Plugin)):
        raise PluginError(
            spec.class_name, "load", f"{spec.file}: {spec.class_name} is not a subclass of sched_core.Plugin"
        )
    return plugin


def _changed(
    profile: ProfileConfig, added: Sequence[PluginEntry], disable: Sequence[str], points: Set[str]
) -> ProfileConfig:
    replaced = {entry.name for entry in added}
    sets = {}
    for attribute in profile.plugins.__struct_fields__:
        before: PluginSet = getattr(profile.plugins, attribute)
        enabled, disabled = before.enabled, before.disabled
        going = [name for name in disable if attribute in points or not points or name in replaced]
        enabled = tuple(entry for entry in before.enabled if entry.name not in going)
        if attribute in points:
            disabled += tuple(PluginEntry(name) for name in disable if name not in replaced)
        sets[attribute] = PluginSet(enabled=enabled, disabled=disabled)
    every = sets["multi_point"]
    sets["multi_point"] = PluginSet(enabled=(*every.enabled, *added), disabled=every.disabled)
    return replace(profile, plugins=replace(profile.plugins, **sets))


def _refused(option: str, reason: str) -> InvalidConfig:
    return InvalidConfig([Problem("", option, "", reason)])
