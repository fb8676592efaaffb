"""ElementStore: the elements of a shared set or map, in the kernel and as service ports want them.

Two service ports may want the same key (the cluster IP of a Service with two ports, an external IP of two Services): an
element lives as long as anybody wants it, with the value of the last one who does, in the order of the ports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy_core.model.service_port import ServicePortName
from proxy_core.nft.transaction import AddElement, Command, DeleteElement, ElementKey

Owner = tuple[str, ServicePortName]


class ElementStore:
    """The elements of one set or map."""

    def __init__(self, container: str) -> None:
        self.container = container
        self._claims: dict[ElementKey, dict[Owner, AddElement]] = {}
        self._kernel: dict[ElementKey, str] = {}
        self._touched: set[ElementKey] = set()

    def claim(self, owner: Owner, element: AddElement) -> None:
        """Want an element."""
        self._claims.setdefault(element.key, {})[owner] = element
        self._touched.add(element.key)

    def release(self, owner: Owner, key: ElementKey) -> None:
        """Want an element no more."""
        claims = self._claims.get(key, {})
        claims.pop(owner, None)  # gone before where one port has the key twice, as an external and a load-balancer IP
        if not claims:
            self._claims.pop(key, None)
        self._touched.add(key)

    def read_back(self, kernel: Mapping[ElementKey, str]) -> None:
        """Take over what the kernel has; everything is compared with it again."""
        self._kernel = dict(kernel)
        self._touched.update(self._kernel, self._claims)

    def commands(self) -> Iterator[Command]:
        """Yield what brings the kernel to what is wanted, in the order of the keys."""
        for key in sorted(self._touched):
            claims, present = self._claims.get(key), self._kernel.get(key)
            if claims is None:
                if present is not None:
                    del self._kernel[key]
                    yield DeleteElement(self.container, key)
                continue
            wanted = claims[max(claims)]
            if present == wanted.value:
                continue
            if present is not None:
                yield DeleteElement(self.container, key)
            self._kernel[key] = wanted.value
            yield wanted
        self._touched.clear()
