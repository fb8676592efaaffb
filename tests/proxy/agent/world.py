"""What the tests of the agent share: clocks set by hand, proxiers that fail on demand, a machine made up."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from typing import Any, NamedTuple

from cluster_shim.proxy.client import Event, by_key, difference
from cluster_shim.proxy.dry_run import machine_on_paper
from cluster_shim.proxy.family import Around, Clock, FamilyProxy
from cluster_shim.proxy.kernels import ListedKernels
from cluster_shim.proxy.metrics import Metrics
from cluster_shim.proxy.paper import Paper
from cluster_shim.proxy.setup import Setup, setup
from proxy_core import (
    KernelError,
    KubeProxyConfiguration,
    Machine,
    Proxier,
    ProxyObject,
    ProxyState,
    Settings,
    load_config,
)
from proxy_core.addresses import FAMILIES, Family
from proxy_core.health import ProxyHealth
from proxy_core.proxier import Sync
from proxy_core.runner import Intervals
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

SECOND = 10**9
START = 1_772_000_000 * SECOND
HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}


def config(**more: Any) -> KubeProxyConfiguration:
    return load_config({**HEAD, "hostnameOverride": NODE, **more})


def setup_of(mode: str = "nftables", *objects: ProxyObject, **more: Any) -> Setup:
    return setup(config(**more), mode, objects or (node(),), machine_on_paper)


def added(*objects: ProxyObject) -> list[Event]:
    return difference({}, by_key(objects))


def shop() -> list[ProxyObject]:
    """Return a Service with two endpoints, one of which is on this node."""
    return [node(), service(), slice_of(endpoint("10.180.0.1"), endpoint("10.180.1.1", "node-2"))]


class HandClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.now = 0

    @property
    def clock(self) -> Clock:
        return Clock(lambda: START + self.now, lambda: self.now)

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


class FlakyProxier(Proxier):
    """A proxier without a backend; `fails` is what its next syncs raise."""

    def __init__(self, state: ProxyState, settings: Settings, on_write: Callable[[], None] = lambda: None) -> None:
        super().__init__(state, settings)
        self.syncs: list[Sync] = []
        self.fails: list[Exception] = []
        self.left_out: Sequence[str] = ()
        self.tended: list[int] = []
        self._on_write = on_write

    def write(self, sync: Sync) -> None:
        self.syncs.append(sync)
        self._on_write()
        if self.fails:
            raise self.fails.pop()

    def refused(self) -> Sequence[str]:
        return self.left_out

    def tend(self, now: int) -> None:
        self.tended.append(now)


class Bench(NamedTuple):
    """A family with everything that a test looks at."""

    family: FamilyProxy
    proxier: FlakyProxier
    clock: HandClock
    health: ProxyHealth
    metrics: Metrics
    said: list[str]


class Checks:
    """Notes the health checks that are to be served."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.closed = False

    def sync(self, checks: Any) -> None:
        self.seen.append(dict(checks))

    def close(self) -> None:
        self.closed = True


def bench(
    mode: str = "nftables", on_write: Callable[[], None] = lambda: None, verbose: bool = False, **more: Any
) -> Bench:
    """Return a family of IPv4 that syncs at most each second and tries again after 30."""
    of = setup_of(mode)
    clock, said = HandClock(), list[str]()
    health, metrics = ProxyHealth(60 * SECOND), Metrics(mode)
    proxier = FlakyProxier(ProxyState("IPv4", of.node, START - SECOND), of.settings("IPv4"), on_write)
    around = Around(health, metrics, said.append, clock.clock, verbose)
    family = FamilyProxy(proxier, Intervals(SECOND, 30 * SECOND, 3600 * SECOND), around, of.node_info, **more)
    return Bench(family, proxier, clock, health, metrics, said)


class PaperEdge:
    """A machine made up: rules go to paper, and what is asked of the machine is noted."""

    def __init__(self) -> None:
        self.paper = Paper()
        self.done: list[str] = []
        self.problems: Sequence[str] = ()
        self.lost: set[Family] = set()

    @property
    def kernels(self) -> ListedKernels:
        return self.paper

    def families(self, mode: str) -> Sequence[Family]:
        return FAMILIES

    def machine(self, mode: str) -> Machine:
        return Machine()

    def prepare(self, config: KubeProxyConfiguration) -> None:
        self.done.append("prepared")

    def prepare_mode(self, of: Setup) -> None:
        self.done.append(f"prepared for {of.mode}")

    def drop_rights(self, config: KubeProxyConfiguration) -> None:
        self.done.append("dropped rights")

    def conntrack_cleaner(self, settings: Settings) -> Callable[[ProxyState], int] | None:
        def clean(_: ProxyState) -> int:
            self.done.append(f"cleaned conntrack of {settings.family}")
            return 3

        return clean

    def lost_rules(self, mode: str) -> Callable[[Family], bool] | None:
        return lambda family: family in self.lost

    def packet_counters(self, of: Setup) -> Callable[[], Mapping[str, int]] | None:
        return lambda: {"ct_state_invalid_dropped_pkts": 17}

    def remove_leftovers(self, mode: str) -> Sequence[str]:
        written = {family: len(lines) for family, lines in self.paper.lines.items()}
        self.done.append(f"removed leftovers of other modes than {mode}; written: {all(written.values())}")
        return self.problems

    def remove_all(self) -> Sequence[str]:
        self.done.append("removed all")
        return self.problems


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: Message
    body: str


def get(url: str, method: str = "GET", data: bytes | None = None) -> Reply:
    """Ask a server on this machine."""
    request = urllib.request.Request(url, method=method, data=data)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return Reply(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as refused:
        with refused:
            return Reply(refused.code, refused.headers, refused.read().decode())


def refusal(text: str = "no such file") -> KernelError:
    return KernelError(text)
