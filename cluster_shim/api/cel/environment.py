"""Environment and Program: which variables an expression may use, and an expression ready to be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.cel import checker, compiler, literals, parser
from cluster_shim.api.cel.errors import CompileError, EvaluationError, Issue
from cluster_shim.api.cel.syntax import Node
from cluster_shim.api.cel.types import Type

PER_CALL_LIMIT = 1_000_000
"""What one evaluation may cost; upstream: apis/cel/config.go."""


class Program:
    """A compiled expression."""

    def __init__(self, source: str, node: Node, variables: Mapping[str, Type]) -> None:
        self.source = source
        self.node = node
        self.type = node.type
        """Of the result."""
        made = compiler.Compiler(variables)
        self._run = made.compile(node)
        self._names = tuple(variables)
        self._rest = [None] * (made.size - len(variables) - 1)
        self.names = literals.names_in(node)
        """All names that stand in it."""

    def evaluate(self, values: Mapping[str, Any], limit: int = PER_CALL_LIMIT) -> Any:
        """Return the value for values of the variables. Raises EvaluationError."""
        return self.measure(values, limit)[0]

    def measure(self, values: Mapping[str, Any], limit: int = PER_CALL_LIMIT) -> tuple[Any, int]:
        """Return the value, and what it cost. Raises EvaluationError; CostExceeded at the limit."""
        meter = compiler.Meter(limit)
        try:
            value = self._run([meter, *[values.get(name) for name in self._names], *self._rest])
        except RecursionError:
            raise EvaluationError("too deeply nested") from None
        return value, limit - meter.left


class Environment:
    """Variables by name, with their types, and the types of objects that an expression may make."""

    def __init__(self, variables: Mapping[str, Type], objects: Mapping[str, Type] | None = None) -> None:
        self.variables = dict(variables)
        self.objects = objects or {}

    def compile(self, source: str) -> Program:
        """Return a program. Raises CompileError."""
        try:
            node = parser.parse(source)
            checker.check(source, node, self.variables, self.objects)
            literals.check(source, node)
            return Program(source, node, self.variables)
        except RecursionError:
            raise CompileError(source, [Issue(0, "expression recursion limit exceeded")]) from None
