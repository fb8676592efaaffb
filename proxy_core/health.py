"""Health of the proxy and of the Services that have a health check, with the clock as argument.

Upstream: pkg/proxy/healthcheck (proxy_health.go, service_health.go). Times are nanoseconds since 1970. Nothing here
opens a socket: an answer is a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from proxy_core.addresses import Family
from proxy_core.settings import SECOND

OK, UNAVAILABLE = 200, 503
WEIGHT = "X-Load-Balancing-Endpoint-Weight"
_HEADERS = {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"}


class Answer(NamedTuple):
    """What an HTTP server answers."""

    status: int
    headers: Mapping[str, str]
    body: str


class ProxyHealth:
    """Whether each family's rules are up to date: no change waits for longer than the timeout (nanoseconds)."""

    def __init__(self, timeout: int) -> None:
        self._timeout = timeout
        self._updated: dict[Family, int] = {}
        self._queued: dict[Family, int] = {}
        self.eligible = False
        """Whether load balancers may send traffic to the node."""

    def queued(self, family: Family, now: int) -> None:
        """Note that a change waits for a sync; the oldest one counts."""
        self._queued.setdefault(family, now)

    def settled(self, family: Family) -> None:
        """Note that no change waits, without a sync: what came did not concern the rules."""
        self._queued.pop(family, None)

    def updated(self, family: Family, now: int) -> None:
        """Note that a sync has succeeded."""
        self._queued.pop(family, None)
        self._updated[family] = now

    def is_healthy(self, now: int) -> bool:
        """Tell whether all families are up to date."""
        return all(self._is_fresh(family, now) for family in self._updated)

    def healthz(self, now: int) -> Answer:
        """Answer /healthz, by which load balancers choose nodes."""
        healthy = self.is_healthy(now)
        return self._answer(now, healthy and self.eligible, healthy, {"nodeEligible": self.eligible})

    def livez(self, now: int) -> Answer:
        """Answer /livez, by which the kubelet restarts the proxy."""
        healthy = self.is_healthy(now)
        return self._answer(now, healthy, healthy, {})

    def _answer(self, now: int, good: bool, healthy: bool, more: Mapping[str, bool]) -> Answer:
        last = now if good else max(self._updated.values(), default=0)
        families = {
            family: {"lastUpdated": rfc3339(self._updated[family]), "healthy": self._is_fresh(family, now)}
            for family in sorted(self._updated)
        }
        body = {"lastUpdated": rfc3339(last), "currentTime": rfc3339(now), **more, "healthy": healthy}
        text = json.dumps({**body, "status": families}, separators=(",", ":"))
        return Answer(OK if good else UNAVAILABLE, _HEADERS, text)

    def _is_fresh(self, family: Family, now: int) -> bool:
        queued = self._queued.get(family)
        return queued is None or now - queued < self._timeout


def service_answer(namespace: str, name: str, local_endpoints: int, proxy_healthy: bool) -> Answer:
    """Answer the health check of a Service: good if it has local endpoints and the proxy is healthy."""
    body = {
        "service": {"namespace": namespace, "name": name},
        "localEndpoints": local_endpoints,
        "serviceProxyHealthy": proxy_healthy,
    }
    headers = {**_HEADERS, WEIGHT: str(local_endpoints)}
    good = local_endpoints > 0 and proxy_healthy
    return Answer(OK if good else UNAVAILABLE, headers, json.dumps(body, indent="\t"))


def rfc3339(time: int) -> str:
    """Return a time as Go writes it: nanoseconds without zeros at the end; year 1 for a time that never was."""
    if not time:
        return "0001-01-01T00:00:00Z"
    seconds, rest = divmod(time, SECOND)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
