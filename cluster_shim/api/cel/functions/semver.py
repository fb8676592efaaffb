"""Semantic versions. Upstream: apiserver/pkg/cel/library/semverlib.go. What compares them is in quantities.py."""

from __future__ import annotations

import re
from typing import Any

from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.fields import quoted
from cluster_shim.api.integers import IntegerError, parse_uint

_ALPHANUMERIC = re.compile(r"[0-9A-Za-z-]+", re.ASCII)
_NUMBER = r"(0|[1-9]\d*)"
_PRE = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PRE}(?:\.{_PRE})*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?", re.ASCII
)
_LOOSE = re.compile(r"v?0*(\d+)(?:\.0*(\d+))?(?:\.0*(\d+))?(.*)", re.S | re.ASCII)


class Semver:
    """A version as a value; `key` orders it."""

    type_name = "kubernetes.Semver"
    __slots__ = ("key", "numbers")

    def __init__(self, numbers: tuple[int, int, int], pre: str) -> None:
        self.numbers = numbers
        listed = pre.split(".") if pre else ()
        parts = tuple((0, parse_uint(each), "") if each.isdigit() else (1, 0, each) for each in listed)
        self.key = (numbers, not pre, parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _normalized(text: str) -> str:
    match = _LOOSE.fullmatch(text)
    if match is None:
        return text
    return f"{match[1]}.{match[2] or 0}.{match[3] or 0}{match[4]}"


def _parse(text: str, normalize: bool = False) -> Semver:
    text = _normalized(text) if normalize else text
    match = _VERSION.fullmatch(text)
    if match is None:
        raise EvaluationError(_fault(text))
    try:
        numbers = (parse_uint(match[1]), parse_uint(match[2]), parse_uint(match[3]))
        return Semver(numbers, match[4] or "")
    except IntegerError as error:
        raise EvaluationError(str(error)) from None


def _fault(text: str) -> str:
    """Return what is wrong with a version."""
    if not text:
        return "Version string empty"
    numbers = text.split(".", 2)
    if len(numbers) != 3:
        return "No Major.Minor.Patch elements found"
    rest, plus, build = numbers[2].partition("+")
    numbers[2], minus, pre = rest.partition("-")
    for name, each in zip(("Major", "Minor", "Patch"), numbers, strict=True):
        if each.strip("0123456789"):
            return f"Invalid character(s) found in {name.lower()} number {quoted(each)}"
        if len(each) > 1 and each[0] == "0":
            return f"{name} number must not contain leading zeroes {quoted(each)}"
        if not each:
            return 'strconv.ParseUint: parsing "": invalid syntax'
    for each in pre.split(".") if minus else ():
        if not each:
            return "Prerelease is empty"
        if not _ALPHANUMERIC.fullmatch(each):
            return f"Invalid character(s) found in prerelease {quoted(each)}"
        if each.isdigit() and len(each) > 1 and each[0] == "0":
            return f"Numeric PreRelease version must not contain leading zeroes {quoted(each)}"
    wrong = next((each for each in build.split(".") if plus and not _ALPHANUMERIC.fullmatch(each)), "")
    return f"Invalid character(s) found in build meta data {quoted(wrong)}" if wrong else "Build meta data is empty"


def _is_semver(text: str, normalize: bool = False) -> bool:
    return _VERSION.fullmatch(_normalized(text) if normalize else text) is not None


def _number(index: int) -> Any:
    return lambda version: version.numbers[index]


FUNCTIONS = {
    "semver": _parse,
    "isSemver": _is_semver,
    "major": _number(0),
    "minor": _number(1),
    "patch": _number(2),
}
