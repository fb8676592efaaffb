"""JSON patch (RFC 6902) with the tolerance of upstream's server; which operation failed, and why, no client is told.

Values are compared as they are written: a number 1.0 is not 1. Hence values of a patch stay raw until the result is
asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from cluster_shim.api.errors import APIError, bad_request, request_entity_too_large
from cluster_shim.api.integers import IntegerError, parse_int
from cluster_shim.api.patch.go import json_kind, json_number

MAX_OPERATIONS = 10_000
MEMBERS = ("op", "path", "from", "value")
TEXTS = ("op", "path", "from")

Operation = Mapping[str, msgspec.Raw]

_operations = msgspec.json.Decoder(list[dict[str, msgspec.Raw] | None])
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_NULL = msgspec.Raw(b"null")


class _Fails(Exception):
    """An operation that cannot be done; the whole patch is refused."""


def unprocessable() -> APIError:
    """Return 422 as the server gives it where it tells no reason."""
    return APIError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def decode(body: bytes, value: Any, strict: bool = True) -> tuple[list[Operation], list[str]]:
    """Return the operations of a patch and what a strict reader has against it.

    `value` is the body, parsed; `strict` is false where unknown fields are to be ignored.
    """
    complaints = _check_types(value) if strict else _check_containers(value)
    body = body.decode("utf-8", "replace").encode()  # as Go's JSON takes bytes that are no text
    operations: list[Operation] = [each or {} for each in _operations.decode(body)] if value is not None else []
    if len(operations) > MAX_OPERATIONS:
        raise request_entity_too_large(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        )
    return operations, complaints


def _check_types(value: Any) -> list[str]:
    if not isinstance(value, list | None):
        raise _wrong(json_kind(value), "value of type []handlers.jsonPatchOp")
    for each in value or ():
        if not isinstance(each, dict | None):
            raise _wrong(json_kind(each), "value of type handlers.jsonPatchOp")
        for name in TEXTS:
            text = (each or {}).get(name)
            if not isinstance(text, str | None):
                raise _wrong(json_kind(text), f"struct field jsonPatchOp.{name} of type string")
    return [
        f'json patch unknown field "[{index}].{name}"'
        for index, each in enumerate(value or ())
        for name in each or ()
        if name not in MEMBERS
    ]


def _check_containers(value: Any) -> list[str]:
    if not isinstance(value, list | None):
        raise bad_request(f"json: cannot unmarshal {json_kind(value)} into Go value of type jsonpatch.Patch")
    for each in value or ():
        if not isinstance(each, dict | None):
            raise bad_request(f"json: cannot unmarshal {json_kind(each)} into Go value of type jsonpatch.Operation")
    return []


def _wrong(kind: str, target: str) -> APIError:
    return bad_request(f"error decoding patch: json: cannot unmarshal {kind} into Go {target}")


def apply(document: Mapping[str, Any], operations: Sequence[Operation]) -> Any:
    """Return the document with all operations done, in their order; 422 if one cannot be done."""
    patched = _Patched(dict(document))
    try:
        for each in operations:
            patched.do(each)
    except _Fails:
        raise unprocessable() from None
    return msgspec.json.decode(msgspec.json.encode(patched.root))


class _Patched:
    """A document under way: containers are copied before they are changed, raw values opened when a path enters."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def do(self, operation: Operation) -> None:
        """Do one operation."""
        verb = _VERBS.get(_text(operation, "op"))
        if verb is None:
            raise _Fails
        verb(self, operation)

    def _find(self, path: str) -> tuple[Any, str]:
        """Return the container that a path leads to, ready to be changed, and the key in it."""
        parts = path.split("/")
        if len(parts) < 2:
            raise _Fails
        container = self.root
        for part in parts[1:-1]:
            name = _unescape(part)
            container = _set(container, name, _opened(_get(container, name)))
        return container, _unescape(parts[-1])

    def add(self, operation: Operation) -> None:
        container, key = self._find(_path(operation, "path"))
        _add(container, key, operation.get("value", _NULL))

    def remove(self, operation: Operation) -> None:
        container, key = self._find(_path(operation, "path"))
        _remove(container, key)

    def replace(self, operation: Operation) -> None:
        path = _path(operation, "path")
        value = operation.get("value", _NULL)
        if not path:
            self.root = _opened(value)
            return
        container, key = self._find(path)
        if isinstance(container, list):
            _get(container, key)
        _set(container, key, value)

    def move(self, operation: Operation) -> None:
        container, key = self._find(_path(operation, "from"))
        value = _get(container, key)
        _remove(container, key)
        container, key = self._find(_path(operation, "path"))
        _add(container, key, value)

    def copy(self, operation: Operation) -> None:
        container, key = self._find(_path(operation, "from"))
        value = _get(container, key)
        container, key = self._find(_path(operation, "path"))
        _add(container, key, value)

    def test(self, operation: Operation) -> None:
        path = _path(operation, "path")
        wanted = operation.get("value", _NULL)
        if not path:
            found = self.root
        else:
            container, key = self._find(path)
            found = _get(container, key)
        if not _equal(found, wanted):
            raise _Fails


