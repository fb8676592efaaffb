"""Rules for metadata.name: what a kind demands of its names, and of the prefixes that names are made from."""

from __future__ import annotations

from collections.abc import Callable

from cluster_shim.api.validation import formats
from cluster_shim.api.validation.formats import Format, Messages

NameRule = Callable[[str, bool], Messages]
"""Takes a name and whether it is a prefix (generateName); returns what is wrong."""


def _masked(name: str) -> str:
    """Return a prefix as a whole name: the dash at its end will be followed by letters."""
    return name[:-2] + "a" if len(name) > 1 and name.endswith("-") else name


def _rule(check: Format) -> NameRule:
    def rule(name: str, prefix: bool) -> Messages:
        return check(_masked(name) if prefix else name)

    return rule


dns_subdomain = _rule(formats.dns_subdomain)
dns_label = _rule(formats.dns_label)
dns_1035_label = _rule(formats.dns_1035_label)
dns_subdomain_bytes = _rule(formats.dns_subdomain_bytes)


def path_segment(name: str, prefix: bool) -> Messages:
    """Demand only what a path of a URL demands."""
    if prefix:
        return tuple(f"may not contain '{each}'" for each in "/%" if each in name)
    return formats.path_segment(name)


def anything(name: str, prefix: bool) -> Messages:
    """Demand nothing."""
    return ()
