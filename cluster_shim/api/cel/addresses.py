"""What is wrong with a text that is no IP address or no range of them, in the words of Go's net/netip."""

from __future__ import annotations

import re

from cluster_shim.api.fields import quoted

_HEX = re.compile(r"[0-9a-fA-F]*")


def fault(text: str) -> str:
    """Return what is wrong with an address that is not valid."""
    first = next((each for each in text if each in ".:%"), "")
    message, rest = "unable to parse IP", ""
    if first == "%":
        message = "missing IPv6 address"
    elif first == ".":
        message, rest = _fault_of_4(text)
    elif first == ":":
        message, rest = _fault_of_6(text)
    return f"ParseAddr({quoted(text)}): {message}" + (f" (at {quoted(rest)})" if rest else "")


def prefix_fault(text: str) -> str:
    """Return what is wrong with a range that is not valid."""
    from ipaddress import ip_address

    address, slash, bits = text.rpartition("/")
    message = "prefix length out of range"
    if not slash:
        message = "no '/'"
    elif not _is_address(address):
        message = fault(address)
    elif ip_address(address).version == 6 and "%" in address:
        message = "IPv6 zones cannot be present in a prefix"
    elif not re.fullmatch(r"[1-9][0-9]*|[0-9]", bits):
        message = f"bad bits after slash: {quoted(bits)}"
    return f"netip.ParsePrefix({quoted(text)}): {message}"


def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _fault_of_4(text: str) -> tuple[str, str]:
    digits, dots = "", 0
    for index, char in enumerate(text):
        if char in "0123456789":
            if digits == "0":
                return "IPv4 field has octet with leading zero", ""
            digits += char
            if int(digits) > 255:
                return "IPv4 field has value >255", ""
        elif char == ".":
            if not digits or index == len(text) - 1:
                return "IPv4 field must have at least one digit", text[index:]
            if dots == 3:
                return "IPv4 address too long", ""
            dots, digits = dots + 1, ""
        else:
            return "unexpected character", text[index:]
    return "IPv4 address too short", ""


def _fault_of_6(text: str) -> tuple[str, str]:
    rest, zone, name = text.partition("%")
    if zone and not name:
        return "zone must be a non-empty string", ""
    groups, has_gap = 0, rest.startswith("::")
    rest = rest[2:] if has_gap else rest
    while groups < 8 and rest:
        match = _HEX.match(rest)
        length = len(match[0]) if match is not None else 0
        if length > 4:
            return "each group must have 4 or less digits", rest
        if not length:
            return "each colon-separated field must have at least one digit", rest
        if rest[length : length + 1] == ".":
            return _fault_of_embedded(rest, groups, has_gap)
        groups, after = groups + 1, rest[length:]
        if not after:
            rest = ""
            break
        if after[0] != ":":
            return "unexpected character, want colon", after
        if after == ":":
            return "colon must be followed by more characters", after
        rest = after[1:]
        if rest[0] == ":":
            if has_gap:
                return "multiple :: in address", rest
            has_gap, rest = True, rest[1:]
    if rest:
        return "trailing garbage after address", rest
    if groups < 8:
        return "address string too short", ""
    return "the :: must expand to at least one field of zeros", ""


def _fault_of_embedded(rest: str, groups: int, has_gap: bool) -> tuple[str, str]:
    if not has_gap and groups != 6:
        return "embedded IPv4 address must replace the final 2 fields of the address", rest
    if groups > 6:
        return "too many hex fields to fit an embedded IPv4 at the end of the address", rest
    return _fault_of_4(rest)
