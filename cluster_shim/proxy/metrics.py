"""Metrics of a proxy under upstream's names, labels and buckets (upstream: pkg/proxy/metrics).

Only what the active mode has is there. What upstream calls ``_total`` though it is a gauge is a gauge here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from cluster_shim.proxy.counting import CountingIptables
from proxy_core import ServicePortName
from proxy_core.addresses import Family
from proxy_core.health import Answer
from proxy_core.iptables.port_rules import NFACCT_LOCALHOST
from proxy_core.iptables.proxier import NFACCT_INVALID
from proxy_core.model.state import Wanted
from proxy_core.settings import SECOND

_SYNC_BUCKETS = [0.001 * 2**power for power in range(15)]
_PROGRAMMING_BUCKETS = [0.25, 0.5, *range(1, 60), *range(60, 120, 5), *range(120, 301, 30)]


class Metrics:
    """The metrics of one process; its methods may be called from any thread."""

    def __init__(self, mode: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # they are no metrics of upstream's
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._sync = self._histogram("sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds")
        self._full = self._partial = self._restore_failures = self._partial_restore_failures = None
        self._nft_failures = self._nft_cleanup_failures = None
        self._rules: dict[str, Gauge] = {}
        if mode != "ipvs":
            self._full = self._histogram(
                "sync_full_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for full resyncs"
            )
            self._partial = self._histogram(
                "sync_partial_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for partial resyncs"
            )
        self._programming = self._histogram(
            "network_programming_duration_seconds", "In cluster network programming latency in seconds",
            _PROGRAMMING_BUCKETS,
        )  # fmt: skip
        self._last = self._gauge("sync_proxy_rules_last_timestamp_seconds", "When rules were last written", "ip_family")
        self._queued = self._gauge(
            "sync_proxy_rules_last_queued_timestamp_seconds", "When a sync was last asked for", "ip_family"
        )
        self._pending = {
            kind: self._gauge(f"sync_proxy_rules_{kind}_changes_pending", f"Pending changes of {kind}s")
            for kind in ("endpoint", "service")
        }
        self._changes = {
            kind: self._counter(f"sync_proxy_rules_{kind}_changes_total", f"Cumulative changes of {kind}s")
            for kind in ("endpoint", "service")
        }
        self._counts_services = mode == "ipvs"
        self._no_local = self._gauge(
            "sync_proxy_rules_no_local_endpoints_total",
            "Number of services with a Local traffic policy and no endpoints", "traffic_policy", "ip_family",
        )  # fmt: skip
        if mode in ("iptables", "ipvs"):
            self._restore_failures = self._counter(
                "sync_proxy_rules_iptables_restore_failures_total",
                "Cumulative failures of iptables-restore",
                "ip_family",
            )
        if mode == "iptables":
            self._partial_restore_failures = self._counter(
                "sync_proxy_rules_iptables_partial_restore_failures_total",
                "Cumulative failures of iptables-restore in partial syncs", "ip_family",
            )  # fmt: skip
            self._rules = {
                which: self._gauge(f"sync_proxy_rules_iptables_{which}", text, "table", "ip_family")
                for which, text in (("total", "Rules of the proxy"), ("last", "Rules written by the last sync"))
            }
        if mode in ("nftables", "flat"):
            self._nft_failures = self._counter(
                "sync_proxy_rules_nftables_sync_failures_total", "Cumulative failures of nftables syncs", "ip_family"
            )
            self._nft_cleanup_failures = self._counter(
                "sync_proxy_rules_nftables_cleanup_failures_total",
                "Cumulative failures of deleting old nftables chains", "ip_family",
            )  # fmt: skip
        self._conntrack = self._histogram(
            "conntrack_reconciler_sync_duration_seconds", "Latency of the conntrack clean-up in seconds"
        )
        self._deleted = self._counter(
            "conntrack_reconciler_deleted_entries_total", "Cumulative conntrack entries deleted", "ip_family"
        )
        self._health = {
            name: self._counter(f"proxy_{name}_total", f"Cumulative answers of /{name}", "code")
            for name in ("healthz", "livez")
        }

    def count_rules(self, family: Family, tables: CountingIptables) -> None:
        """Let the rules of a family's tables be counted whenever somebody asks."""
        for table in ("filter", "nat"):
            for which, counts in (("total", lambda: tables.total), ("last", lambda: tables.last)):
                self._rules[which].labels(table, family).set_function(_count_of(counts, table))

    def count_packets(self, counters: Callable[[], Mapping[str, int]]) -> None:
        """Let packets that the kernel counts be told whenever somebody asks."""
        self.registry.register(_Packets(counters))

    def cleanup_failed(self, family: Family, count: int) -> None:
        """Count failures to delete old chains."""
        if self._nft_cleanup_failures is not None:
            self._nft_cleanup_failures.labels(family).inc(count)

    def changed(self, kind: str, count: int = 1) -> None:
        """Count changes of an endpoint or a service."""
        self._changes[kind].inc(count)

    def pending(self, endpoints: int, services: int) -> None:
        """Note how many changes wait for a sync."""
        self._pending["endpoint"].set(endpoints)
        self._pending["service"].set(services)

    def queued(self, family: Family, now: int) -> None:
        """Note that a sync is asked for, ``now`` in nanoseconds since 1970."""
        self._queued.labels(family).set(now / SECOND)

    def synced(self, family: Family, seconds: float, *, full: bool, succeeded: bool, now: int) -> None:
        """Note a sync, and when it ended."""
        self._sync.labels(family).observe(seconds)
        kind = self._full if full else self._partial
        if kind is not None:
            kind.labels(family).observe(seconds)
        if succeeded:
            self._last.labels(family).set(now / SECOND)
            return
        for failures in (self._restore_failures, self._nft_failures):
            if failures is not None:
                failures.labels(family).inc()
        if self._partial_restore_failures is not None and not full:
            self._partial_restore_failures.labels(family).inc()

    def programmed(self, family: Family, trigger_times: Iterable[int], now: int) -> None:
        """Note how long changes took from their cause to the rules (nanoseconds since 1970)."""
        for time in trigger_times:
            self._programming.labels(family).observe((now - time) / SECOND)

    def no_local_endpoints(self, family: Family, wanted: Mapping[ServicePortName, Wanted]) -> None:
        """Note how many service ports want endpoints of this node and have none; in mode ipvs how many Services."""
        for policy, names in _without_local_endpoints(wanted).items():
            found = {name[:2] for name in names} if self._counts_services else names
            self._no_local.labels(policy, family).set(len(found))

    def conntrack(self, family: Family, seconds: float, deleted: int) -> None:
        """Note a clean-up of conntrack."""
        self._conntrack.labels(family).observe(seconds)
        self._deleted.labels(family).inc(deleted)

    def answered(self, name: str, status: int) -> None:
        """Count an answer of healthz or livez."""
        self._health[name].labels(str(status)).inc()

    def answer(self) -> Answer:
        """Answer /metrics in Prometheus' text format."""
        return Answer(200, {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}, generate_latest(self.registry).decode())

    def _histogram(self, name: str, text: str, buckets: Iterable[float] = _SYNC_BUCKETS) -> Histogram:
        return Histogram(
            f"kubeproxy_{name}", text, ["ip_family"], registry=self.registry, buckets=[float(each) for each in buckets]
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"kubeproxy_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"kubeproxy_{name}", text, labels, registry=self.registry)


def _count_of(counts: Callable[[], Mapping[str, int]], table: str) -> Callable[[], float]:
    return lambda: counts().get(table, 0)


class _Packets(Collector):
    """Packets by name of their counter, in the words of upstream's metrics."""

    _METRICS = (
        (NFACCT_INVALID, "ct_state_invalid_dropped_packets", "Packets dropped because conntrack knows them not"),
        (NFACCT_LOCALHOST, "localhost_nodeports_accepted_packets", "Packets accepted for node ports of localhost"),
    )

    def __init__(self, counters: Callable[[], Mapping[str, int]]) -> None:
        self._counters = counters

    def collect(self) -> Iterator[CounterMetricFamily]:
        found = self._counters()
        for counter, name, text in self._METRICS:
            if counter in found:
                yield CounterMetricFamily(f"kubeproxy_iptables_{name}", text, value=found[counter])


def _without_local_endpoints(wanted: Mapping[ServicePortName, Wanted]) -> dict[str, list[ServicePortName]]:
    """Return which service ports want endpoints of this node and have none, for internal and external traffic."""
    ports = [
        (name, port) for name, (port, _, categories) in wanted.items() if categories.has_any and not categories.local
    ]
    return {
        "internal": [name for name, port in ports if port.internal_policy_local],
        "external": [name for name, port in ports if port.external_policy_local],
    }
