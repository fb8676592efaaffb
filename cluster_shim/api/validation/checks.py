"""The small checks that all rules are made of. Each adds to a list of errors; none raises, none changes an object.

Paths are only made where something is wrong, or where a value is descended into: a valid object costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.validation.formats import Format

Object = Mapping[str, Any]
Errors = list[FieldError]

NOTHING: Object = {}
"""Stands for a struct that is absent: all its fields have Go's zero value."""

IS_NEGATIVE = "must be greater than or equal to 0"
IS_NOT_POSITIVE = "must be greater than zero"
IS_IMMUTABLE = "field is immutable"

WHOLE = Path(("",))
"""How upstream writes a path without a name."""

METADATA = Path("metadata")
SPEC = Path("spec")
STATUS = Path("status")


def refuse(errors: Errors, path: Path, value: Any, messages: Iterable[str]) -> None:
    """Add an invalid value for each message."""
    errors.extend(fields.invalid(path, value, each) for each in messages)


def need(errors: Errors, obj: Object, key: str, path: Path, detail: str = "") -> bool:
    """Demand that a member is there and not empty; return whether it is."""
    if obj.get(key):
        return True
    errors.append(fields.required(path.child(key), detail))
    return False


def formatted(errors: Errors, obj: Object, key: str, path: Path, check: Format) -> None:
    """Check the format of a text that may be absent or empty."""
    value = obj.get(key)
    if value and (messages := check(value)):
        refuse(errors, path.child(key), value, messages)


def need_formatted(errors: Errors, obj: Object, key: str, path: Path, check: Format, detail: str = "") -> None:
    """Demand a text and check its format."""
    if need(errors, obj, key, path, detail) and (messages := check(obj[key])):
        refuse(errors, path.child(key), obj[key], messages)


def non_negative(errors: Errors, obj: Object, path: Path, *keys: str) -> None:
    """Demand of numbers that they are not below zero; absent ones are not."""
    for key in keys:
        value = obj.get(key)
        if value is not None and value < 0:
            errors.append(fields.invalid(path.child(key), value, IS_NEGATIVE))


def not_more(errors: Errors, obj: Object, path: Path, keys: Iterable[str], limit: str, message: str) -> None:
    """Demand of numbers that none is above that of another member."""
    most = obj.get(limit) or 0
    for key in keys:
        value = obj.get(key) or 0
        if value > most:
            errors.append(fields.invalid(path.child(key), value, message))


def one_of(errors: Errors, value: Any, path: Path, supported: Sequence[str]) -> None:
    """Demand that a value is one of a set; the message lists it in the order given."""
    if value not in supported:
        errors.append(fields.not_supported(path, value, supported))


def need_one_of(errors: Errors, obj: Object, key: str, path: Path, supported: Sequence[str]) -> None:
    """Demand a text out of a set."""
    value = obj.get(key)
    if not value:
        errors.append(fields.required(path.child(key)))
    elif value not in supported:
        errors.append(fields.not_supported(path.child(key), value, supported))


def optional_one_of(errors: Errors, obj: Object, key: str, path: Path, supported: Sequence[str]) -> None:
    """Demand of a text that is there (a pointer, so it may be empty) that it is out of a set."""
    value = obj.get(key)
    if value is not None and value not in supported:
        errors.append(fields.not_supported(path.child(key), value, supported))


def unique(errors: Errors, value: Any, seen: set[Any], path: Path) -> None:
    """Demand that a value was not seen before."""
    if value in seen:
        errors.append(fields.duplicate(path, value))
    else:
        seen.add(value)


def immutable(errors: Errors, new: Any, old: Any, path: Path) -> None:
    """Demand that a value stays; an empty list or map is the same as none."""
    if new != old and not (_is_nil(new) and _is_nil(old)):
        errors.append(fields.invalid(path, new, IS_IMMUTABLE))


def _is_nil(value: Any) -> bool:
    return value is None or (isinstance(value, list | dict) and not value)


def keep(errors: Errors, new: Object, old: Object, key: str, path: Path, zero: Any = None) -> None:
    """Demand that a member stays; `zero` is what an absent one is shown as."""
    immutable(errors, new.get(key, zero), old.get(key, zero), path.child(key))


def only(errors: Errors, obj: Object, allowed: Collection[str], path: Path, message: str) -> None:
    """Forbid all members but some."""
    for key in obj:
        if key not in allowed:
            errors.append(fields.forbidden(path.child(key), message))


def each(errors: Errors, items: Sequence[Any] | None, path: Path, check: Callable[[Errors, Any, Path], None]) -> None:
    """Check every element of a list."""
    for index, item in enumerate(items or ()):
        check(errors, item, path.index(index))
