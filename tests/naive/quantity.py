"""Kubernetes quantities as exact fractions.

Does not canonicalise or print quantities; the scheduler only adds, compares and rounds them up.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

MAX_INT64 = 2**63 - 1

_FORM = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse_quantity(text: str | int | float) -> Fraction:
    """Return the exact value of a quantity, rounded away from zero to a multiple of 10**-9.

    Raises ValueError for what is no quantity. Source: upstream's api/resource/quantity.go.
    """
    form = _FORM.fullmatch(str(text))
    if form is None or str(text) == "":
        raise ValueError(f"not a quantity: {text!r}")
    sign, whole, digits, suffix = form.group(1), form.group(2), form.group(3) or "", form.group(4)
    value = Fraction(int((whole + digits) or "0"), 10 ** len(digits))
    if suffix in _BINARY:
        value = min(value * 2 ** _BINARY[suffix], Fraction(MAX_INT64))
    elif suffix in _DECIMAL:
        value *= Fraction(10) ** _DECIMAL[suffix]
    else:
        value *= Fraction(10) ** int(suffix[1:])
    value = Fraction(math.ceil(value * 10**9), 10**9)
    return -value if sign == "-" else value


def to_units(value: Fraction) -> int:
    """Round up to whole units; raises OverflowError beyond int64."""
    return _int64(math.ceil(value))


def to_milli(value: Fraction) -> int:
    """Round up to thousandths; raises OverflowError beyond int64."""
    return _int64(math.ceil(value * 1000))


def _int64(value: int) -> int:
    if not -MAX_INT64 <= value <= MAX_INT64:
        raise OverflowError(f"{value} does not fit into int64")
    return value
