"""ExtenderClient: one extender of a configuration, whom it cares about, and one call of it.

How bytes get there and back is the transport's business; sockets and clocks are not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from sched_core.config import Extender
from sched_core.errors import ExtenderError, ExtenderStatus
from sched_core.extender.understand import understand
from sched_core.objects.records import Pod

Transport = Callable[[str, bytes, float], bytes]
"""``(url, body, timeout in seconds) -> body of the answer``: POST as application/json, status 200 within the timeout.

Raises ExtenderUnreachable, ExtenderTimeout, ExtenderStatus or ExtenderAnswerTooLarge.
"""

Connect = Callable[[Extender], Transport]
"""Returns the transport to one extender; raises InvalidConfig if its TLS settings cannot be used."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class ExtenderClient:
    """One extender; upstream: HTTPExtender."""

    def __init__(self, config: Extender, transport: Transport) -> None:
        self.config, self._transport = config, transport
        self._managed = frozenset(resource.name for resource in config.managed_resources)

    @property
    def name(self) -> str:
        return self.config.url_prefix

    @property
    def cares_for_all(self) -> bool:
        """Whether it is interested in every pod."""
        return not self._managed

    def is_interested(self, pod: Pod) -> bool:
        """Tell whether a container or init container names one of the managed resources, or there are none."""
        if not self._managed:
            return True
        return any(
            not self._managed.isdisjoint(amounts)
            for container in (*pod.spec.containers, *pod.spec.init_containers)
            if container.resources is not None
            for amounts in (container.resources.requests, container.resources.limits)
        )

    def ask(self, verb: str, question: msgspec.Struct, kind: Any) -> Any:
        """Call the extender and return its answer, a record of type ``kind``; raises ExtenderError."""
        url = f"{self.name.rstrip('/')}/{verb}"
        try:
            body = self._transport(url, _encode(question), self.config.http_timeout_ns / 1e9)
        except ExtenderStatus as reason:
            raise ExtenderError(f"failed {verb} with extender at URL {url}, code {reason.code}") from reason
        return understand(kind, body)
