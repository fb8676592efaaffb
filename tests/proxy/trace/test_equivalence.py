"""iptables and nftables do the same with packets, except for what is listed in `differences`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.proxy.objects import endpoint, service, slice_of
from tests.proxy.trace.cluster import CLIENT, Record, packet, walk
from tests.proxy.trace.differences import DIFFERENCES
from tests.proxy.trace.equivalence import MODES, compare
from tests.proxy.trace.scenarios import situations

SHARED = "address and port of two Services"


def test_both_modes_agree_over_all_recorded_scenarios(shared: Path) -> None:
    folder = shared / "golden" / "proxy"
    if not folder.is_dir():
        pytest.skip("there are no recorded rules in ../shared/golden/proxy")
    found: Counter[str] = Counter()
    for situation in situations([folder], MODES):
        found += compare(situation, 10)
    assert found[""] > 0.6 * found.total() and found["remembered clients"] > 100, found
    assert set(DIFFERENCES) - set(found) == {SHARED}, "a difference that never comes up is not tested"


def test_an_address_and_port_of_two_services_is_the_first_ones_in_iptables_and_the_last_ones_in_nftables() -> None:
    objects: list[Record] = []
    for number, name in enumerate(("first", "second"), 1):
        objects.append(service(name, clusterIP=f"172.30.0.{number}", externalIPs=["192.168.99.1"]))
        labels = {"kubernetes.io/service-name": name}
        objects.append(slice_of(endpoint(f"10.180.0.{number}"), name=name, labels=labels))
    sent = packet(CLIENT, "192.168.99.1", 80)
    assert list(walk("iptables", objects).trace(sent).endpoints) == ["10.180.0.1:8080"]
    assert list(walk("nftables", objects).trace(sent).endpoints) == ["10.180.0.2:8080"]
