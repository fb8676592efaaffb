"""Statements as expressions: for each kind of statement what nft makes of its words.

Sets and maps that a statement brings along are asked of a `Scope`. Knows nothing of messages.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from proxy_core.errors import KernelError, NotSupported
from proxy_core.kernel.netlink import attr, nest
from proxy_core.kernel.nft import expressions as ex
from proxy_core.kernel.nft.containers import Shape
from proxy_core.kernel.nft.elements import encoder
from proxy_core.kernel.nft.names import checked
from proxy_core.kernel.nft.networks import merged, network_of, range_elements, range_of
from proxy_core.kernel.nft.types import layout, protocol_number
from proxy_core.kernel.nft.userdata import OF_BRANCHES, OF_CHOICES, of_addresses
from proxy_core.nft import statements as st
from proxy_core.nft.transaction import INDEX

_CT_NEW, _CT_DNAT = 0x8, 0x20
_LOCAL = 2
_INTERFACE_NAME_SIZE = 16
_SECOND = ex.FIRST_WORD + 4
"""The second register of 16 bytes."""
_HASH_GAP = 5
"""nft puts what is hashed so many words behind the hash."""


class FamilyFacts(NamedTuple):
    """What the families differ in."""

    number: int
    address: str
    """nft's type of an address."""
    address_size: int
    source: int
    """Where in the header the address of the sender is."""
    destination: int
    unreachable: int
    """ICMP's code for a port where nobody listens."""


FAMILIES: dict[st.TableFamily, FamilyFacts] = {
    "ip": FamilyFacts(socket.AF_INET, "ipv4_addr", 4, 12, 16, 3),
    "ip6": FamilyFacts(socket.AF_INET6, "ipv6_addr", 16, 8, 24, 4),
}


class Anonymous(NamedTuple):
    """A set or map that belongs to one rule."""

    key: tuple[str, ...]
    value: tuple[str, ...]
    elements: Sequence[bytes]
    interval: bool
    size: int
    """How many elements the kernel is told."""
    user_data: bytes


class Scope(Protocol):
    """What a statement needs to know of the transaction in which it stands."""

    family: st.TableFamily

    def set_id(self, name: str) -> int:
        """Return the number of a set or map that this transaction makes; 0 if it does not."""

    def anonymous(self, wanted: Anonymous) -> tuple[str, int]:
        """Make an anonymous set or map; return its name and number."""


def encode(statement: st.Statement, scope: Scope) -> bytes:
    """Return the expressions of a statement. Raises NotSupported, KernelError."""
    encoder = _ENCODERS.get(type(statement))
    if encoder is None:
        raise NotSupported(f"nft over netlink: statement {type(statement).__name__}")
    return encoder(statement, scope)


@lru_cache(maxsize=256)
def _load_key(key: st.Key, family: st.TableFamily) -> tuple[bytes, int]:
    """Load fields one after the other; return also the first word behind them."""
    facts = FAMILIES[family]
    found, word, words = b"", ex.FIRST_WORD, facts.address_size // 4
    for field in key:
        if field in ("saddr", "daddr"):
            found += _load_address(word, field, facts)
            word += words
        elif field == "l4proto":
            found += ex.meta(word, ex.META_L4PROTO)
            word += 1
        elif field == "dport":
            found += ex.payload(word, ex.TRANSPORT_HEADER, 2, 2)
            word += 1
        else:
            raise NotSupported(f"nft over netlink: field {field}")
    return found, word


def _load_address(word: int, field: str, facts: FamilyFacts) -> bytes:
    offset = facts.source if field == "saddr" else facts.destination
    return ex.payload(word, ex.NETWORK_HEADER, offset, facts.address_size)


def _in_set(each: st.InSet, scope: Scope) -> bytes:
    load, _ = _load_key(each.key, scope.family)
    return load + ex.lookup(ex.FIRST_WORD, each.set, scope.set_id(each.set), negated=each.negated)


def _verdict_map(each: st.VerdictMap, scope: Scope) -> bytes:
    load, _ = _load_key(each.key, scope.family)
    return load + ex.lookup(ex.FIRST_WORD, each.map, scope.set_id(each.map), result=0)


def _address(each: st.Address, scope: Scope) -> bytes:
    return _compare_network(each.field, each.network, FAMILIES[scope.family], negated=each.negated)


def _compare_network(field: str, text: str, facts: FamilyFacts, *, negated: bool) -> bytes:
    """Compare an address with a network: with its whole bytes where the prefix has such, else under a mask."""
    network = network_of(text, facts.address_size)
    prefix, data = network.prefixlen, network.network_address.packed
    operator = ex.DIFFERENT if negated else ex.EQUAL
    if prefix and prefix % 8 == 0:
        offset, size = facts.source if field == "saddr" else facts.destination, prefix // 8
        load = ex.payload(ex.FIRST_WORD, ex.NETWORK_HEADER, offset, size)
        return load + ex.compare(ex.FIRST_WORD, operator, data[:size])
    masked = ex.bitwise(ex.FIRST_WORD, network.netmask.packed, bytes(len(data)))
    return _load_address(ex.FIRST_WORD, field, facts) + masked + ex.compare(ex.FIRST_WORD, operator, data)


