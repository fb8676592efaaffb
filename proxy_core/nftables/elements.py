"""ElementStore: the elements of a shared set or map, in the kernel and as service ports want them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy_core.nft.transaction import AddElement, Command, DeleteElement, ElementKey
from proxy_core.nftables.claims import Claims, Owner


class ElementStore:
    """The elements of one set or map; an element lives as long as anybody claims it."""

    def __init__(self, container: str) -> None:
        self.container = container
        self._claims: Claims[AddElement] = Claims()
        self._kernel: dict[ElementKey, str] = {}
        self.moved_keys: set[ElementKey] = set()
        self.moved_values: set[str] = set()
        """Of the elements that came or went with the last `commands`."""

    def claim(self, owner: Owner, element: AddElement) -> None:
        """Want an element."""
        self._claims.claim(owner, element.key, element)

    def release(self, owner: Owner, key: ElementKey) -> None:
        """Want an element no more."""
        self._claims.release(owner, key)

    def read_back(self, kernel: Mapping[ElementKey, str]) -> None:
        """Take over what the kernel has; everything is compared with it again."""
        self._kernel = dict(kernel)
        self._claims.touch_all(self._kernel)

    def commands(self) -> Iterator[Command]:
        """Yield what brings the kernel to what is wanted, in the order of the keys."""
        self.moved_keys.clear()
        self.moved_values.clear()
        for key in self._claims.drain():
            wanted, present = self._claims.winner(key), self._kernel.get(key)
            if wanted is not None and wanted.value == present:
                continue
            self.moved_keys.add(key)
            if present is not None:
                self.moved_values.add(present)
                del self._kernel[key]
                yield DeleteElement(self.container, key)
            if wanted is not None:
                self.moved_values.add(wanted.value)
                self._kernel[key] = wanted.value
                yield wanted
