"""Types of CEL: those of the language, of the Kubernetes libraries, and of objects with declared fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Type:
    """A type; two are the same if kind, name and parameters are. Fields and list type come from schemas."""

    __slots__ = ("fields", "kind", "list_type", "map_keys", "name", "params")

    def __init__(
        self,
        kind: str,
        params: tuple[Type, ...] = (),
        name: str = "",
        fields: Mapping[str, Type] | None = None,
    ) -> None:
        self.kind = kind
        self.params = params
        self.name = name
        self.fields = fields
        self.list_type = ""
        self.map_keys: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and (
            self is other or (self.kind == other.kind and self.name == other.name and self.params == other.params)
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.params))

    def __str__(self) -> str:
        if self.kind in ("object", "opaque", "param"):
            return self.name + (f"({', '.join(map(str, self.params))})" if self.params else "")
        shown = _SHOWN.get(self.kind, self.kind)
        return shown + (f"({', '.join(map(str, self.params))})" if self.params else "")

    __repr__ = __str__

    @property
    def declared(self) -> str:
        """Return the name that values have; what the checker says of a type is another for some."""
        return self.name or _DECLARED.get(self.kind, self.kind)


_DECLARED = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
    "optional": "optional_type",
}

_SHOWN = {"optional": "optional_type", "error": "!error!"}

BOOL, INT, UINT, DOUBLE = Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL, DYN, ERROR = Type("string"), Type("bytes"), Type("null"), Type("dyn"), Type("error")
TIMESTAMP, DURATION = Type("timestamp"), Type("duration")

SIMPLE = {str(each): each for each in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, DYN, TIMESTAMP, DURATION)}


def list_of(element: Type) -> Type:
    """Return the type of a list."""
    return Type("list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """Return the type of a map."""
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    """Return the type of an optional value."""
    return Type("optional", (value,))


def type_of(of: Type) -> Type:
    """Return the type of a type."""
    return Type("type", (of,))


def opaque(name: str) -> Type:
    """Return a type of a library: known by its name only."""
    return Type("opaque", (), name)


def object_of(name: str, fields: Mapping[str, Type]) -> Type:
    """Return the type of objects with certain fields."""
    return Type("object", (), name, fields)


def param(name: str) -> Type:
    """Return a type that is found out by use."""
    return Type("param", (), name)


class Substitution:
    """What type parameters stand for, as far as it is known. Upstream: cel-go/checker/types.go."""

    def __init__(self) -> None:
        self._known: dict[str, Type] = {}
        self._fresh = 0

    def fresh(self) -> Type:
        """Return a parameter that nothing is known of."""
        self._fresh += 1
        return param(f"_var{self._fresh - 1}")

    def resolve(self, of: Type, free_as_dyn: bool = False) -> Type:
        """Return a type with its parameters replaced by what they stand for."""
        if of.kind == "param":
            known = self._known.get(of.name)
            if known is not None:
                return self.resolve(known, free_as_dyn)
            return DYN if free_as_dyn else of
        if not of.params:
            return of
        params = tuple(self.resolve(each, free_as_dyn) for each in of.params)
        if params == of.params:
            return of
        made = Type(of.kind, params, of.name, of.fields)
        made.list_type, made.map_keys = of.list_type, of.map_keys
        return made

    def assignable(self, one: Type, other: Type) -> bool:
        """Tell whether two types can be one, and learn what parameters stand for if so."""
        before = dict(self._known)
        if self._unify(one, other):
            return True
        self._known = before
        return False

    def all_assignable(self, some: list[Type], others: list[Type]) -> bool:
        """Tell the same of two lists of types, pair by pair."""
        if len(some) != len(others):
            return False
        before = dict(self._known)
        if all(self._unify(one, other) for one, other in zip(some, others, strict=True)):
            return True
        self._known = before
        return False

    def _unify(self, one: Type, other: Type) -> bool:
        one, other = self._shallow(one), self._shallow(other)
        if one == other:
            return True
        if other.kind == "param":
            return self._bind(other, one)
        if one.kind == "param":
            return self._bind(one, other)
        if one.kind in ("dyn", "error") or other.kind in ("dyn", "error"):
            return True
        if one.kind == "null":
            return _takes_null(other)
        if other.kind == "null":
            return _takes_null(one)
        if one.kind != other.kind or one.name != other.name or len(one.params) != len(other.params):
            return False
        return all(self._unify(left, right) for left, right in zip(one.params, other.params, strict=True))

    def _shallow(self, of: Type) -> Type:
        while of.kind == "param" and of.name in self._known:
            of = self._known[of.name]
        return of

    def _bind(self, parameter: Type, to: Type) -> bool:
        if to.kind == "param" and to.name == parameter.name:
            return True
        if self._occurs(parameter.name, to):
            return False
        self._known[parameter.name] = to
        return True

    def _occurs(self, name: str, within: Type) -> bool:
        within = self._shallow(within)
        if within.kind == "param":
            return within.name == name
        return any(self._occurs(name, each) for each in within.params)


def _takes_null(of: Type) -> bool:
    return of.kind in ("object", "opaque", "timestamp", "duration", "optional")


def most_general(one: Type, other: Type) -> Type:
    """Return that of two assignable types which says less."""
    return DYN if "dyn" in (one.kind, other.kind) else one


def parse(text: str) -> Type:
    """Return the type that a table of functions names: ``list(T)``, ``map(string, dyn)``, ``kubernetes.URL``."""
    text = text.strip()
    if text in SIMPLE:
        return SIMPLE[text]
    head, bracket, rest = text.partition("(")
    params = tuple(parse(each) for each in _split(rest[:-1])) if bracket else ()
    if head in ("list", "map", "type"):
        return Type(head, params)
    if head == "optional_type":
        return Type("optional", params)
    if len(head) == 1:
        return param(head)
    return opaque(head)


def _split(text: str) -> list[str]:
    parts: list[str] = []
    depth = start = 0
    for index, each in enumerate(text):
        depth += (each == "(") - (each == ")")
        if each == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]] if text.strip() else []


Variables = Mapping[str, Type]
Values = Mapping[str, Any]
