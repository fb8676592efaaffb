"""ipvs mode over all recorded scenarios: virtual servers reach the endpoints that the policies of a port give."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from proxy_core.model.state import Wanted
from proxy_core.trace import Outcome, Verdict, walk_of
from proxy_core.trace.probes import probes
from tests.proxy.trace.differences import Services
from tests.proxy.trace.scenarios import situations


def endpoints(wanted: Wanted, address: str) -> set[str]:
    """Return where traffic to an address of a service port goes: without endpoints here, elsewhere."""
    port, categories = wanted.port, wanted.categories
    is_local = port.internal_policy_local if address == port.cluster_ip else port.external_policy_local
    return {each.text for each in (is_local and categories.local) or categories.cluster}


def said(outcome: Outcome, wanted: Wanted) -> str:
    """Return what a packet to a service port met. Fails unless it is what its policies and ranges say."""
    address = outcome.packet.destination
    if outcome.verdicts == {Verdict.DROPPED}:
        assert address in wanted.port.load_balancer_vips and wanted.port.load_balancer_source_ranges, outcome
        return "dropped"
    expected = endpoints(wanted, address)
    if not expected:
        assert outcome.verdicts == {Verdict.REJECTED}, outcome
        return "rejected"
    assert set(outcome.endpoints) == expected and sum(outcome.endpoints.values()) == 1, outcome
    assert len(set(outcome.endpoints.values())) == 1, outcome
    return "served"


def test_virtual_servers_reach_what_policies_give(shared: Path) -> None:
    folder = shared / "golden" / "proxy"
    if not folder.is_dir():
        pytest.skip("there are no recorded rules in ../shared/golden/proxy")
    found: Counter[str] = Counter()
    for situation in situations([folder], ["ipvs"]):
        walk = walk_of("ipvs", situation.state, situation.settings["ipvs"])
        services = Services(situation.state, situation.settings)
        for packet in probes(situation.state, situation.settings["ipvs"], 2, 10):
            wanted = services.of(packet)
            if len(wanted) == 1:
                found[said(walk.trace(packet), wanted[0])] += 1
    assert found["served"] > 1000 and found["rejected"] > 50 and found["dropped"] > 20, found
