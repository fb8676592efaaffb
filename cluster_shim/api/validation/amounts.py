"""Quantities as numbers, for comparisons; they come in canonical form, and the same ones come again and again."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.amounts import NANO, parse
from cluster_shim.api.fields import Path
from cluster_shim.api.validation.checks import IS_NEGATIVE, IS_NOT_POSITIVE, Errors

MAX_MILLI_VALUE = (2**63 - 1) // 1000


def nano(quantity: str | None) -> int:
    """Return a quantity in billionths; none is zero."""
    return parse(quantity or "0").nano


def value(quantity: str | None) -> int:
    """Return a quantity as an integer, rounded up."""
    return -(-nano(quantity) // NANO)


def milli_value(quantity: str | None) -> int:
    """Return a quantity in thousandths, rounded up."""
    return -(-nano(quantity) // (NANO // 1000))


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
