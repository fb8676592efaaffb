"""Elements of sets and maps: from words to attributes and back.

Source: linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from proxy_core.errors import KernelError
from proxy_core.kernel.netlink import NESTED, attr, attrs, be32, each_attr, nest
from proxy_core.kernel.nft import userdata
from proxy_core.kernel.nft.containers import Shape
from proxy_core.kernel.nft.expressions import LIST_ELEM, verdict_data
from proxy_core.kernel.nft.names import checked
from proxy_core.kernel.nft.types import VERDICT_NAMES, VERDICTS
from proxy_core.nft.transaction import AddElement, DeleteElement, ElementKey

_KEY, _DATA, _FLAGS, _USERDATA, _KEY_END = 1, 2, 3, 6, 10
_INTERVAL_END = 0x1
_LIST_BYTES = 60_000
"""A list of elements is one attribute, which holds 65,535 bytes."""
_HEAD, _TWO_HEADS = struct.Struct("=HH"), struct.Struct("=HHHH")


class ElementEncoder:
    """Encodes elements of one shape: all that does not depend on the words is packed once."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._pack_key = shape.key.pack
        self._pack_value = shape.value.pack if shape.value is not None else None
        size = shape.key.size
        padded = size + 3 & ~3
        self._key_padding = bytes(padded - size)
        self._key_head = _TWO_HEADS.pack(8 + padded, _KEY | NESTED, 4 + size, 1)
        self._bare_head = _HEAD.pack(12 + padded, LIST_ELEM | NESTED) + self._key_head
        if shape.value is not None:
            size = shape.value.size
            data = size + 3 & ~3
            self._data_padding = bytes(data - size)
            self._data_head = self._key_padding + _TWO_HEADS.pack(8 + data, _DATA | NESTED, 4 + size, 1)
            self._pair_head = _HEAD.pack(20 + padded + data, LIST_ELEM | NESTED) + self._key_head

    def encode(self, command: AddElement | DeleteElement) -> bytes:
        """Return the attributes of an element. Raises KernelError where a word is none of its type."""
        if self._shape.interval:
            return self._interval(command.key, self._rest(command) if isinstance(command, AddElement) else b"")
        if not isinstance(command, AddElement):
            return self._bare_head + self._pack_key(command.key) + self._key_padding
        if self._pack_value is not None and not command.comment:
            return self.pair(command.key, tuple(command.value.split(" . ")))
        rest = self._rest(command)
        key = self._pack_key(command.key)
        return nest(LIST_ELEM, self._key(key), rest) if rest else self._bare_head + key + self._key_padding

    def pair(self, key: ElementKey, value: tuple[str, ...]) -> bytes:
        """Return the attributes of an element of a map of data. Raises KernelError as `encode` does."""
        assert self._pack_value is not None
        data = self._pack_value(value)
        return self._pair_head + self._pack_key(key) + self._data_head + data + self._data_padding

    def _interval(self, words: ElementKey, rest: bytes) -> bytes:
        first, last = self._shape.key.pack_range(words)
        if self._shape.concatenated_interval:
            return nest(LIST_ELEM, self._key(first), rest, nest(_KEY_END, attr(1, last)))
        begin, behind = nest(LIST_ELEM, self._key(first), rest), int.from_bytes(last, "big") + 1
        if behind >> 8 * len(last):
            return begin  # up to the last address there is
        return begin + nest(LIST_ELEM, be32(_FLAGS, _INTERVAL_END), self._key(behind.to_bytes(len(last), "big")))

    def _key(self, data: bytes) -> bytes:
        return self._key_head + data + self._key_padding

    def _rest(self, command: AddElement) -> bytes:
        """Return what follows the key: a value, if it is a map, and a comment."""
        found = b""
        if self._shape.verdicts:
            found = nest(_DATA, _verdict(command.value))
        elif self._pack_value is not None:
            found = nest(_DATA, attr(1, self._pack_value(tuple(command.value.split(" . ")))))
        elif command.value:
            raise KernelError(f"nft: {command.container}: is a set, and has no value {command.value!r}")
        return found + (attr(_USERDATA, userdata.comment(command.comment)) if command.comment else b"")


def _verdict(words: str) -> bytes:
    verb, _, chain = words.partition(" ")
    if verb not in VERDICTS or bool(chain) != (verb in ("jump", "goto")):
        raise KernelError(f"nft: {words!r}: is no verdict")
    return verdict_data(verb, checked("chain", chain) if chain else "")


@lru_cache(maxsize=256)
def encoder(shape: Shape) -> ElementEncoder:
    """Return the encoder for a shape."""
    return ElementEncoder(shape)


def lists(elements: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield elements as lists that fit into an attribute, each with the number of its elements."""
    found: list[bytes] = []
    size = 0
    for each in elements:
        if size + len(each) > _LIST_BYTES:
            yield len(found), b"".join(found)
            found, size = [], 0
        found.append(each)
        size += len(each)
    if found:
        yield len(found), b"".join(found)


def read(lists: Iterable[bytes], shape: Shape) -> dict[ElementKey, str]:
    """Return the elements of lists of the kernel with their values (empty for a set)."""
    if shape.interval and not shape.concatenated_interval:
        return dict.fromkeys(_ranges(lists, shape), "")
    found: dict[ElementKey, str] = {}
    if shape.interval:
        for parts in (attrs(data) for each in lists for _, data in each_attr(each)):
            words = shape.key.unpack_range(parts[_KEY][4:], parts[_KEY_END][4:])
            found[words] = _read_value(parts[_DATA], shape) if _DATA in parts else ""
        return found
    size = shape.key.size
    behind = 12 + (size + 3 & ~3)
    unpack, is_map = shape.key.unpack, shape.verdicts or shape.value is not None
    for data in lists:
        at, end = 0, len(data)
        while at < end:  # an element begins with its key, and its value follows: no need to look at all attributes
            length = data[at] | data[at + 1] << 8
            words, value = unpack(data[at + 12 : at + 12 + size]), at + behind
            if is_map:
                last = value + (data[value] | data[value + 1] << 8)
                found[words] = _read_value(data[value + 4 : last], shape)
            else:
                found[words] = ""
            at += length + 3 & ~3
    return found


def _read_value(data: bytes, shape: Shape) -> str:
    if shape.value is not None:
        return " . ".join(shape.value.unpack(data[4:]))
    return _read_verdict(data)


@lru_cache(maxsize=1 << 14)
def _read_verdict(data: bytes) -> str:
    parts = attrs(data[4:])
    verb = VERDICT_NAMES.get(int.from_bytes(parts[1], "big", signed=True), "unknown")
    return f"{verb} {parts[2].rstrip(bytes(1)).decode()}" if 2 in parts else verb


def _ranges(lists: Iterable[bytes], shape: Shape) -> Iterator[ElementKey]:
    """Yield the networks of a set of which an element begins and another ends each."""
    size = shape.key.size
    ends = []
    for each in lists:
        for _, data in each_attr(each):
            parts = attrs(data)
            is_end = bool(int.from_bytes(parts.get(_FLAGS, b""), "big") & _INTERVAL_END)
            ends.append((int.from_bytes(parts[_KEY][4:], "big"), not is_end))
    begun: int | None = None
    for address, begins in [*sorted(ends), (1 << 8 * size, False)]:
        if begun is not None:
            yield shape.key.unpack_range(begun.to_bytes(size, "big"), (address - 1).to_bytes(size, "big"))
        begun = address if begins else None
