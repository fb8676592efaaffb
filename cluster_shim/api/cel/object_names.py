"""Names of object types: ``Object.spec.containers`` can stand where its name says, and nowhere else.

Upstream: apiserver/pkg/cel/mutation/dynamic/objects.go, which looks at values; here the expression is looked at.
"""

from __future__ import annotations

from cluster_shim.api.cel.literals import walk
from cluster_shim.api.cel.syntax import ListNode, Literal, Macro, MapNode, Node


def mismatch(node: Node) -> str:
    """Return what is wrong with the names in an expression; nothing if they are right."""
    for each in walk(node):
        if isinstance(each, MapNode) and each.type_name:
            for key, value in each.entries:
                assert isinstance(key, Literal)
                expected = f"{each.type_name}.{key.value}"
                found = next((name for name in _made(value) if name != expected), "")
                if found:
                    text = f'unexpected type name "{found}", expected "{expected}"'
                    return f"{text}, which matches field name path from root Object type"
    return ""


def _made(node: Node) -> list[str]:
    """Return the names of the objects that an expression makes, alone or in a list."""
    match node:
        case MapNode() if node.type_name:
            return [node.type_name]
        case ListNode():
            return [name for each in node.elements for name in _made(each)]
        case Macro() if node.name == "map":
            return _made(node.args[-1])
        case _:
            return []
