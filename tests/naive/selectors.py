"""Node selector terms and tolerations, with upstream's error texts for what does not parse.

Does not score and does not know plugins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

_INT64 = re.compile(r"[+-]?[0-9]+")
_NAME_FORM = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_SUBDOMAIN_FORM = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_KEY_EXAMPLES = f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_FORM}')"
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    f" '({_NAME_FORM})?')"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    f" end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_FORM}')"
)


def parse_int64(text: str) -> int | None:
    """Return the number that Go's ParseInt(text, 10, 64) reads, None if it fails."""
    if _INT64.fullmatch(text) is None or not -(2**63) <= int(text) < 2**63:
        return None
    return int(text)


def go_quote(text: str) -> str:
    """Quote as Go's strconv.Quote does."""
    short = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
    result = []
    for char in text:
        code = ord(char)
        if char in '"\\':
            result.append("\\" + char)
        elif char in short:
            result.append(short[char])
        elif char.isprintable():
            result.append(char)
        elif code < 0x80:
            result.append(f"\\x{code:02x}")
        else:
            result.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(result) + '"'


def aggregate(errors: Sequence[str]) -> str:
    """Render several errors as upstream's aggregate does: duplicates once, brackets around more than one."""
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else "[" + ", ".join(distinct) + "]"


def tolerates(toleration: Json, taint: Json) -> bool:
    """Say whether one toleration tolerates one taint (`ToleratesTaint`, comparison operators off)."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")


def labels_of(node: Json) -> dict[str, str]:
    """Return the labels of an object."""
    return node["metadata"].get("labels") or {}


def term_matches(term: Json, node: Json) -> bool:
    """Say whether a node selector term matches; an empty one and one that does not parse match nothing."""
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    if term_errors(term, ""):
        return False
    labels = labels_of(node)
    own_fields = {"metadata.name": node["metadata"]["name"]}
    return all(_label_matches(one, labels) for one in expressions) and all(
        _field_matches(one, own_fields) for one in fields
    )


def term_errors(term: Json, path: str) -> list[str]:
    """Return upstream's parse errors of a node selector term, in order."""
    errors = []
    for i, requirement in enumerate(term.get("matchExpressions") or []):
        errors += _label_errors(requirement, _child(path, f"matchExpressions[{i}]"))
    for i, requirement in enumerate(term.get("matchFields") or []):
        errors += _field_errors(requirement, _child(path, f"matchFields[{i}]"))
    return errors


def _label_matches(requirement: Json, labels: dict[str, str]) -> bool:
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or []
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return key not in labels or labels[key] not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    bound, number = parse_int64(values[0]), parse_int64(labels[key]) if key in labels else None
    if bound is None or number is None:
        return False
    return number > bound if operator == "Gt" else number < bound


def _field_matches(requirement: Json, fields: dict[str, str]) -> bool:
    equal = fields.get(requirement["key"], "") == requirement["values"][0]
    return equal if requirement["operator"] == "In" else not equal


def _label_errors(requirement: Json, path: str) -> list[str]:
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or []
    shown = "null" if requirement.get("values") is None else json.dumps(values, separators=(",", ":"))
    known = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
    if operator not in known:
        supported = ", ".join(go_quote(one) for one in known)
        return [f"{path}.operator: Unsupported value: {go_quote(operator)}: supported values: {supported}"]
    errors = []
    wrong_key = _key_errors(key)
    if wrong_key:
        errors.append(f"{path}.key: Invalid value: {go_quote(key)}: " + "; ".join(wrong_key))
    where = f"{path}.values"
    if operator in ("In", "NotIn") and not values:
        errors.append(f"{where}: Invalid value: {shown}: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("Exists", "DoesNotExist") and values:
        errors.append(f"{where}: Invalid value: {shown}: values set must be empty for exists and does not exist")
    if operator in ("Gt", "Lt"):
        if len(values) != 1:
            text = "for 'Gt', 'Lt' operators, exactly one value is required"
            errors.append(f"{where}: Invalid value: {shown}: {text}")
        for i, value in enumerate(values):
            if parse_int64(value) is None:
                text = "for 'Gt', 'Lt' operators, the value must be an integer"
                errors.append(f"{where}[{i}]: Invalid value: {go_quote(value)}: {text}")
    for i, value in enumerate(values):
        wrong = [] if len(value.encode()) <= 63 else ["must be no more than 63 bytes"]
        if re.fullmatch(f"({_NAME_FORM})?", value) is None:
            wrong.append(_VALUE_TEXT)
        if wrong:
            errors.append(f"{where}[{i}][{key}]: Invalid value: {go_quote(value)}: " + "; ".join(wrong))
    return errors


def _key_errors(key: str) -> list[str]:
    """What upstream's IsLabelKey says about a label key."""
    parts = key.split("/")
    if len(parts) > 2:
        optional = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {_NAME_RULE} {_KEY_EXAMPLES}{optional}"]
    errors = []
    if len(parts) == 2:
        if not parts[0]:
            errors.append("prefix part must be non-empty")
        else:
            if len(parts[0].encode()) > 253:
                errors.append("prefix part must be no more than 253 bytes")
            if re.fullmatch(_SUBDOMAIN_FORM, parts[0]) is None:
                errors.append(f"prefix part {_SUBDOMAIN_TEXT}")
    if not parts[-1]:
        errors.append("name part must be non-empty")
    elif len(parts[-1].encode()) > 63:
        errors.append("name part must be no more than 63 bytes")
    if re.fullmatch(_NAME_FORM, parts[-1]) is None:
        errors.append(f"name part {_NAME_RULE} {_KEY_EXAMPLES}")
    return errors


def _field_errors(requirement: Json, path: str) -> list[str]:
    operator, values = requirement["operator"], requirement.get("values") or []
    if operator not in ("In", "NotIn"):
        return [f'{path}.operator: Unsupported value: {go_quote(operator)}: supported values: "In", "NotIn"']
    if len(values) != 1:
        shown = "null" if requirement.get("values") is None else json.dumps(values, separators=(",", ":"))
        return [f"{path}.values: Invalid value: {shown}: must have one element"]
    return []


def _child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
