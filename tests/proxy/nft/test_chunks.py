"""Large transactions in pieces: the end is the same, and whoever looks in between meets old or new, never a mixture."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, NamedTuple

import pytest

from proxy_core import (
    FakeNft,
    KernelError,
    Machine,
    NftablesProxier,
    ProxyState,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.nft.chunks import chunks
from proxy_core.nft.fake import Ruleset, references
from proxy_core.nft.transaction import AddChain, AddElement, AddTable, ElementKey, Transaction
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
SECOND = 10**9


def transaction(groups: int, of: int) -> Transaction:
    """Return a transaction with a head, groups that may go ahead with something between them, and an end."""
    made = Transaction("ip")
    made.add(AddTable("rules"))
    made.add(AddChain("first"))
    for group in range(groups):
        made.add_ahead(AddChain(f"chain-{group}-{number}") for number in range(of))
        made.add(AddChain(f"between-{group}"))
    made.add(AddElement("ips", ("10.0.0.1",)))
    return made


def test_small_transactions_and_those_without_groups_stay_whole() -> None:
    small = transaction(10, 3)
    assert chunks(small, large=len(small)) == [small]
    lone = Transaction("ip6", "other")
    lone.commands = small.commands
    assert chunks(lone, large=1) == [lone]


@pytest.mark.parametrize("size", [1, 6, 7, 1000])
def test_every_command_is_carried_out_once_and_groups_are_not_torn(size: int) -> None:
    whole = transaction(10, 3)
    pieces = chunks(whole, large=1, size=size)
    assert all((each.family, each.table) == (whole.family, whole.table) for each in pieces)
    done = [command for piece in pieces for command in piece.commands]
    assert done.count(AddTable("rules")) == 2  # the pieces that go ahead need it, and it is where it was
    assert sorted(map(str, done[1:])) == sorted(map(str, whole.commands))
    for group in range(10):
        holding = [piece for piece in pieces if any(f"-{group}-" in str(each) for each in piece.commands)]
        assert len(holding) == 1
    assert [each for each in pieces[-1].commands if "chain-" in str(each)] == []
    assert pieces[-1].commands == [each for each in whole.commands if "chain-" not in str(each)]
    assert max(len(piece.commands) for piece in pieces[:-1]) <= max(size, 3) + 1


# A proxier whose transactions all come in pieces

Closure = tuple[Any, ...]


class Seen(NamedTuple):
    """What packets meet in a table."""

    fixed: str
    """The chains that belong to no service, in words."""
    dispatched: dict[ElementKey, Closure]
    """Key -> the sets and maps in which it is, with all rules to which each leads."""


def seen(ruleset: Ruleset) -> Seen:
    fixed = {name: each for name, each in sorted(ruleset.chains.items()) if "/" not in name}
    words = [f"{name} {each.hook} {rule.text('ip')}" for name, each in fixed.items() for rule in each.rules]
    found: dict[ElementKey, Closure] = {}
    for container, elements in sorted(ruleset.elements.items()):
        for key, each in elements.items():
            found[key] = (*found.get(key, ()), container, closure(ruleset, each.value))
    return Seen("\n".join(words), found)


def closure(ruleset: Ruleset, verdict: str) -> Closure:
    """Return a verdict and all rules to which it leads."""
    chain = verdict.partition(" ")[2]
    if not chain:
        return (verdict,)
    rules = ruleset.chains[chain].rules
    leads = [f"goto {each}" for rule in rules for part in rule.statements for each in references(part)[0]]
    return (verdict, *(rule.text("ip") for rule in rules), *(closure(ruleset, each) for each in leads))


class Pieces(FakeNft):
    """A table that remembers each of its states, and refuses one transaction if it is told so."""

    def __init__(self) -> None:
        super().__init__("ip")
        self.states = [self.ruleset]
        self.refuse_in = 0

    def run(self, transaction: Transaction) -> None:
        self.refuse_in -= 1
        if self.refuse_in == 0:
            raise KernelError("refused")
        super().run(transaction)
        self.states.append(self.ruleset)


@pytest.fixture(autouse=True)
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy_core.nftables.proxier.chunks", partial(chunks, large=0, size=12))


def proxier(kernel: FakeNft, state: ProxyState, **config: Any) -> NftablesProxier:
    settings = settings_of(load_config({**HEAD, **config}), "nftables", "IPv4", state.node, Machine())
    return NftablesProxier(state, settings, kernel)


def random_service(random: Random, number: int) -> Any:
    spec: dict[str, Any] = {"clusterIP": f"172.30.0.{number + 1}", "type": "ClusterIP"}
    port: dict[str, Any] = {"name": "http", "port": 80, "protocol": "TCP"}
    if random.random() < 0.4:
        spec |= {"type": "LoadBalancer", "ingress": [{"ip": f"198.51.100.{number + 1}"}]}
        port["nodePort"] = 30000 + number
        spec["externalTrafficPolicy"] = random.choice(["Local", "Cluster"])
        if random.random() < 0.3:
            spec["loadBalancerSourceRanges"] = ["203.0.113.0/24", f"10.{number}.0.0/16"]
    if random.random() < 0.3:
        spec["externalIPs"] = [f"198.51.101.{random.randrange(3)}"]
    if random.random() < 0.3:
        spec["internalTrafficPolicy"] = "Local"
    if random.random() < 0.3:
        spec["sessionAffinity"] = "ClientIP"
    return service(f"s{number}", ports=[port], **spec)


def change(random: Random, state: ProxyState, share: float) -> None:
    """Change a share of twelve services and their endpoints."""
    for number in range(12):
        if random.random() > share:
            continue
        changed = random_service(random, number)
        if random.random() < 0.15:
            state.delete(changed)
        else:
            state.update(changed)
        ends = [endpoint(f"10.180.{number}.{random.randrange(9)}", random.choice([NODE, "node-2"])) for _ in range(3)]
        labels = {"kubernetes.io/service-name": f"s{number}"}
        state.update(slice_of(*ends[: random.randrange(4)], name=f"s{number}-a", labels=labels))


def check(kernel: Pieces, since: int) -> None:
    """Compare every state since then with the first and the last one."""
    old, new = seen(kernel.states[since]), seen(kernel.ruleset)
    for state in kernel.states[since:]:
        now = seen(state)
        assert now.fixed in (old.fixed, new.fixed)
        masquerading = {mark for line in now.fixed.splitlines() for mark in re.findall("mark and (0x[0-9a-f]+)", line)}
        for key in {*old.dispatched, *new.dispatched}:
            met = now.dispatched.get(key)
            assert met in (old.dispatched.get(key), new.dispatched.get(key)), key
            marks = set(re.findall("mark set mark or (0x[0-9a-f]+)", str(met)))
            assert not marks - masquerading, key


@pytest.mark.parametrize("seed", range(16))
def test_in_between_every_packet_meets_the_old_or_the_new_service(seed: int) -> None:
    random, kernel = Random(seed), Pieces()
    state = ProxyState("IPv4", node_info(NODE, node()))
    first = proxier(kernel, state)
    for step in range(4):
        change(random, state, 1.0 if step == 0 else 0.3)
        since = len(kernel.states) - 1
        first.sync(step * 3 * SECOND if step != 3 else 9000 * SECOND)  # the last one is full again
        check(kernel, since)
    assert len(kernel.states) > 12
    again = ProxyState("IPv4", node_info(NODE, node()))  # another process, with another mark
    change(Random(seed), again, 1.0)
    change(random, again, 0.3)
    mark = {"nftables": {"masqueradeBit": random.choice([14, 15])}}
    since = len(kernel.states) - 1
    proxier(kernel, again, **mark).sync(10_000 * SECOND)
    check(kernel, since)


def whole(commands: Callable[[FakeNft], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a table holds where no transaction is split."""
    kernel = FakeNft("ip")
    with monkeypatch.context() as patch:
        patch.setattr("proxy_core.nftables.proxier.chunks", lambda each: [each])
        commands(kernel)
    return kernel.listing()


