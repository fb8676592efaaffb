"""The two servers of a proxy: health for load balancers and the kubelet, metrics for Prometheus and people."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from cluster_shim.proxy.http import NOT_FOUND, HttpServer, Route
from cluster_shim.proxy.metrics import Metrics
from proxy_core import KernelError
from proxy_core.health import Answer, ProxyHealth

RETRY_SECONDS = 5
_TEXT = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
_JSON = {"Content-Type": "application/json"}


def health_route(health: ProxyHealth, metrics: Metrics, now: Callable[[], int] = time.time_ns) -> Route:
    """Return the answers of the health server."""

    def route(path: str) -> Answer:
        if path == "/healthz":
            answer = health.healthz(now())
        elif path == "/livez":
            answer = health.livez(now())
        else:
            return NOT_FOUND
        metrics.answered(path[1:], answer.status)
        return answer

    return route


def metrics_route(mode: str, metrics: Metrics, configz: str) -> Route:
    """Return the answers of the metrics server; ``configz`` is the configuration as JSON."""
    fixed = {
        "/healthz": Answer(200, _TEXT, "ok"),
        "/proxyMode": Answer(200, _TEXT, mode),
        "/configz": Answer(200, _JSON, configz),
    }

    def route(path: str) -> Answer:
        return metrics.answer() if path == "/metrics" else fixed.get(path, NOT_FOUND)

    return route


class Servers:
    """Servers by name and ``address:port``; one that cannot be had is tried again every few seconds."""

    def __init__(self, wanted: Mapping[str, tuple[str, Route]], tell: Callable[[str], None]) -> None:
        self._wanted, self._tell = dict(wanted), tell
        self._servers: dict[str, HttpServer] = {}
        self._next = 0.0

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports that are served, by name."""
        return {name: server.port for name, server in self._servers.items()}

    def open(self, *, hard: bool = False) -> None:
        """Open what is not open. Raises KernelError for one that cannot be had if that is ``hard``."""
        self._next = time.monotonic() + RETRY_SECONDS
        for name, (where, route) in self._wanted.items():
            if name in self._servers:
                continue
            host, _, port = where.rpartition(":")
            try:
                self._servers[name] = HttpServer(host.strip("[]"), int(port), route, both_families=True)
            except KernelError as refused:
                if hard:
                    raise KernelError(f"{name}: {refused}") from None
                self._tell(f"{name}: {refused}; next try in {RETRY_SECONDS} s")

    def keep_open(self) -> None:
        """Try again what could not be had, if it is time for that."""
        if len(self._servers) < len(self._wanted) and time.monotonic() >= self._next:
            self.open()

    def close(self) -> None:
        """Close all."""
        for each in self._servers.values():
            each.close()
        self._servers.clear()
