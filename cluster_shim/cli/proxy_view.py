"""What ``stowage proxy`` prints: transactions, the overview of services, differences."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from cluster_shim.cli.terminal import console, literal, new_table, notice
from cluster_shim.proxy.client import Event
from cluster_shim.proxy.dry_run import Row, Written, overview
from cluster_shim.proxy.family import FamilyProxy
from cluster_shim.proxy.listing import Difference
from proxy_core import Service
from proxy_core.addresses import endpoint_text

ROWS = 20
"""Service ports in the overview."""
_NAMED = 3
"""Services, or addresses, that notices name."""


def show_dry_run(mode: str, written: Sequence[Written], families: Sequence[FamilyProxy]) -> None:
    """Print what each family writes to stdout, and an overview of the services to stderr."""
    rows = list(overview(families))
    if rows:
        _show_rows(rows)
    for each in written:
        sys.stdout.write(f"# {each.family}, mode {mode}\n")
        sys.stdout.writelines(f"{line}\n" for line in each.lines)
    lines = " and ".join(f"{len(each.lines):,} lines for {each.family}" for each in written)
    notice(f"a first sync writes {lines}, on standard output; nothing was touched")


def dry_run_document(mode: str, written: Sequence[Written], families: Sequence[FamilyProxy]) -> dict[str, Any]:
    """Return a dry run as JSON."""
    return {
        "mode": mode,
        "written": {each.family: list(each.lines) for each in written},
        "servicePorts": [row._asdict() for row in overview(families)],
    }


def show_diff(mode: str, found: Sequence[Difference]) -> None:
    """Print what differs: lines that should not be there with a minus, those that are missing with a plus."""
    for each in found:
        sys.stdout.write(f"{each.family} {each.part}\n")
        sys.stdout.writelines(f"- {line}\n" for line in each.extra)
        sys.stdout.writelines(f"+ {line}\n" for line in each.missing)
    if not found:
        notice(f"the kernel has what mode {mode} wants")
        return
    extra, missing = sum(len(each.extra) for each in found), sum(len(each.missing) for each in found)
    notice(f"lines that should not be there (-): {extra:,}; missing (+): {missing:,}; nothing was touched")


def diff_document(mode: str, found: Sequence[Difference]) -> dict[str, Any]:
    """Return the differences as JSON."""
    return {"mode": mode, "differences": [each._asdict() for each in found]}


def tell_of_useless(objects: Sequence[Event]) -> None:
    """Say which Services cannot be proxied for want of what an API server would have given them."""
    services = [each.object for each in objects if isinstance(each.object, Service)]
    proxied = [each for each in services if each.spec.type != "ExternalName" and each.spec.cluster_ip != "None"]
    bare = [each for each in proxied if not each.spec.cluster_ip]
    if bare:
        notice(f"without spec.clusterIP, which an API server assigns, there is nothing to do for {_names(bare)}")
    portless = [each for each in proxied if each.spec.cluster_ip and not each.spec.ports]
    if portless:
        notice(f"without spec.ports there is nothing to do for {_names(portless)}")
    shared = list(_shared(proxied))
    for address, owners in shared[:_NAMED]:
        notice(f"{address} is of {' and '.join(owners)}: one of them has its traffic")
    if len(shared) > _NAMED:
        notice(f"so it is with {len(shared) - _NAMED:,} more addresses")
    if not services:
        notice("there is no Service: only the rules that are always there are written")


def _shared(services: Sequence[Service]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield cluster IPs with port, and node ports, that several ports have; an API server would refuse all but one."""
    owners: dict[str, list[str]] = {}
    for each in services:
        name = f"{each.metadata.namespace}/{each.metadata.name}"
        for port in each.spec.ports:
            owner = f"{name}:{port.name}" if port.name else name
            places = [endpoint_text(ip, port.port) for ip in each.spec.cluster_ips]
            for place in [*places, f"node:{port.node_port}"] if port.node_port else places:
                owners.setdefault(f"{place} {port.protocol.lower()}", []).append(owner)
    for place, names in owners.items():
        if len(names) > 1:
            yield place, names


def _names(services: Sequence[Service]) -> str:
    more = f" and {len(services) - _NAMED:,} more" if len(services) > _NAMED else ""
    return ", ".join(f"{each.metadata.namespace}/{each.metadata.name}" for each in services[:_NAMED]) + more


def _show_rows(rows: Sequence[Row]) -> None:
    table = new_table("service port", "addresses", "endpoints", "what else")
    for row in rows[:ROWS]:
        table.add_row(*map(literal, row))
    table.columns[1].justify = table.columns[3].justify = "left"
    out = console(stderr=True)
    out.print(table)
    if len(rows) > ROWS:
        out.print(f"and {len(rows) - ROWS:,} more service ports")
