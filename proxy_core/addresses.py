"""IP addresses and networks as kube-proxy reads and prints them (upstream: k8s.io/utils/net, the parsers of Go 1.16).

Octets with leading zeros are decimal, an IPv4 address in IPv6 form is an IPv4 address. What comes out is canonical
text (RFC 5952), never what was read; what cannot be read is None.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Literal

Family = Literal["IPv4", "IPv6"]
FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")

_IPV4 = re.compile(r"0*([0-9]{1,3})\.0*([0-9]{1,3})\.0*([0-9]{1,3})\.0*([0-9]{1,3})", re.ASCII)
_PREFIX = re.compile(r"0*([0-9]{1,3})", re.ASCII)
_CANONICAL_IPV4 = re.compile(
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])", re.ASCII
)


def parse_ip(text: str) -> str | None:
    """Return an address in canonical form; None if it is none."""
    if _CANONICAL_IPV4.fullmatch(text):
        return text
    return _parse_ip(text)


@lru_cache(maxsize=1 << 17)
def _parse_ip(text: str) -> str | None:
    octets = _IPV4.fullmatch(text)
    if octets is not None:
        numbers = [int(octet) for octet in octets.groups()]
        return ".".join(map(str, numbers)) if max(numbers) <= 255 else None
    if "%" in text or ":" not in text:
        return None
    head, colon, tail = text.rpartition(":")
    embedded = parse_ip(tail) if "." in tail else tail
    if embedded is None:
        return None
    try:
        address = ipaddress.IPv6Address(f"{head}{colon}{embedded}")
    except ValueError:
        return None
    return str(address.ipv4_mapped or address)


def family_of(address: str) -> Family:
    """Return the family of an address or network in canonical form."""
    return "IPv6" if ":" in address else "IPv4"


@lru_cache(maxsize=1 << 14)
def parse_cidr(text: str) -> str | None:
    """Return a network in canonical form, host bits cleared; None if it is none."""
    address, _, prefix = text.partition("/")
    ip, digits = parse_ip(address), _PREFIX.fullmatch(prefix)
    if ip is None or digits is None:
        return None
    mapped = ":" in address and ":" not in ip
    bits = int(digits[1]) - (96 if mapped else 0)
    if not 0 <= bits <= (128 if ":" in ip else 32):
        return None
    return str(ipaddress.ip_network((ip, bits), strict=False))


def prefix_length(cidr: str) -> int:
    """Return the prefix length of a network in canonical form."""
    return int(cidr.rpartition("/")[2])


@lru_cache(maxsize=1 << 16)
def contains(cidr: str, address: str) -> bool:
    """Tell whether a network holds an address, both in canonical form."""
    return family_of(cidr) == family_of(address) and ipaddress.ip_address(address) in ipaddress.ip_network(cidr)


def is_loopback(address: str) -> bool:
    """Tell whether an address in canonical form is a loopback address."""
    return ipaddress.ip_address(address).is_loopback


def endpoint_text(ip: str, port: int) -> str:
    """Return ``ip:port``, with brackets for IPv6."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
