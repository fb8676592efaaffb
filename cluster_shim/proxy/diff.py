"""How the kernel differs from what it should have.

What it should have is written into an empty network namespace, by the very code that writes it otherwise, and listed
there by the same programs; so both sides have the kernel's own words, and no second opinion on them is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cluster_shim.proxy.client import Event
from cluster_shim.proxy.family import Around
from cluster_shim.proxy.kernels import ListedKernels
from cluster_shim.proxy.listing import Difference, Parts, differences, iptables_parts, nft_parts
from cluster_shim.proxy.metrics import Metrics
from cluster_shim.proxy.setup import Setup, family_proxies
from proxy_core import FLAT_TABLE, IpvsKernel, KernelError, table_family
from proxy_core.addresses import Family
from proxy_core.health import ProxyHealth
from proxy_core.ipvs.kernel import DEVICE
from proxy_core.ipvs.names import ip_sets
from proxy_core.kernel.machine import COUNTERS
from proxy_core.kernel.netns import scratch
from proxy_core.kernel.nfacct import ensure_counters
from proxy_core.kernel.nft_listing import list_table
from proxy_core.nft.transaction import TABLE


def diff(of: Setup, kernels: ListedKernels, events: Sequence[Event]) -> list[Difference]:
    """Return what differs in all families. Raises KernelError, NotSupported."""
    interfaces = of.machine.interfaces()  # those of here, not of the empty namespace
    of = of._replace(machine=of.machine._replace(interfaces=lambda: interfaces))
    there = {family: _parts(of.mode, family, kernels) for family in of.families}
    with scratch():
        if of.machine.has_nfacct:
            ensure_counters(COUNTERS)  # rules name them
        _write(of, kernels, events)
        wanted = {family: _parts(of.mode, family, kernels) for family in of.families}
    return [each for family in of.families for each in differences(family, there[family], wanted[family])]


def _write(of: Setup, kernels: ListedKernels, events: Sequence[Event]) -> None:
    failures: list[str] = []
    for each in family_proxies(of, kernels, Around(ProxyHealth(0), Metrics(of.mode), failures.append)):
        each.deliver(events, listed=True)
        each.step()
        refused = each.failure or (of.mode == "ipvs" and next(iter(each.proxier.refused()), ""))
        if refused:
            raise KernelError(f"{each.family}: what there should be cannot be written: {refused}")


def _parts(mode: str, family: Family, kernels: ListedKernels) -> Parts:
    return _LISTINGS[mode](family, kernels)


def _iptables(family: Family, kernels: ListedKernels) -> Parts:
    tables = {each: kernels.saved(family, each) for each in ("filter", "nat")}
    return {part: lines for each, text in tables.items() for part, lines in iptables_parts(each, text).items()}


def _nftables(family: Family, _: ListedKernels) -> Parts:
    return nft_parts(list_table(table_family(family), TABLE))


def _flat(family: Family, _: ListedKernels) -> Parts:
    return nft_parts(list_table(table_family(family), FLAT_TABLE))


def _ipvs(family: Family, kernels: ListedKernels) -> Parts:
    return {**_iptables(family, kernels), **dict(ipvs_parts(family, kernels.ipvs(family)))}


def ipvs_parts(family: Family, kernel: IpvsKernel) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield virtual servers, ipsets and addresses; a real server that drains (weight 0) is left out."""
    for server, reals in kernel.servers.dump().items():
        words = f"scheduler {server.scheduler}, flags {server.flags:#x}, timeout {server.timeout}"
        yield (
            f"virtual server {server.key}",
            [words, *sorted(f"{each.key} weight {each.weight}" for each in reals if each.weight)],
        )
    sets = list(ip_sets(family).values())
    for name, entries in kernel.sets.entries(sets).items():
        yield f"ipset {name}", sorted(map(str, entries))
    yield f"addresses of {DEVICE}", sorted(kernel.addresses.bound())


_LISTINGS: Mapping[str, Callable[[Family, ListedKernels], Parts]] = {
    "iptables": _iptables,
    "nftables": _nftables,
    "ipvs": _ipvs,
    "flat": _flat,
}
