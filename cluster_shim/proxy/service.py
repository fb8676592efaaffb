"""The proxy as a whole: health, metrics, servers, families and what they share, put together on an edge."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from cluster_shim.proxy.agent import Agent
from cluster_shim.proxy.client import Client, Event
from cluster_shim.proxy.dump import config_tree
from cluster_shim.proxy.edge import Edge
from cluster_shim.proxy.family import Around, FamilyProxy
from cluster_shim.proxy.health_checks import HealthCheckServers
from cluster_shim.proxy.metrics import Metrics
from cluster_shim.proxy.servers import Servers, health_route, metrics_route
from cluster_shim.proxy.setup import Setup, family_proxies
from proxy_core import KernelError, Settings
from proxy_core.health import ProxyHealth
from proxy_core.settings import SECOND

Tell = Callable[[str], None]


class Listen(NamedTuple):
    """Where the two servers listen, as ``address:port``; empty: nowhere."""

    health: str
    metrics: str


def _none(_: Settings) -> None:
    """Make nothing that serves health checks."""


class ProxyService:
    """Everything that runs as long as the proxy does."""

    def __init__(
        self, of: Setup, client: Client, edge: Edge, tell: Tell, *, serves: bool = True, verbose: bool = False
    ) -> None:
        """``serves``: whether the health checks of Services are answered."""
        self._of, self._edge, self._tell = of, edge, tell
        period = of.config.section(of.mode).sync_period
        self.health = ProxyHealth(2 * period)
        self.metrics = Metrics(of.mode)
        counters = edge.packet_counters(of)
        if counters is not None:
            self.metrics.count_packets(counters)
        around = Around(self.health, self.metrics, tell, verbose=verbose)
        self.families = family_proxies(
            of, edge.kernels, around, self._checks if serves else _none, edge.conntrack_cleaner
        )
        self.agent = Agent(client, self.families, self.health, of.node_info, tell)
        self.agent.fixed_pod_cidrs = of.config.detect_local_mode == "NodeCIDR"
        self.agent.every_look = self._look_after
        self.servers = Servers({}, tell)
        self._lost_rules = edge.lost_rules(of.mode)
        self._look_period = period / SECOND
        self._next_look = time.monotonic() + self._look_period
        self._has_leftovers = True

    def once(self, objects: Sequence[Event]) -> bool:
        """Sync every family once, then remove what other modes have left; return whether all went well."""
        return self.agent.once(objects) and self._remove_leftovers()

    def run(self, objects: Sequence[Event], listen: Listen) -> None:
        """Sync, serve and follow changes until the agent is stopped. Raises MustRestart, KernelError."""
        routes = {
            "healthz": (listen.health, health_route(self.health, self.metrics)),
            "metrics": (listen.metrics, metrics_route(self._of.mode, self.metrics, self._configz())),
        }
        self.servers = Servers({name: route for name, route in routes.items() if route[0]}, self._tell)
        try:
            self.servers.open(hard=self._of.config.bind_address_hard_fail)
            self.agent.run(objects)
        finally:
            self.servers.close()

    def _configz(self) -> str:
        return msgspec.json.encode({"kubeproxy.config.k8s.io": config_tree(self._of.config)}).decode()

    def _checks(self, settings: Settings) -> HealthCheckServers:
        """Return the health checks of a family: on all its addresses, or on those of the node ports."""
        addresses: Sequence[str] = ("0.0.0.0" if settings.family == "IPv4" else "::",)
        if not settings.node_port_addresses.match_all:
            addresses = settings.node_port_addresses.node_ips(settings.interfaces())
        return HealthCheckServers(
            addresses, lambda: self.health.is_healthy(time.time_ns()), self._tell, self._of.node_name
        )

    def _look_after(self) -> None:
        self.servers.keep_open()
        if self._has_leftovers and all(each.has_synced for each in self.families):
            self._has_leftovers = False
            self._remove_leftovers()
        if self._lost_rules is not None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + self._look_period
            for each in self.families:
                self._look_for_lost(each)

    def _look_for_lost(self, each: FamilyProxy) -> None:
        assert self._lost_rules is not None
        try:
            if each.has_synced and self._lost_rules(each.family):
                self._tell(f"{each.family}: somebody has flushed the rules; all are written again")
                each.resync()
        except KernelError as refused:
            self._tell(f"{each.family}: {refused}")

    def _remove_leftovers(self) -> bool:
        """Remove the rules of other modes, now that those of this one are there; so no packet goes without."""
        problems = self._edge.remove_leftovers(self._of.mode)
        for each in problems:
            self._tell(f"left by another mode: {each}")
        return not problems
