"""Rules of definitions: their texts, and whether they compile against the types of their schema.

Upstream: apis/apiextensions/validation/validation.go and cel_validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.cel.escaping import escape
from cluster_shim.api.cel.types import Type
from cluster_shim.api.custom import fieldpath
from cluster_shim.api.custom.celtypes import cel_type
from cluster_shim.api.custom.gostructs import dump
from cluster_shim.api.custom.rules import compile_rules
from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import FieldError, Path

Source = Mapping[str, Any]

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_LINES = re.compile(r"[\n\r]+")


class Scope:
    """The type by which the rules of a place know their value; None where expressions know nothing."""

    __slots__ = ("type",)

    def __init__(self, of: Type | None) -> None:
        self.type = of

    def member(self, name: str, schema: Source) -> Scope:
        """Return the scope of a property."""
        escaped = escape(name)
        if self.type is None or self.type.fields is None or escaped is None:
            return Scope(cel_type(Schema(schema), bool(schema.get("x-kubernetes-embedded-resource"))))
        return Scope(self.type.fields.get(escaped))

    def values(self, schema: Source) -> Scope:
        """Return the scope of additional properties."""
        return Scope(self.type.params[1] if self.type is not None and self.type.kind == "map" else None)

    def elements(self, schema: Source) -> Scope:
        """Return the scope of the elements of a list."""
        return Scope(self.type.params[0] if self.type is not None and self.type.kind == "list" else None)


def check_rules(path: Path, schema: Source) -> list[FieldError]:
    """Return what is wrong with rules before anything is compiled."""
    errors: list[FieldError] = []
    for index, rule in enumerate(schema["x-kubernetes-validations"]):
        errors += _check_rule(path.child("x-kubernetes-validations").index(index), rule, schema)
    return errors


def _check_rule(at: Path, rule: Mapping[str, Any], schema: Source) -> list[FieldError]:
    errors: list[FieldError] = []
    text, message = rule.get("rule", ""), rule.get("message") or ""
    if not text.strip():
        errors.append(fields.required(at.child("rule"), "rule is not specified"))
    elif message and not message.strip():
        errors.append(fields.invalid(at.child("message"), message, "must be non-empty if specified"))
    elif _LINES.search(message.strip()):
        errors.append(fields.invalid(at.child("message"), message, "must not contain line breaks"))
    elif _LINES.search(text.strip()) and not message.strip():
        detail = "message must be specified if rule contains line breaks"
        errors.append(fields.required(at.child("message"), detail))
    expression = rule.get("messageExpression") or ""
    if expression and not expression.strip():
        detail = "messageExpression must be non-empty if specified"
        errors.append(fields.required(at.child("messageExpression"), detail))
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        errors.append(fields.not_supported(at.child("reason"), reason, REASONS))
    field_path = rule.get("fieldPath") or ""
    if field_path and not field_path.strip():
        errors.append(fields.invalid(at.child("fieldPath"), field_path, "must be non-empty if specified"))
    if _LINES.search(field_path):
        errors.append(fields.invalid(at.child("fieldPath"), field_path, "must not contain line breaks"))
    if field_path and not _leads_somewhere(field_path, schema):
        errors.append(fields.invalid(at.child("fieldPath"), field_path, "must be a valid path"))
    return errors


def _leads_somewhere(text: str, schema: Source) -> bool:
    try:
        fieldpath.resolve(text, Schema(schema))
    except fieldpath.InvalidPath:
        return False
    return True


def compile_all(path: Path, schema: Source, scope: Scope, uncorrelated: Path | None) -> list[FieldError]:
    """Return what is wrong with the expressions of rules."""
    at = path.child("x-kubernetes-validations")
    if scope.type is None:
        text = "internal error: failed to construct type information for x-kubernetes-validations rules"
        return [fields.internal(at, text)]
    errors: list[FieldError] = []
    sources = schema["x-kubernetes-validations"]
    for index, rule in enumerate(compile_rules(Schema(schema), scope.type, sources)):
        here, source = at.index(index), sources[index]
        if rule.error:
            errors.append(fields.invalid(here.child("rule"), dump("ValidationRule", source), rule.error))
        if rule.message_error:
            shown = dump("ValidationRule", source)
            errors.append(fields.invalid(here.child("messageExpression"), shown, rule.message_error))
        if rule.uses_old_self:
            if uncorrelated is not None:
                text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
                errors.append(fields.invalid(here.child("rule"), source["rule"], text))
        elif source.get("optionalOldSelf") is not None:
            text = "may not be set if oldSelf is not used in rule"
            errors.append(fields.invalid(here.child("optionalOldSelf"), source["optionalOldSelf"], text))
    return errors
