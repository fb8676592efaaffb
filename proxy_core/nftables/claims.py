"""Claims: what service ports want under the keys of a shared set or map, and who wins.

Two service ports may want the same key (the cluster IP of a Service with two ports, an external IP of two Services):
the last one in the order of the ports has it, as in upstream, where each overwrites the one before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from proxy_core.model.service_port import ServicePortName
from proxy_core.nft.transaction import ElementKey

Owner = tuple[str, ServicePortName]
Value = TypeVar("Value")


class Claims(Generic[Value]):
    """Values that are wanted under keys; `touched` are the keys of which that may have changed."""

    def __init__(self) -> None:
        self._claims: dict[ElementKey, dict[Owner, Value]] = {}
        self.touched: set[ElementKey] = set()

    def claim(self, owner: Owner, key: ElementKey, value: Value) -> None:
        """Want a value under a key."""
        self._claims.setdefault(key, {})[owner] = value
        self.touched.add(key)

    def release(self, owner: Owner, key: ElementKey) -> None:
        """Want a key no more."""
        claims = self._claims.get(key, {})
        claims.pop(owner, None)  # gone before where one port has the key twice, as an external and a load-balancer IP
        if not claims:
            self._claims.pop(key, None)
        self.touched.add(key)

    def winner(self, key: ElementKey) -> Value | None:
        """Return the value that a key is to have; None if nobody wants it."""
        claims = self._claims.get(key)
        return None if claims is None else claims[max(claims)]

    def touch_all(self, others: Iterable[ElementKey]) -> None:
        """Take all keys for changed, and some others."""
        self.touched.update(others, self._claims)

    def drain(self) -> list[ElementKey]:
        """Return the touched keys, sorted, and forget that they were."""
        keys = sorted(self.touched)
        self.touched.clear()
        return keys
