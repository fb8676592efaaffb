"""A completed configuration in wire form, as kube-scheduler's --write-config-to writes it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from sched_core.config.args import Args
from sched_core.config.decode import fields_of, plain_type
from sched_core.config.duration import format_duration
from sched_core.config.types import API_VERSION, KIND, ProfileConfig, SchedulerConfiguration


def dump_config(config: SchedulerConfiguration) -> dict[str, Any]:
    """Return a configuration as plain dicts and lists under the names of the wire.

    ``load_config`` reads it back to an equal configuration, except for args of plugins that no profile enables: like
    upstream, this leaves them out.
    """
    wire: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "parallelism": config.parallelism,
        "leaderElection": _wire(config.leader_election),
        "clientConnection": _wire(config.client_connection),
        "enableProfiling": config.enable_profiling,
        "enableContentionProfiling": config.enable_contention_profiling,
        "percentageOfNodesToScore": config.percentage_of_nodes_to_score,
        "podInitialBackoffSeconds": config.pod_initial_backoff_seconds,
        "podMaxBackoffSeconds": config.pod_max_backoff_seconds,
        "profiles": [_profile(profile) for profile in config.profiles],
    }
    if config.extenders:
        wire["extenders"] = _wire(config.extenders)
    if config.delay_cache_until_active:
        wire["delayCacheUntilActive"] = True
    return wire


def _profile(profile: ProfileConfig) -> dict[str, Any]:
    wire: dict[str, Any] = {"schedulerName": profile.scheduler_name}
    if profile.percentage_of_nodes_to_score is not None:
        wire["percentageOfNodesToScore"] = profile.percentage_of_nodes_to_score
    needed = profile.plugins.names()
    wire["plugins"] = _wire(profile.plugins)
    wire["pluginConfig"] = [
        {"name": name, "args": _args(name, args)} for name, args in profile.plugin_config.items() if name in needed
    ]
    return wire


def _args(name: str, args: Args) -> Any:
    if isinstance(args, Mapping):
        return _wire(args)
    return {"apiVersion": API_VERSION, "kind": f"{name}Args", **_wire(args)}


def _wire(value: Any) -> Any:
    """Return a value as it stands on the wire; empty lists and fields that are not set are left out of records."""
    if isinstance(value, msgspec.Struct):
        wire = {}
        for name, field in fields_of(type(value)).items():
            item = getattr(value, field.name)
            if item is None or item == () or (value.__struct_config__.omit_defaults and item == field.default):
                continue
            wire[name] = format_duration(item) if plain_type(field.type)[1] == "v1.Duration" else _wire(item)
        return wire
    if isinstance(value, Mapping):
        return {name: _wire(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    # Go writes a whole float without a point.
    return int(value) if isinstance(value, float) and value.is_integer() else value
