"""Failures of values against a schema: their texts, and how they become errors of fields.

The texts are those of go-openapi; those that name no field (of oneOf, anyOf, not) become errors of the object itself,
whose path upstream writes as ``<nil>``. Upstream: kube-openapi/pkg/validation/errors and validate/result.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from cluster_shim.api import fields
from cluster_shim.api.fields import FieldError, Path

NO_PATH = "<nil>"


class Failure(NamedTuple):
    """One failed check; `make` turns it into the error of a field, given its path."""

    name: str
    """The path, from the value that is checked; begins with a dot where a root has no name."""
    text: str
    make: Callable[[Path], FieldError] | None
    """None: it belongs to no field."""


class Result:
    """What a check found: failures, each text once, and how many checks were made (for the best of several)."""

    __slots__ = ("failures", "matches", "texts")

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.texts: set[str] = set()
        self.matches = 0

    def add(self, failure: Failure) -> None:
        """Add a failure unless its text is there."""
        if failure.text not in self.texts:
            self.texts.add(failure.text)
            self.failures.append(failure)

    def merge(self, other: Result) -> None:
        """Add what another found."""
        self.matches += other.matches
        for each in other.failures:
            self.add(each)


def to_errors(result: Result, path: Path | None) -> list[FieldError]:
    """Return the errors of fields; `path` is where the value is, None for an object itself."""
    return [_to_error(each, path) for each in result.failures]


def _to_error(failure: Failure, path: Path | None) -> FieldError:
    if failure.make is None:
        return FieldError("FieldValueInvalid", str(path) if path else NO_PATH, f'Invalid value: "": {failure.text}')
    name = failure.name.removeprefix(".")
    if not name:
        return failure.make(path) if path else failure.make(Path(NO_PATH))
    return failure.make(path.child(name) if path else Path(name))


def wrong_type(name: str, wanted: str, found: str) -> Failure:
    """Say that a value is of another type, or text of another format."""
    text = f"{name} in body must be of type {wanted}: {fields.quoted(found)}"
    return Failure(name, text, lambda path: fields.type_invalid(path, found, text))


def missing(name: str) -> Failure:
    """Say that a required property is not there."""
    return Failure(name, f"{name} in body is required", fields.required)


def not_in_enum(name: str, value: Any, allowed: Sequence[Any]) -> Failure:
    """Say that a value is none of those that are allowed."""
    shown = [each if isinstance(each, str) else _json(each) for each in allowed]
    text = f"{name} in body should be one of [{' '.join(shown)}]"
    return Failure(name, text, lambda path: fields.not_supported(path, value, shown))


def too_long(name: str, maximum: int) -> Failure:
    """Say that a text has too many characters."""
    text = f"{name} in body should be at most {maximum} chars long"
    return Failure(name, text, lambda path: fields.too_long(path, maximum))


def too_many(name: str, what: str, maximum: int, actual: int) -> Failure:
    """Say that a list has too many items, or an object too many properties."""
    text = f"{name} in body should have at most {maximum} {what}"
    return Failure(name, text, lambda path: fields.too_many(path, actual, maximum))


def invalid(name: str, value: Any, what: str) -> Failure:
    """Say anything else of a field."""
    text = f"{name} in body {what}"
    return Failure(name, text, lambda path: fields.invalid(path, value, text))


def not_positive(name: str, factor: float) -> Failure:
    """Say that multipleOf makes no sense."""
    text = f"factor MultipleOf declared for {name} must be positive: {number(factor)}"
    return Failure(name, text, lambda path: fields.invalid(path, factor, text))


def general(text: str) -> Failure:
    """Say something that upstream attributes to no field."""
    return Failure("", text, None)


def number(value: float) -> str:
    """Return a number as Go's %v writes it."""
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    sign, digits = exponent[0] if exponent[0] in "+-" else "+", exponent.lstrip("+-")
    return f"{mantissa}e{sign}{digits.zfill(2)}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
