"""Macros: calls that are more than functions, because they bind names or ask whether a field is there.

Upstream: cel-go/parser/macro.go, ext/comprehensions.go, ext/lists.go and cel/library.go.
"""

from __future__ import annotations

from cluster_shim.api.cel.errors import Issue
from cluster_shim.api.cel.syntax import Call, Ident, Macro, Node, Select


class MacroError(Exception):
    """A macro whose arguments are not what it needs."""

    def __init__(self, offset: int, text: str) -> None:
        super().__init__(text)
        self.issue = Issue(offset, text)


ACCUMULATOR = "@result"
HIDDEN = ("__result__", ACCUMULATOR)

ONE_VARIABLE = {("all", 2), ("exists", 2), ("exists_one", 2), ("existsOne", 2), ("map", 2), ("map", 3), ("filter", 2)}
TWO_VARIABLES = {
    *(("all", 3), ("exists", 3), ("exists_one", 3), ("existsOne", 3)),
    *(("transformList", 3), ("transformList", 4), ("transformMap", 3), ("transformMap", 4)),
    *(("transformMapEntry", 3), ("transformMapEntry", 4)),
}
OPTIONALS = {"optMap": "optMap()", "optFlatMap": "optFlatMap()"}


def expand(offset: int, name: str, target: Node | None, args: list[Node]) -> Node:
    """Return the node of a call: a macro if it has the shape of one. Raises MacroError."""
    if target is None:
        return _has(offset, args[0]) if name == "has" and len(args) == 1 else Call(offset, name, args)
    key = (name, len(args))
    if key in TWO_VARIABLES and not _is_quantifier_with_filter(key):
        return _two_variables(offset, name, target, args)
    if key in ONE_VARIABLE:
        return Macro(offset, _plain(name), target, [_variable(args[0], name)], args[1:])
    if name in OPTIONALS and len(args) == 2:
        variable = args[0]
        if not isinstance(variable, Ident):
            raise MacroError(variable.offset, f"{OPTIONALS[name]} variable name must be a simple identifier")
        return Macro(offset, name, target, [variable.name], args[1:])
    if name == "sortBy" and len(args) == 2:
        return Macro(offset, name, target, [_variable(args[0], name)], args[1:])
    return Call(offset, name, args, target)


def _is_quantifier_with_filter(key: tuple[str, int]) -> bool:
    return key == ("map", 3)


def _plain(name: str) -> str:
    return "exists_one" if name == "existsOne" else name


def _has(offset: int, argument: Node) -> Node:
    if not isinstance(argument, Select) or argument.is_test:
        raise MacroError(argument.offset, "invalid argument to has() macro")
    return Select(offset, argument.operand, argument.field, True, argument.is_optional)


def _variable(node: Node, macro: str) -> str:
    if not isinstance(node, Ident) or node.name.startswith("."):
        quantifier = macro in ("all", "exists", "exists_one", "existsOne")
        raise MacroError(
            node.offset, "argument must be a simple name" if quantifier else "argument is not an identifier"
        )
    if node.name in HIDDEN:
        raise MacroError(node.offset, "iteration variable overwrites accumulator variable")
    return node.name


def _two_variables(offset: int, name: str, target: Node, args: list[Node]) -> Node:
    variables = []
    for node in args[:2]:
        if not isinstance(node, Ident) or node.name.startswith("."):
            raise MacroError(node.offset, "argument must be a simple name")
        variables.append(node.name)
    if variables[0] == variables[1]:
        raise MacroError(args[1].offset, f"duplicate variable name: {variables[0]}")
    for node, variable in zip(args, variables, strict=False):
        if variable in HIDDEN:
            raise MacroError(node.offset, "iteration variable overwrites accumulator variable")
    return Macro(offset, _plain(name), target, variables, args[2:])
