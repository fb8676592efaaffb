"""Literals that functions get: patterns, durations and timestamps that can be seen to be wrong are refused at once.

Upstream: cel-go/cel/validator.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cluster_shim.api.cel import regex, times
from cluster_shim.api.cel.errors import CompileError, EvaluationError, Issue
from cluster_shim.api.cel.functions import conversions
from cluster_shim.api.cel.functions.formatting import clauses, refusal
from cluster_shim.api.cel.syntax import Call, Ident, ListNode, Literal, Macro, MapNode, Node, Select
from cluster_shim.api.cel.types import Type


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    for each in below(node):
        yield from walk(each)


def below(node: Node) -> list[Node]:
    """Return the nodes that a node is made of."""
    match node:
        case Select():
            return [node.operand]
        case Call():
            return [*([node.target] if node.target is not None else []), *node.args]
        case ListNode():
            return node.elements
        case MapNode():
            return [each for pair in node.entries for each in pair]
        case Macro():
            return [node.range, *node.args]
        case _:
            return []


def names_in(node: Node) -> frozenset[str]:
    """Return the names that an expression mentions."""
    return frozenset(each.name.removeprefix(".") for each in walk(node) if isinstance(each, Ident))


def _pattern(text: str) -> None:
    try:
        regex.compiled(text)
    except regex.PatternError as error:
        raise EvaluationError(str(error)) from None


_CHECKS: dict[str, Callable[[str], object]] = {
    "duration": times.parse_duration,
    "timestamp": conversions.to_timestamp,
    "matches": _pattern,
}


def check(source: str, node: Node) -> None:
    """Refuse literals that no evaluation could use, and lists and maps of mixed types. Raises CompileError."""
    issues: list[Issue] = []
    for each in walk(node):
        if isinstance(each, Call) and each.name in _CHECKS and each.args:
            argument = each.args[0]
            if isinstance(argument, Literal) and not _is_usable(each.name, argument.value):
                issues.append(Issue(argument.offset, f"invalid {each.name} argument"))
        if isinstance(each, Call) and each.name == "format":
            _check_format(each, issues)
    _check_mixed(node, issues)
    if issues:
        raise CompileError(source, sorted(issues, key=lambda each: each.offset))


def _is_usable(name: str, value: object) -> bool:
    if not isinstance(value, str):
        return name != "duration"
    try:
        _CHECKS[name](value)
    except EvaluationError:
        return False
    return True


def _check_format(call: Call, issues: list[Issue]) -> None:
    """Refuse arguments that a format that is a literal cannot take."""
    text, listed = call.target, call.args[0]
    if not (isinstance(text, Literal) and isinstance(text.value, str) and isinstance(listed, ListNode)):
        return
    arguments = iter(listed.elements)
    used = 0
    try:
        for each in clauses(text.value, len(listed.elements)):
            if not isinstance(each, str):
                used += 1
                wrong = _misfit(next(arguments), each.verb.lower())
                if wrong is not None:
                    raise _Misfit(wrong, str(refusal(each.verb, wrong.type.declared)))
    except _Misfit as error:
        issues.append(Issue(error.node.offset, str(error)))
    except EvaluationError as error:
        issues.append(Issue(call.offset, str(error)))
    else:
        if len(listed.elements) > used:
            wanted = f"expected {used}, got {len(listed.elements)}"
            issues.append(Issue(call.offset, f"too many arguments supplied to string.format ({wanted})"))


class _Misfit(Exception):
    """An argument that a clause cannot take."""

    def __init__(self, node: Node, text: str) -> None:
        super().__init__(text)
        self.node = node


_INTEGERS = frozenset(("int", "uint", "dyn"))
_TAKEN = {
    "d": _INTEGERS,
    "o": _INTEGERS,
    "b": _INTEGERS | {"bool"},
    "x": _INTEGERS | {"string", "bytes"},
    "f": frozenset(("double", "string", "dyn")),
    "e": frozenset(("double", "string", "dyn")),
    "s": _INTEGERS | {"bool", "string", "bytes", "double", "list", "map", "timestamp", "duration", "type", "null"},
}
"""Types, by clause."""


def _misfit(node: Node, verb: str) -> Node | None:
    """Return the node, or what is below it, that a clause cannot take."""
    if node.type.kind not in _TAKEN[verb]:
        return node
    below_it = below(node) if verb == "s" and isinstance(node, (ListNode, MapNode)) else []
    return next((found for each in below_it if (found := _misfit(each, verb)) is not None), None)


def _check_mixed(node: Node, issues: list[Issue]) -> None:
    if isinstance(node, Call) and node.name == "format":
        return  # its arguments are of any types
    if isinstance(node, ListNode):
        _check_same([(each, index in node.optional) for index, each in enumerate(node.elements)], issues)
    elif isinstance(node, MapNode) and not node.type_name:
        _check_same([(key, False) for key, _ in node.entries], issues)
        _check_same([(value, index in node.optional) for index, (_, value) in enumerate(node.entries)], issues)
    for each in below(node):
        _check_mixed(each, issues)


def _check_same(elements: list[tuple[Node, bool]], issues: list[Issue]) -> None:
    first: Type | None = None
    for each, is_optional in elements:
        of = each.type.params[0] if is_optional and each.type.params else each.type
        first = first or of
        if of != first:
            issues.append(Issue(each.offset, f"expected type '{first}' but found '{of}'"))
            return
