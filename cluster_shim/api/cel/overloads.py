"""Overloads: which functions there are, for values of which types. They stand in ``tables/functions.json``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from cluster_shim.api.cel.types import Type, parse


class Overload(NamedTuple):
    """One signature of a function; of a method, the first argument is what it is called on."""

    is_member: bool
    args: tuple[Type, ...]
    result: Type
    params: frozenset[str]
    """Names of the type parameters in it."""


@cache
def functions() -> dict[str, list[Overload]]:
    """Return the overloads of every function, in the order in which they are tried."""
    rows = msgspec.json.decode((files(__package__) / "tables" / "functions.json").read_bytes())
    found: dict[str, list[Overload]] = {}
    for row in rows:
        found.setdefault(row["name"], []).append(_overload(row["signature"]))
    return found


def _overload(signature: str) -> Overload:
    head, _, result = signature.partition(" -> ")
    target, is_member, rest = head.partition(".(") if not head.startswith("(") else ("", "", head[1:])
    inner = rest.removesuffix(")")
    args = parse(f"type({inner})").params if inner else ()
    if is_member:
        args = (parse(target), *args)
    of = parse(result)
    names = frozenset(name for each in (*args, of) for name in _params(each))
    return Overload(bool(is_member), args, of, names)


def _params(of: Type) -> set[str]:
    if of.kind == "param":
        return {of.name}
    return {name for each in of.params for name in _params(each)}
