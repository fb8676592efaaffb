"""What ``stowage proxy --cleanup`` removes from a real kernel."""

from __future__ import annotations

import pytest

from cluster_shim.proxy.machine import ThisMachine
from proxy_core import KernelError, NotSupported
from proxy_core.kernel.iptables import IptablesPrograms, Variant
from proxy_core.kernel.netns import inside

VARIANTS: tuple[Variant, ...] = ("legacy", "nft")


def test_rules_of_both_variants_go_unless_one_is_named(netns: str) -> None:
    both = {each: IptablesPrograms("IPv4", each, netns=netns) for each in VARIANTS}
    try:
        for tables in both.values():
            tables.check()
    except (NotSupported, KernelError) as reason:
        pytest.skip(f"a variant of iptables is missing: {reason}")
    said: list[str] = []

    def left(variant: Variant | None) -> list[str]:
        for tables in both.values():
            tables.ensure_chain("nat", "KUBE-SERVICES")
        with inside(netns):
            assert not ThisMachine(said.append, variant).remove_all()
        return [name for name, tables in both.items() if tables.has_chain("nat", "KUBE-SERVICES")]

    assert left("nft") == ["legacy"] and left("legacy") == ["nft"] and left(None) == []
    assert not said
