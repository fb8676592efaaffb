"""Clean-up of ipvs mode in the guest's kernel, told by the programs of others."""

from __future__ import annotations

import subprocess

from proxy_core import IpvsProxier, Machine, ProxyState, load_config, node_info, settings_of
from proxy_core.addresses import Family
from proxy_core.cleanup import IpvsLeftovers, Kernels, remove_all, remove_leftovers
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.ipvs_mode import ipvs_kernel
from proxy_core.kernel.machine import families
from tests.proxy.kernel.guest import in_guest_within
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}


def said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def ours() -> tuple[bool, bool, bool, bool]:
    """Tell what there is of virtual servers, ipsets, the interface and chains."""
    chains = said("iptables-legacy-save") + said("ip6tables-legacy-save")
    return (
        bool(said("ipvsadm", "-Sn").strip()),
        "KUBE-" in said("ipset", "list", "-n"),
        "kube-ipvs0" in said("ip", "link"),
        ":KUBE-" in chains,
    )


@in_guest_within(90)
def test_clean_up_leaves_nothing_of_ipvs_mode_and_everything_of_others() -> None:
    assert families("ipvs", "legacy") == ("IPv4", "IPv6")
    subprocess.run(["ipset", "create", "cali40all", "hash:ip"], check=True)
    tables = [IptablesPrograms(family, "legacy") for family in families("ipvs", "legacy")]
    kernels = [ipvs_kernel(each.family, each) for each in tables]
    leftovers = Kernels(tables, None, IpvsLeftovers(kernels[0].servers, kernels[0].sets, kernels[0].addresses))
    subprocess.run(["ipvsadm", "-A", "-t", "192.0.2.1:80", "-s", "rr"], check=True)
    assert remove_all(leftovers) == [] and "192.0.2.1:80" in said("ipvsadm", "-Sn")  # the mode has not worked here
    subprocess.run(["ipvsadm", "-D", "-t", "192.0.2.1:80"], check=True)
    addresses: dict[Family, tuple[str, str]] = {
        "IPv4": ("172.30.0.1", "10.180.0.1"),
        "IPv6": ("fd00:172:30::1", "fd00:10:180::1"),
    }
    for kernel, (family, (ip, pod)) in zip(kernels, addresses.items(), strict=True):
        state = ProxyState(family, node_info(NODE, node()))
        state.update(service(clusterIP=ip, clusterIPs=[ip], ipFamilies=[family]))
        state.update(slice_of(endpoint(pod), address_type=family))
        IpvsProxier(state, settings_of(load_config(HEAD), "ipvs", family, state.node, Machine()), kernel).sync(0)
    assert ours() == (True, True, True, True)
    assert remove_leftovers("iptables", leftovers) == [] and ours() == (True, True, True, True)
    assert remove_leftovers("nftables", leftovers) == [] and ours() == (False, False, False, False)
    assert said("ipset", "list", "-n") == "cali40all\n"
    assert remove_all(leftovers) == []
