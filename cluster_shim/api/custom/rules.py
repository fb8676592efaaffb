"""Rules: x-kubernetes-validations, compiled beside the schema and evaluated on objects.

Every expression may cost so much, and all of an object together so much; then the rest is not evaluated and the object
is refused. Upstream: apiserver/schema/cel/validation.go and compilation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.cel import CompileError, CostExceeded, Environment, EvaluationError, Program
from cluster_shim.api.cel.types import BOOL, STRING, Type, optional_of
from cluster_shim.api.cel.values import NONE, Optional
from cluster_shim.api.custom import fieldpath
from cluster_shim.api.custom.celtypes import cel_type
from cluster_shim.api.custom.correlate import Correlation, by_keys, key_of
from cluster_shim.api.custom.failures import NO_PATH
from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import FieldError, Path

BUDGET = 10_000_000
"""What all rules of one object may cost together."""
MAX_MESSAGE_BYTES = 5 * 1024


class Rule:
    """One rule; `error` and `message_error` say why it cannot be compiled."""

    def __init__(self, source: Mapping[str, Any], environment: Environment, schema: Schema) -> None:
        self.source = source
        self.program: Program | None = None
        self.message_program: Program | None = None
        self.error = self.message_error = ""
        self.field_path = _field_path(source.get("fieldPath", ""), schema)
        self.is_optional: bool = bool(source.get("optionalOldSelf"))
        text: str = source.get("rule", "")
        if text.strip():
            self._compile(text, source.get("messageExpression", ""), environment)
        self.uses_old_self = self.program is not None and "oldSelf" in self.program.names
        self.message: str = (source.get("message") or "").strip()
        self.shown: str = self.message or text.strip()

    def _compile(self, text: str, message: str, environment: Environment) -> None:
        try:
            program = environment.compile(text)
        except CompileError as error:
            self.error = f"compilation failed: {error}"
            return
        if program.type != BOOL:
            self.error = "cel expression must evaluate to a bool"
            return
        self.program = program
        if not message:
            return
        try:
            program = environment.compile(message)
        except CompileError as error:
            self.message_error = f"messageExpression compilation failed: {error}"
            return
        if program.type != STRING:
            self.message_error = "messageExpression must evaluate to a string"
            return
        self.message_program = program


def _field_path(text: str, schema: Schema) -> str:
    if not text:
        return ""
    try:
        return str(fieldpath.resolve(text, schema)[0])
    except fieldpath.InvalidPath:
        return ""


def compile_rules(schema: Schema, of: Type, sources: list[dict[str, Any]] | None = None) -> list[Rule]:
    """Return the rules of one node of a schema, whose values are of a type."""
    plain = Environment({"self": of, "oldSelf": of})
    optional = Environment({"self": of, "oldSelf": optional_of(of)})
    return [
        Rule(each, optional if each.get("optionalOldSelf") else plain, schema)
        for each in (schema.rules if sources is None else sources)
    ]


class Rules:
    """The rules of a schema and of all below it."""

    __slots__ = ("additional", "all_of", "items", "properties", "rules", "schema")

    def __init__(self, schema: Schema, rules: list[Rule]) -> None:
        self.schema = schema
        self.rules = rules
        self.items: Rules | None = None
        self.additional: Rules | None = None
        self.properties: dict[str, Rules] = {}
        self.all_of: list[Rules] = []

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to evaluate."""
        return not (self.rules or self.items or self.additional or self.properties or self.all_of)


def rules_of(schema: Schema, is_root: bool) -> Rules | None:
    """Return the rules of a schema; None if it has none."""
    of = cel_type(schema, is_root)
    if of is None:
        return None
    made = Rules(schema, compile_rules(schema, of) if schema.rules else [])
    if schema.items is not None:
        made.items = rules_of(schema.items, schema.items.embedded)
    if schema.additional is not None:
        made.additional = rules_of(schema.additional, schema.additional.embedded)
    for name, below in schema.properties.items():
        found = rules_of(below, below.embedded)
        if found is not None:
            made.properties[name] = found
    return None if made.is_empty else made


class _Evaluation:
    """One walk over an object."""

    def __init__(self, warnings: list[str]) -> None:
        self.left = BUDGET
        self.errors: list[FieldError] = []
        self.warnings = warnings

    @property
    def is_over(self) -> bool:
        return self.left < 0

    def stop(self, error: FieldError) -> None:
        self.errors.append(error)
        self.left = -1


def validate(
    path: Path,
    value: Any,
    rules: Rules | None,
    old: Any = None,
    correlation: Correlation | None = None,
    warnings: list[str] | None = None,
) -> list[FieldError]:
    """Return what rules refuse. What was refused before, and has not changed, becomes a warning."""
    if rules is None:
        return []
    evaluation = _Evaluation(warnings if warnings is not None else [])
    _walk(evaluation, path, value, rules, old, correlation, None, True)
    return [each if each.path else each._replace(path=NO_PATH) for each in evaluation.errors]


