"""Data types of nf_tables: what parts of keys and values are as bytes, and the numbers that nft gives to the types.

A part is padded to four bytes where it stands in a concatenation. Knows nothing of messages.
Source: nft's datatype.h (type numbers, six bits each in a concatenation); linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from operator import getitem
from typing import Final, NamedTuple

from proxy_core.errors import KernelError, NotSupported
from proxy_core.nft.transaction import INDEX, ElementKey

PROTOCOLS: Final = {"tcp": 6, "udp": 17, "sctp": 132}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
VERDICTS: Final = {"drop": 0, "accept": 1, "continue": -1, "jump": -3, "goto": -4, "return": -5}
VERDICT_NAMES: Final = {number: name for name, number in VERDICTS.items()}
VERDICT = "verdict"
VERDICT_TYPE: Final = 0xFFFFFF00
_TYPE_BITS = 6
_KEPT_WORDS = 1 << 16


class DataType(NamedTuple):
    """A type of one part."""

    name: str
    number: int
    size: int
    pack: Callable[[str], bytes]
    unpack: Callable[[bytes], str]


def protocol_number(name: str) -> int:
    """Return the number of a transport protocol. Raises NotSupported."""
    number = PROTOCOLS.get(name)
    if number is None:
        raise NotSupported(f"nft: transport protocol {name!r}")
    return number


def _ipv4(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET, text)


def _ipv6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


def _index(text: str) -> bytes:
    return int(text).to_bytes(4, "little")


_TYPES = (
    DataType("ipv4_addr", 7, 4, _ipv4, lambda data: socket.inet_ntop(socket.AF_INET, data)),
    DataType("ipv6_addr", 8, 16, _ipv6, lambda data: socket.inet_ntop(socket.AF_INET6, data)),
    DataType(
        "inet_proto",
        12,
        1,
        lambda text: bytes((protocol_number(text),)),
        lambda data: _PROTOCOL_NAMES.get(data[0], str(data[0])),
    ),
    DataType(
        "inet_service",
        13,
        2,
        lambda text: int(text).to_bytes(2, "big"),
        lambda data: str(int.from_bytes(data, "big")),
    ),
    DataType(INDEX, 4, 4, _index, lambda data: str(int.from_bytes(data, "little"))),
)
_BY_NAME = {each.name: each for each in _TYPES}
_BY_NUMBER = {each.number: each for each in _TYPES}


class _Packed(dict[str, bytes]):
    """Words of one type as bytes, padded; what has been asked is kept, for the same words come again and again."""

    def __init__(self, pack: Callable[[str], bytes], padding: bytes) -> None:
        super().__init__()
        self._pack, self._padding = pack, padding

    def __missing__(self, word: str) -> bytes:
        if len(self) >= _KEPT_WORDS:
            self.clear()
        found = self[word] = self._pack(word) + self._padding
        return found


class _Unpacked(dict[bytes, str]):
    """The way back of `_Packed`."""

    def __init__(self, part: DataType) -> None:
        super().__init__()
        self._part = part

    def __missing__(self, data: bytes) -> str:
        if len(self) >= _KEPT_WORDS:
            self.clear()
        found = self[data] = self._part.unpack(data)
        return found


class Layout:
    """The parts of a key or value, one after the other."""

    def __init__(self, parts: tuple[DataType, ...]) -> None:
        self.parts = parts
        self._count = len(parts)
        self.number = 0
        for part in parts:
            self.number = self.number << _TYPE_BITS | part.number
        sizes = [part.size for part in parts]
        at, places = 0, []
        for size in sizes:
            places.append((at, at + size))
            at += (size + 3) & ~3
        self._unpacked = [(_Unpacked(part), *place) for part, place in zip(parts, places, strict=True)]
        self.size = at if len(parts) > 1 else sizes[0]
        padded = len(parts) > 1  # a part that stands alone is not
        self._packed = [_Packed(part.pack, bytes(-part.size & 3) if padded else b"") for part in parts]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    def pack(self, words: ElementKey) -> bytes:
        """Return the bytes of a key or value. Raises KernelError where a word is none of its type."""
        try:
            if len(words) == self._count:
                return b"".join(map(getitem, self._packed, words))
        except (ValueError, OSError, OverflowError):
            pass
        raise KernelError(f"nft: {' . '.join(words)}: is no {' . '.join(self.names)}")

    def pack_range(self, words: ElementKey) -> tuple[bytes, bytes]:
        """Return the first and the last key of a key of which parts may be networks. Raises KernelError."""
        first, last = zip(*[_ends(word) for word in words], strict=True)
        return self.pack(first), self.pack(last)

    def unpack(self, data: bytes) -> ElementKey:
        """Return the words of a key or value."""
        return tuple([unpacked[data[start:end]] for unpacked, start, end in self._unpacked])

    def unpack_range(self, first: bytes, last: bytes) -> ElementKey:
        """Return the words of a key of which parts may be networks."""
        ends = zip(self.unpack(first), self.unpack(last), strict=True)
        return tuple([low if low == high else _network(low, high) for low, high in ends])


def _ends(word: str) -> tuple[str, str]:
    if "/" not in word:
        return word, word
    try:
        network = ip_network(word, strict=False)
    except ValueError:
        raise KernelError(f"nft: {word}: is no network") from None
    return str(network[0]), str(network[-1])


def _network(low: str, high: str) -> str:
    first, last = ip_address(low), ip_address(high)
    return f"{low}/{first.max_prefixlen - (int(first) ^ int(last)).bit_length()}"


@lru_cache(maxsize=256)
def layout(names: tuple[str, ...]) -> Layout:
    """Return the layout of some types. Raises NotSupported where one is not known here."""
    unknown = [name for name in names if name not in _BY_NAME]
    if unknown:
        raise NotSupported(f"nft: data type {unknown[0]!r}")
    return Layout(tuple(_BY_NAME[name] for name in names))


@lru_cache(maxsize=256)
def layout_of(number: int) -> Layout:
    """Return the layout of a type number of nft. Raises NotSupported where a type is not known here."""
    numbers, rest = [], number
    while rest:
        numbers.append(rest & ((1 << _TYPE_BITS) - 1))
        rest >>= _TYPE_BITS
    unknown = [each for each in numbers if each not in _BY_NUMBER]
    if unknown or not numbers:
        raise NotSupported(f"nft: data type number {(unknown or [0])[0]}")
    return Layout(tuple(_BY_NUMBER[each] for each in reversed(numbers)))
