"""Quantities and what they share with versions: comparison. Upstream: apiserver/pkg/cel/library/quantity.go."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from cluster_shim.api import quantity
from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.values import INT_MAX, INT_MIN

_DECIMALS = re.compile(r"\.([0-9]+)(.*)$")
_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


class Quantity:
    """A quantity as a value; equal to others of the same amount."""

    type_name = "kubernetes.Quantity"
    __slots__ = ("amount", "is_whole")

    def __init__(self, amount: Fraction, is_whole: bool = True) -> None:
        self.amount = amount
        self.is_whole = is_whole
        """Whether it is written so that upstream keeps it as an integer."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.amount == other.amount

    def __hash__(self) -> int:
        return hash(self.amount)


def _parse(text: str) -> Quantity:
    try:
        found = quantity.parse(text)
        return Quantity(found.amount, _is_whole(text, found.format))
    except quantity.QuantityError as error:
        raise EvaluationError(str(error)) from None


def _is_whole(text: str, notation: str) -> bool:
    match = _DECIMALS.search(text)
    if match is None:
        return True
    power = _POWERS.get(match[2])
    if power is None:
        power = int(match[2][1:]) if notation == "DecimalExponent" else 0
    return power >= len(match[1])


def _is_quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except quantity.QuantityError:
        return False
    return True


def _is_integer(value: Quantity) -> bool:
    return value.is_whole and value.amount.denominator == 1 and INT_MIN <= value.amount <= INT_MAX


def _as_integer(value: Quantity) -> int:
    if not _is_integer(value):
        raise EvaluationError("cannot convert value to integer")
    return int(value.amount)


def _as_float(value: Quantity) -> float:
    try:
        return float(value.amount)
    except OverflowError:
        return math.inf if value.amount > 0 else -math.inf


def _amount(value: Any) -> Fraction:
    return value.amount if isinstance(value, Quantity) else Fraction(value)


def _sign(value: Quantity) -> int:
    return (value.amount > 0) - (value.amount < 0)


def key(value: Any) -> Any:
    """Return what orders a quantity or a version."""
    return value.amount if isinstance(value, Quantity) else value.key


def _ordered(test: Callable[[int], Any]) -> Callable[[Any, Any], Any]:
    return lambda one, other: test((key(one) > key(other)) - (key(one) < key(other)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "quantity": _parse,
    "isQuantity": _is_quantity,
    "sign": _sign,
    "isGreaterThan": _ordered(lambda order: order > 0),
    "isLessThan": _ordered(lambda order: order < 0),
    "compareTo": _ordered(lambda order: order),
    "asApproximateFloat": _as_float,
    "asInteger": _as_integer,
    "isInteger": _is_integer,
    "add": lambda one, other: Quantity(_amount(one) + _amount(other)),
    "sub": lambda one, other: Quantity(_amount(one) - _amount(other)),
}
