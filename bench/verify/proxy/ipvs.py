"""Servers, ipsets and bound addresses in a normal form: as they were recorded, and as a kernel in memory has them."""

from __future__ import annotations

from bench.verify.proxy.normal import Normal
from bench.verify.proxy.read import Ipvs
from proxy_core import FakeIpvs


def expected_parts(expected: Ipvs) -> Normal:
    """Return the parts of what was recorded."""
    parts = {"bound addresses": sorted(expected.bound_addresses), "virtual servers": []}
    for each in expected.virtual_servers:
        name = f"{each.address} {each.port} {each.protocol}"
        parts["virtual servers"].append(f"{name} {each.scheduler} flags {each.flags} timeout {each.timeout}")
        parts[f"real servers of {name}"] = sorted(f"{r.address} {r.port} weight {r.weight}" for r in each.real_servers)
    parts["virtual servers"].sort()
    for set_name, each_set in expected.ipsets.items():
        parts[f"ipset {set_name}"] = [
            f"{each_set.type} {each_set.family} {each_set.comment!r}",
            *sorted(each_set.entries),
        ]
    return parts


def present_parts(kernel: FakeIpvs) -> Normal:
    """Return the parts of what a kernel has."""
    parts = {"bound addresses": sorted(kernel.addresses.bound()), "virtual servers": []}
    for server, reals in kernel.servers.dump().items():
        name = " ".join(map(str, server.key))
        parts["virtual servers"].append(f"{name} {server.scheduler} flags {server.flags} timeout {server.timeout}")
        parts[f"real servers of {name}"] = sorted(f"{r.key.address} {r.key.port} weight {r.weight}" for r in reals)
    parts["virtual servers"].sort()
    for set_name, each in kernel.sets.sets.items():
        head = f"{each.kind} {each.family} {each.comment!r}"
        parts[f"ipset {set_name}"] = [head, *sorted(map(str, kernel.sets.members[set_name]))]
    return parts
