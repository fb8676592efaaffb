"""Health checks of Services: for each Service with a healthCheckNodePort a small server on the node's addresses.

Upstream: pkg/proxy/healthcheck/service_health.go. What is answered is proxy_core.health's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cluster_shim.proxy.http import HttpServer
from proxy_core.errors import KernelError
from proxy_core.health import Answer, service_answer
from proxy_core.model.service_tracker import Key
from proxy_core.model.state import HealthCheck

_GONE = Answer(200, {}, "")
"""What a request gets that comes while the Service goes."""


class HealthCheckServers:
    """The servers of one family."""

    def __init__(
        self, addresses: Sequence[str], is_healthy: Callable[[], bool], tell: Callable[[str], None], node: str
    ) -> None:
        self._addresses, self._is_healthy, self._tell, self._node = addresses, is_healthy, tell, node
        self._servers: dict[Key, list[HttpServer]] = {}
        self._checks: Mapping[Key, HealthCheck] = {}

    @property
    def open(self) -> Mapping[Key, int]:
        """The ports that are served, by namespace and name of the Service."""
        return {key: servers[0].port for key, servers in self._servers.items() if servers}

    def sync(self, checks: Mapping[Key, HealthCheck]) -> None:
        """Serve these and no others; where a port cannot be had, say so and try again next time."""
        old, self._checks = self._checks, checks
        for key in list(self._servers):
            if key not in checks or checks[key].node_port != old[key].node_port:
                self._close(key)
        for key, check in checks.items():
            if key not in self._servers:
                self._open(key, check.node_port)

    def close(self) -> None:
        """Serve none any more."""
        for key in list(self._servers):
            self._close(key)

    def _open(self, key: Key, port: int) -> None:
        servers: list[HttpServer] = []
        try:
            for address in self._addresses:
                servers.append(HttpServer(address, port, lambda _: self._answer(key)))
        except KernelError as refused:
            for each in servers:
                each.close()
            name = "/".join(key)
            self._tell(f'node {self._node} failed to start healthcheck "{name}" on port {port}: {refused}')
            return
        self._servers[key] = servers

    def _close(self, key: Key) -> None:
        for each in self._servers.pop(key):
            each.close()

    def _answer(self, key: Key) -> Answer:
        check = self._checks.get(key)
        return _GONE if check is None else service_answer(*key, check.local_endpoints, self._is_healthy())
