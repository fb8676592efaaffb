"""Quantities as numbers, for comparisons; they come in canonical form, and the same ones come again and again."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation.checks import IS_NEGATIVE, IS_NOT_POSITIVE, Errors

_NANO = 10**9
_PARTS = re.compile(r"([+-]?[0-9.]+)(?:(n|u|m|k|[KMGTPE]i?)|[eE]([+-]?[0-9]+))?")
_DECIMAL_SUFFIXES = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}

MAX_MILLI_VALUE = (2**63 - 1) // 1000


@lru_cache(4096)
def nano(quantity: str | None) -> int:
    """Return a quantity in billionths; none is zero."""
    found = _PARTS.fullmatch(str(quantity or "0"))
    if found is None:
        return 0
    number, suffix, exponent = Decimal(found[1]), found[2], int(found[3] or 0)
    if suffix in _BINARY_SUFFIXES:
        number *= 2 ** _BINARY_SUFFIXES[suffix]
    else:
        number = number.scaleb(exponent + _DECIMAL_SUFFIXES.get(suffix or "", 0))
    return int(number * _NANO)


def value(quantity: str | None) -> int:
    """Return a quantity as an integer, rounded up."""
    return -(-nano(quantity) // _NANO)


def milli_value(quantity: str | None) -> int:
    """Return a quantity in thousandths, rounded up."""
    return -(-nano(quantity) // (_NANO // 1000))


def is_integer(quantity: str) -> bool:
    """Return whether a quantity has no fraction of at least a thousandth."""
    return milli_value(quantity) % 1000 == 0


def non_negative(errors: Errors, quantity: str, path: Path) -> None:
    """Demand that a quantity is not below zero."""
    if nano(quantity) < 0:
        errors.append(fields.invalid(path, quantity, IS_NEGATIVE))


def positive(errors: Errors, quantity: str, path: Path) -> None:
    """Demand that a quantity is above zero."""
    if nano(quantity) <= 0:
        errors.append(fields.invalid(path, quantity, IS_NOT_POSITIVE))