def _address_in(each: st.AddressIn, scope: Scope) -> bytes:
    facts = FAMILIES[scope.family]
    if len(each.networks) == 1:
        return _compare_network(each.field, each.networks[0], facts, negated=each.negated)
    interval = any("/" in network for network in each.networks)
    if interval:
        ranges = merged([range_of(network, facts.address_size) for network in each.networks])
        elements = range_elements(ranges, facts.address_size)
        size = 2 * len(ranges) + (1 if ranges[0][0] else 0)
    else:
        address = layout((facts.address,))
        elements = [nest(1, nest(1, attr(1, address.pack((text,))))) for text in each.networks]
        size = len(elements)
    user_data = of_addresses(f"{scope.family} {each.field}", interval=interval)
    name, number = scope.anonymous(Anonymous((facts.address,), (), elements, interval, size, user_data))
    load = _load_address(ex.FIRST_WORD, each.field, facts)
    return load + ex.lookup(ex.FIRST_WORD, name, number, negated=each.negated)


def _input_interface(each: st.InputInterface, scope: Scope) -> bytes:
    name = each.name.encode()
    if not 0 < len(name) < _INTERFACE_NAME_SIZE:
        raise KernelError(f"nft: interface {each.name!r}: has no name of 1 to {_INTERFACE_NAME_SIZE - 1} bytes")
    data = name[:-1] if name.endswith(b"*") else name.ljust(_INTERFACE_NAME_SIZE, b"\0")
    operator = ex.DIFFERENT if each.negated else ex.EQUAL
    if not data:
        raise NotSupported("nft over netlink: interface '*', which stands for all")
    return ex.meta(ex.FIRST_WORD, ex.META_IIFNAME) + ex.compare(ex.FIRST_WORD, operator, data)


def _is_local(each: st.IsLocal, scope: Scope) -> bytes:
    flags = ex.FIB_SADDR if each.field == "saddr" else ex.FIB_DADDR
    return ex.fib_type(ex.FIRST_WORD, flags) + ex.compare(ex.FIRST_WORD, ex.EQUAL, _LOCAL.to_bytes(4, "little"))


def _protocol(each: st.Protocol4, scope: Scope) -> bytes:
    number = protocol_number(each.protocol)
    return ex.meta(ex.FIRST_WORD, ex.META_L4PROTO) + ex.compare(ex.FIRST_WORD, ex.EQUAL, bytes((number,)))


def _has_bits(load: bytes, bits: int) -> bytes:
    zero = bytes(4)
    return load + ex.bitwise(ex.FIRST_WORD, _host(bits), zero) + ex.compare(ex.FIRST_WORD, ex.DIFFERENT, zero)


def _is_new(each: st.IsNew, scope: Scope) -> bytes:
    return _has_bits(ex.conntrack(ex.FIRST_WORD, ex.CT_STATE), _CT_NEW)


def _is_dnat(each: st.IsDnat, scope: Scope) -> bytes:
    return _has_bits(ex.conntrack(ex.FIRST_WORD, ex.CT_STATUS), _CT_DNAT)


def _set_mark(each: st.SetMark, scope: Scope) -> bytes:
    return _change_mark(~_mark(each.mark) & 0xFFFFFFFF, _mark(each.mark))


def _take_mark(each: st.TakeMark, scope: Scope) -> bytes:
    mark = _mark(each.mark)
    return _has_bits(ex.meta(ex.FIRST_WORD, ex.META_MARK), mark) + _change_mark(0xFFFFFFFF, mark)


def _change_mark(mask: int, xor: int) -> bytes:
    load, store = ex.meta(ex.FIRST_WORD, ex.META_MARK), ex.set_meta(ex.FIRST_WORD, ex.META_MARK)
    return load + ex.bitwise(ex.FIRST_WORD, _host(mask), _host(xor)) + store


def _mark(text: str) -> int:
    mark = int(text, 0)
    if not 0 < mark <= 0xFFFFFFFF:
        raise KernelError(f"nft: mark {text}: has no 32 bits")
    return mark


