"""Expressions of nf_tables as bytes: one function for each kind that statements are made of.

A rule is a list of expressions that load registers, compare them and act. Knows nothing of statements.
Source: linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

from functools import lru_cache

from proxy_core.kernel.netlink import attr, be32, nest, text
from proxy_core.kernel.nft.types import VERDICTS

LIST_ELEM = 1
EQUAL, DIFFERENT = 0, 1
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
META_MARK, META_IIFNAME, META_L4PROTO = 3, 6, 16
CT_STATE, CT_STATUS = 0, 2
FIB_SADDR, FIB_DADDR = 1, 2
_FIB_ADDRESS_TYPE = 3
_NAT_PROTO_SPECIFIED, _NAT_RANDOM_FULLY = 0x2, 0x10
FIRST_WORD = 4
"""Registers count words of four bytes; the first four are the verdict's."""
_LAST_WORD = 20
_cached = lru_cache(maxsize=1 << 12)


def register(word: int) -> int:
    """Return the number of the register that begins at a word; one of 16 bytes where it can be."""
    assert FIRST_WORD <= word < _LAST_WORD, word
    return word + 4 if word % 4 else word // 4


def expression(name: str, *attrs: bytes) -> bytes:
    """Return one expression of a rule's list."""
    return nest(LIST_ELEM, text(1, name), nest(2, *attrs))


@_cached
def payload(word: int, base: int, offset: int, size: int) -> bytes:
    """Load bytes of a header."""
    return expression("payload", be32(1, register(word)), be32(2, base), be32(3, offset), be32(4, size))


@_cached
def meta(word: int, key: int) -> bytes:
    """Load what the kernel knows of a packet."""
    return expression("meta", be32(2, key), be32(1, register(word)))


@_cached
def set_meta(word: int, key: int) -> bytes:
    """Store what the kernel knows of a packet."""
    return expression("meta", be32(2, key), be32(3, register(word)))


@_cached
def conntrack(word: int, key: int) -> bytes:
    """Load what connection tracking knows of a packet."""
    return expression("ct", be32(2, key), be32(1, register(word)))


@_cached
def fib_type(word: int, flags: int) -> bytes:
    """Load the type of an address (unicast, local, ...)."""
    return expression("fib", be32(3, flags), be32(2, _FIB_ADDRESS_TYPE), be32(1, register(word)))


@_cached
def compare(word: int, operator: int, data: bytes) -> bytes:
    """Go on if a register is (or is not) equal to something."""
    return expression("cmp", be32(1, register(word)), be32(2, operator), nest(3, attr(1, data)))


@_cached
def bitwise(word: int, mask: bytes, xor: bytes) -> bytes:
    """Mask a register, then flip bits."""
    where, size = be32(1, register(word)) + be32(2, register(word)), be32(3, len(mask))
    return expression("bitwise", where, be32(6, 0), size, nest(4, attr(1, mask)), nest(5, attr(1, xor)))


def immediate(word: int, data: bytes) -> bytes:
    """Load a constant."""
    return expression("immediate", be32(1, register(word)), nest(2, attr(1, data)))


def verdict_data(verb: str, chain: str = "") -> bytes:
    """Return a verdict as the content of a data attribute."""
    code = be32(1, VERDICTS[verb] & 0xFFFFFFFF)
    return nest(2, code, text(2, chain)) if chain else nest(2, code)


def verdict(verb: str, chain: str = "") -> bytes:
    """Give a verdict."""
    return expression("immediate", be32(1, 0), nest(2, verdict_data(verb, chain)))


def lookup(word: int, name: str, set_id: int, *, result: int | None = None, negated: bool = False) -> bytes:
    """Look a key up in a set, or in a map that gives `result` (a word; 0 is the verdict)."""
    attrs = [be32(2, register(word))]
    if result is not None:
        attrs.append(be32(3, register(result) if result else 0))
    attrs.append(text(1, name))
    if set_id:
        attrs.append(be32(4, set_id))
    if negated:
        attrs.append(be32(5, 1))
    return expression("lookup", *attrs)


def update(word: int, name: str, set_id: int) -> bytes:
    """Put a key into a dynamic set, or renew its time."""
    identity = be32(2, set_id) if set_id else b""
    return expression("dynset", be32(4, register(word)), be32(3, 1), text(1, name), identity)


@_cached
def random_number(word: int, modulus: int) -> bytes:
    """Load a random number below a modulus."""
    return expression("numgen", be32(1, register(word)), be32(2, modulus), be32(3, 1), be32(4, 0))


@_cached
def jhash(source: int, word: int, size: int, modulus: int, seed: int) -> bytes:
    """Load a hash, below a modulus, of some bytes that begin at the word `source`."""
    where = be32(1, register(source)) + be32(2, register(word))
    return expression("hash", where, be32(3, size), be32(4, modulus), be32(5, seed), be32(6, 0), be32(7, 0))


@_cached
def dnat(family: int, address: int, port: int, *, with_flag: bool) -> bytes:
    """Change the destination to what is in registers."""
    where = be32(3, register(address)) + be32(5, register(port))
    flags = be32(7, _NAT_PROTO_SPECIFIED) if with_flag else b""
    return expression("nat", be32(1, 1), be32(2, family), where, flags)


MASQUERADE = expression("masq", be32(1, _NAT_RANDOM_FULLY))


@_cached
def reject(code: int) -> bytes:
    """Refuse a packet with an ICMP code."""
    return expression("reject", be32(1, 0), attr(2, bytes((code,))))
