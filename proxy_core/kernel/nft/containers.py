"""Sets and maps as messages, and what is known of them: the layout of their keys and values.

Knows nothing of their elements.
Source: linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.errors import NotSupported
from proxy_core.kernel.netlink import attr, be32, be64, nest, text
from proxy_core.kernel.nft import userdata
from proxy_core.kernel.nft.types import VERDICT, VERDICT_TYPE, Layout, layout, layout_of
from proxy_core.nft.transaction import Container

SET_TABLE, SET_NAME, SET_FLAGS, SET_KEY_TYPE, SET_KEY_LEN, SET_DATA_TYPE, SET_DATA_LEN = range(1, 8)
_DESC, _ID, _TIMEOUT, _USERDATA = 9, 10, 11, 13
ANONYMOUS, CONSTANT, INTERVAL, MAP, TIMEOUT, EVAL, CONCAT = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x80


class Shape(NamedTuple):
    """How the elements of a set or map look."""

    key: Layout
    value: Layout | None = None
    """None: a set, or a map of verdicts."""
    verdicts: bool = False
    interval: bool = False

    @property
    def concatenated_interval(self) -> bool:
        """Whether an element has its first and last key; else the first and the one behind are two elements."""
        return self.interval and len(self.key.parts) > 1


def shape_of(container: Container) -> Shape:
    """Return the shape of a container. Raises NotSupported where it has a type that is not known here."""
    key, verdicts = layout(container.key), container.value == VERDICT
    value = layout(tuple(container.value.split(" . "))) if container.value and not verdicts else None
    return Shape(key, value, verdicts, container.interval)


def shape_from(attributes: dict[int, bytes]) -> Shape:
    """Return the shape of a set that the kernel describes. Raises NotSupported as `shape_of` does."""
    key = layout_of(_be32(attributes[SET_KEY_TYPE]))
    flags = _be32(attributes.get(SET_FLAGS, b""))
    data = _be32(attributes.get(SET_DATA_TYPE, b"")) if flags & MAP else 0
    verdicts = data == VERDICT_TYPE
    return Shape(key, layout_of(data) if data and not verdicts else None, verdicts, bool(flags & INTERVAL))


def _be32(data: bytes) -> int:
    return int.from_bytes(data, "big")


def named(container: Container, number: int) -> bytes:
    """Return the attributes, behind the table's, that make a named set or map. Raises NotSupported, KernelError."""
    shape = shape_of(container)
    if container.timeout_seconds and (container.interval or container.value):
        raise NotSupported(f"nft over netlink: {container.kind} {container.name}: a timeout of a map or of networks")
    flags = (TIMEOUT | EVAL if container.timeout_seconds else 0) | (INTERVAL if container.interval else 0)
    flags |= (MAP if container.value else 0) | (CONCAT if shape.concatenated_interval else 0)
    found = text(SET_NAME, container.name) + be32(SET_FLAGS, flags) + _types(shape) + be32(_ID, number)
    if shape.concatenated_interval:
        fields = [nest(1, be32(1, part.size)) for part in shape.key.parts]
        found += nest(_DESC, nest(2, *fields))
    if container.timeout_seconds:
        found += be64(_TIMEOUT, container.timeout_seconds * 1000)
    value = tuple(container.value.split(" . ")) if container.value else ()
    return found + attr(_USERDATA, userdata.of_container(container.key, value, container.comment))


def anonymous(name: str, number: int, shape: Shape, size: int, user_data: bytes) -> bytes:
    """Return the attributes, behind the table's, that make a set or map of one rule with so many elements."""
    flags = ANONYMOUS | CONSTANT | (INTERVAL if shape.interval else 0)
    flags |= MAP if shape.verdicts or shape.value is not None else 0
    head = text(SET_NAME, name) + be32(SET_FLAGS, flags) + _types(shape)
    return head + be32(_ID, number) + nest(_DESC, be32(1, size)) + attr(_USERDATA, user_data)


def _types(shape: Shape) -> bytes:
    found = be32(SET_KEY_TYPE, shape.key.number) + be32(SET_KEY_LEN, shape.key.size)
    if shape.verdicts:
        found += be32(SET_DATA_TYPE, VERDICT_TYPE) + be32(SET_DATA_LEN, 0)
    elif shape.value is not None:
        found += be32(SET_DATA_TYPE, shape.value.number) + be32(SET_DATA_LEN, shape.value.size)
    return found
