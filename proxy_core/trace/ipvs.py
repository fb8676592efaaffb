"""Mode ipvs as the tracer sees it: few rules of iptables, ipsets, and IPVS itself as one more chain of two hooks.

IPVS takes a packet after filter INPUT, or after nat OUTPUT if the node has made it, and sends it on through the hook
output. Virtual servers are asked for new connections only. With schedulers that hash or count connections the
probabilities are those over all clients, with no connections open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from proxy_core.addresses import contains
from proxy_core.ipvs.fake import FakeIpvs
from proxy_core.ipvs.kernel import PERSISTENT, Entry, RealKey, RealServer, ServerKey, SetKind, VirtualServer
from proxy_core.trace.flow import BREAK, REJECT, Decision, Flow, Said, Serve, Spread
from proxy_core.trace.iptables import HOOKS, IptablesTables
from proxy_core.trace.packet import World
from proxy_core.trace.walk import Base, HookName, TracedRule, Walk

CHAIN = "ipvs"
_HEAVIEST = ("fo", "ovf")
"""Schedulers that stay with one real server as long as it can take more."""
_BY_WEIGHT = ("wrr", "wlc", "sed", "nq", "mh", "lblc", "lblcr", "sh", "twos")


class IpvsTables:
    """The kernel of ipvs mode, as it is when it is first asked."""

    hooks: Mapping[HookName, Sequence[Base]] = {
        **HOOKS,
        "input": (Base("filter INPUT"), Base(CHAIN), Base("nat INPUT", is_nat=True)),
        "output": (Base("nat OUTPUT", is_nat=True), Base(CHAIN), Base("filter OUTPUT")),
    }

    def __init__(self, kernel: FakeIpvs, world: World) -> None:
        self._kernel, self.world = kernel, world
        self._iptables = IptablesTables(kernel.iptables.tables, world, self.in_set)
        self._ipvs = (TracedRule((self._serve,), lambda: "virtual server"),)
        self._spreads: dict[ServerKey, Spread | None] = {}
        self._networks: dict[str, dict[Entry, tuple[str, ...]]] = {}

    def rules(self, chain: str, flow: Flow) -> Sequence[TracedRule]:
        """Return the rules of a chain of iptables, or the one that stands for IPVS."""
        return self._ipvs if chain == CHAIN else self._iptables.rules(chain, flow)

    def in_set(self, name: str, directions: str, flow: Flow) -> bool:
        """Tell whether an ipset holds the fields of a packet."""
        kind, members = self._kernel.sets.sets[name].kind, self._kernel.sets.members[name]
        key = _key(kind, directions.split(","), flow)
        if key is None:
            return False
        if kind != "hash:ip,port,net":
            return key in members
        return any(
            contains(network, key.second) for network in self._networks_of(name).get(key._replace(second=""), ())
        )

    def _networks_of(self, name: str) -> dict[Entry, tuple[str, ...]]:
        """Return the networks of a set by address and port."""
        found = self._networks.get(name)
        if found is None:
            found = self._networks[name] = {}
            for each in self._kernel.sets.members[name]:
                key = each._replace(second="")
                found[key] = (*found.get(key, ()), each.second)
        return found

    def _serve(self, flow: Flow) -> Decision:
        """Translate a packet for a virtual server; one without real servers refuses it."""
        key = ServerKey(flow.destination, flow.destination_port, flow.protocol.upper())
        server = self._kernel.servers.servers.get(key)
        if server is None or flow.virtual is not None or flow.state != "NEW":
            return BREAK
        if key not in self._spreads:
            self._spreads[key] = spread(server, self._kernel.servers.real_servers[key].values())
        choices = self._spreads[key]
        if choices is None:
            return Said(REJECT, f"{key} has no real server")
        if server.flags & PERSISTENT:
            for _, choice in choices.choices:
                if isinstance(choice, Said) and isinstance(choice.decision, Serve) and choice.decision.knows(flow):
                    return choice
        return choices


def ipvs_walk(kernel: FakeIpvs, world: World) -> Walk:
    """Return the tracer of a kernel of ipvs mode in memory; it does not see later changes.

    The addresses of kube-ipvs0 are added to the node's own.
    """
    node = world.with_addresses(kernel.addresses.addresses or ())
    return Walk(IpvsTables(kernel, node), node)


def spread(server: VirtualServer, reals: Iterable[RealServer]) -> Spread | None:
    """Return how a virtual server spreads new connections; None if no real server takes any."""
    open_ = [each for each in reals if each.weight > 0]
    if not open_:
        return None
    if server.scheduler in _HEAVIEST:
        open_ = [max(reversed(open_), key=lambda each: each.weight)]  # the kernel puts new ones first
    weights = [each.weight if server.scheduler in _BY_WEIGHT else 1 for each in open_]
    choices = [
        (Fraction(weight, sum(weights)), _choice(server, real.key)) for real, weight in zip(open_, weights, strict=True)
    ]
    return Spread(tuple(choices))


def _choice(server: VirtualServer, real: RealKey) -> Said:
    memory = f"{server.key} -> {real}" if server.flags & PERSISTENT else ""
    return Said(Serve(*real, server.key, memory), f"{server.key} ({server.scheduler}) -> {real}")


def _key(kind: SetKind, directions: Sequence[str], flow: Flow) -> Entry | None:
    """Return the entry that a packet asks for in a set of a kind; None if the kind knows nothing of its protocol."""
    if kind == "bitmap:port":
        return Entry(port=_port(directions[0], flow)) if flow.protocol in ("tcp", "udp") else None
    address = _address(directions[0], flow)
    if kind == "hash:ip":
        return Entry(address)
    second = _address(directions[2], flow) if len(directions) > 2 else ""
    return Entry(address, flow.protocol, _port(directions[1], flow), second)


def _address(direction: str, flow: Flow) -> str:
    return flow.source if direction == "src" else flow.destination


def _port(direction: str, flow: Flow) -> int:
    return flow.source_port if direction == "src" else flow.destination_port
