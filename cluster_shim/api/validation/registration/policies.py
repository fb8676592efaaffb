"""Admission policies, validating and mutating, and their bindings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, labels, metadata, names
from cluster_shim.api.validation.checks import (
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    need_formatted,
    need_one_of,
    optional_one_of,
    refuse,
    unique,
)
from cluster_shim.api.validation.registration import matching
from cluster_shim.api.validation.registration.expressions import Composition
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump_list

_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_NOT_FOUND = ("Deny", "Allow")
_MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_REINVOCATION = ("IfNeeded", "Never")
_MOST_ANNOTATIONS = 20
_LONGEST_VALUE = 5 * 1024
_LINES = re.compile(r"[\n\r]+")
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)

_Spec = Callable[[Errors, Object, bool], None]


def _common(errors: Errors, spec: Object, same_conditions: bool, mutating: bool) -> None:
    if spec.get("failurePolicy") is None:
        errors.append(fields.required(SPEC.child("failurePolicy")))
    else:
        optional_one_of(errors, spec, "failurePolicy", SPEC, matching.FAILURE_POLICIES)
    params = spec.get("paramKind")
    if params is not None:
        _param_kind(errors, params, SPEC.child("paramKind"))
    wanted, at = spec.get("matchConstraints"), SPEC.child("matchConstraints")
    if wanted is None:
        errors.append(fields.required(at))
    else:
        matching.resources(errors, wanted, at)
        if not wanted.get("resourceRules"):
            errors.append(fields.required(at.child("resourceRules")))
        if mutating:
            _mutating_operations(errors, wanted, at)
    if not same_conditions:
        at = SPEC.child("matchConditions")
        matching.conditions(errors, spec.get("matchConditions"), at, params is not None)


def _mutating_operations(errors: Errors, wanted: Object, path: Path) -> None:
    at = path.child("resourceRules", "operations")
    for rule in wanted.get("resourceRules") or ():
        for each in rule.get("operations") or ():
            if each not in _MUTATING_OPERATIONS:
                errors.append(fields.not_supported(at, each, _MUTATING_OPERATIONS))


def _param_kind(errors: Errors, params: Object, path: Path) -> None:
    text, kind, at = params.get("apiVersion", ""), params.get("kind", ""), path.child("apiVersion")
    group, _, version = text.rpartition("/")
    if not text:
        errors.append(fields.required(at))
    elif text.count("/") > 1:
        errors.append(fields.invalid(at, text, f"unexpected GroupVersion string: {text}"))
    else:
        if group and (problems := formats.dns_subdomain(group)):
            errors.append(fields.invalid(at, group, ",".join(problems)))
        if not version:
            errors.append(fields.invalid(at, text, "version must be specified"))
        elif problems := formats.dns_1035_label(version):
            errors.append(fields.invalid(at, version, ",".join(problems)))
    if not kind:
        errors.append(fields.required(path.child("kind")))
    elif problems := formats.dns_1035_label(kind.lower()):
        detail = f"may have mixed case, but should otherwise match: {','.join(problems)}"
        errors.append(fields.invalid(path.child("kind"), kind, detail))


def _variables(errors: Errors, variables: Sequence[Object], within: Composition) -> None:
    for index, each in enumerate(variables):
        name, expression = each.get("name", ""), each.get("expression", "")
        path = SPEC.child("variables").index(index)
        if not name.strip():
            errors.append(fields.required(path.child("name"), "name is not specified"))
        elif not _IDENTIFIER.fullmatch(name) or name in _RESERVED:
            errors.append(fields.invalid(path.child("name"), name, "must be a valid CEL identifier"))
        if not expression.strip():
            errors.append(fields.required(path.child("expression"), "expression is not specified"))
        else:
            within.variable(errors, name, expression, path.child("expression"))


def _validating(errors: Errors, policy: Object, same_conditions: bool) -> None:
    spec = policy.get("spec") or NOTHING
    _common(errors, spec, same_conditions, False)
    variables = spec.get("variables") or ()
    within = Composition(spec.get("paramKind") is not None, bool(variables))
    _variables(errors, variables, within)
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not annotations:
        detail = "validations or auditAnnotations must contain at least one item"
        errors.append(fields.required(SPEC.child("validations"), detail))
        errors.append(fields.required(SPEC.child("auditAnnotations"), detail))
    for index, each in enumerate(validations):
        _validation(errors, each, SPEC.child("validations").index(index), within)
    at = SPEC.child("auditAnnotations")
    if len(annotations) > _MOST_ANNOTATIONS:
        detail = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        errors.append(fields.invalid(at, dump_list("AuditAnnotation", annotations), detail))
    seen: set[str] = set()
    for index, each in enumerate(annotations):
        _annotation(errors, each, at.index(index), within, (policy.get("metadata") or NOTHING).get("name", ""))
        unique(errors, each.get("key", ""), seen, at.index(index).child("key"))


def _validation(errors: Errors, validation: Object, path: Path, within: Composition) -> None:
    expression, message = validation.get("expression", ""), validation.get("message", "")
    if not expression.strip():
        errors.append(fields.required(path.child("expression"), "expression is not specified"))
    else:
        within.validation(errors, expression, path.child("expression"))
    text = validation.get("messageExpression", "")
    if text and not text.strip():
        errors.append(fields.invalid(path.child("messageExpression"), text, "must be non-empty if specified"))
    elif text:
        within.message(errors, text, path.child("messageExpression"))
    if message and not message.strip():
        errors.append(fields.invalid(path.child("message"), message, "must be non-empty if specified"))
    elif _LINES.search(message.strip()):
        errors.append(fields.invalid(path.child("message"), message, "must not contain line breaks"))
    optional_one_of(errors, validation, "reason", path, _REASONS)


def _annotation(errors: Errors, annotation: Object, path: Path, within: Composition, name: str) -> None:
    key, text = annotation.get("key", ""), annotation.get("valueExpression", "")
    if name:
        labels.label_name(errors, f"{name}/{key}", path.child("key"))
    else:
        errors.append(fields.invalid(path.child("key"), key, "requires metadata.name be non-empty"))
    at, trimmed = path.child("valueExpression"), text.strip()
    if not trimmed:
        errors.append(fields.required(at, "valueExpression is not specified"))
    elif formats.size(trimmed) > _LONGEST_VALUE:
        errors.append(fields.required(at, f"must not exceed {_LONGEST_VALUE} bytes in length"))
    else:
        within.annotation(errors, text, at)


def _mutating(errors: Errors, policy: Object, same_conditions: bool) -> None:
    spec = policy.get("spec") or NOTHING
    _common(errors, spec, same_conditions, True)
    within = Composition(spec.get("paramKind") is not None, True)
    _variables(errors, spec.get("variables") or (), within)
    mutations, at = spec.get("mutations") or (), SPEC.child("mutations")
    if not mutations:
        errors.append(fields.required(at, "mutations must contain at least one item"))
    for index, each in enumerate(mutations):
        _mutation(errors, each, at.index(index), within)
    need_one_of(errors, spec, "reinvocationPolicy", SPEC, _REINVOCATION)


def _mutation(errors: Errors, mutation: Object, path: Path, within: Composition) -> None:
    kind = mutation.get("patchType", "")
    if kind not in _PATCHES:
        need_one_of(errors, mutation, "patchType", path, tuple(_PATCHES))
        return
    key = _PATCHES[kind]
    patch, at = mutation.get(key), path.child(key)
    if patch is None:
        errors.append(fields.required(at, f"must be specified when patchType is {kind}"))
    elif not (text := patch.get("expression", "").strip()):
        errors.append(fields.required(at.child("expression")))
    else:
        within.mutation(errors, text, at.child("expression"), key == "jsonPatch")
    for other in _PATCHES.values():
        if other != key and mutation.get(other) is not None:
            detail = f"must not be specified when patchType is {kind}"
            errors.append(fields.invalid(path.child(other), f"{{{other}}}", detail))


def _policy(check: _Spec, update_status: Callable[[Errors, Object, Object], None] | None = None) -> Rules:
    def create(errors: Errors, policy: Object) -> None:
        metadata.generic(errors, policy, False, names.dns_subdomain)
        check(errors, policy, False)

    def update(errors: Errors, new: Object, old: Object) -> None:
        metadata.generic(errors, new, False, names.dns_subdomain)
        now, before = new.get("spec") or NOTHING, old.get("spec") or NOTHING
        same = all((now.get(key) or None) == (before.get(key) or None) for key in ("paramKind", "matchConditions"))
        check(errors, new, same)

    return Rules(create, update, {"status": update_status} if update_status else {})


def _update_status(errors: Errors, new: Object, old: Object) -> None:
    status = new.get("status") or NOTHING
    path = STATUS.child("typeChecking", "expressionWarnings")
    for index, each in enumerate((status.get("typeChecking") or NOTHING).get("expressionWarnings") or ()):
        for key in ("warning", "fieldRef"):
            if not each.get(key, "").strip():
                errors.append(fields.required(path.index(index).child(key)))
    metadata.conditions(errors, status.get("conditions"), STATUS.child("conditions"))


def _params(errors: Errors, params: Object | None, path: Path) -> None:
    if params is None:
        return
    name, chosen, twice = params.get("name", ""), params.get("selector"), "name and selector are mutually exclusive"
    if name:
        refuse(errors, path.child("name"), name, formats.path_segment(name))
        if chosen is not None:
            errors.append(fields.forbidden(path.child("name"), twice))
    if chosen is not None:
        labels.selector(errors, chosen, path.child("selector"))
        if name:
            errors.append(fields.forbidden(path.child("selector"), twice))
    if not name and chosen is None:
        errors.append(fields.required(path, "one of name or selector must be specified"))
    need_one_of(errors, params, "parameterNotFoundAction", path, _NOT_FOUND)


def _binding(errors: Errors, binding: Object) -> Object:
    metadata.generic(errors, binding, False, names.dns_subdomain)
    spec: Object = binding.get("spec") or NOTHING
    need_formatted(errors, spec, "policyName", SPEC, formats.dns_subdomain)
    _params(errors, spec.get("paramRef"), SPEC.child("paramRef"))
    matching.resources(errors, spec.get("matchResources"), SPEC.child("matchResources"))
    return spec


def _create_validating_binding(errors: Errors, binding: Object) -> None:
    actions, at = _binding(errors, binding).get("validationActions") or (), SPEC.child("validationActions")
    seen: set[str] = set()
    for index, each in enumerate(actions):
        if each not in _ACTIONS:
            errors.append(fields.not_supported(at.index(index), each, _ACTIONS))
        unique(errors, each, seen, at.index(index))
    if seen >= {"Deny", "Warn"}:
        detail = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        errors.append(fields.invalid(at, actions, detail))
    if not actions:
        errors.append(fields.required(at, "at least one validation action is required"))


def _create_mutating_binding(errors: Errors, binding: Object) -> None:
    wanted = _binding(errors, binding).get("matchResources")
    if wanted is not None:
        _mutating_operations(errors, wanted, SPEC.child("matchResources"))


def _binding_rules(create: Callable[[Errors, Object], None]) -> Rules:
    return Rules(create, lambda errors, new, old: create(errors, new))


VALIDATING = _policy(_validating, _update_status)
MUTATING = _policy(_mutating)
VALIDATING_BINDING = _binding_rules(_create_validating_binding)
MUTATING_BINDING = _binding_rules(_create_mutating_binding)
