"""Compiled policies: expressions ready to be evaluated; what cannot be compiled is an error of every evaluation.

Upstream: admission/plugin/policy/validating/plugin.go (compilePolicy) and policy/mutating/compilation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cluster_shim.api.cel.admission import JSON_PATCH, OBJECT, ExpressionError, compile_expression, environment
from cluster_shim.api.cel.environment import Environment, Program
from cluster_shim.api.cel.object_names import mismatch
from cluster_shim.api.cel.types import BOOL, DYN, NULL, STRING, Type, list_of, object_of

_OBJECT = object_of(OBJECT, {})


class Expression(NamedTuple):
    """A text and its program, or why there is none."""

    text: str
    program: Program | None
    error: str = ""


class Mutation(NamedTuple):
    """One mutation."""

    patch_type: str
    """``ApplyConfiguration`` or ``JSONPatch``."""
    expression: Expression
    mismatch: str = ""
    """What is wrong with the names of the types of objects in it."""


class Compiled:
    """The expressions of a policy."""

    def __init__(self, policy: Mapping[str, Any]) -> None:
        spec = policy["spec"]
        has_params = spec.get("paramKind") is not None
        is_mutating = "mutations" in spec
        self.variables, types = _variables(spec.get("variables") or (), has_params, is_mutating)
        within = environment(has_params, True, types, is_mutating)
        messages = environment(has_params, False, types)
        self.conditions = [
            (each["name"], _compile(environment(has_params), each["expression"], (BOOL,)))
            for each in spec.get("matchConditions") or ()
        ]
        self.validations = [
            (each, _compile(within, each["expression"], (BOOL,)), _optional(messages, each.get("messageExpression")))
            for each in spec.get("validations") or ()
        ]
        self.annotations = [
            (each["key"], _compile(within, each["valueExpression"], (STRING, NULL)))
            for each in spec.get("auditAnnotations") or ()
        ]
        self.mutations = [_mutation(within, each) for each in spec.get("mutations") or ()]


def _variables(listed: Any, has_params: bool, is_mutating: bool) -> tuple[dict[str, Expression], dict[str, Type]]:
    """Compile variables in their order: each may use those before it."""
    compiled: dict[str, Expression] = {}
    types: dict[str, Type] = {}
    for each in listed:
        within = environment(has_params, True, dict(types), is_mutating)
        made = compiled[each["name"]] = _compile(within, each["expression"])
        types[each["name"]] = made.program.type if made.program is not None else DYN
    return compiled, types


def _compile(within: Environment, text: str, allowed: tuple[Type, ...] = ()) -> Expression:
    try:
        return Expression(text, compile_expression(within, text, allowed))
    except ExpressionError as error:
        return Expression(text, None, f"compilation error: {error}")


def _optional(within: Environment, text: str | None) -> Expression | None:
    return _compile(within, text, (STRING,)) if text else None


def _mutation(within: Environment, source: Mapping[str, Any]) -> Mutation:
    patch_type = source["patchType"]
    if patch_type == "JSONPatch":
        text = (source.get("jsonPatch") or {}).get("expression", "")
        return Mutation(patch_type, _compile(within, text, (list_of(JSON_PATCH),)))
    text = (source.get("applyConfiguration") or {}).get("expression", "")
    made = _compile(within, text, (_OBJECT,))
    return Mutation(patch_type, made, mismatch(made.program.node) if made.program is not None else "")
