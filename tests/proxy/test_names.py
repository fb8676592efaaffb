"""Names hold hashes that must be upstream's to the letter."""

from __future__ import annotations

import pytest

from proxy_core.iptables import names as iptables
from proxy_core.model.endpoint import Endpoint
from proxy_core.model.service_port import ServicePortName
from proxy_core.nftables import names as nftables


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (ServicePortName("default", "kubernetes", "https", "TCP"), "NPX46M4PTMTKRN6Y"),
        (ServicePortName("kube-system", "kube-dns", "dns", "UDP"), "TCOU7JCQXEZGVUNU"),
        (ServicePortName("default", "plain", "", "TCP"), "L7CMIJ7MLO4LHB3N"),
    ],
)
def test_chains_of_a_service_port_in_iptables(name: ServicePortName, suffix: str) -> None:
    chains = iptables.PortChains(name)
    assert (chains.cluster, chains.local) == (f"KUBE-SVC-{suffix}", f"KUBE-SVL-{suffix}")
    assert (chains.external, chains.firewall) == (f"KUBE-EXT-{suffix}", f"KUBE-FW-{suffix}")


def test_chains_of_an_endpoint_in_iptables() -> None:
    chains = iptables.PortChains(ServicePortName("ns1", "svc1", "p80", "TCP"))
    assert chains.endpoint("10.180.0.1:80") == "KUBE-SEP-SXIVWICOYRO3J4NJ"
    assert chains.endpoint("[fd00:10::2]:80") == "KUBE-SEP-JN7HKNCH6UXE6EAD"


def test_names_in_nftables() -> None:
    assert (
        nftables.PortChains(ServicePortName("default", "plain", "", "TCP")).cluster
        == "service-N4AI6NVD-default/plain/tcp/"
    )
    chains = nftables.PortChains(ServicePortName("testing", "service", "http", "TCP"))
    assert chains.external == "external-P4ZYZVCF-testing/service/tcp/http"
    four, six = Endpoint("", "10.180.0.1", 80), Endpoint("", "fd80:abcd:12::a1b2:c3d4:e5f6:9999", 80)
    assert chains.endpoint(four) == "endpoint-JO2XBXZR-testing/service/tcp/http__10.180.0.1/80"
    assert chains.affinity(six).startswith("affinity-U7E2ET36-testing/service/tcp/http__fd80.abcd.12..a1b2")
    long = nftables.PortChains(ServicePortName("n" * 200, "s" * 63, "p", "TCP")).cluster.removeprefix("service-")
    assert len(long) == 240 and long.endswith("...")
