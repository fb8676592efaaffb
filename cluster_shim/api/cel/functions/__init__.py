"""Functions: what calls do, one module for each library.

Which there are, and for values of what types, says ``tables/functions.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from cluster_shim.api.cel import operators
from cluster_shim.api.cel.errors import NO_OVERLOAD, EvaluationError
from cluster_shim.api.cel.overloads import functions as overloads
from cluster_shim.api.cel.syntax import Call
from cluster_shim.api.cel.values import Duration, Optional, Timestamp, TypeValue, Uint

Implementation = Callable[..., Any]
TRAVERSAL = 10


@cache
def implementations() -> dict[str, Implementation]:
    """Return what each function does, by name; a method gets what it is called on first."""
    from cluster_shim.api.cel.functions import (
        authorizer,
        conversions,
        formats,
        lists,
        network,
        optionals,
        quantities,
        semver,
        strings,
        urls,
    )

    modules = (
        *(conversions, strings, lists, optionals, quantities, network, urls, formats),
        *(semver, authorizer),
    )
    found: dict[str, Implementation] = dict(operators.BINARY) | {"-_": operators.negate}
    for module in modules:
        found |= module.FUNCTIONS
    return found


def compile_call(node: Call, args: list[Callable[[list[Any]], Any]]) -> Callable[[list[Any]], Any]:
    """Return the function of a call, given those of its arguments."""
    name, is_member = node.name, node.target is not None
    implementation = implementations()[name]

    def run(frame: list[Any]) -> Any:
        values = [each(frame) for each in args]
        cost = 1
        for each in values:
            if type(each) is str or type(each) is list:
                cost += len(each) // TRAVERSAL
        frame[0].spend(cost)
        if not _fits(name, is_member, tuple(map(type, values))):
            raise EvaluationError(NO_OVERLOAD)
        return implementation(*values)

    return run


_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Duration: "duration",
    Timestamp: "timestamp",
    Optional: "optional",
    TypeValue: "type",
}


@lru_cache(maxsize=4096)
def _fits(name: str, is_member: bool, types: tuple[type, ...]) -> bool:
    """Tell whether a function has an overload for values of these types: what is dynamic is only known now."""
    kinds = [_KINDS.get(each, getattr(each, "type_name", "")) for each in types]
    for overload in overloads()[name]:
        if overload.is_member == is_member and len(overload.args) == len(kinds):
            wanted = [each.name if each.kind == "opaque" else each.kind for each in overload.args]
            if all(one in ("param", "dyn", other) for one, other in zip(wanted, kinds, strict=True)):
                return True
    return False
