"""IP addresses and CIDRs. Upstream: apiserver/pkg/cel/library/ip.go and cidr.go."""

from __future__ import annotations

import ipaddress
from typing import Any

from cluster_shim.api.cel import addresses
from cluster_shim.api.cel.errors import NO_OVERLOAD, EvaluationError
from cluster_shim.api.cel.functions.conversions import to_string
from cluster_shim.api.fields import quoted

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class IP:
    """An address as a value."""

    type_name = "net.IP"
    __slots__ = ("address",)

    def __init__(self, address: Address) -> None:
        self.address = address

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IP) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)

    def __str__(self) -> str:
        return str(self.address)


class CIDR:
    """A range of addresses as a value; it keeps the address it was written with."""

    type_name = "net.CIDR"
    __slots__ = ("address", "network")

    def __init__(self, address: Address, network: Network) -> None:
        self.address = address
        self.network = network

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CIDR) and (self.address, self.network) == (other.address, other.network)

    def __hash__(self) -> int:
        return hash((self.address, self.network))

    def __str__(self) -> str:
        return f"{self.address}/{self.network.prefixlen}"


def _parse_ip(text: str) -> IP:
    shown = quoted(text)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        text = f"IP Address {shown} parse error during conversion from string: {addresses.fault(text)}"
        raise EvaluationError(text) from None
    if "%" in text:
        raise EvaluationError(f"IP address {shown} with zone value is not allowed")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise EvaluationError(f"IPv4-mapped IPv6 address {shown} is not allowed")
    return IP(address)


def _is_ip(text: str) -> bool:
    try:
        _parse_ip(text)
    except EvaluationError:
        return False
    return True


def _parse_cidr(text: str) -> CIDR:
    address, _, length = text.rpartition("/")
    plain = length.isascii() and length.isdigit() and (length == "0" or length[0] != "0")
    try:
        if not plain or "%" in address:
            raise ValueError
        found = CIDR(ipaddress.ip_address(address), ipaddress.ip_network(text, strict=False))
    except ValueError:
        what = "network address parse error during conversion from string: "
        raise EvaluationError(f"{what}{what}{addresses.prefix_fault(text)}") from None
    if isinstance(found.address, ipaddress.IPv6Address) and found.address.ipv4_mapped is not None:
        text = f"IPv4-mapped IPv6 address {quoted(text)} is not allowed"
        raise EvaluationError(f"network address parse error during conversion from string: {text}")
    return found


def _is_cidr(text: str) -> bool:
    try:
        _parse_cidr(text)
    except EvaluationError:
        return False
    return True


def _ip(of: Any) -> IP:
    return _parse_ip(of) if isinstance(of, str) else IP(of.address)


def _contains_ip(within: CIDR, what: Any) -> bool:
    if isinstance(what, str) and not _is_ip(what):
        raise EvaluationError(NO_OVERLOAD)
    address = _parse_ip(what).address if isinstance(what, str) else what.address
    return address.version == within.network.version and address in within.network


def _contains_cidr(within: CIDR, what: Any) -> bool:
    inner = _parse_cidr(what) if isinstance(what, str) else what
    if inner.network.version != within.network.version:
        return False
    return inner.address in within.network and inner.network.prefixlen >= within.network.prefixlen


def _is_global_unicast(of: IP) -> bool:
    address = of.address
    if isinstance(address, ipaddress.IPv4Address) and str(address) == "255.255.255.255":
        return False
    return not (address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)


def _is_link_local_multicast(of: IP) -> bool:
    if of.address.version == 4:
        return of.address in ipaddress.ip_network("224.0.0.0/24")
    return of.address.is_multicast and of.address.packed[1] & 0x0F == 2


FUNCTIONS = {
    "ip": _ip,
    "isIP": _is_ip,
    "ip.isCanonical": lambda text: str(_parse_ip(text)) == text,
    "family": lambda of: of.address.version,
    "isUnspecified": lambda of: of.address.is_unspecified,
    "isLoopback": lambda of: of.address.is_loopback,
    "isLinkLocalMulticast": _is_link_local_multicast,
    "isLinkLocalUnicast": lambda of: of.address.is_link_local,
    "isGlobalUnicast": _is_global_unicast,
    "cidr": _parse_cidr,
    "isCIDR": _is_cidr,
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "prefixLength": lambda of: of.network.prefixlen,
    "masked": lambda of: CIDR(of.network.network_address, of.network),
    "string": to_string,
}
