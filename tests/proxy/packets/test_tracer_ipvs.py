"""The tracer says what the kernel does in ipvs mode: the checks of `test_tracer.py`, in the guest that has IPVS."""

from __future__ import annotations

import time

import pytest

from proxy_core import IpvsProxier, Machine, ProxyState, node_info, settings_of
from proxy_core.addresses import Family
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.ipvs_mode import ipvs_kernel, prepare_ipvs
from proxy_core.kernel.netns import inside
from tests.proxy.kernel.guest import in_guest_within
from tests.proxy.packets.bed import Bed
from tests.proxy.packets.cluster import NODE
from tests.proxy.packets.driver import configuration
from tests.proxy.packets.servers import Servers
from tests.proxy.packets.stage import serve_pods
from tests.proxy.packets.test_tracer import Ground, check, interfaces, node_ips, objects


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
@in_guest_within(180)
def test_what_is_traced_is_what_the_kernel_does(family: Family) -> None:
    with Bed() as bed, Servers() as servers:
        serve_pods(bed, servers)
        state = ProxyState(family, node_info(NODE, None)._replace(ips=node_ips(bed)))
        for record in objects(bed):
            state.update(record)
        found = interfaces(bed)
        settings = settings_of(configuration(), "ipvs", family, state.node, Machine(interfaces=lambda: found))
        with inside(bed.node.netns):
            prepare_ipvs(settings.ipvs)
            proxier = IpvsProxier(state, settings, ipvs_kernel(family, IptablesPrograms(family, "legacy")))
            proxier.sync(time.time_ns())
        assert not proxier.refusals
        check(Ground(bed, servers, state, settings, "ipvs"), times=1)
