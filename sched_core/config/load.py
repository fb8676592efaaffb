"""Loading a KubeSchedulerConfiguration: read, decode, complete, validate; all problems at once.

This module only puts the steps in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sched_core.config.args import ARGS_KINDS, Args, with_defaults
from sched_core.config.decode import decode, json_kind
from sched_core.config.defaults import complete
from sched_core.config.findings import Findings, shown
from sched_core.config.read import read
from sched_core.config.types import (
    API_VERSION,
    KIND,
    KubeSchedulerConfiguration,
    KubeSchedulerProfile,
    PluginConfig,
    SchedulerConfiguration,
)
from sched_core.config.validate import validate
from sched_core.errors import InvalidConfig

_GROUP, _, _VERSION = API_VERSION.partition("/")


def load_config(source: str | Path | bytes | Mapping[str, Any] | None = None) -> SchedulerConfiguration:
    """Load a KubeSchedulerConfiguration v1, complete it with the defaults and validate it.

    ``source`` is a path (YAML or JSON; ``-`` is stdin), bytes, a mapping, or None for the default configuration.
    Raises InvalidConfig with all problems found, each with the path of its field.
    Source: cmd/kube-scheduler/app/options/configfile.go.
    """
    if source is None:
        source = {"apiVersion": API_VERSION, "kind": KIND}
    tree, findings = read(source)
    _check_kind(tree, findings)
    written = decode(KubeSchedulerConfiguration, tree, "", findings)
    if not written.profiles:  # upstream gives no profile at all the default one
        written = replace(written, profiles=(KubeSchedulerProfile(),))
    plugin_configs = [
        [
            (entry.name, _args(f"profiles[{i}].pluginConfig[{j}].args", entry, findings))
            for j, entry in enumerate(entries)
        ]
        for i, entries in enumerate(profile.plugin_config for profile in written.profiles)
    ]
    config = complete(written, plugin_configs)
    # A field that could not be decoded has its default by now: what is said of it from here on is not the user's.
    undecoded = {problem.field for problem in findings.problems}
    complaints = Findings(findings.file)
    validate(config, plugin_configs, complaints)
    problems = findings.problems + [problem for problem in complaints.problems if problem.field not in undecoded]
    if problems:
        raise InvalidConfig(problems)
    return config


def _check_kind(tree: Mapping[str, Any], findings: Findings) -> None:
    """Refuse another kind or version at once: nothing else in the file would make sense.

    Raises InvalidConfig.
    """
    kind, api_version = tree.get("kind"), tree.get("apiVersion")
    if (kind, api_version) == (KIND, API_VERSION):
        return
    for name, value in (("kind", kind), ("apiVersion", api_version)):
        if value is not None and not isinstance(value, str):
            findings.add(name, f"json: cannot unmarshal {json_kind(value)} into Go struct field .{name} of type string")
            break
    else:
        if not kind:
            findings.add("kind", "Object 'Kind' is missing")
        elif not api_version:
            findings.add("apiVersion", "Object 'apiVersion' is missing")
        elif api_version == API_VERSION and kind.removesuffix("Args") in ARGS_KINDS:
            findings.add("kind", f"couldn't decode as {KIND}, got {API_VERSION}, Kind={kind}")
        else:
            findings.add("kind", f"no kind {shown(kind)} is registered for version {shown(api_version)}")
    raise InvalidConfig(findings.problems)


def _args(path: str, entry: PluginConfig, findings: Findings) -> Args:
    """Return the args of one plugin, decoded if upstream has a kind for them."""
    tree = {} if entry.args is None else entry.args
    kind, context = ARGS_KINDS.get(entry.name), f"decoding args for plugin {entry.name}: "
    if not isinstance(tree, Mapping):
        target = f"v1.{entry.name}Args" if kind else "map[string]interface {}"
        findings.add(path, f"{context}json: cannot unmarshal {json_kind(tree)} into Go value of type {target}")
        tree = {}
    if kind is None:
        return tree
    wanted = f"{entry.name}Args"
    given, version = tree.get("kind") or wanted, tree.get("apiVersion") or API_VERSION
    known = isinstance(given, str) and given.removesuffix("Args") in ARGS_KINDS
    if version != API_VERSION or not (known or given == KIND):
        findings.add(path, f"{context}no kind {shown(given)} is registered for version {shown(version)}")
    elif given != wanted:
        reason = f"args for plugin {entry.name} were not of type {wanted}.{_GROUP}, got {given}.{_GROUP}"
        findings.add(path, reason)
    fields = {name: value for name, value in tree.items() if name not in ("kind", "apiVersion")}
    return with_defaults(decode(kind, fields, path, findings, context))
