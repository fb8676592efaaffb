"""Literals that functions get: patterns, durations and timestamps that can be seen to be wrong are refused at once.

Upstream: cel-go/cel/validator.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cluster_shim.api.cel import regex, times
from cluster_shim.api.cel.errors import CompileError, EvaluationError, Issue
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
    "timestamp": times.parse_timestamp,
    "matches": _pattern,
}


def check(source: str, node: Node) -> None:
    """Refuse literals that no evaluation could use, and lists and maps of mixed types. Raises CompileError."""
    issues: list[Issue] = []
    for each in walk(node):
        if isinstance(each, Call) and each.name in _CHECKS and each.args:
            argument = each.args[0]
            if isinstance(argument, Literal) and isinstance(argument.value, str):
                try:
                    _CHECKS[each.name](argument.value)
                except EvaluationError:
                    issues.append(Issue(argument.offset, f"invalid {each.name} argument"))
    _check_mixed(node, issues)
    if issues:
        raise CompileError(source, sorted(issues, key=lambda each: each.offset))


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
