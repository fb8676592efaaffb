"""Completing a configuration as it was written with upstream's defaults (apis/config/v1/defaults.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from sched_core.config.args import ARGS_KINDS, Args, NodeResourcesFitArgs
from sched_core.config.merge import DEFAULT_PLUGINS, merge_plugins
from sched_core.config.types import (
    ClientConnectionConfiguration,
    Extender,
    KubeSchedulerConfiguration,
    KubeSchedulerProfile,
    LeaderElectionConfiguration,
    ProfileConfig,
    SchedulerConfiguration,
)

DEFAULT_SCHEDULER_NAME = "default-scheduler"
_SECOND_NS = 1_000_000_000

Value = TypeVar("Value")


def complete(
    written: KubeSchedulerConfiguration, plugin_configs: Sequence[Sequence[tuple[str, Args]]]
) -> SchedulerConfiguration:
    """Return the completed configuration; ``plugin_configs`` has the decoded args of each profile (at least one)."""
    profiles = written.profiles
    if len(profiles) == 1 and profiles[0].scheduler_name is None:
        profiles = (replace(profiles[0], scheduler_name=DEFAULT_SCHEDULER_NAME),)
    ignored = _ignored_by_scheduler(written.extenders)
    enable_profiling = _given(written.enable_profiling, True)
    return SchedulerConfiguration(
        profiles=tuple(
            _profile(profile, args, ignored) for profile, args in zip(profiles, plugin_configs, strict=True)
        ),
        percentage_of_nodes_to_score=_given(written.percentage_of_nodes_to_score, 0),
        parallelism=_given(written.parallelism, 16),
        pod_initial_backoff_seconds=_given(written.pod_initial_backoff_seconds, 1),
        pod_max_backoff_seconds=_given(written.pod_max_backoff_seconds, 10),
        extenders=tuple(replace(e, http_timeout_ns=e.http_timeout_ns or 5 * _SECOND_NS) for e in written.extenders),
        leader_election=_leader_election(written.leader_election),
        client_connection=_client_connection(written.client_connection),
        enable_profiling=enable_profiling,
        enable_contention_profiling=_given(written.enable_contention_profiling, enable_profiling),
        delay_cache_until_active=written.delay_cache_until_active,
    )


def _given(value: Value | None, default: Value) -> Value:
    return default if value is None else value


def _profile(
    written: KubeSchedulerProfile, named_args: Sequence[tuple[str, Args]], ignored: tuple[str, ...]
) -> ProfileConfig:
    plugins = merge_plugins(DEFAULT_PLUGINS, written.plugins)
    plugin_config: dict[str, Args] = {name: ARGS_KINDS[name]() for name in plugins.names() if name in ARGS_KINDS}
    plugin_config |= dict(named_args)
    fit = plugin_config.get("NodeResourcesFit")
    if ignored and isinstance(fit, NodeResourcesFitArgs):
        plugin_config["NodeResourcesFit"] = replace(fit, ignored_resources=ignored)
    return ProfileConfig(
        scheduler_name=written.scheduler_name or "",
        percentage_of_nodes_to_score=written.percentage_of_nodes_to_score,
        plugins=plugins,
        plugin_config=dict(sorted(plugin_config.items())),
    )


def _ignored_by_scheduler(extenders: Sequence[Extender]) -> tuple[str, ...]:
    """Return the resources that only extenders look at; NodeResourcesFit ignores them instead of what it was told to.

    Source: buildExtenders in pkg/scheduler/scheduler.go.
    """
    return tuple(
        resource.name
        for extender in extenders
        for resource in extender.managed_resources
        if resource.ignored_by_scheduler
    )


def _leader_election(written: LeaderElectionConfiguration) -> LeaderElectionConfiguration:
    return replace(
        written,
        lease_duration_ns=written.lease_duration_ns or 15 * _SECOND_NS,
        renew_deadline_ns=written.renew_deadline_ns or 10 * _SECOND_NS,
        retry_period_ns=written.retry_period_ns or 2 * _SECOND_NS,
        resource_lock=written.resource_lock or "leases",
        resource_name=written.resource_name or "kube-scheduler",
        resource_namespace=written.resource_namespace or "kube-system",
    )


def _client_connection(written: ClientConnectionConfiguration) -> ClientConnectionConfiguration:
    return replace(
        written,
        content_type=written.content_type or "application/vnd.kubernetes.protobuf",
        qps=written.qps or 50.0,
        burst=written.burst or 100,
    )
