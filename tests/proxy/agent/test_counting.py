"""CountingIptables: rules by table, through full and partial inputs and failures."""

from __future__ import annotations

import pytest

from cluster_shim.proxy.counting import CountingIptables
from proxy_core import FakeIptables, KernelError

FULL = ["*filter\n:KUBE-A - [0:0]\n-A KUBE-A -j ACCEPT\nCOMMIT\n", "*nat\n:KUBE-B - [0:0]\n:KUBE-C - [0:0]\n",
        "-A KUBE-B -j KUBE-C\n-A KUBE-C -j RETURN\n-A KUBE-C -j RETURN\nCOMMIT\n"]  # fmt: skip


def test_a_partial_input_leaves_the_chains_that_it_does_not_name() -> None:
    tables = CountingIptables(FakeIptables())
    tables.restore(FULL)
    assert tables.last == tables.total == {"filter": 1, "nat": 3}
    tables.restore(["*nat\n:KUBE-B - [0:0]\n-A KUBE-B -j RETURN\nCOMMIT\n"])
    assert (tables.last, tables.total) == ({"nat": 1}, {"filter": 1, "nat": 3})
    tables.restore(["*nat\n:KUBE-C - [0:0]\n-X KUBE-C\nCOMMIT\n"])
    assert (tables.last, tables.total) == ({"nat": 0}, {"filter": 1, "nat": 1})
    assert "KUBE-C" not in tables.chains("nat")


def test_a_refused_input_does_not_count() -> None:
    tables = CountingIptables(FakeIptables())
    tables.ensure_chain("nat", "KUBE-B")
    tables.ensure_rule("nat", "PREROUTING", ["-j", "KUBE-B"])
    with pytest.raises(KernelError):
        tables.restore(["*nat\n-A KUBE-NO -j RETURN\nCOMMIT\n"])
    assert (tables.last, tables.total) == ({}, {})
