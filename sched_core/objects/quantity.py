"""Quantities: text such as ``500m``, ``1.5Gi`` or ``2e3`` to exact integers.

Everything is exact Python int in *nano* units (value * 10**9), the finest step that Kubernetes knows. This module does
*not* judge whether a quantity makes sense for a resource; that is done when objects are loaded.
"""

from __future__ import annotations

import re
from functools import lru_cache

NANO = 10**9
INT64_MAX = 2**63 - 1

_MAX_LENGTH = 1024
_MAX_EXPONENT = 1024
_LARGEST_BINARY = INT64_MAX * NANO
_PATTERN = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?"
    r"(?:(?P<binary>[KMGTPE])i|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]{1,9}))?"
)
_BINARY = {"K": 10, "M": 20, "G": 30, "T": 40, "P": 50, "E": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


@lru_cache(maxsize=1 << 17)
def parse_quantity(value: str | int | float) -> int:
    """Parse a quantity as it stands in JSON or YAML and return its exact value in nano units.

    What is finer than one nano is rounded up (away from zero); quantities with a binary suffix stop at 2**63 - 1, as
    upstream. White space around the text is ignored, as upstream does when it reads JSON. Text without any digit, which
    upstream takes for zero against its own grammar, is refused.

    Raises ValueError with a sentence for humans. Source: apimachinery ``pkg/api/resource/quantity.go``, ``suffix.go``.
    """
    if isinstance(value, int):
        return value * NANO
    text = value.strip() if isinstance(value, str) else repr(value)
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"a quantity of {len(text)} characters is too long")
    match = _PATTERN.fullmatch(text)
    if match is None or not (match["whole"] or match["fraction"]):
        raise ValueError(
            f"{text!r} is not a quantity: expected a number with an optional suffix "
            "(n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3)"
        )
    fraction = match["fraction"] or ""
    mantissa = int((match["whole"] or "") + fraction)
    shift = 9 - len(fraction)
    if match["binary"]:
        mantissa <<= _BINARY[match["binary"]]
    elif match["decimal"]:
        shift += _DECIMAL[match["decimal"]]
    elif match["exponent"]:
        exponent = int(match["exponent"])
        if abs(exponent) > _MAX_EXPONENT:
            raise ValueError(f"{text!r} is not a quantity: its exponent is beyond {_MAX_EXPONENT}")
        shift += exponent
    power: int = 10 ** abs(shift)
    nano = mantissa * power if shift >= 0 else -(-mantissa // power)
    if match["binary"]:
        nano = min(nano, _LARGEST_BINARY)
    return -nano if match["sign"] == "-" else nano


def milli_value(nano: int) -> int:
    """Return nano units in units of 1/1000, rounded away from zero."""
    return -(-nano // 10**6) if nano >= 0 else nano // 10**6


def value(nano: int) -> int:
    """Return nano units in whole units, rounded away from zero."""
    return -(-nano // NANO) if nano >= 0 else nano // NANO


def resource_amount(name: str, nano: int) -> int:
    """Return nano units in the unit in which the scheduler counts the resource: cpu in 1/1000, all others in 1."""
    return milli_value(nano) if name == "cpu" else value(nano)


def amount_text(name: str, amount: int) -> str:
    """Return an amount in the unit of its column as people write it: ``250m``, ``1.5``, ``1.5Gi``.

    Bytes that take more than two decimals are rounded up. Every text reads back with ``parse_quantity``.
    """
    if name == "cpu":
        return _decimal(amount, 3) if amount % 1000 == 0 or abs(amount) >= 1000 else f"{amount}m"
    if name not in ("memory", "ephemeral-storage") and not name.startswith("hugepages-"):
        return str(amount)
    for suffix, bits in reversed(_BINARY.items()):
        if abs(amount) >= 1 << bits:
            return _decimal(-(-amount * 100 >> bits), 2) + f"{suffix}i"
    return str(amount)


def _decimal(number: int, digits: int) -> str:
    """Return a number that counts in 1/10**digits, without zeros at its end."""
    whole, fraction = divmod(abs(number), 10**digits)
    text = f"{whole}.{fraction:0{digits}}".rstrip("0").rstrip(".")
    return f"-{text}" if number < 0 else text
