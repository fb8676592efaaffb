"""Registry: plugins by name, from entry points, from what the caller adds, and the names that upstream has.

A plugin's module is imported when a profile names it. Nothing is instantiated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from sched_core.config import UPSTREAM_PLUGINS
from sched_core.errors import PluginError
from sched_core.framework.plugin import Plugin, extension_points

GROUP = "stowage.plugins"


@cache
def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def installed_plugins() -> list[str]:
    """Return the names of the plugins that are entry points of GROUP: in-tree ones, and those of installed packages."""
    return sorted(_installed())


def installed_plugin(name: str) -> type[Plugin]:
    """Return the class behind an entry point.

    Raises KeyError for an unknown name, PluginError if it cannot be imported or is no plugin.
    """
    entry = _installed()[name]
    try:
        plugin = entry.load()
    except Exception as reason:
        raise PluginError(name, "import", f"{entry.value}: {type(reason).__name__}: {reason}") from reason
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise PluginError(name, "import", f"{entry.value} is not a subclass of sched_core.Plugin")
    return plugin


class Registry:
    """All plugins that profiles may name; ``extra`` classes come before installed ones."""

    def __init__(self, extra: Mapping[str, type[Plugin]] | None = None) -> None:
        self._classes: dict[str, type[Plugin]] = dict(extra or {})

    def find(self, name: str) -> type[Plugin] | None:
        """Return the class of a plugin, None if upstream has the name and this version does not.

        Raises KeyError for an unknown name, PluginError if it cannot be imported or is none.
        """
        if name in self._classes:
            return self._classes[name]
        if name not in _installed() and name in UPSTREAM_PLUGINS:
            return None
        plugin = self._classes[name] = installed_plugin(name)
        return plugin

    def extension_points_of(self, name: str) -> frozenset[str]:
        """Return the extension points of a plugin in upstream's spelling; raises KeyError for an unknown name."""
        plugin = self.find(name)
        own = extension_points(plugin) if plugin is not None else frozenset[str]()
        # an in-tree plugin may be named at all points of its namesake, also where it has nothing to do yet
        return own | UPSTREAM_PLUGINS.get(name, frozenset())
