"""Addresses and networks are read as sloppily as upstream reads them, and printed in one form."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.addresses import contains, endpoint_text, family_of, is_loopback, parse_cidr, parse_ip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("172.30.0.041", "172.30.0.41"),
        ("00000172.30.0.0000041", "172.30.0.41"),
        ("1000.0.0.1", None),
        ("0000.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("256.0.0.1", None),
        ("1.2.3", None),
        ("1.2.3.4 ", None),
        ("", None),
        ("host", None),
        ("FD00:0:0::1", "fd00::1"),
        ("::", "::"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:a01:203", "10.1.2.3"),
        ("fe80::1%eth0", None),
        ("1::2::3", None),
    ],
)
def test_addresses(text: str, expected: str | None) -> None:
    assert parse_ip(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("203.0.113.000/025", "203.0.113.0/25"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.0/00008", "10.0.0.0/8"),
        ("10.0.0.0/33", None),
        ("10.0.0.0", None),
        ("10.0.0.0/", None),
        ("10.0.0.0/-1", None),
        ("fd00:10::5/64", "fd00:10::/64"),
        ("::/129", None),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
    ],
)
def test_networks(text: str, expected: str | None) -> None:
    assert parse_cidr(text) == expected


@given(st.ip_addresses())
def test_every_address_reads_as_it_is_printed(address: IPv4Address | IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert parse_ip(str(address)) == str(mapped or address)
    assert parse_ip(address.exploded) == str(mapped or address)


def test_what_is_told_of_them() -> None:
    assert (family_of("10.0.0.1"), family_of("fd00::/64")) == ("IPv4", "IPv6")
    assert contains("10.0.0.0/8", "10.9.9.9") and not contains("10.0.0.0/8", "11.0.0.1")
    assert not contains("::/0", "10.0.0.1")
    assert is_loopback("127.9.9.9") and is_loopback("::1") and not is_loopback("10.0.0.1")
    assert (endpoint_text("10.0.0.1", 80), endpoint_text("fd00::1", 80)) == ("10.0.0.1:80", "[fd00::1]:80")
