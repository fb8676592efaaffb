"""IP addresses and ranges: which texts are accepted in which fields.

Go's older parsers accept leading zeros; newer fields demand the canonical form, older ones only complain, and keep what
they had. Upstream: util/validation/ip.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.remembered import remembered
from cluster_shim.api.validation.checks import Errors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LEADING_ZEROS = re.compile(r"\b0+(?=[0-9])")


def _parse(text: str) -> Address | None:
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _sloppy(text: str) -> str:
    """Return an address with the leading zeros taken out of its dotted decimal part."""
    head, colon, dotted = text.rpartition(":")
    return f"{head}{colon}{_LEADING_ZEROS.sub('', dotted)}" if "." in dotted else text


@remembered(4096)
def parse_ip(text: str) -> Address | None:
    """Return the address that a text means, leading zeros allowed; None if it means none."""
    address = _parse(_sloppy(text))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@remembered(4096)
def parse_cidr(text: str) -> tuple[Address, Network] | None:
    """Return address and network of a range, leading zeros allowed; None if it is none."""
    head, slash, length = text.rpartition("/")
    raw = _parse(_sloppy(head))
    if not slash or raw is None or not re.fullmatch("[0-9]{1,3}", length) or int(length) > raw.max_prefixlen:
        return None
    address = parse_ip(head)
    bits = int(length)
    if address is None:
        return None
    if address.version != raw.version:
        bits = max(bits - 96, 0)
    return address, ipaddress.ip_network((address, bits), strict=False)


def is_ipv6(text: str) -> bool:
    """Return whether a text is an address of IPv6."""
    address = parse_ip(text)
    return address is not None and address.version == 6


def is_ipv6_cidr(text: str) -> bool:
    """Return whether a text is a range of IPv6."""
    parsed = parse_cidr(text)
    return parsed is not None and parsed[0].version == 6


def is_dual_stack(addresses: Sequence[str]) -> bool:
    """Return whether there are addresses of both families."""
    return len({is_ipv6(each) for each in addresses}) == 2


def _is_mapped(address: Address | None) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None


def legacy_ip(errors: Errors, text: str, path: Path, old: Collection[str] = ()) -> bool:
    """Check an address of a field that once took sloppy ones; return whether it is right. `old` ones stay allowed."""
    if text in old:
        return True
    before = len(errors)
    if parse_ip(text) is None:
        errors.append(fields.invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"))
        return False
    strict = _parse(text)
    if strict is None:
        errors.append(fields.invalid(path, text, "must not have leading 0s"))
    elif _is_mapped(strict):
        errors.append(fields.invalid(path, text, "must not be an IPv4-mapped IPv6 address"))
    return len(errors) == before


def strict_ip(errors: Errors, text: str, path: Path) -> bool:
    """Check an address of a field that takes only the canonical form; return whether it is right."""
    if not legacy_ip(errors, text, path):
        return False
    canonical = str(parse_ip(text))
    if text != canonical:
        errors.append(fields.invalid(path, text, f"must be in canonical form ({quoted(canonical)})"))
    return text == canonical


def legacy_cidr(errors: Errors, text: str, path: Path, old: Collection[str] = ()) -> bool:
    """Check a range of a field that once took sloppy ones; return whether it is right. `old` ones stay allowed."""
    if text in old:
        return True
    parsed = parse_cidr(text)
    if parsed is None:
        detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        errors.append(fields.invalid(path, text, detail))
        return False
    head, _, length = text.rpartition("/")
    strict = _parse(head)
    if strict is None or (len(length) > 1 and length.startswith("0")):
        detail = "must not have leading 0s in IP or prefix length"
    elif _is_mapped(strict):
        detail = "must not have an IPv4-mapped IPv6 address"
    elif parsed[0] != parsed[1].network_address:
        detail = "must not have bits set beyond the prefix length"
    else:
        return True
    errors.append(fields.invalid(path, text, detail))
    return False


def strict_cidr(errors: Errors, text: str, path: Path) -> bool:
    """Check a range of a field that takes only the canonical form; return whether it is right."""
    if not legacy_cidr(errors, text, path):
        return False
    parsed = parse_cidr(text)
    canonical = str(parsed[1]) if parsed else ""
    if text != canonical:
        errors.append(fields.invalid(path, text, f"must be in canonical form ({quoted(canonical)})"))
    return text == canonical


def interface_address(errors: Errors, text: str, path: Path) -> None:
    """Check an address with the length of its network, as interfaces have it."""
    parsed = parse_cidr(text)
    if parsed is None:
        detail = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"
        errors.append(fields.invalid(path, text, detail))
        return
    canonical = f"{parsed[0]}/{parsed[1].prefixlen}"
    if text != canonical:
        errors.append(fields.invalid(path, text, f"must be in canonical form ({quoted(canonical)})"))


def endpoint_ip(errors: Errors, text: str, path: Path) -> None:
    """Refuse addresses that no endpoint can have: loopback, link-local and the like."""
    address = parse_ip(text)
    if address is None:
        errors.append(fields.invalid(path, text, "must be a valid IP address"))
        return
    if address.is_unspecified:
        errors.append(fields.invalid(path, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        errors.append(fields.invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        detail = "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        errors.append(fields.invalid(path, text, detail))
    if _is_link_local_multicast(address):
        detail = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        errors.append(fields.invalid(path, text, detail))


def _is_link_local_multicast(address: Address) -> bool:
    packed = address.packed
    return packed[:3] == b"\xe0\0\0" if len(packed) == 4 else packed[0] == 0xFF and packed[1] & 0x0F == 2


def ip_warnings(text: str, path: Path) -> list[str]:
    """Return what a client is told about an address that is right but unusual."""
    address, strict = parse_ip(text), _parse(text)
    if address is None:
        return []
    if strict is None or _is_mapped(strict):
        return [f"{path}: non-standard IP address {quoted(text)} is invalid: use {quoted(str(address))}"]
    if strict.version == 6 and str(strict) != text:
        form = f"should be in RFC 5952 canonical format ({quoted(str(strict))})"
        return [f"{path}: IPv6 address {quoted(text)} {form}"]
    return []


def cidr_warnings(text: str, path: Path) -> list[str]:
    """Return what a client is told about a range that is right but unusual."""
    parsed = parse_cidr(text)
    if parsed is None:
        return []
    address, network = parsed
    warnings = []
    if address != network.network_address:
        single = f"{address}/{address.max_prefixlen}"
        choice = f"(should be {quoted(str(network))} or {quoted(single)}?)"
        warnings.append(f"{path}: CIDR value {quoted(text)} is ambiguous in this context {choice}")
    head, _, length = text.rpartition("/")
    strict = _parse(head)
    if strict is None or _is_mapped(strict) or (len(length) > 1 and length.startswith("0")):
        use = f"use {quoted(str(network))}"
        warnings.append(f"{path}: non-standard CIDR value {quoted(text)} is invalid: {use}")
    elif not warnings and strict.version == 6 and f"{strict}/{length}" != text:
        form = f"should be in RFC 5952 canonical format ({quoted(f'{strict}/{length}')})"
        warnings.append(f"{path}: IPv6 CIDR value {quoted(text)} {form}")
    return warnings
