"""What does not parse in a node selector term, in upstream's words (component-helpers/scheduling/corev1/nodeaffinity,
apimachinery/pkg/labels).

The API server lets some of it pass: a preferred term may ask for ``Gt ["-5"]``, which is no label value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sched_core import (
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PreferredSchedulingTerm,
    label_key_faults,
    label_value_faults,
    parse_int64,
)

LABEL_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
FIELD_OPERATORS = ("In", "NotIn")

_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\"} | dict(zip("\a\b\f\n\r\t\v", (rf"\{c}" for c in "abfnrtv"), strict=True))


def preferred_errors(terms: Iterable[PreferredSchedulingTerm]) -> tuple[str, ...]:
    """Return the errors of preferred terms; those that count nothing are not looked at but keep their number."""
    return tuple(
        error
        for index, term in enumerate(terms)
        if term.weight != 0
        for error in term_errors(term.preference, f"[{index}].")
    )


@lru_cache(maxsize=4096)
def term_errors(term: NodeSelectorTerm, path: str = "") -> tuple[str, ...]:
    """Return the errors of one term, fields given as ``path`` and what follows; empty if it parses."""
    errors: list[str] = []
    for index, requirement in enumerate(term.match_expressions):
        errors += _label_errors(requirement, f"{path}matchExpressions[{index}]")
    for index, requirement in enumerate(term.match_fields):
        errors += _field_errors(requirement, f"{path}matchFields[{index}]")
    return tuple(errors)


def aggregate(errors: Sequence[str]) -> str:
    """Return errors as one text: each once, in brackets if there are several."""
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


def quoted(text: str) -> str:
    """Quote as Go's ``%q`` does."""
    return '"' + "".join(_SHORT_ESCAPES.get(char) or _printable(char) for char in text) + '"'


def _printable(char: str) -> str:
    code = ord(char)
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _label_errors(requirement: NodeSelectorRequirement, path: str) -> list[str]:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    if operator not in LABEL_OPERATORS:
        return [_unsupported(path, operator, LABEL_OPERATORS)]
    errors = []
    if faults := label_key_faults(key):
        errors.append(f"{path}.key: Invalid value: {quoted(key)}: {'; '.join(faults)}")
    if fault := _count_fault(operator, len(values)):
        errors.append(f"{path}.values: Invalid value: {_listed(values)}: {fault}")
    if operator in ("Gt", "Lt"):
        text = "for 'Gt', 'Lt' operators, the value must be an integer"
        errors += [
            f"{path}.values[{index}]: Invalid value: {quoted(value)}: {text}"
            for index, value in enumerate(values)
            if parse_int64(value) is None
        ]
    errors += [
        f"{path}.values[{index}][{key}]: Invalid value: {quoted(value)}: {'; '.join(faults)}"
        for index, value in enumerate(values)
        if (faults := label_value_faults(value))
    ]
    return errors


def _count_fault(operator: str, count: int) -> str:
    if operator in ("In", "NotIn") and count == 0:
        return "for 'in', 'notin' operators, values set can't be empty"
    if operator in ("Exists", "DoesNotExist") and count > 0:
        return "values set must be empty for exists and does not exist"
    if operator in ("Gt", "Lt") and count != 1:
        return "for 'Gt', 'Lt' operators, exactly one value is required"
    return ""


def _field_errors(requirement: NodeSelectorRequirement, path: str) -> list[str]:
    if requirement.operator not in FIELD_OPERATORS:
        return [_unsupported(path, requirement.operator, FIELD_OPERATORS)]
    if len(requirement.values) != 1:
        return [f"{path}.values: Invalid value: {_listed(requirement.values)}: must have one element"]
    return []


def _unsupported(path: str, operator: str, supported: Iterable[str]) -> str:
    known = ", ".join(quoted(each) for each in supported)
    return f"{path}.operator: Unsupported value: {quoted(operator)}: supported values: {known}"


def _listed(values: Sequence[str]) -> str:
    # A list without entries does not survive the wire: Go prints the nil that arrives.
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else "null"
