"""A dry run: what a first sync would write, on a kernel in memory, and an overview of the services.

Nothing here touches the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from cluster_shim.proxy.client import Event
from cluster_shim.proxy.family import Around, FamilyProxy
from cluster_shim.proxy.metrics import Metrics
from cluster_shim.proxy.paper import Paper
from cluster_shim.proxy.setup import Setup, family_proxies
from proxy_core import Machine, NodeInfo, ServicePortName
from proxy_core.addresses import Family, endpoint_text
from proxy_core.health import ProxyHealth
from proxy_core.model.state import Wanted


class Written(NamedTuple):
    """What the sync of one family writes."""

    family: Family
    lines: tuple[str, ...]


def machine_on_paper(node: NodeInfo) -> Machine:
    """Return a machine that has everything, with the node's own addresses."""
    addresses = [f"{ip}/{128 if ':' in ip else 32}" for ip in node.ips.values()]
    return Machine(lambda: {"lo": ["127.0.0.1/8", "::1/128"], "node": addresses})


def dry_run(
    of: Setup, objects: Sequence[Event], tell: Callable[[str], None]
) -> tuple[list[Written], list[FamilyProxy]]:
    """Sync everything once on paper; return what each family wrote, and the families. Raises KernelError.

    ``tell`` gets what was left out, as it would be of a kernel.
    """
    paper = Paper()
    around = Around(ProxyHealth(0), Metrics(of.mode), tell)
    families = family_proxies(of, paper, around)
    for each in families:
        each.deliver(objects, listed=True)
        each.step()
        if each.failure:
            raise RuntimeError(f"{each.family}: {each.failure}")  # on paper only a defect of the rules is refused
    return [Written(family, tuple(lines)) for family, lines in paper.lines.items()], families


class Row(NamedTuple):
    """One service port in the overview."""

    name: str
    addresses: str
    endpoints: str
    notes: str


def overview(families: Sequence[FamilyProxy]) -> Iterator[Row]:
    """Yield the service ports of all families, sorted by name."""
    for each in families:
        wanted = each.proxier.state.wanted
        for name in sorted(wanted):
            yield _row(name, wanted[name])


def _row(name: ServicePortName, wanted: Wanted) -> Row:
    port, endpoints, categories = wanted
    addresses = [endpoint_text(ip, port.port) for ip in (port.cluster_ip, *port.external_ips, *port.load_balancer_vips)]
    addresses += [f"node:{port.node_port}"] if port.node_port else []
    local = sum(each.is_local for each in endpoints)
    notes = []
    if not categories.has_any:
        notes.append("no endpoint: rejected")
    for policy, kind in ((port.internal_policy_local, "internal"), (port.external_policy_local, "external")):
        if policy:
            lacks = categories.has_any and not categories.local  # what then becomes of traffic depends on the mode
            notes.append(f"{kind} traffic to this node's endpoints only{', and there is none' if lacks else ''}")
    if port.session_affinity:
        notes.append(f"clients stay for {port.sticky_max_age_seconds:,} s")
    if port.load_balancer_source_ranges:
        count = len(port.load_balancer_source_ranges)
        notes.append(f"for {count:,} network{'' if count == 1 else 's'} only")
    if port.health_check_node_port:
        notes.append(f"health check on node:{port.health_check_node_port}")
    ends = f"{len(endpoints):,} ({local:,} here)" if endpoints else "0"
    return Row(f"{name} {port.protocol.lower()}", ", ".join(addresses), ends, "; ".join(notes))
