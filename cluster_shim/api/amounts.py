"""Amounts: quantities that are added and compared, exact, and written again as upstream writes them.

What is a legal quantity is decided before (validation); here every text is one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

NANO = 10**9
MOST_ZEROS = 200
"""What a power of ten counts for at most: one of some hundred thousand digits would take minutes to compute with."""

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIX_OF_POWER = {power: suffix for suffix, power in _DECIMAL.items()}
_SUFFIX_OF_SHIFT = {shift: suffix for suffix, shift in _BINARY.items()}


class Amount(NamedTuple):
    """An exact number of nanos, and the family of suffixes that it is written with."""

    nano: int
    family: str = "DecimalSI"
    """DecimalSI, BinarySI or DecimalExponent."""

    def plus(self, other: Amount) -> Amount:
        """Return the sum; zero takes over the family of what is added."""
        return Amount(self.nano + other.nano, self.family if self.nano else other.family)

    def minus(self, other: Amount) -> Amount:
        """Return the difference; zero takes over the family of what is taken away."""
        return Amount(self.nano - other.nano, self.family if self.nano else other.family)

    def __str__(self) -> str:
        """Return the canonical text."""
        if not self.nano:
            return "0"
        if self.family == "BinarySI" and abs(self.nano) >= 1024 * NANO and self.nano % NANO == 0:
            return _binary_text(self.nano // NANO)
        number, power = self.nano, -9
        while number % 1000 == 0 and power < 18:
            number, power = number // 1000, power + 3
        if self.family == "DecimalExponent":
            return f"{number}e{power}" if power else str(number)
        return f"{number}{_SUFFIX_OF_POWER[power]}"


ZERO = Amount(0)


def count(number: int) -> Amount:
    """Return a number of objects as an amount."""
    return Amount(number * NANO)


@lru_cache(maxsize=1 << 14)
def parse(text: str | int | float) -> Amount:
    """Return what a quantity says."""
    number = str(text)
    if number[-2:] in _BINARY:
        mantissa, scale = _mantissa(number[:-2])
        return Amount(_scaled(mantissa << _BINARY[number[-2:]], scale + 9), "BinarySI")
    if number[-1:] in _DECIMAL:
        mantissa, scale = _mantissa(number[:-1])
        return Amount(_scaled(mantissa, scale + 9 + _DECIMAL[number[-1]]))
    plain, _, exponent = number.lower().partition("e")
    mantissa, scale = _mantissa(plain)
    return Amount(_scaled(mantissa, scale + 9 + int(exponent or 0)), "DecimalExponent" if exponent else "DecimalSI")


def _mantissa(number: str) -> tuple[int, int]:
    whole, _, fraction = number.partition(".")
    return int(whole + fraction), -len(fraction)


def _scaled(mantissa: int, power: int) -> int:
    scale: int = 10 ** min(abs(power), MOST_ZEROS)
    if power >= 0:
        return mantissa * scale
    return -(-mantissa // scale) if mantissa >= 0 else mantissa // scale


def _binary_text(number: int) -> str:
    shift = 0
    while number % 1024 == 0 and shift < 60:
        number, shift = number // 1024, shift + 10
    return f"{number}{_SUFFIX_OF_SHIFT[shift] if shift else ''}"