def _walk(
    evaluation: _Evaluation,
    path: Path,
    value: Any,
    rules: Rules,
    old: Any,
    here: Correlation | None,
    above: Correlation | None,
    is_root: bool = False,
) -> None:
    if value is None:
        return
    if rules.rules:
        _evaluate(evaluation, path, value, rules, old, here if here is not None else above)
    if evaluation.is_over:
        return
    nearest = here if here is not None else above
    if isinstance(value, list) and rules.items is not None:
        olds = by_keys(old, rules.schema.map_keys) if _is_keyed(rules.schema) and isinstance(old, list) else {}
        for index, each in enumerate(value):
            before = olds.get(key_of(each, rules.schema.map_keys)) if olds and isinstance(each, dict) else None
            below = here.element(index) if here is not None else None
            _walk(evaluation, path.index(index), each, rules.items, before, below, nearest)
            if evaluation.is_over:
                return
    elif isinstance(value, dict):
        before_all = old if isinstance(old, dict) else {}
        for name, each in value.items():
            found = rules.properties.get(name)
            if found is None and name not in rules.schema.properties:
                found = rules.additional
            if found is None:
                continue
            hidden = is_root and name in ("apiVersion", "kind")
            below = here.member(name) if here is not None and not hidden else None
            at = path.child(name) if found is not rules.additional else path.key(name)
            _walk(evaluation, at, each, found, before_all.get(name), below, None if hidden else nearest)
            if evaluation.is_over:
                return


def _is_keyed(schema: Schema) -> bool:
    return schema.list_type == "map"


def _evaluate(
    evaluation: _Evaluation, path: Path, value: Any, rules: Rules, old: Any, correlation: Correlation | None
) -> None:
    of = rules.schema.type
    for rule in rules.rules:
        if rule.error:
            evaluation.errors.append(fields.invalid(path, of, f"rule compile error: {rule.error}"))
            continue
        if rule.program is None or (rule.uses_old_self and old is None and not rule.is_optional):
            continue
        values = {"self": value, "oldSelf": old}
        if rule.is_optional:
            values["oldSelf"] = NONE if old is None else Optional(True, old)
        holds = _holds(evaluation, path, of, rule, values)
        if evaluation.is_over:
            return
        if holds:
            continue
        error = _refusal(evaluation, path, value, of, rule, {"self": value, "oldSelf": old})
        if not rule.uses_old_self and correlation is not None and correlation.unchanged():
            evaluation.warnings.append(error.message())
        else:
            evaluation.errors.append(error)
        if evaluation.is_over:
            return


_OVER_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_NO_SIGNATURE = "call arguments did not match a supported operator, function or macro signature for rule"


def _holds(evaluation: _Evaluation, path: Path, of: str, rule: Rule, values: Mapping[str, Any]) -> bool:
    """Tell whether a rule holds, or could not be evaluated (then that is an error of its own)."""
    assert rule.program is not None
    try:
        found, cost = rule.program.measure(values)
    except CostExceeded as error:
        text = f"'{error}': no further validation rules will be run due to call cost exceeds limit for rule"
        evaluation.stop(fields.invalid(path, of, f"{text}: {rule.shown}"))
        return True
    except EvaluationError as error:
        text = f"{error} evaluating rule"
        if str(error).startswith("no such overload"):
            text = f"'{error}': {_NO_SIGNATURE}"
        evaluation.errors.append(fields.invalid(path, of, f"{text}: {rule.shown}"))
        return True
    evaluation.left -= cost
    if evaluation.is_over:
        evaluation.errors.append(fields.invalid(path, of, _OVER_BUDGET))
    return found is True


def _refusal(
    evaluation: _Evaluation, path: Path, value: Any, of: str, rule: Rule, values: Mapping[str, Any]
) -> FieldError:
    if rule.field_path:
        path = path.child(rule.field_path)
    detail = _message(evaluation, rule, values) or rule.message or f"failed rule: {rule.shown}"
    reason = rule.source.get("reason", "")
    omitted = of in ("object", "array")
    if reason == "FieldValueForbidden":
        return fields.forbidden(path, detail)
    if reason == "FieldValueRequired":
        return fields.required(path, detail)
    if reason == "FieldValueDuplicate":
        shown = "" if omitted else f": {fields.shown(value)}"
        return FieldError("FieldValueDuplicate", str(path), f"Duplicate value{shown}")
    if omitted:
        return FieldError("FieldValueInvalid", str(path), f"Invalid value: {detail}")
    return fields.invalid(path, value, detail)


def _message(evaluation: _Evaluation, rule: Rule, values: Mapping[str, Any]) -> str:
    """Return what messageExpression gives; nothing if that cannot be used."""
    if rule.message_program is None:
        return ""
    try:
        found, cost = rule.message_program.measure(values)
    except EvaluationError:
        return ""
    evaluation.left -= cost
    text = found.strip() if isinstance(found, str) else ""
    return "" if "\n" in text or len(text.encode()) > MAX_MESSAGE_BYTES else text
