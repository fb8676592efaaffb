"""Quantities: ``500m``, ``1.5Gi``, ``12e6`` as numbers, and the canonical text that the API writes for each.

Upstream: apimachinery/pkg/api/resource. A quantity keeps the text it came with when that is already canonical enough
for upstream's parser (which never rewrites ``1.500`` or ``05``), so the rules here follow its steps one by one.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from cluster_shim.api.remembered import remembered

DECIMAL_SI = "DecimalSI"
DECIMAL_EXPONENT = "DecimalExponent"
BINARY_SI = "BinarySI"

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMERIC_WRONG = "unable to parse numeric part of quantity"
SUFFIX_WRONG = "unable to parse quantity's suffix"

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIXES = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIXES = {exponent: suffix for suffix, exponent in _BINARY.items()}
# What has been matched is not given back: texts come from clients, and a million zeros must not take a million tries.
_PARTS = re.compile(r"([+-]?)0*+([0-9]*+)(?:\.([0-9]*+))?+([eEinumkKMGTP]*+[-+]?[0-9]*+)", re.ASCII)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)
_DIGITS = 18  # as many decimal digits fit an int64
_DIGITS_LIMIT = 4000  # what Python turns into an integer without being told that it may
_INT64_MAX = (1 << 63) - 1
_NANO = -9
_EXPONENT_LIMIT = 1 << 31


class QuantityError(ValueError):
    """A text that is no quantity; what it says is what clients see."""


class Quantity(NamedTuple):
    """``mantissa * 10**exponent`` in the notation of `format`."""

    mantissa: int
    exponent: int
    format: str
    text: str
    """What the API writes."""

    @property
    def amount(self) -> Fraction:
        """Return the exact number."""
        if self.exponent >= 0:
            return Fraction(self.mantissa * 10 ** min(self.exponent, 400))
        return Fraction(self.mantissa, 10**-self.exponent)

    @property
    def value(self) -> int:
        """Return the number rounded up to a whole one (upstream: Value)."""
        return ceil(self.amount) if self.mantissa >= 0 else -ceil(-self.amount)

    @property
    def milli_value(self) -> int:
        """Return thousandths, rounded up (upstream: MilliValue)."""
        thousandths = self.amount * 1000
        return ceil(thousandths) if self.mantissa >= 0 else -ceil(-thousandths)


@remembered(1 << 16)
def parse(text: str) -> Quantity:
    """Return the quantity that a text denotes. Raise QuantityError."""
    found = _PARTS.fullmatch(text)
    if not text or found is None:
        raise QuantityError(FORMAT_WRONG)
    sign, number, fraction, suffix = found.groups()
    fraction = fraction or ""
    number = number or "0"
    if len(number) + len(fraction) > _DIGITS_LIMIT:
        raise QuantityError(NUMERIC_WRONG)
    exponent, form = _interpret(suffix)
    digits = number + fraction
    if form != BINARY_SI:
        scale = exponent - len(fraction)
        if len(digits) <= _DIGITS and scale >= _NANO:
            value = int(digits)
            keeps = scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
            return _made(-value if sign == "-" else value, scale, form, text if keeps else "")
    elif not fraction and 15 - len(number) - exponent * 3 // 10 - 1 >= 0:
        value = int(number)
        shifted = value << exponent
        if shifted <= _INT64_MAX:
            return _made(-shifted if sign == "-" else shifted, 0, form, text if value & 7 else "")
    return _large(sign, number, fraction, exponent, form)


def canonical(text: str) -> str:
    """Return the text that the API writes for a quantity. Raise QuantityError."""
    return parse(text).text


def written(amount: Fraction, form: str = DECIMAL_SI) -> str:
    """Return the canonical text of a number, rounded up to billionths."""
    return _rounded(amount, form).text


def _interpret(suffix: str) -> tuple[int, str]:
    """Return exponent and notation; the exponent is one of two for BinarySI and one of ten otherwise."""
    if suffix in _DECIMAL:
        return _DECIMAL[suffix], DECIMAL_SI
    if suffix in _BINARY:
        return _BINARY[suffix], BINARY_SI
    found = _EXPONENT.fullmatch(suffix)
    if found is None or abs(int(found[1])) >= _EXPONENT_LIMIT:
        raise QuantityError(SUFFIX_WRONG)
    return int(found[1]), DECIMAL_EXPONENT


def _large(sign: str, number: str, fraction: str, exponent: int, form: str) -> Quantity:
    """Return what does not fit an int64, or needs rounding."""
    digits = int(number + fraction)
    if digits == 0:
        return Quantity(0, 0, DECIMAL_SI, "0")
    scale = exponent - len(fraction) if form != BINARY_SI else -len(fraction)
    if form == BINARY_SI:
        amount = Fraction(digits << exponent, 10 ** len(fraction))
    elif scale >= _NANO:
        return _made(-digits if sign == "-" else digits, scale, form, "")
    elif scale < _NANO - len(str(digits)):
        amount = Fraction(1, 10**9)  # rounding up leaves the smallest quantity there is
    else:
        amount = Fraction(digits, 10**-scale)
    if form == BINARY_SI:
        amount = min(amount, Fraction(_INT64_MAX))
        if amount < 1:
            form = DECIMAL_SI
    return _rounded(-amount if sign == "-" else amount, form)


def _rounded(amount: Fraction, form: str) -> Quantity:
    nanos = ceil(abs(amount) * 10**9)
    return _made(-nanos if amount < 0 else nanos, _NANO, form, "")


def _made(mantissa: int, exponent: int, form: str, text: str) -> Quantity:
    return Quantity(mantissa, exponent, form, text or _write(mantissa, exponent, form))


def _write(mantissa: int, exponent: int, form: str) -> str:
    if mantissa == 0:
        return "0"
    if form == BINARY_SI:
        whole, rest = divmod(mantissa * 10 ** max(exponent, 0), 10 ** max(-exponent, 0))
        if rest == 0 and not -1024 < whole < 1024:
            power = 0
            while whole % 1024 == 0:
                whole //= 1024
                power += 10
            return f"{whole}{_BINARY_SUFFIXES.get(power, '')}"
        form = DECIMAL_SI
    while mantissa % 10 == 0:
        mantissa //= 10
        exponent += 1
    while exponent % 3:
        mantissa *= 10
        exponent -= 1
    if form == DECIMAL_SI:
        return f"{mantissa}{_DECIMAL_SUFFIXES.get(exponent, '')}"
    return f"{mantissa}e{exponent}" if exponent else f"{mantissa}"
