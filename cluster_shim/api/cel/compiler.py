"""Compiler: turns a checked tree into nested Python functions, so that an evaluation is nothing but calls.

Each function takes the frame: a list whose first element is the meter that limits the cost, followed by the variables.
Costs are counted roughly as upstream counts them: one for a call, more where a call goes through a long text or list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cluster_shim.api.cel import comprehensions, functions, operators
from cluster_shim.api.cel.checker import TYPE_NAMES
from cluster_shim.api.cel.convert import converter
from cluster_shim.api.cel.errors import NO_OVERLOAD, CostExceeded, EvaluationError
from cluster_shim.api.cel.escaping import unescape
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
from cluster_shim.api.cel.types import Type
from cluster_shim.api.cel.values import NONE, Fields, Lazy, Optional, TypeValue

Frame = list[Any]
Run = Callable[[Frame], Any]

TRAVERSAL = 10
"""Characters or elements that cost as much as a call."""


class Meter:
    """Counts what an evaluation costs."""

    __slots__ = ("left",)

    def __init__(self, limit: int) -> None:
        self.left = limit

    def spend(self, cost: int) -> None:
        """Take from what is left. Raises CostExceeded."""
        self.left -= cost
        if self.left < 0:
            raise CostExceeded


class Compiler:
    """Makes functions for nodes; `size` is how large a frame they need."""

    def __init__(self, variables: Mapping[str, Type]) -> None:
        self.places = {name: index for index, name in enumerate(variables, 1)}
        self.variables = variables
        self.size = len(variables) + 1

    def place(self) -> int:
        """Reserve a place in the frame for a variable of a macro."""
        self.size += 1
        return self.size - 1

    def compile(self, node: Node) -> Run:
        """Return the function of a node."""
        match node:
            case Literal(value=value):
                return lambda frame: value
            case Ident(name=name):
                return self._ident(name)
            case Select():
                return self._select(node)
            case Call():
                return self._call(node)
            case ListNode():
                return self._list(node)
            case MapNode():
                return self._map(node)
            case Macro():
                return comprehensions.compile_macro(self, node)
            case _:
                raise TypeError(f"no such node: {node!r}")

    # ------------------------------------------------------------------ names and fields

    def _ident(self, name: str) -> Run:
        name = name.removeprefix(".")
        place = self.places.get(name)
        if place is None:
            of = TypeValue(name)
            return lambda frame: of
        declared = self.variables.get(name)
        if declared is None or place > len(self.variables):
            return lambda frame: frame[place]
        convert = converter(declared)

        def variable(frame: Frame) -> Any:
            value = frame[place]
            if type(value) is Lazy:
                value = value.get()
            return value if convert is None else convert(value)

        return variable

    def _select(self, node: Select) -> Run:
        name = qualified_name(node)
        if name and (name in self.places or (name in TYPE_NAMES and name.split(".")[0] not in self.places)):
            return self._ident(name)
        operand = self.compile(node.operand)
        target = node.operand.type.params[0] if node.operand.type.kind == "optional" else node.operand.type
        field = unescape(node.field) if target.fields is not None else node.field
        declared = target.fields.get(node.field) if target.fields is not None else None
        if declared is None and target.kind == "map":
            declared = target.params[1]
        convert = converter(declared) if declared is not None else None
        if node.is_test:
            return lambda frame: _has(operand(frame), field)
        if node.is_optional or node.operand.type.kind == "optional":
            return lambda frame: _converted(_optional(operand(frame), field), convert)

        def select(frame: Frame) -> Any:
            value = operand(frame)
            frame[0].left -= 1
            if type(value) is dict:
                if field not in value:
                    raise EvaluationError(f"no such key: {field}")
                found = value[field]
            else:
                found = _field(value, field)
            return found if convert is None else convert(found)

        return select

    # ------------------------------------------------------------------ calls

    def _call(self, node: Call) -> Run:
        args = [self.compile(each) for each in ([node.target] if node.target is not None else []) + node.args]
        match node.name:
            case "_&&_":
                return _logical(args[0], args[1], False)
            case "_||_":
                return _logical(args[0], args[1], True)
            case "_?_:_":
                return _conditional(args[0], args[1], args[2])
            case "!_":
                return _not(args[0])
            case "or" | "orValue" if node.target is not None:
                return _or(args[0], args[1], node.name == "orValue")
        special = self._special(node)
        if special is not None:
            return _binary(special, args[0], args[1])
        return functions.compile_call(node, args)

    def _special(self, node: Call) -> operators.Binary | None:
        if node.name not in operators.BINARY:
            return None
        for each in node.args:
            special = operators.list_operator(node.name, each.type)
            if special is not None:
                return special
        return operators.BINARY[node.name]

    # ------------------------------------------------------------------ lists and maps

    def _list(self, node: ListNode) -> Run:
        elements = [self.compile(each) for each in node.elements]
        optional = node.optional
        if not optional:

            def make(frame: Frame) -> list[Any]:
                frame[0].spend(10)
                return [each(frame) for each in elements]

            return make

        def make_optional(frame: Frame) -> list[Any]:
            frame[0].spend(10)
            made = []
            for index, each in enumerate(elements):
                value = each(frame)
                if index not in optional:
                    made.append(value)
                elif _is_optional(value).has_value:
                    made.append(value.value)
            return made

        return make_optional

    def _map(self, node: MapNode) -> Run:
        entries = [(self.compile(key), self.compile(value)) for key, value in node.entries]
        optional, is_object = node.optional, bool(node.type_name)

        def make(frame: Frame) -> dict[Any, Any]:
            frame[0].spend(30)
            made: dict[Any, Any] = {}
            for index, (key, value) in enumerate(entries):
                name, what = key(frame), value(frame)
                if index in optional:
                    if not _is_optional(what).has_value:
                        continue
                    what = what.value
                if isinstance(name, (list, dict, float)) or name is None:
                    raise EvaluationError("unsupported key type")
                if name in made:
                    raise EvaluationError(f"Failed with repeated key: {name}")
                made[unescape(name) if is_object else name] = what
            return made

        return make


def _is_optional(value: Any) -> Optional:
    if type(value) is not Optional:
        raise EvaluationError(NO_OVERLOAD)
    return value


def _field(value: Any, field: str) -> Any:
    if isinstance(value, Fields):
        return value.select(field)
    raise EvaluationError(f"no such key: {field}")


def _has(value: Any, field: str) -> bool:
    if type(value) is dict:
        return field in value
    if type(value) is Optional:
        return value.has_value and _has(value.value, field)
    if isinstance(value, Fields):
        return value.has(field)
    raise EvaluationError(NO_OVERLOAD)


def _optional(value: Any, field: str) -> Optional:
    if type(value) is Optional:
        return _optional(value.value, field) if value.has_value else NONE
    if type(value) is dict:
        return Optional(True, value[field]) if field in value else NONE
    if isinstance(value, Fields):
        return Optional(True, value.select(field)) if value.has(field) else NONE
    raise EvaluationError(NO_OVERLOAD)


def _converted(value: Optional, convert: Callable[[Any], Any] | None) -> Optional:
    return value if convert is None or not value.has_value else Optional(True, convert(value.value))


def _binary(operation: operators.Binary, one: Run, other: Run) -> Run:
    def run(frame: Frame) -> Any:
        left, right = one(frame), other(frame)
        meter = frame[0]
        kind = type(left)
        meter.spend(1 + (len(left) // TRAVERSAL if kind is str or kind is list else 0))
        return operation(left, right)

    return run


def _logical(one: Run, other: Run, decides: bool) -> Run:
    """Return && or ||: whatever side decides, the other may have no value."""

    def run(frame: Frame) -> Any:
        frame[0].spend(1)
        try:
            left = one(frame)
            if left is decides:
                return decides
            fault = None if left is (not decides) else EvaluationError(NO_OVERLOAD)
        except CostExceeded:
            raise
        except EvaluationError as error:
            fault = error
        try:
            right = other(frame)
        except CostExceeded:
            raise
        except EvaluationError as error:
            raise fault or error from None
        if right is decides:
            return decides
        if fault is not None:
            raise fault
        if right is not (not decides):
            raise EvaluationError(NO_OVERLOAD)
        return not decides

    return run


def _conditional(condition: Run, yes: Run, no: Run) -> Run:
    def run(frame: Frame) -> Any:
        frame[0].spend(1)
        chosen = condition(frame)
        if chosen is True:
            return yes(frame)
        if chosen is False:
            return no(frame)
        raise EvaluationError(NO_OVERLOAD)

    return run


def _not(operand: Run) -> Run:
    def run(frame: Frame) -> bool:
        value = operand(frame)
        frame[0].spend(1)
        if value is True:
            return False
        if value is False:
            return True
        raise EvaluationError(NO_OVERLOAD)

    return run


def _or(one: Run, other: Run, unwrap: bool) -> Run:
    def run(frame: Frame) -> Any:
        value = _is_optional(one(frame))
        frame[0].spend(1)
        if not value.has_value:
            return other(frame)
        return value.value if unwrap else value

    return run
