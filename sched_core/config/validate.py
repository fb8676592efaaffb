"""Validation of a completed configuration (apis/config/validation/validation.go, component-base/config/validation).

The order of the checks and their words are upstream's; field paths are, too, with their oddities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sched_core.config.args import Args
from sched_core.config.duration import format_duration
from sched_core.config.findings import Findings
from sched_core.config.names import is_extended_resource_name, label_key_faults
from sched_core.config.types import (
    API_VERSION,
    EXTENSION_POINTS,
    Extender,
    LeaderElectionConfiguration,
    PluginSet,
    ProfileConfig,
    SchedulerConfiguration,
)
from sched_core.config.upstream_plugins import REMOVED_PLUGINS
from sched_core.config.validate_args import validate_args

NamedArgs = Sequence[tuple[str, Args]]
"""Args as they stand in ``pluginConfig``: in order, names may repeat."""


def validate(config: SchedulerConfiguration, plugin_configs: Sequence[NamedArgs], findings: Findings) -> None:
    """Record everything that is wrong with a completed configuration; ``plugin_configs`` has one entry a profile."""
    if config.client_connection.burst < 0:
        findings.invalid("clientConnection.burst", config.client_connection.burst, "must be non-negative")
    _leader_election(config.leader_election, findings)
    if config.parallelism <= 0:
        findings.invalid("parallelism", config.parallelism, "should be an integer value greater than zero")
    first_of: dict[str, int] = {}
    for i, (profile, named_args) in enumerate(zip(config.profiles, plugin_configs, strict=True)):
        path, name = f"profiles[{i}]", profile.scheduler_name
        _profile(path, profile, named_args, findings)
        if name in first_of:
            # Upstream prints {} for the other field's path, by accident.
            findings.duplicate(f"{path}.schedulerName", f"profiles[{first_of[name]}].schedulerName")
        first_of[name] = i
    _common_queue_sort(config.profiles, plugin_configs, findings)
    _percentage("percentageOfNodesToScore", config.percentage_of_nodes_to_score, findings)
    initial, longest = config.pod_initial_backoff_seconds, config.pod_max_backoff_seconds
    if initial <= 0:
        findings.invalid("podInitialBackoffSeconds", initial, "must be greater than 0")
    if longest < initial:
        detail = "must be greater than or equal to PodInitialBackoffSeconds"
        findings.invalid("podMaxBackoffSeconds", longest, detail)
    _extenders(config.extenders, findings)
    if any(resource.ignored_by_scheduler for extender in config.extenders for resource in extender.managed_resources):
        for i, profile in enumerate(config.profiles):
            if "NodeResourcesFit" not in profile.plugin_config:
                findings.add(f"profiles[{i}].pluginConfig", "can't find NodeResourcesFitArgs in plugin config")


def _leader_election(election: LeaderElectionConfiguration, findings: Findings) -> None:
    if not election.leader_elect:
        return
    durations = (
        ("leaseDuration", election.lease_duration_ns),
        ("renewDeadline", election.renew_deadline_ns),
        ("retryPeriod", election.retry_period_ns),
    )
    for name, duration in durations:
        if duration <= 0:
            findings.invalid(f"leaderElection.{name}", format_duration(duration), "must be greater than zero")
    if election.lease_duration_ns <= election.renew_deadline_ns:
        value = format_duration(election.renew_deadline_ns)  # sic: the value that upstream shows
        findings.invalid("leaderElection.leaseDuration", value, "must be greater than `RenewDeadline`")
    if election.resource_lock != "leases":
        detail = 'resourceLock value must be "leases"'
        findings.invalid("leaderElection.resourceLock", election.resource_lock, detail)


def _percentage(path: str, value: int | None, findings: Findings) -> None:
    if value is not None and not 0 <= value <= 100:
        findings.invalid(path, value, "not in valid range [0-100]")


def _profile(path: str, profile: ProfileConfig, named_args: NamedArgs, findings: Findings) -> None:
    if not profile.scheduler_name:
        findings.required(f"{path}.schedulerName")
    _percentage(f"{path}.percentageOfNodesToScore", profile.percentage_of_nodes_to_score, findings)
    removed = f'was invalid in version "v1" (KubeSchedulerConfiguration is version "{API_VERSION}")'
    sets = profile.plugins.sets()
    for point in EXTENSION_POINTS[:12]:  # not the placement points, and not multiPoint, where upstream forgot it
        for i, plugin in enumerate(sets[point].enabled):
            if plugin.name in REMOVED_PLUGINS:
                findings.invalid(f"{path}.plugins.{point}.enabled[{i}]", plugin.name, removed)
    needed = profile.plugins.names()
    seen = set()
    for i, (name, args) in enumerate(named_args):
        at = f"{path}.pluginConfig[{i}]"
        if name in seen:
            findings.duplicate(at, name)
        seen.add(name)
        if name in REMOVED_PLUGINS:
            findings.invalid(at, name, removed)
        # Upstream checks the args of NodeResourcesFit when it makes the plugin, so only if the profile has it.
        elif name != "NodeResourcesFit" or name in needed:
            validate_args(f"{at}.args", args, findings)


def _common_queue_sort(
    profiles: Sequence[ProfileConfig], plugin_configs: Sequence[NamedArgs], findings: Findings
) -> None:
    """Check that all profiles name the same queueSort plugin (if they do) with the same args."""
    canon = profiles[0].plugins.queue_sort
    if len(canon.enabled) > 1:
        detail = "only one queue sort plugin can be enabled"
        findings.invalid("profiles[0].plugins.queueSort.Enabled", len(canon.enabled), detail)
    name = canon.enabled[0].name if canon.enabled else ""
    args = next((args for plugin, args in plugin_configs[0] if name and plugin == name), None)
    for i, profile in enumerate(profiles[1:], start=1):
        if profile.plugins.queue_sort != canon:
            shown = _as_go(profile.plugins.queue_sort)
            findings.invalid(f"profiles[{i}].plugins.queueSort", shown, "must be the same for all profiles")
        for plugin, own in plugin_configs[i]:
            if plugin == name and own != args:
                detail = "queueSort must be the same for all profiles"
                findings.invalid(f"profiles[{i}].pluginConfig.args", own, detail)


def _as_go(plugins: PluginSet) -> Mapping[str, Any]:
    """Return a plugin set as upstream prints its internal type, whose fields have no wire names."""
    return {
        list_name: [{"Name": plugin.name, "Weight": plugin.weight} for plugin in entries] or None
        for list_name, entries in (("Enabled", plugins.enabled), ("Disabled", plugins.disabled))
    }


def _extenders(extenders: Sequence[Extender], findings: Findings) -> None:
    managed: set[str] = set()
    for i, extender in enumerate(extenders):
        path = f"extenders[{i}]"
        if extender.prioritize_verb and extender.weight <= 0:
            findings.invalid(f"{path}.weight", extender.weight, "must have a positive weight applied to it")
        for j, resource in enumerate(extender.managed_resources):
            at, name = f"{path}.managedResources[{j}].name", resource.name
            faults = label_key_faults(name)
            for fault in faults:
                findings.invalid(at, name, fault)
            if not faults and not is_extended_resource_name(name):
                findings.invalid(at, name, "is an invalid extended resource name")
            if name in managed:
                findings.invalid(at, name, "duplicate extender managed resource name")
            managed.add(name)
    binders = sum(1 for extender in extenders if extender.bind_verb)
    if binders > 1:
        value = f"found {binders} extenders implementing bind"
        findings.invalid("extenders", value, "only one extender can implement bind")