_VERBS: Mapping[str, Callable[[_Patched, Operation], None]] = {
    "add": _Patched.add,
    "remove": _Patched.remove,
    "replace": _Patched.replace,
    "move": _Patched.move,
    "copy": _Patched.copy,
    "test": _Patched.test,
}


def _text(operation: Operation, name: str) -> str:
    value = msgspec.json.decode(operation.get(name, _NULL))
    return value if isinstance(value, str) else ""


def _path(operation: Operation, name: str) -> str:
    value = msgspec.json.decode(operation.get(name, _NULL))
    if not isinstance(value, str):
        raise _Fails
    return value


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~") if "~" in part else part


def _opened(value: Any) -> Any:
    """Return a container of one's own: a copy of a dict or list, or the first level of a raw value."""
    if isinstance(value, msgspec.Raw):
        match bytes(value).lstrip()[:1]:
            case b"{":
                return _members.decode(value)
            case b"[":
                return _elements.decode(value)
        raise _Fails
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return list(value)
    raise _Fails


def _index(key: str, size: int) -> int:
    """Return the place of an element; negative numbers count from the end."""
    try:
        index = parse_int(key)
    except IntegerError:
        raise _Fails from None
    if not -size <= index < size:
        raise _Fails
    return index % size


def _get(container: Any, key: str) -> Any:
    if isinstance(container, list):
        return container[_index(key, len(container))]
    return container.get(key)


def _set(container: Any, key: str, value: Any) -> Any:
    container[_index(key, len(container)) if isinstance(container, list) else key] = value
    return value


def _add(container: Any, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        container.insert(_index(key, len(container) + 1), value)


def _remove(container: Any, key: str) -> None:
    if isinstance(container, list):
        del container[_index(key, len(container))]
    elif key in container:
        del container[key]
    else:
        raise _Fails


def _equal(found: Any, wanted: msgspec.Raw) -> bool:
    """Say whether a value is written like another, apart from white space and the order of members."""
    match bytes(wanted).lstrip()[:1]:
        case b"{":
            members = _members.decode(wanted)
            own = _level(found, dict)
            return (
                own is not None and own.keys() == members.keys() and all(_equal(own[k], v) for k, v in members.items())
            )
        case b"[":
            elements = _elements.decode(wanted)
            own = _level(found, list)
            return own is not None and len(own) == len(elements) and all(map(_equal, own, elements))
    return _written(found) == bytes(wanted).strip()


def _level(value: Any, kind: type) -> Any:
    if isinstance(value, msgspec.Raw):
        opener = b"{" if kind is dict else b"["
        return _opened(value) if bytes(value).lstrip()[:1] == opener else None
    return value if isinstance(value, kind) else None


def _written(value: Any) -> bytes:
    """Return a value as the server writes it; what a patch brought stays as it came."""
    if isinstance(value, msgspec.Raw):
        return bytes(value).strip()
    if isinstance(value, float):
        return json_number(value).encode()
    text = msgspec.json.encode(value)
    if isinstance(value, str):
        text = text.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
    return text
