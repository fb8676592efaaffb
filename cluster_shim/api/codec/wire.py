"""Protobuf's wire: varints, tags, lengths. What the fields mean is others' business.

Upstream's messages use three of the wire types; groups and 32-bit values do not occur.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES = 0, 1, 2
_FIXED32 = 5
_MASK = (1 << 64) - 1


class WireError(ValueError):
    """The bytes are no message."""


def varint(number: int) -> bytes:
    """Return a number as a varint; negative ones as 64 bits, as protobuf wants them."""
    number &= _MASK
    if number < 0x80:
        return _SMALL[number]
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


_SMALL = [bytes((number,)) for number in range(0x80)]


def tag(number: int, wire_type: int) -> bytes:
    """Return what stands before the value of a field."""
    return varint(number << 3 | wire_type)


def delimited(number: int, content: bytes) -> bytes:
    """Return a field that has a length."""
    return tag(number, BYTES) + varint(len(content)) + content


def signed(number: int, bits: int) -> int:
    """Return the signed number that a varint stands for."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def fields(data: bytes, start: int = 0) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield number, wire type and value of each field of a message. Raise WireError."""
    position, end = start, len(data)
    while position < end:
        key, position = read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise WireError(f"proto: illegal tag {number} (wire type {wire_type})")
        value: int | bytes
        if wire_type == VARINT:
            value, position = read_varint(data, position)
        else:
            if wire_type == BYTES:
                length, position = read_varint(data, position)
            elif wire_type in (FIXED64, _FIXED32):
                length = 8 if wire_type == FIXED64 else 4
            else:
                raise WireError(f"proto: illegal wireType {wire_type}")
            if length > end - position:
                raise WireError("unexpected EOF")
            value = data[position : position + length]
            position += length
        yield number, wire_type, value


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a varint and where the next thing begins. Raise WireError."""
    number = shift = 0
    while True:
        if shift >= 64:
            raise WireError("proto: integer overflow")
        if position >= len(data):
            raise WireError("unexpected EOF")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & _MASK, position
        shift += 7
