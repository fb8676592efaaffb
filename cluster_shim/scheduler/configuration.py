"""The configuration of a scheduler: a file or the default, with plugins of one's own from files, modules, entry points.

In a configuration file a plugin's name may be a reference, ``my.py:MyScore``; files are looked for beside it. From
here on such a plugin has its own name, and arguments may be given under either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from cluster_shim.scheduler.load import file_of, load_plugin
from cluster_shim.scheduler.reference import PluginReference, is_reference, parse_reference
from sched_core import (
    InvalidConfig,
    Plugin,
    Problem,
    SchedulerConfiguration,
    extension_points,
    installed_plugins,
    load_config,
)
from sched_core.config import PluginSet, ProfileConfig
from sched_core.config.types import Plugin as PluginEntry

EVERY_NODE = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "percentageOfNodesToScore": 100,
}
"""The default profile with every node considered for every pod: upstream samples where there are more than 100."""
_STANDS_IN = {
    "pre_filter": {"filter"},
    "filter": {"filter"},
    "pre_score": {"score"},
    "score": {"score"},
    "queue_sort": {"queueSort"},
}
"""Where a disabled plugin goes if one's own plugins have the extension points behind it."""


class Configured(NamedTuple):
    """A configuration, the plugin classes that it names besides the installed ones, and the files of both."""

    config: SchedulerConfiguration
    plugins: dict[str, type[Plugin]]
    files: tuple[Path, ...]


def configure(profile: str | None, plugins: Sequence[PluginReference] = (), disable: Sequence[str] = ()) -> Configured:
    """Return the configuration of a file (default: the default profile on every node) with some plugins more or less.

    Plugins of one's own are added to every profile. A disabled plugin makes room for them: it goes where they score or
    filter, so that a score in place of NodeResourcesFit does not let nodes overflow; without them it goes altogether.
    Raises InvalidConfig for a profile that cannot be used or a name that is not enabled, PluginError for a plugin that
    cannot be loaded.
    """
    config, classes, files = resolve(load_config(EVERY_NODE if profile is None else profile), profile)
    enabled = {name for each in config.profiles for name in each.plugins.names()}
    for name in disable:
        if name not in enabled:
            raise _refused("--disable", f'plugin "{name}" is not enabled; enabled are {", ".join(sorted(enabled))}')
    added: dict[str, PluginEntry] = {}
    own: list[type[Plugin]] = []
    for reference in plugins:
        plugin, name = _find(reference)
        if name in added:
            raise _refused("--plugin", f'plugin "{name}" is given twice')
        if name in enabled and name not in disable:
            raise _refused("--plugin", f'plugin "{name}" is enabled already; --disable {name} as well to replace it')
        classes[name] = plugin
        added[name] = PluginEntry(name, reference.weight)
        own.append(plugin)
        files += _files([reference])
    points = {point for plugin in own for point in _STANDS_IN if _STANDS_IN[point] & extension_points(plugin)}
    profiles = tuple(_changed(each, tuple(added.values()), disable, points) for each in config.profiles)
    return Configured(replace(config, profiles=profiles), classes, tuple(dict.fromkeys(files)))


def resolve(config: SchedulerConfiguration, file: str | None) -> Configured:
    """Return a configuration with the references in it replaced by the plugins' names, and their classes.

    Raises InvalidConfig for a reference that is none or two plugins of one name, PluginError for one that cannot be
    loaded.
    """
    folder = Path(file).parent if file and file != "-" else Path()
    mentioned = {
        entry.name
        for profile in config.profiles
        for each in profile.plugins.sets().values()
        for entry in (*each.enabled, *each.disabled)
        if is_reference(entry.name)
    }
    mentioned |= {name for profile in config.profiles for name in profile.plugin_config if is_reference(name)}
    classes: dict[str, type[Plugin]] = {}
    names: dict[str, str] = {}
    references = []
    for text in sorted(mentioned):
        try:
            reference = parse_reference(text)
        except ValueError as reason:
            raise InvalidConfig([Problem(file or "", "", "plugins", str(reason))]) from None
        references.append(reference.under(folder))
        plugin, names[text] = _find(references[-1])
        if names[text] in classes:
            twice = f'"{text}" and another one are both called {names[text]}'
            raise InvalidConfig([Problem(file or "", "", "plugins", twice)])
        classes[names[text]] = plugin
    files = [Path(file)] if file and file != "-" else []
    profiles = tuple(_renamed(each, names) for each in config.profiles)
    return Configured(replace(config, profiles=profiles), classes, (*files, *_files(references)))


def without(config: SchedulerConfiguration, names: Sequence[str]) -> SchedulerConfiguration:
    """Return a configuration in which some plugins are enabled nowhere."""
    return replace(config, profiles=tuple(_changed(each, (), names, frozenset()) for each in config.profiles))


def name_of(plugin: type[Plugin]) -> str:
    """Return the name under which a class that a file defines takes part."""
    return plugin.name or plugin.__name__


def _find(reference: PluginReference) -> tuple[type[Plugin], str]:
    if reference.file is None and not reference.module:
        if reference.name not in (known := installed_plugins()):
            reason = f'no plugin "{reference.name}" is installed; there are {", ".join(known)}'
            raise _refused("--plugin", f"{reason}; a file is named as FILE.py:Class")
        return load_plugin(reference), reference.name
    plugin = load_plugin(reference)
    return plugin, name_of(plugin)


def _files(references: Sequence[PluginReference]) -> tuple[Path, ...]:
    found = (file_of(reference) for reference in references)
    return tuple(file for file in found if file is not None)


def _renamed(profile: ProfileConfig, names: Mapping[str, str]) -> ProfileConfig:
    """Return a profile with plugins under other names."""

    def entries(before: tuple[PluginEntry, ...]) -> tuple[PluginEntry, ...]:
        return tuple(replace(entry, name=names.get(entry.name, entry.name)) for entry in before)

    sets = {
        attribute: PluginSet(enabled=entries(each.enabled), disabled=entries(each.disabled))
        for attribute in profile.plugins.__struct_fields__
        if (each := getattr(profile.plugins, attribute))
    }
    args = {names.get(name, name): each for name, each in profile.plugin_config.items()}
    return replace(profile, plugins=replace(profile.plugins, **sets), plugin_config=args)


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
