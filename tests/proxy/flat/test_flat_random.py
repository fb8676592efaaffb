"""Changes by chance: what flat has written bit by bit is what it writes at once, and what mode nftables does."""

from __future__ import annotations

from contextlib import suppress

import pytest

from proxy_core import FLAT_TABLE, FakeNft, KernelError, ProxyState
from proxy_core.trace.probes import probes
from tests.proxy.flat.cluster import Cluster
from tests.proxy.flat.worlds import (
    SECOND,
    RefusingNft,
    agree,
    content,
    flat,
    new_state,
    nftables,
    settings,
    walk,
)


@pytest.mark.parametrize("seed", range(8))
def test_packets_fare_as_in_mode_nftables_and_the_table_as_if_new(seed: int) -> None:
    balanced = seed == 7  # with maglev, which mode nftables lacks: the same endpoints, in other shares
    cluster = Cluster(seed, balanced=balanced)
    kernel, model_kernel = RefusingNft("ip", FLAT_TABLE), FakeNft("ip")
    proxier, model = flat(kernel), nftables(model_kernel, new_state())
    log: list[tuple[str, object]] = []
    for step in range(6 if balanced else 25):
        for _ in range(cluster.random.randrange(1, 4)):
            op, record = cluster.change()
            log.append((op, record))
            for each in (proxier.state, model.state):
                getattr(each, op)(record)
        now = step * SECOND * 3 // 4  # chains out of use are deleted now and then
        model.sync(now)
        kind = cluster.random.random()
        if kind < 0.15:
            kernel.refuses = True
            before = kernel.listing()
            with suppress(KernelError):  # a sync may have nothing to write
                proxier.sync(now)
            assert kernel.listing() == before
            kernel.refuses = False
        elif kind < 0.25:  # another process takes over the table
            proxier = flat(kernel, _replayed(log))
        proxier.sync(now)
        fresh = flat(state=_replayed(log))
        fresh.sync(0)
        assert content(kernel) == content(fresh._kernel)  # type: ignore[arg-type]
        packets = probes(proxier.state, settings("flat", proxier.state), seed * 100 + step, 40)
        agree(walk(model_kernel), walk(kernel), packets, shares=not balanced)


def _replayed(log: list[tuple[str, object]]) -> ProxyState:
    state = new_state()
    for op, record in log:
        getattr(state, op)(record)
    return state
