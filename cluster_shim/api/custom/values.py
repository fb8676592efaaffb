"""Value validation: a value against the part of OpenAPI that schemas of custom resources may use.

It behaves as go-openapi does: what is checked in which order, what hides what, and which of several alternatives a
message speaks of (that with the most checks that passed, so checks are counted as there). A correlation, given for
updates, lets failures pass where nothing has changed. Upstream: kube-openapi/pkg/validation/validate and
apiserver/validation/ratcheting.go.
"""

from __future__ import annotations

import math
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.cel import regex
from cluster_shim.api.custom import failures, formats, numbers
from cluster_shim.api.custom.correlate import Correlation
from cluster_shim.api.custom.failures import Result
from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import FieldError, Path


def validate(path: Path | None, value: Any, schema: Schema, old: Correlation | None = None) -> list[FieldError]:
    """Return what is wrong with a value; `path` is None for an object itself."""
    result = Result()
    if old is None:
        _check("", value, schema, None, result)
    else:
        _ratchet("", value, schema, old, result)
    return failures.to_errors(result, path) if result.failures else []


def json_type(value: Any) -> str:
    """Return the type of a JSON value, with integers apart from other numbers."""
    if value is None:
        return "null"
    return _TYPE_NAMES[type(value)]


_TYPE_NAMES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_NATIVE_FORMATS = {"integer": "int64", "number": "float64"}


def _ratchet(name: str, value: Any, schema: Schema, old: Correlation, result: Result) -> None:
    below = Result()
    _check(name, value, schema, old, below)
    if below.failures and old.unchanged():
        result.matches += below.matches
    else:
        result.merge(below)


def _below(name: str, value: Any, schema: Schema, old: Correlation | None, result: Result) -> None:
    if old is None:
        _check(name, value, schema, None, result)
    else:
        _ratchet(name, value, schema, old, result)


def _check(name: str, value: Any, schema: Schema, old: Correlation | None, result: Result) -> None:
    kind = json_type(value)
    text_format = _format_of(schema)
    if value is None:
        if schema.types and not schema.nullable:
            result.add(failures.wrong_type(name, ",".join(schema.types), "null"))
        else:
            result.matches += 1
        _check_enum(name, value, schema, result)
        return
    if schema.types or text_format:
        failure = _check_type(name, value, kind, schema.types, text_format)
        if failure is not None:
            result.add(failure)
        result.matches += 1 if failure is not None else 2
    _check_combinations(name, value, schema, old, result)
    if kind == "string":
        _check_text(name, value, schema, text_format, result)
    elif kind in ("integer", "number"):
        numbers.check(name, value, schema, text_format, result)
    elif kind == "array":
        _check_list(name, value, schema, old, result)
    _check_enum(name, value, schema, result)
    result.matches += 1
    if kind == "object":
        _check_object(name, value, schema, old, result)
        result.matches += 1
    result.matches += 1


def _format_of(schema: Schema) -> str:
    """Return the format, or nothing where it has no meaning for the type."""
    name: str = schema.source.get("format", "")
    if not name:
        return ""
    return name if formats.is_known(name, schema.types[0] if len(schema.types) == 1 else "") else ""


def _check_type(name: str, value: Any, kind: str, types: tuple[str, ...], text_format: str) -> failures.Failure | None:
    whole = kind == "number" and "integer" in types and float(value).is_integer() and abs(value) < 1 << 53
    fits = kind in types or whole or (kind == "integer" and "number" in types)
    native = _NATIVE_FORMATS.get(kind, "")
    is_text = kind in ("string", "array")
    if not is_text and text_format and not fits and native != text_format:
        return failures.wrong_type(name, text_format, native)
    if is_text and text_format and "number" not in types and "integer" not in types:
        return None
    return None if fits else failures.wrong_type(name, ",".join(types), kind)


def _check_enum(name: str, value: Any, schema: Schema, result: Result) -> None:
    allowed = schema.source.get("enum")
    if not allowed or any(_is_same(value, each) for each in allowed):
        return
    result.add(failures.not_in_enum(name, value, allowed))


def _is_same(value: Any, allowed: Any) -> bool:
    if value is None or allowed is None or isinstance(value, bool) != isinstance(allowed, bool):
        return False
    if isinstance(value, float) and isinstance(allowed, int):
        return math.trunc(value) == allowed  # Go converts before it compares
    return bool(value == allowed)


