"""Checker: finds out the type of every node, and refuses what can never work. Upstream: cel-go/checker/checker.go."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_shim.api.cel.errors import CompileError, Issue
from cluster_shim.api.cel.overloads import Overload, functions
from cluster_shim.api.cel.syntax import (
    Call,
    Ident,
    ListNode,
    Literal,
    Macro,
    MapNode,
    Node,
    Select,
    qualified_name,
)
from cluster_shim.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    ERROR,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Substitution,
    Type,
    list_of,
    map_of,
    most_general,
    optional_of,
    type_of,
)

TYPE_NAMES: dict[str, Type] = {
    **{str(each): type_of(each) for each in (BOOL, INT, UINT, DOUBLE, STRING, BYTES)},
    "null_type": type_of(NULL),
    "list": type_of(list_of(DYN)),
    "map": type_of(map_of(DYN, DYN)),
    "google.protobuf.Timestamp": type_of(TIMESTAMP),
    "google.protobuf.Duration": type_of(DURATION),
    "type": type_of(type_of(DYN)),
}


def check(source: str, node: Node, variables: Mapping[str, Type], objects: Mapping[str, Type]) -> Type:
    """Set the types of all nodes and return that of the whole. Raises CompileError.

    `objects` are the types that an expression can make, by name.
    """
    checker = _Checker(variables, objects)
    checker.visit(node)
    if checker.issues:
        raise CompileError(source, sorted(checker.issues, key=lambda each: each.offset))
    checker.settle()
    return node.type


class _Checker:
    def __init__(self, variables: Mapping[str, Type], objects: Mapping[str, Type]) -> None:
        self.scopes: list[Mapping[str, Type]] = [variables]
        self.objects = objects
        self.substitution = Substitution()
        self.issues: list[Issue] = []
        self.visited: list[Node] = []

    def report(self, node: Node, text: str) -> Type:
        self.issues.append(Issue(node.offset, text))
        return ERROR

    def settle(self) -> None:
        """Replace what is left of type parameters."""
        for node in self.visited:
            node.type = self.substitution.resolve(node.type, free_as_dyn=True)

    def visit(self, node: Node) -> Type:
        match node:
            case Literal():
                pass
            case Ident():
                node.type = self._ident(node)
            case Select():
                node.type = self._select(node)
            case Call():
                node.type = self._call(node)
            case ListNode():
                node.type = self._list(node)
            case MapNode():
                node.type = self._object(node) if node.type_name else self._map(node)
            case Macro():
                node.type = self._macro(node)
        self.visited.append(node)
        return node.type

    # ------------------------------------------------------------------ names and fields

    def _lookup(self, name: str) -> Type | None:
        if name.startswith("."):
            return self.scopes[0].get(name[1:])
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return TYPE_NAMES.get(name)

    def _ident(self, node: Ident) -> Type:
        found = self._lookup(node.name)
        if found is not None:
            return found
        return self.report(node, f"undeclared reference to '{node.name}' (in container '')")

    def _select(self, node: Select) -> Type:
        name = qualified_name(node)
        found = self._lookup(name) if name else None
        if found is not None:
            return found
        operand = self.substitution.resolve(self.visit(node.operand))
        target = operand.params[0] if operand.kind == "optional" else operand
        result = self._field(node, target)
        if node.is_test:
            return BOOL
        return optional_of(result) if operand.kind == "optional" or node.is_optional else result

    def _field(self, node: Select, target: Type) -> Type:
        if target.kind == "map":
            return target.params[1]
        if target.fields is not None:
            found = target.fields.get(node.field)
            return found if found is not None else self.report(node, f"undefined field '{node.field}'")
        if target.kind == "param":
            self.substitution.assignable(DYN, target)
        elif target.kind not in ("dyn", "error"):
            self.report(node, f"type '{target}' does not support field selection")
        return DYN

    # ------------------------------------------------------------------ calls

    def _call(self, node: Call) -> Type:
        for arg in node.args:
            self.visit(arg)
        known = functions()
        if node.target is not None:
            prefix = qualified_name(node.target)
            if prefix and f"{prefix}.{node.name}" in known:
                node.name, node.target = f"{prefix}.{node.name}", None
            else:
                self.visit(node.target)
        overloads = known.get(node.name)
        if overloads is None:
            return self.report(node, f"undeclared reference to '{node.name}' (in container '')")
        if node.name in ("_&&_", "_||_"):
            return self._logical(node)
        return self._resolve(node, overloads)

    def _logical(self, node: Call) -> Type:
        for arg in node.args:
            self._assert(arg, BOOL)
        return BOOL

    def _assert(self, node: Node, wanted: Type) -> None:
        if not self.substitution.assignable(wanted, node.type):
            self.report(node, f"expected type '{wanted}' but found '{self._final(node.type)}'")

    def _final(self, of: Type) -> Type:
        return self.substitution.resolve(of, free_as_dyn=True)

    def _resolve(self, node: Call, overloads: list[Overload]) -> Type:
        args = [each.type for each in ([node.target] if node.target is not None else []) + node.args]
        result: Type | None = None
        for overload in overloads:
            if overload.is_member != (node.target is not None):
                continue
            wanted, of = self._instance(overload)
            if self.substitution.all_assignable(args, wanted):
                of = self.substitution.resolve(of)
                if result is None:
                    result = of
                elif result.kind != "dyn" and of != result:
                    result = DYN
        if result is not None:
            return result
        shown = [str(self._final(each)) for each in args]
        signature = f"({', '.join(shown)})" if node.target is None else f"{shown[0]}.({', '.join(shown[1:])})"
        return self.report(node, f"found no matching overload for '{node.name}' applied to '{signature}'")

    def _instance(self, overload: Overload) -> tuple[list[Type], Type]:
        if not overload.params:
            return list(overload.args), overload.result
        fresh = {name: self.substitution.fresh() for name in sorted(overload.params)}
        return [_replace(each, fresh) for each in overload.args], _replace(overload.result, fresh)

    # ------------------------------------------------------------------ lists, maps, objects

    def _join(self, before: Type | None, of: Type) -> Type:
        if before is None:
            return of
        if self.substitution.assignable(before, of):
            return most_general(before, of)
        return DYN

    def _unwrapped(self, node: Node) -> Type:
        of = self.substitution.resolve(node.type)
        if of.kind == "optional":
            return of.params[0]
        if of.kind != "dyn":
            self.report(node, f"expected type '{optional_of(of)}' but found '{of}'")
        return of

    def _list(self, node: ListNode) -> Type:
        element: Type | None = None
        for index, each in enumerate(node.elements):
            self.visit(each)
            element = self._join(element, self._unwrapped(each) if index in node.optional else each.type)
        return list_of(element if element is not None else self.substitution.fresh())

    def _map(self, node: MapNode) -> Type:
        key_type: Type | None = None
        value_type: Type | None = None
        for index, (key, value) in enumerate(node.entries):
            key_type = self._join(key_type, self.visit(key))
            self.visit(value)
            value_type = self._join(value_type, self._unwrapped(value) if index in node.optional else value.type)
        if key_type is None or value_type is None:
            return map_of(self.substitution.fresh(), self.substitution.fresh())
        return map_of(key_type, value_type)

    def _object(self, node: MapNode) -> Type:
        of = self.objects.get(node.type_name)
        if of is None:
            self.report(node, f"undeclared reference to '{node.type_name}' (in container '')")
        for index, (key, value) in enumerate(node.entries):
            self.visit(value)
            given = self._unwrapped(value) if index in node.optional else value.type
            if of is None or of.fields is None:
                continue
            name = key.value if isinstance(key, Literal) else ""
            wanted = of.fields.get(name)
            if wanted is None:
                self.report(key, f"undefined field '{name}'")
            elif not self.substitution.assignable(wanted, given):
                shown = self._final(given)
                self.report(key, f"expected type of field '{name}' is '{wanted}' but provided type is '{shown}'")
        return of or ERROR

    # ------------------------------------------------------------------ macros

    def _macro(self, node: Macro) -> Type:
        over = self.substitution.resolve(self.visit(node.range))
        if node.name in ("optMap", "optFlatMap"):
            return self._opt_map(node, over)
        types = self._range_types(node, over)
        if len(node.variables) == 1:
            types = types[:1] if over.kind != "list" else types[1:]
        return self._comprehension(node, over, dict(zip(node.variables, types, strict=True)))

    def _range_types(self, node: Macro, over: Type) -> list[Type]:
        """Return the types of key and value of what a macro goes over."""
        if over.kind == "list":
            return [INT, over.params[0]]
        if over.kind == "map":
            return list(over.params)
        if over.kind in ("dyn", "error", "param"):
            self.substitution.assignable(DYN, over)
            return [DYN, DYN]
        text = f"expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)"
        self.report(node.range, text)
        return [ERROR, ERROR]

    def _scoped(self, node: Macro, scope: Mapping[str, Type]) -> Type:
        self.scopes.append(scope)
        for each in node.args:
            self.visit(each)
        self.scopes.pop()
        return node.args[-1].type

    def _opt_map(self, node: Macro, over: Type) -> Type:
        if over.kind != "optional" and over.kind not in ("dyn", "error"):
            return self.report(node, f"found no matching overload for 'hasValue' applied to '{over}.()'")
        value = over.params[0] if over.kind == "optional" else DYN
        result = self._scoped(node, {node.variables[0]: value})
        if node.name == "optMap":
            return optional_of(result)
        if result.kind not in ("optional", "dyn", "error"):
            shown = f"(bool, {self._final(result)}, optional_type(dyn))"
            return self.report(node, f"found no matching overload for '_?_:_' applied to '{shown}'")
        return result

    def _comprehension(self, node: Macro, over: Type, scope: Mapping[str, Type]) -> Type:
        self._scoped(node, scope)
        name, args = node.name, node.args
        if name in ("all", "exists"):
            self._assert(args[0], BOOL)
            return BOOL
        if name == "exists_one":
            self._condition(node, args[0], INT)
            return BOOL
        if name == "filter":
            of = list_of(next(iter(scope.values())))
            self._condition(node, args[0], of)
            return of
        if name == "sortBy":
            return over if over.kind == "list" else list_of(DYN)
        if name in ("map", "transformList"):
            of = list_of(args[-1].type)
        elif name == "transformMap":
            of = map_of(next(iter(scope.values())), args[-1].type)
        else:
            of = args[-1].type
        if len(args) == 2:
            self._condition(node, args[0], of)
        return of

    def _condition(self, node: Macro, condition: Node, of: Type) -> None:
        """Check a condition that, upstream, chooses between two values of a type."""
        if not self.substitution.assignable(condition.type, BOOL):
            kept = self._final(of)
            shown = f"({self._final(condition.type)}, {kept}, {kept})"
            self.report(node, f"found no matching overload for '_?_:_' applied to '{shown}'")


def _replace(of: Type, fresh: Mapping[str, Type]) -> Type:
    if of.kind == "param":
        return fresh[of.name]
    if not of.params:
        return of
    return Type(of.kind, tuple(_replace(each, fresh) for each in of.params), of.name, of.fields)
