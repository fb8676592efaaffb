"""Formats of strings in schemas: which there are, and whether a text is of one.

Most are patterns of ``tables/formats.json``; the others are functions here. A format that is not known is ignored, as
upstream does. Upstream: kube-openapi/pkg/validation/strfmt and apiserver/validation/formats.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import date
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

import msgspec

from cluster_shim.api.cel import regex
from cluster_shim.api.integers import IntegerError, parse_uint

Check = Callable[[str], bool]

NUMBER_FORMATS = {"integer": ("int32", "int64"), "number": ("float", "double")}


@cache
def _checks() -> dict[str, Check]:
    rows: dict[str, str] = msgspec.json.decode((files(__package__) / "tables" / "formats.json").read_bytes())
    checks: dict[str, Check] = {name: _pattern(pattern) for name, pattern in rows.items()}
    limits = {"hostname": 255, "k8sshortname": 63, "k8slongname": 253}
    for name, limit in limits.items():
        checks[name] = _limited(checks[name], limit)
    digits, time_of_day = checks["creditcard"], checks["datetime"]
    return checks | {
        "creditcard": lambda text: _is_credit_card(text, digits),
        "datetime": lambda text: _is_date_time(text, time_of_day),
        "date": _is_date,
        "duration": _is_duration,
        "ipv4": _is_ipv4,
        "ipv6": lambda text: ":" in text and _is_ip(text),
        "cidr": _is_cidr,
        "uri": _is_uri,
        "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
        "isbn10": _is_isbn10,
        "isbn13": _is_isbn13,
        "password": lambda text: True,
    }


def check_of(name: str) -> Check | None:
    """Return the check of a format (its dashes do not count), or None if it is not known."""
    return _checks().get(name.replace("-", ""))


def is_known(name: str, type_name: str) -> bool:
    """Tell whether a format means anything for values of a type; others are ignored, with a warning."""
    if type_name in ("", "string"):
        return check_of(name) is not None
    return name in NUMBER_FORMATS.get(type_name, ())


def _pattern(pattern: str) -> Check:
    return lambda text: regex.matches(pattern, text)


def _limited(check: Check, length: int) -> Check:
    return lambda text: len(text.encode()) <= length and check(text)


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_date_time(text: str, time_of_day: Check) -> bool:
    day, separator, rest = text.lower().partition("t")
    return bool(separator) and _is_date(day) and time_of_day(rest.split("t")[0])


def _is_duration(text: str) -> bool:
    units = "ns|us|µs|μs|ms|s|m|h"
    if regex.matches(rf"^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)({units}))+)$", text):
        return True
    words = "ns|nano[a-z]*|us|µs|micro[a-z]*|ms|milli[a-z]*|s|sec[a-z]*|m|min[a-z]*|h|hr|hour[a-z]*|d|day[a-z]*"
    return regex.matches(rf"(?i)\d+\s*({words}|w|wk|week[a-z]*)([^A-Za-zµ]|$)", text)


def _is_ip(text: str) -> bool:
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _is_ipv4(text: str) -> bool:
    """Tell whether a text is an IPv4 address (zeros may lead) or an IPv6 address with one in it."""
    if ":" in text:
        return "." in text and _is_ip(text)
    parts = text.split(".")
    return len(parts) == 4 and all(_is_up_to(255, each) for each in parts)


def _is_cidr(text: str) -> bool:
    address, slash, length = text.partition("/")
    if not slash or not (_is_ipv4(address) or _is_ip(address)):
        return False
    return _is_up_to(128 if ":" in address else 32, length) and (length == "0" or not length.startswith("0"))


def _is_up_to(most: int, text: str) -> bool:
    """Tell whether a text is a number, not above another."""
    try:
        return parse_uint(text) <= most
    except IntegerError:
        return False


def _is_uri(text: str) -> bool:
    if not text or any(ord(each) <= 0x20 or ord(each) == 0x7F for each in text):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    scheme, colon, _ = text.partition(":")
    return text.startswith("/") or bool(colon and regex.matches("^[a-zA-Z][a-zA-Z0-9+.-]*$", scheme))


def _isbn_digits(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _is_isbn10(text: str) -> bool:
    digits = _isbn_digits(text)
    if not regex.matches("^(?:[0-9]{9}X|[0-9]{10})$", digits):
        return False
    values = [10 if each == "X" else int(each) for each in digits]
    return sum((index + 1) * value for index, value in enumerate(values)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = _isbn_digits(text)
    if not regex.matches("^[0-9]{13}$", digits):
        return False
    return sum((3 if index % 2 else 1) * int(each) for index, each in enumerate(digits)) % 10 == 0


def _is_credit_card(text: str, pattern: Check) -> bool:
    digits = "".join(each for each in text if each.isascii() and each.isdigit())
    if not pattern(digits):
        return False
    total = 0
    for index, each in enumerate(reversed(digits)):
        value = int(each) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
