"""Recorded scenarios of kube-proxy through a real kernel: over netlink and with ``nft -f``, side by side.

One scenario of each family of scenarios is replayed; with STOWAGE_ALL_SCENARIOS=1 all of them are.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.verify.proxy import world
from bench.verify.proxy.read import read
from bench.verify.proxy.replay import replay
from proxy_core import FakeNft
from proxy_core.kernel.nft import NetlinkNft
from proxy_core.nft.statements import TableFamily
from proxy_core.nft.transaction import TABLE, Transaction
from tests.proxy.kernel.nft_program import Listing, Nft, normal

ALL = os.environ.get("STOWAGE_ALL_SCENARIOS") == "1"
FAMILIES = (
    "affinity", "clusterip", "config", "detectlocal", "dualstack", "externalips", "ignored", "ipv6", "kernel", "large",
    "loadbalancer", "mixed", "nodeport", "nodeportaddresses", "steps", "terminating", "topology", "trafficpolicy",
)  # fmt: skip


@pytest.fixture(scope="session")
def scenarios(shared: Path) -> Path:
    """Return the folder of recorded scenarios of kube-proxy, or skip the test."""
    folder = shared / "golden" / "proxy"
    if not folder.is_dir():
        pytest.skip("there are no recorded scenarios in ../shared/golden/proxy")
    return folder


class Mirror(FakeNft):
    """A table in memory, in the kernel over netlink, and in the kernel by the program nft."""

    netns: tuple[str, str]
    listings: list[tuple[TableFamily, Listing]]
    """The kernel's after each sync."""
    kernels: list[NetlinkNft]

    def __init__(self, family: TableFamily, table: str = TABLE) -> None:
        super().__init__(family, table)
        here, there = self.netns
        self._kernel = NetlinkNft(family, table, netns=here)
        self.kernels.append(self._kernel)
        self._here, self._there = Nft(here), Nft(there)
        for each in (self._here, self._there):
            each.load("flush ruleset\n")

    def run(self, transaction: Transaction) -> None:
        super().run(transaction)
        self._kernel.run(transaction)
        self._there.load("\n".join([*transaction.lines(), ""]))

    def listing(self) -> str:
        ours, theirs = normal(self._here.listing()), normal(self._there.listing())
        assert ours == theirs and len(ours) > 20
        assert self._kernel.names() == self.names()
        for name in self.names().containers:
            assert self._kernel.elements(name) == self.elements(name), name
        self.listings.append((self.family, ours))
        return super().listing()


@pytest.fixture
def mirror(new_netns: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Mirror]]:
    """Return the class of the tables on which scenarios are replayed."""
    made: type[Mirror] = type("Mirror", (Mirror,), {"netns": (new_netns(), new_netns()), "listings": [], "kernels": []})
    monkeypatch.setattr(world, "FakeNft", made)
    yield made
    for kernel in made.kernels:
        kernel.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_netlink_loads_what_nft_loads(family: str, scenarios: Path, mirror: type[Mirror]) -> None:
    (found,) = read([scenarios / f"{family}.json.gz"])
    chosen = found.scenarios if ALL else found.scenarios[-1:]
    for scenario in chosen:
        outcome = replay(scenario, ["nftables"])
        assert outcome.passed, outcome
    assert len(mirror.listings) == sum(2 * (1 + len(each.steps)) for each in chosen)


def test_the_kernel_holds_what_it_held_under_kube_proxy(scenarios: Path, mirror: type[Mirror]) -> None:
    path = scenarios / "kernel.json.gz"
    recorded: list[dict[str, Any]] = msgspec.json.decode(gzip.decompress(path.read_bytes()))
    (found,) = read([path])
    number = len(found.scenarios) if ALL else 4
    for scenario, record in list(zip(found.scenarios, recorded, strict=True))[-number:]:
        mirror.listings.clear()
        assert replay(scenario, ["nftables"]).passed
        steps = [record, *record.get("steps", [])]
        for name, family in (("ipv4", "ip"), ("ipv6", "ip6")):
            ours = [listing for each, listing in mirror.listings if each == family]
            theirs = [normal(step["kernel"]["nftables"][name]) for step in steps]
            for at, (own, kube_proxys) in enumerate(zip(ours, theirs, strict=True)):
                assert without_unused(own) == without_unused(kube_proxys), (scenario.name, name, at)


def without_unused(listing: Listing) -> Mapping[str, list[str]]:
    """Return a listing without the empty chains of services: kube-proxy deletes those a while after they are unused."""
    return {name: lines for name, lines in listing.items() if lines or "/" not in name}