def _host(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _masquerade(each: st.Masquerade, scope: Scope) -> bytes:
    return ex.MASQUERADE


def _jump(each: st.Jump, scope: Scope) -> bytes:
    return ex.verdict("jump", checked("chain", each.chain))


def _goto(each: st.Goto, scope: Scope) -> bytes:
    return ex.verdict("goto", checked("chain", each.chain))


def _drop(each: st.Drop, scope: Scope) -> bytes:
    return ex.verdict("drop")


def _reject(each: st.Reject, scope: Scope) -> bytes:
    return ex.reject(FAMILIES[scope.family].unreachable)


@lru_cache(maxsize=4)
def _choices(address: str) -> Callable[[tuple[str, ...], tuple[str, ...]], bytes]:
    """Return what encodes an element of a map from a number to an endpoint."""
    return encoder(Shape(layout((INDEX,)), layout((address, "inet_service")))).pair


def _spread_dnat(each: st.SpreadDnat, scope: Scope) -> bytes:
    value = (FAMILIES[scope.family].address, "inet_service")
    pair = _choices(value[0])
    elements = [pair((str(at),), (ip, str(port))) for at, (ip, port) in enumerate(each.endpoints)]
    modulus = len(elements)
    name, number = scope.anonymous(Anonymous((INDEX,), value, elements, False, modulus, OF_CHOICES))
    load = ex.random_number(ex.FIRST_WORD, modulus)
    return load + ex.lookup(ex.FIRST_WORD, name, number, result=ex.FIRST_WORD) + _dnat_to_result(scope.family)


def _dnat_to_result(family: st.TableFamily) -> bytes:
    facts = FAMILIES[family]
    port = ex.FIRST_WORD + facts.address_size // 4
    return ex.dnat(facts.number, ex.FIRST_WORD, port, with_flag=False)


def _spread_goto(each: st.SpreadGoto, scope: Scope) -> bytes:
    elements = [
        nest(1, nest(1, attr(1, _host(at))), nest(2, ex.verdict_data("goto", checked("chain", chain))))
        for at, chain in enumerate(each.chains)
    ]
    modulus = len(elements)
    name, number = scope.anonymous(Anonymous((INDEX,), ("verdict",), elements, False, modulus, OF_BRANCHES))
    return ex.random_number(ex.FIRST_WORD, modulus) + ex.lookup(ex.FIRST_WORD, name, number, result=0)


def _spread_dnat_map(each: st.SpreadDnatMap, scope: Scope) -> bytes:
    load, word = _load_key(each.key, scope.family)
    return load + ex.random_number(word, each.modulus) + _dnat_by_map(each.map, scope)


def _hash_dnat_map(each: st.HashDnatMap, scope: Scope) -> bytes:
    facts = FAMILIES[scope.family]
    load, word = _load_key(each.key, scope.family)
    source, size = word + _HASH_GAP, facts.address_size + 4
    hashed = _load_address(source, "saddr", facts)
    hashed += ex.payload(source + facts.address_size // 4, ex.TRANSPORT_HEADER, 0, 2)
    return load + hashed + ex.jhash(source, word, size, each.modulus, each.seed) + _dnat_by_map(each.map, scope)


def _dnat_by_map(name: str, scope: Scope) -> bytes:
    found = ex.lookup(ex.FIRST_WORD, name, scope.set_id(name), result=ex.FIRST_WORD)
    return found + _dnat_to_result(scope.family)


def _remember(each: st.Remember, scope: Scope) -> bytes:
    load, _ = _load_key(("saddr",), scope.family)
    return load + ex.update(ex.FIRST_WORD, each.set, scope.set_id(each.set))


def _dnat(each: st.Dnat, scope: Scope) -> bytes:
    facts = FAMILIES[scope.family]
    ip, _, port = each.endpoint.rpartition(":")
    address, service = layout((facts.address,)), layout(("inet_service",))
    load = ex.immediate(ex.FIRST_WORD, address.pack((ip.strip("[]"),))) + ex.immediate(_SECOND, service.pack((port,)))
    return load + ex.dnat(facts.number, ex.FIRST_WORD, _SECOND, with_flag=True)


_ENCODERS: dict[type, Callable[[Any, Scope], bytes]] = {
    st.InSet: _in_set,
    st.VerdictMap: _verdict_map,
    st.Address: _address,
    st.AddressIn: _address_in,
    st.InputInterface: _input_interface,
    st.IsLocal: _is_local,
    st.Protocol4: _protocol,
    st.IsNew: _is_new,
    st.IsDnat: _is_dnat,
    st.SetMark: _set_mark,
    st.TakeMark: _take_mark,
    st.Masquerade: _masquerade,
    st.Jump: _jump,
    st.Goto: _goto,
    st.Drop: _drop,
    st.Reject: _reject,
    st.SpreadDnat: _spread_dnat,
    st.SpreadGoto: _spread_goto,
    st.SpreadDnatMap: _spread_dnat_map,
    st.HashDnatMap: _hash_dnat_map,
    st.Remember: _remember,
    st.Dnat: _dnat,
}
