"""Leases of etcd: keys that end at about the same time share one, as kube-apiserver does it."""

from __future__ import annotations

import time
from typing import NamedTuple

from cluster_shim.storage.etcd.client import Client
from cluster_shim.storage.etcd.messages import CLASSES

MOST_KEYS = 1000
SHARED_PART = 0.05
"""A lease is shared for so long a part of its time; it lasts that much longer."""


class _Lease(NamedTuple):
    """A lease that may still be shared."""

    id: int
    until: float
    keys: int


class Leases:
    """The newest lease of each time to live."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._leases: dict[int, _Lease] = {}

    async def of(self, ttl_seconds: int) -> int:
        """Return a lease for a key that lives so long. Raises Unavailable."""
        lease = self._leases.get(ttl_seconds)
        if lease is None or time.monotonic() > lease.until or lease.keys >= MOST_KEYS:
            shared = ttl_seconds * SHARED_PART
            until = time.monotonic() + shared
            request = CLASSES["LeaseGrantRequest"](TTL=ttl_seconds + int(shared))
            answer = await self._client.call("grant", request)
            lease = _Lease(answer.message.ID, until, 0)
        self._leases[ttl_seconds] = lease._replace(keys=lease.keys + 1)
        return lease.id