@pytest.mark.parametrize("seed", range(3))
def test_the_end_is_that_of_whole_transactions(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def commands(kernel: FakeNft) -> None:
        random, state = Random(seed), ProxyState("IPv4", node_info(NODE, node()))
        made = proxier(kernel, state)
        for step in range(3):
            change(random, state, 0.6)
            made.sync(step * SECOND)

    kernel = FakeNft("ip")
    commands(kernel)
    assert kernel.listing() == whole(commands, monkeypatch)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("piece", [1, 2])
def test_a_refused_piece_leaves_the_services_as_they_were_and_is_made_up_for(piece: int, seed: int) -> None:
    random, kernel = Random(seed), Pieces()
    state = ProxyState("IPv4", node_info(NODE, node()))
    made = proxier(kernel, state)
    change(random, state, 0.5)
    made.sync(0)
    change(random, state, 1.0)
    before, kernel.refuse_in = seen(kernel.ruleset), piece
    with pytest.raises(KernelError, match="refused"):
        made.sync(9000 * SECOND)
    assert seen(kernel.ruleset) == before
    made.sync(9001 * SECOND)
    reference = FakeNft("ip")
    other = proxier(reference, state)
    other.sync(0)
    used = {chain for each in (kernel, reference) for chain, held in each.ruleset.chains.items() if held.rules}
    assert used == {chain for chain, held in reference.ruleset.chains.items() if held.rules}
    assert seen(kernel.ruleset) == seen(reference.ruleset)
