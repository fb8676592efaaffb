"""Elements of sets and maps by key, where parts of a key may be networks or ranges."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Generic, TypeVar

from proxy_core.addresses import contains, family_of

Key = tuple[str, ...]
V = TypeVar("V")


class Index(Generic[V]):
    """The elements of one set or map; a network or range in a key stands for all that it holds."""

    def __init__(self, elements: Iterable[tuple[Key, V]]) -> None:
        pairs = list(elements)
        wide = {place for key, _ in pairs for place, part in enumerate(key) if _is_wide(part)}
        self._wide = tuple(sorted(wide))
        self._exact: dict[Key, list[tuple[Key, V]]] = {}
        for key, value in pairs:
            self._exact.setdefault(self._narrow(key), []).append((key, value))

    def find(self, key: Key) -> tuple[Key, V] | None:
        """Return the first element that holds a key, with its own key."""
        for own, value in self._exact.get(self._narrow(key), ()):
            if all(holds(own[place], key[place]) for place in self._wide):
                return own, value
        return None

    def _narrow(self, key: Key) -> Key:
        return tuple(part for place, part in enumerate(key) if place not in self._wide) if self._wide else key


@lru_cache(maxsize=1 << 16)
def holds(wide: str, part: str) -> bool:
    """Tell whether an address, network or range (of addresses or of ports) holds an address or a port."""
    if "/" in wide:
        return contains(wide, part)
    low, dash, high = wide.partition("-")
    if not dash:
        return wide == part
    if part.isdigit():
        return int(low) <= int(part) <= int(high)
    return family_of(low) == family_of(part) and ip_address(low) <= ip_address(part) <= ip_address(high)  # type: ignore[operator]


def _is_wide(part: str) -> bool:
    return "/" in part or "-" in part
