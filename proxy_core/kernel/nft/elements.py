"""Elements of sets and maps: from words to attributes and back.

Source: linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from proxy_core.errors import KernelError
from proxy_core.kernel.netlink import attr, attrs, be32, each_attr, nest
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
_KEY_HEAD = struct.Struct("=HHHH")
_NESTED = 0x8000


def element(command: AddElement | DeleteElement, shape: Shape) -> bytes:
    """Return the attributes of an element. Raises KernelError where a word is none of its type."""
    rest = b""
    if isinstance(command, AddElement):
        if shape.verdicts or shape.value is not None:
            rest = nest(_DATA, _value(command.value, shape))
        elif command.value:
            raise KernelError(f"nft: {command.container}: is a set, and has no value {command.value!r}")
        if command.comment:
            rest += attr(_USERDATA, userdata.comment(command.comment))
    if not shape.interval:
        return nest(LIST_ELEM, _key(shape.key.pack(command.key)), rest)
    first, last = shape.key.pack_range(command.key)
    if shape.concatenated_interval:
        return nest(LIST_ELEM, _key(first), rest, nest(_KEY_END, attr(1, last)))
    behind = int.from_bytes(last, "big") + 1
    if behind >> 8 * len(last):
        return nest(LIST_ELEM, _key(first), rest)
    end = nest(LIST_ELEM, be32(_FLAGS, _INTERVAL_END), _key(behind.to_bytes(len(last), "big")))
    return nest(LIST_ELEM, _key(first), rest) + end


def _key(data: bytes) -> bytes:
    size = len(data)
    padded = size + 3 & ~3
    return _KEY_HEAD.pack(8 + padded, _KEY | _NESTED, 4 + size, 1) + data + b"\0" * (padded - size)


def _value(text: str, shape: Shape) -> bytes:
    if shape.value is not None:
        return attr(1, shape.value.pack(tuple(text.split(" . "))))
    verb, _, chain = text.partition(" ")
    if verb not in VERDICTS or bool(chain) != (verb in ("jump", "goto")):
        raise KernelError(f"nft: {text!r}: is no verdict")
    return verdict_data(verb, checked("chain", chain) if chain else "")


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
    found: dict[ElementKey, str] = {}
    if shape.interval and not shape.concatenated_interval:
        return dict.fromkeys(_ranges(lists, shape), "")
    unpack = shape.key.unpack
    for each in lists:
        for _, data in each_attr(each):
            parts = attrs(data)
            key = parts[_KEY][4:]
            words = shape.key.unpack_range(key, parts[_KEY_END][4:]) if _KEY_END in parts else unpack(key)
            found[words] = _read_value(parts[_DATA], shape) if _DATA in parts else ""
    return found


def _read_value(data: bytes, shape: Shape) -> str:
    if shape.value is not None:
        return " . ".join(shape.value.unpack(data[4:]))
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
