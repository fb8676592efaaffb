"""Addresses and ranges: leading zeros, mapped addresses, canonical forms."""

from __future__ import annotations

import pytest

from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.validation import addresses

AT = Path("ip")


def bodies(errors: list[FieldError]) -> list[str]:
    return [each.body.partition(": ")[2].partition(": ")[2] for each in errors]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", []),
        ("fd00::1", []),
        ("FD00::1", []),
        ("010.0.0.1", ["must not have leading 0s"]),
        ("::ffff:10.0.0.1", ["must not be an IPv4-mapped IPv6 address"]),
        ("10.0.0", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
        ("fe80::1%eth0", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
    ],
)
def test_legacy_ip(text: str, expected: list[str]) -> None:
    errors: list[FieldError] = []
    assert addresses.legacy_ip(errors, text, AT) is not bool(expected)
    assert bodies(errors) == expected


def test_what_was_there_stays_allowed() -> None:
    errors: list[FieldError] = []
    assert addresses.legacy_ip(errors, "010.0.0.1", AT, ["010.0.0.1"])
    assert addresses.legacy_cidr(errors, "10.0.0.1/8", AT, ["10.0.0.1/8"])
    assert not errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/8", []),
        ("fd00::/112", []),
        ("10.0.0.1/8", ["must not have bits set beyond the prefix length"]),
        ("10.0.0.0/08", ["must not have leading 0s in IP or prefix length"]),
        ("10.0.0.0/33", ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]),
        ("10.0.0.0", ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]),
    ],
)
def test_legacy_cidr(text: str, expected: list[str]) -> None:
    errors: list[FieldError] = []
    addresses.legacy_cidr(errors, text, AT)
    assert bodies(errors) == expected


def test_strict_forms_are_canonical() -> None:
    errors: list[FieldError] = []
    addresses.strict_ip(errors, "FD00::1", AT)
    addresses.strict_cidr(errors, "fd00:0::/64", AT)
    assert bodies(errors) == ['must be in canonical form ("fd00::1")', 'must be in canonical form ("fd00::/64")']


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0.0.0.0", "unspecified"),
        ("127.0.0.1", "loopback"),
        ("169.254.1.1", "link-local range"),
        ("224.0.0.5", "link-local multicast"),
        ("ff02::1", "link-local multicast"),
    ],
)
def test_addresses_that_no_endpoint_has(text: str, word: str) -> None:
    errors: list[FieldError] = []
    addresses.endpoint_ip(errors, text, AT)
    assert [word in each.body for each in errors] == [True]


def test_warnings() -> None:
    assert addresses.ip_warnings("010.0.0.1", AT) == [
        'ip: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"'
    ]
    assert addresses.ip_warnings("10.0.0.1", AT) == []
    assert addresses.cidr_warnings("10.0.0.1/8", AT) == [
        'ip: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)'
    ]
