"""A KubeProxyConfiguration as YAML, all fields spelled out (upstream: --write-config-to)."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from proxy_core import KubeProxyConfiguration
from proxy_core.config.duration import is_duration


def dump_config(config: KubeProxyConfiguration) -> str:
    """Return a configuration as a file that `load_config` reads as the same one."""
    return yaml.safe_dump(config_tree(config), sort_keys=True)


def config_tree(config: KubeProxyConfiguration) -> dict[str, Any]:
    """Return a configuration as it is written in a file."""
    return _readable(msgspec.to_builtins(config))


def go_duration(nanoseconds: int) -> str:
    """Return a duration as Go writes it, as in ``1m30s``."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < 10**9:
        unit, name = next(pair for pair in ((10**6, "ms"), (10**3, "µs"), (1, "ns")) if rest >= pair[0])
        return f"{sign}{_number(rest, unit)}{name}"
    minutes, rest = divmod(rest, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{text}{_number(rest, 10**9)}s"


def _number(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    digits = str(rest).rjust(len(str(unit)) - 1, "0")
    return f"{whole}.{digits}".rstrip("0")


def _readable(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found[key] = _readable(value)
        elif isinstance(value, int) and not isinstance(value, bool) and is_duration(key):
            found[key] = go_duration(value)
        else:
            found[key] = list(value) if isinstance(value, tuple) else value
    return found
