"""From the plugin sets of a profile to what runs at each extension point (framework/runtime/framework.go, profile.go).

No plugin is made here: who implements what is asked of the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from sched_core.config.args import Args
from sched_core.config.findings import Findings, shown
from sched_core.config.types import EXTENSION_POINTS, Plugin, ProfileConfig
from sched_core.errors import InvalidConfig

_MAX_NODE_SCORE = 100
_MAX_TOTAL_SCORE = 2**63 - 1


class ExpandedProfile(Struct, frozen=True, kw_only=True):
    """What a profile runs."""

    scheduler_name: str
    points: Mapping[str, tuple[str, ...]]
    """Extension point to plugin names in the order in which they run; every point is there."""
    score_weights: Mapping[str, int]
    """Weights of the plugins of ``points["score"]``; never 0."""
    args: Mapping[str, Args]
    """Args of the plugins that the profile needs, where they have any."""


def expand(profile: ProfileConfig, extension_points_of: Callable[[str], frozenset[str]]) -> ExpandedProfile:
    """Return what a profile runs at each extension point.

    ``extension_points_of`` returns the points that a plugin implements and raises KeyError for a plugin that does not
    exist. Raises InvalidConfig with everything that is wrong with the profile.
    """
    findings = Findings("", f"profile {shown(profile.scheduler_name)}")
    implemented = _implemented(profile, extension_points_of, findings)
    sets = profile.plugins.sets()
    points = {}
    reported: set[str] = set()
    for point in EXTENSION_POINTS:
        explicit = _explicit(point, sets[point].enabled, implemented, findings)
        disabled = {plugin.name for plugin in sets[point].disabled}
        if "*" in disabled:
            points[point] = explicit
            continue
        overrides, multi = [], []
        for plugin in sets["multiPoint"].enabled:
            name = plugin.name
            if point not in implemented.get(name, ()) or name in disabled:
                continue
            if name in explicit:
                overrides.append(name)
            elif name not in multi:
                multi.append(name)
            elif name not in reported:
                reported.add(name)
                findings.add("plugins.multiPoint", _already_registered(name, point))
        first = [name for name in explicit if name in overrides]
        points[point] = (*first, *multi, *(name for name in explicit if name not in overrides))
    weights = _weights((*sets["score"].enabled, *sets["multiPoint"].enabled), implemented, findings)
    if not findings.problems:
        _check_counts(profile.scheduler_name, points, findings)
    if findings.problems:
        raise InvalidConfig(findings.problems)
    return ExpandedProfile(
        scheduler_name=profile.scheduler_name,
        points=points,
        score_weights={name: weights[name] for name in points["score"]},
        args={name: profile.plugin_config[name] for name in sorted(implemented) if name in profile.plugin_config},
    )


def validate_profiles(profiles: Sequence[ExpandedProfile]) -> None:
    """Check what profiles must have in common: different names, one queueSort plugin with one set of args.

    Raises InvalidConfig with everything that is wrong.
    """
    findings = Findings("")
    if not profiles:
        findings.add("profiles", "at least one profile is required")
        raise InvalidConfig(findings.problems)
    first = profiles[0]
    queue_sort = first.points["queueSort"][0]
    names = {first.scheduler_name}
    for position, profile in enumerate(profiles[1:], start=1):
        path, name = f"profiles[{position}]", profile.scheduler_name
        own = profile.points["queueSort"][0]
        if name in names:
            findings.add(path, f"duplicate profile with scheduler name {shown(name)}")
        elif own != queue_sort:
            reason = f"different queue sort plugins for profile {shown(name)}: {shown(own)}, first: {shown(queue_sort)}"
            findings.add(path, reason)
        elif profile.args.get(own) != first.args.get(queue_sort):
            findings.add(path, f"different queue sort plugin args for profile {shown(name)}")
        names.add(name)
    if findings.problems:
        raise InvalidConfig(findings.problems)


def _implemented(
    profile: ProfileConfig, extension_points_of: Callable[[str], frozenset[str]], findings: Findings
) -> dict[str, frozenset[str]]:
    """Return the points of every plugin that the profile names, reporting those that do not exist."""
    implemented = {}
    for point, plugins in profile.plugins.sets().items():
        for plugin in plugins.enabled:
            try:
                implemented[plugin.name] = extension_points_of(plugin.name)
            except KeyError:
                # Upstream meets an unknown plugin of multiPoint while it expands PreFilter.
                kind = _type_name("preFilter" if point == "multiPoint" else point)
                findings.add(f"plugins.{point}", f"{kind} {shown(plugin.name)} does not exist")
    return implemented


def _explicit(
    point: str, entries: tuple[Plugin, ...], implemented: Mapping[str, frozenset[str]], findings: Findings
) -> tuple[str, ...]:
    """Return the plugins that are enabled at this very point."""
    names: list[str] = []
    for name in (plugin.name for plugin in entries):
        if name not in implemented:
            continue
        if point not in implemented[name]:
            findings.add(f"plugins.{point}", f"plugin {shown(name)} does not extend {_type_name(point)} plugin")
        elif name in names:
            findings.add(f"plugins.{point}", _already_registered(name, point))
        else:
            names.append(name)
    return tuple(names)


def _weights(
    entries: tuple[Plugin, ...], implemented: Mapping[str, frozenset[str]], findings: Findings
) -> dict[str, int]:
    """Return the weights of all plugins that score; the first entry of a plugin counts."""
    weights: dict[str, int] = {}
    for name, weight in ((plugin.name, plugin.weight) for plugin in entries):
        if "score" in implemented.get(name, ()):
            weights.setdefault(name, weight or 1)
    if sum(weights.values()) * _MAX_NODE_SCORE > _MAX_TOTAL_SCORE:
        findings.add("plugins.score", "score plugins: total score of Score plugins could overflow")
    return weights


def _check_counts(name: str, points: Mapping[str, tuple[str, ...]], findings: Findings) -> None:
    of_profile = f"for profile with scheduler name {shown(name)}"
    if (count := len(points["queueSort"])) != 1:
        findings.add("plugins.queueSort", f"only one queue sort plugin required {of_profile}, but got {count}")
    if not points["bind"]:
        findings.add("plugins.bind", f"at least one bind plugin is needed {of_profile}")
    if len(points["placementGenerate"]) > 1:
        findings.add("plugins.placementGenerate", f"at most one placement generate plugin is allowed {of_profile}")


def _already_registered(name: str, point: str) -> str:
    return f"plugin {shown(name)} already registered as {shown(_type_name(point))}"


def _type_name(point: str) -> str:
    """Return upstream's name of the interface of an extension point: ``PreFilterPlugin``."""
    return f"{point[0].upper()}{point[1:]}Plugin"
