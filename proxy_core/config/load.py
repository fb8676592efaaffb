"""From the tree of a configuration file to a KubeProxyConfiguration, with everything that is wrong named.

Reading files and YAML is the caller's business. As upstream, a field that is not known is a warning and not an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy_core.addresses import endpoint_text, parse_ip
from proxy_core.config.duration import is_duration, parse_duration
from proxy_core.config.types import KubeProxyConfiguration
from proxy_core.config.validate import faults
from proxy_core.errors import InvalidConfig, Problem
from proxy_core.settings import SECOND

API_VERSION, KIND = "kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration"
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_AT = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_DEFAULT_IF_EMPTY = {"healthzBindAddress", "metricsBindAddress", "bindAddress"}
_SERVERS = {"healthzBindAddress": ("0.0.0.0", "[::]", 10256), "metricsBindAddress": ("127.0.0.1", "[::1]", 10249)}
"""Where a server listens if bindAddress is of IPv4 and of IPv6, and its port."""


def load_config(
    tree: Mapping[str, Any], file: str = "<memory>", warnings: list[str] | None = None
) -> KubeProxyConfiguration:
    """Return a configuration; unknown fields are named in ``warnings``. Raises InvalidConfig with all problems."""
    problems: list[tuple[str, str]] = []
    content = _completed(tree, problems)
    _complete_addresses(content)
    if content.get("configSyncPeriod") == 0:  # zero stands for the default here, too
        del content["configSyncPeriod"]
    config = _decoded(content, problems, [] if warnings is None else warnings)
    if config is not None and (config.api_version, config.kind) != (API_VERSION, KIND):
        problems.append(("apiVersion", f"is {config.api_version} {config.kind}, not {API_VERSION} {KIND}"))
    if config is not None and not problems:
        problems += faults(config)
    if config is None or problems:
        raise InvalidConfig([Problem(file, KIND, path, reason) for path, reason in problems])
    return config


def _completed(tree: Mapping[str, Any], problems: list[tuple[str, str]], path: str = "") -> dict[str, Any]:
    """Return the tree with durations as numbers; nulls, and empty values that stand for a default, are left out."""
    content: dict[str, Any] = {}
    for key, value in tree.items():
        where = f"{path}.{key}" if path else str(key)
        if value is None or (key in _DEFAULT_IF_EMPTY and value == ""):
            continue
        if isinstance(value, Mapping):
            content[key] = _completed(value, problems, where)
        elif is_duration(str(key)):
            try:
                content[key] = parse_duration(value)
            except ValueError as reason:
                problems.append((where, str(reason)))
        else:
            content[key] = value
    for section in ("iptables", "nftables"):  # zero stands for the default there
        part = content.get(section)
        if isinstance(part, dict):
            for key, default in (("syncPeriod", 30 * SECOND), ("minSyncPeriod", SECOND)):
                part[key] = part.get(key) or default
    part = content.get("ipvs")
    if isinstance(part, dict) and not part.get("syncPeriod", 1):
        part["syncPeriod"] = 30 * SECOND
    return content


def _complete_addresses(content: dict[str, Any]) -> None:
    """Give the servers an address of the family of bindAddress, and a port, where they have none."""
    bound = parse_ip(str(content.get("bindAddress", "")))
    for key, (ipv4, ipv6, port) in _SERVERS.items():
        address = content.get(key)
        if address is None:
            content[key] = f"{ipv6 if bound is not None and ':' in bound else ipv4}:{port}"
        elif isinstance(address, str) and parse_ip(address) is not None:
            content[key] = endpoint_text(address, port)


def _decoded(
    content: dict[str, Any], problems: list[tuple[str, str]], warnings: list[str]
) -> KubeProxyConfiguration | None:
    while True:
        try:
            return msgspec.convert(content, KubeProxyConfiguration)
        except msgspec.ValidationError as error:
            message = str(error)
        unknown = _UNKNOWN.fullmatch(message)
        if unknown is None:
            reason, path = _AT.fullmatch(message).groups()  # type: ignore[union-attr]
            problems.append((path or "", reason[:1].lower() + reason[1:]))
            return None
        name, path = unknown[1], unknown[2] or ""
        warnings.append(f"unknown field {path + '.' if path else ''}{name}")
        parent: Any = content
        for step in filter(None, path.split(".")):
            parent = parent[step]
        del parent[name]
