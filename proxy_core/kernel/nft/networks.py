"""The elements of an anonymous set of addresses and networks, as nft makes them: ranges that touch are one.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from proxy_core.errors import KernelError
from proxy_core.kernel.netlink import attr, be32, nest
from proxy_core.kernel.nft.userdata import number

_INTERVAL_END = be32(3, 1)
_OPEN = attr(6, number(1, 1))
"""User data of a range that ends with the last address."""


def network_of(text: str, size: int) -> IPv4Network | IPv6Network:
    """Return a network of addresses of so many bytes. Raises KernelError."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise KernelError(f"nft: {text}: is no address or network") from None
    if network.max_prefixlen != 8 * size:
        raise KernelError(f"nft: {text}: is of another family")
    return network


def range_of(text: str, size: int) -> tuple[int, int]:
    """Return the first and the last address of a network. Raises KernelError."""
    network = network_of(text, size)
    return int(network[0]), int(network[-1])


def merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges in order, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def range_elements(ranges: Sequence[tuple[int, int]], size: int) -> list[bytes]:
    """Return the elements of merged ranges of addresses of so many bytes: each begins and ends with one."""
    found = []
    if ranges and ranges[0][0]:
        found.append(nest(1, _INTERVAL_END, _key(0, size)))
    for first, last in ranges:
        if last + 1 == 1 << 8 * size:
            found.append(nest(1, _key(first, size), _OPEN))
        else:
            found += [nest(1, _key(first, size)), nest(1, _INTERVAL_END, _key(last + 1, size))]
    return found


def _key(address: int, size: int) -> bytes:
    return nest(1, attr(1, address.to_bytes(size, "big")))