def _check_text(name: str, value: str, schema: Schema, text_format: str, result: Result) -> None:
    source = schema.source
    maximum, minimum, pattern = source.get("maxLength"), source.get("minLength"), source.get("pattern")
    if maximum is not None and len(value) > maximum:
        result.add(failures.too_long(name, maximum))
    elif minimum is not None and len(value) < minimum:
        result.add(failures.invalid(name, value, f"should be at least {minimum} chars long"))
    elif pattern:
        try:
            fits = regex.matches(pattern, value)
        except regex.PatternError as error:
            result.add(failures.invalid(name, value, f"should match '{pattern}, but pattern is invalid: {error}'"))
        else:
            if not fits:
                result.add(failures.invalid(name, value, f"should match '{pattern}'"))
    result.matches += 1
    check = formats.check_of(text_format) if text_format else None
    if check is not None:
        result.matches += 1
        if not check(value):
            result.add(failures.wrong_type(name, text_format, value))


def _check_list(name: str, value: list[Any], schema: Schema, old: Correlation | None, result: Result) -> None:
    if schema.items is not None:
        for index, each in enumerate(value):
            before = old.element(index) if old is not None else None
            _below(f"{name}[{index}]", each, schema.items, before, result)
    minimum, maximum = schema.source.get("minItems"), schema.source.get("maxItems")
    if minimum is not None and len(value) < minimum:
        result.add(failures.invalid(name, len(value), f"should have at least {minimum} items"))
    if maximum is not None and len(value) > maximum:
        result.add(failures.too_many(name, "items", maximum, len(value)))
    result.matches += 2


def _check_object(name: str, value: dict[str, Any], schema: Schema, old: Correlation | None, result: Result) -> None:
    source = schema.source
    minimum, maximum = source.get("minProperties"), source.get("maxProperties")
    if minimum is not None and len(value) < minimum:
        result.add(failures.invalid(name, len(value), f"should have at least {minimum} properties"))
    if maximum is not None and len(value) > maximum:
        result.add(failures.too_many(name, "properties", maximum, len(value)))
    properties = schema.properties
    if source.get("additionalProperties") is False:
        for member in sorted(value.keys() - properties.keys()):
            text = f"{name}.{member} in body is a forbidden property"
            result.add(_forbidden_property(name, member, text))
    elif schema.additional is not None:
        for member, each in value.items():
            if member not in properties:
                before = old.member(member) if old is not None else None
                _below(f"{name}.{member}", each, schema.additional, before, result)
    for member, below in properties.items():
        if member in value:
            is_type_meta = not name and member in ("kind", "apiVersion")
            before = old.member(member) if old is not None and not is_type_meta else None
            _below(f"{name}.{member}" if name else member, value[member], below, before, result)
    for member in source.get("required") or ():
        if member not in value:
            result.add(failures.missing(f"{name}.{member}"))


def _forbidden_property(name: str, member: str, text: str) -> failures.Failure:
    return failures.Failure(name, text, lambda path: fields.invalid(path, member, text))


def _check_combinations(name: str, value: Any, schema: Schema, old: Correlation | None, result: Result) -> None:
    result.matches += 2
    if schema.any_of:
        _check_any_of(name, value, schema, old, result)
    if schema.one_of:
        _check_one_of(name, value, schema, old, result)
    if schema.all_of:
        valid = 0
        for each in schema.all_of:
            below = _result_of(name, value, each, old)
            valid += not below.failures
            result.merge(below)
        if valid != len(schema.all_of):
            more = "" if valid else ". None validated"
            result.add(failures.general(f"{fields.quoted(name)} must validate all the schemas (allOf){more}"))
    if schema.negated is not None and not _result_of(name, value, schema.negated, old).failures:
        result.add(failures.general(f"{fields.quoted(name)} must not validate the schema (not)"))


def _result_of(name: str, value: Any, schema: Schema, old: Correlation | None) -> Result:
    result = Result()
    _check(name, value, schema, old, result)
    return result


def _check_any_of(name: str, value: Any, schema: Schema, old: Correlation | None, result: Result) -> None:
    best: Result | None = None
    for each in schema.any_of:
        below = _result_of(name, value, each, old)
        if not below.failures:
            result.merge(below)
            return
        if best is None or below.matches > best.matches:
            best = below
    result.add(failures.general(f"{fields.quoted(name)} must validate at least one schema (anyOf)"))
    if best is not None:
        result.merge(best)


def _check_one_of(name: str, value: Any, schema: Schema, old: Correlation | None, result: Result) -> None:
    best: Result | None = None
    first: Result | None = None
    valid = 0
    for each in schema.one_of:
        below = _result_of(name, value, each, old)
        if not below.failures:
            valid += 1
            best = None
            first = first or below
        elif not valid and (best is None or below.matches > best.matches):
            best = below
    if valid == 1 and first is not None:
        result.merge(first)
        return
    found = f"Found {valid} valid alternatives" if valid else "Found none valid"
    result.add(failures.general(f"{fields.quoted(name)} must validate one and only one schema (oneOf). {found}"))
    if best is not None:
        result.merge(best)
