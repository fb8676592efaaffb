"""Paths of fields and what can be wrong with one: the texts and causes of upstream's validation/field.

::

    spec = Path("spec")
    errors = [required(spec.child("containers")), invalid(spec.child("replicas"), -1, IS_NEGATIVE)]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec


class Path:
    """The way to a field: ``spec.containers[0].resources.limits[cpu]``. Built cheaply, written only when asked."""

    __slots__ = ("_parent", "_step")

    def __init__(self, step: str | int | tuple[str], parent: Path | None = None) -> None:
        self._step = step
        """The name of a member, the index of an element, the key of a value (alone in a tuple)."""
        self._parent = parent

    def child(self, name: str, *rest: str) -> Path:
        """Return the path of a member, or of a member of a member."""
        path = Path(name, self)
        for each in rest:
            path = Path(each, path)
        return path

    def index(self, index: int) -> Path:
        """Return the path of an element of a list."""
        return Path(index, self)

    def key(self, key: str) -> Path:
        """Return the path of a value of a map."""
        return Path((key,), self)

    def __str__(self) -> str:
        parts: list[str] = []
        path: Path | None = self
        while path is not None:
            step = path._step
            if isinstance(step, str):
                parts.append(f".{step}" if step else "")
            else:
                parts.append(f"[{step if isinstance(step, int) else step[0]}]")
            path = path._parent
        return "".join(reversed(parts)).removeprefix(".")


ROOT = Path("")
"""The path of the object itself; the path of its member ``spec`` is ``ROOT.child("spec")``."""


class FieldError(NamedTuple):
    """One thing that is wrong with one field."""

    reason: str
    """``FieldValueRequired`` and so on: the reason of the cause."""
    path: str
    body: str
    """What follows the path: ``Required value: must have a name``."""

    def message(self) -> str:
        """Return the text that stands in the message of the Status."""
        return f"{self.path}: {self.body}"

    def cause(self) -> dict[str, str]:
        """Return the entry of ``details.causes``."""
        cause = {"reason": self.reason, "message": self.body, "field": self.path}
        return {key: value for key, value in cause.items() if value}


def quoted(text: str) -> str:
    """Return a text as Go's %q writes it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(_escape(character) for character in text)}"'


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Shown(str):
    """A value that has already been written as messages show it: a struct, whose members have an order."""

    __slots__ = ()


_HTML_ESCAPES = str.maketrans({each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"})


def as_json(value: Any, order: Literal["sorted"] | None = "sorted") -> Shown:
    """Return a value as Go's JSON encoder writes it: keys of maps sorted, characters of HTML escaped."""
    return Shown(msgspec.json.encode(value, order=order).decode().translate(_HTML_ESCAPES))


def shown(value: Any) -> str:
    """Return a value as upstream's messages show it: texts in quotes, maps as JSON, nil as ``null``."""
    if isinstance(value, Shown):
        return value
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else as_json(value)


def _with_detail(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def required(path: Path, detail: str = "") -> FieldError:
    """Say that a field must be there."""
    return FieldError("FieldValueRequired", str(path), _with_detail("Required value", detail))


def invalid(path: Path, value: Any, detail: str = "") -> FieldError:
    """Say that a value is malformed or out of range."""
    return FieldError("FieldValueInvalid", str(path), _with_detail(f"Invalid value: {shown(value)}", detail))


def invalid_whole(path: Path, detail: str) -> FieldError:
    """Say that a value is malformed, without showing it."""
    return FieldError("FieldValueInvalid", str(path), f"Invalid value: {detail}")


def type_invalid(path: Path, value: Any, detail: str = "") -> FieldError:
    """Say that a value is of another type."""
    return FieldError("FieldValueTypeInvalid", str(path), _with_detail(f"Invalid value: {shown(value)}", detail))


def not_supported(path: Path, value: Any, supported: Sequence[str]) -> FieldError:
    """Say that a value is none of a fixed set, which is listed in the order given."""
    listed = ", ".join(quoted(each) for each in supported)
    detail = f"supported values: {listed}" if supported else ""
    return FieldError("FieldValueNotSupported", str(path), _with_detail(f"Unsupported value: {shown(value)}", detail))


def forbidden(path: Path, detail: str) -> FieldError:
    """Say that a field may not be set (here, now, together with another)."""
    return FieldError("FieldValueForbidden", str(path), _with_detail("Forbidden", detail))


def duplicate(path: Path, value: Any) -> FieldError:
    """Say that a value is there twice."""
    return FieldError("FieldValueDuplicate", str(path), f"Duplicate value: {shown(value)}")


def too_long(path: Path, max_bytes: int) -> FieldError:
    """Say that a text or a map is too long."""
    detail = f"may not be more than {max_bytes} {'byte' if max_bytes == 1 else 'bytes'}"
    return FieldError("FieldValueTooLong", str(path), f"Too long: {detail}")


def too_many(path: Path, actual: int, maximum: int) -> FieldError:
    """Say that a list has too many elements."""
    items = "item" if maximum == 1 else "items"
    return FieldError("FieldValueTooMany", str(path), f"Too many: {actual}: must have at most {maximum} {items}")


def detailed(error: FieldError, detail: str) -> FieldError:
    """Return an error with a detail added, where upstream's makers of errors take none."""
    return error._replace(body=_with_detail(error.body, detail))


def not_found(path: Path, value: Any) -> FieldError:
    """Say that what a field names does not exist."""
    return FieldError("FieldValueNotFound", str(path), f"Not found: {shown(value)}")


def internal(path: Path, detail: str) -> FieldError:
    """Say that something went wrong on the way."""
    return FieldError("InternalError", str(path), f"Internal error: {detail}")
