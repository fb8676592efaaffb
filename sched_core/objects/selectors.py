"""Selectors, node selector terms and tolerations, matched against plain labels.

Pure functions of records and ``dict[str, str]``; nothing is cached or compiled here. An unknown operator matches
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sched_core.objects.affinity import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Toleration
from sched_core.objects.meta import LabelSelector, LabelSelectorRequirement
from sched_core.objects.node import Taint

_INTEGER = re.compile(r"[+-]?[0-9]+")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_VALUE_MAX_BYTES = 63


def matches_label_selector(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a selector matches labels: None matches nothing, an empty selector everything."""
    if selector is None:
        return False
    for key, wanted in selector.match_labels.items():
        if labels.get(key) != wanted:
            return False
    return all(_matches(requirement, labels) for requirement in selector.match_expressions)


def read_label_selector(fields: Mapping[str, Any] | None) -> LabelSelector | None:
    """Return the selector in a record of another kind; None if there is none, or none that makes sense."""
    if fields is None:
        return None
    try:
        return msgspec.convert(fields, LabelSelector)
    except msgspec.ValidationError:
        return None


def matches_node_selector_term(term: NodeSelectorTerm, labels: Mapping[str, str], name: str) -> bool:
    """Tell whether all expressions of a term match a node; an empty term matches nothing, nor does one with errors.

    Source: component-helpers ``scheduling/corev1/nodeaffinity``.
    """
    if not term.match_expressions and not term.match_fields:
        return False
    if node_selector_term_errors(term):
        return False
    return all(_matches(requirement, labels) for requirement in term.match_expressions) and all(
        _matches_field(requirement, name) for requirement in term.match_fields
    )


def node_selector_term_errors(term: NodeSelectorTerm, path: str = "") -> list[str]:
    """Return what upstream finds wrong with a term when it is used, in upstream's words; mostly nothing.

    The API accepts a value that is no label value (as in ``Gt`` with ``-5``) and a ``Gt`` with text that is no number.
    ``path`` stands in front of the field, as in ``[2]`` for the third term. Expressions that the API refuses, and the
    loader too, are not looked at. Source: ``nodeaffinity.go``, apimachinery ``labels/selector.go``.
    """
    errors: list[str] = []
    for index, requirement in enumerate(term.match_expressions):
        field = f"{path}.matchExpressions[{index}].values" if path else f"matchExpressions[{index}].values"
        values = requirement.values
        if requirement.operator in ("Gt", "Lt"):
            errors += [
                f"{field}[{i}]: Invalid value: {quote(value)}: for 'Gt', 'Lt' operators, the value must be an integer"
                for i, value in enumerate(values)
                if parse_int64(value) is None
            ]
        for i, value in enumerate(values):
            reasons = label_value_errors(value)
            if reasons:
                errors.append(f"{field}[{i}][{requirement.key}]: Invalid value: {quote(value)}: {'; '.join(reasons)}")
    return errors


def matches_node_selector(selector: NodeSelector, labels: Mapping[str, str], name: str) -> bool:
    """Tell whether one of the terms matches a node."""
    return any(matches_node_selector_term(term, labels, name) for term in selector.node_selector_terms)


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Tell whether a toleration bears a taint.

    Lt and Gt bear nothing: the gate TaintTolerationComparisonOperators is off. Source: ``api/core/v1/toleration.go``.
    """
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator in ("", "Equal"):
        return toleration.value == taint.value
    return toleration.operator == "Exists"


def tolerates_all(tolerations: Iterable[Toleration], taints: Iterable[Taint]) -> bool:
    """Tell whether each of the taints is borne by one of the tolerations."""
    known = tuple(tolerations)
    return all(any(tolerates(toleration, taint) for toleration in known) for taint in taints)


def label_value_errors(value: str) -> list[str]:
    """Return what is wrong with a label value, in upstream's words (apimachinery ``util/validation``)."""
    errors = []
    if len(value.encode()) > _LABEL_VALUE_MAX_BYTES:
        errors.append(f"must be no more than {_LABEL_VALUE_MAX_BYTES} bytes")
    if not _LABEL_VALUE.fullmatch(value):
        errors.append(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
            "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        )
    return errors


def parse_int64(text: str) -> int | None:
    """Parse a decimal int64 as Go's strconv.ParseInt does; None if it is none."""
    if not _INTEGER.fullmatch(text):
        return None
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) > len(str(2**63)):
        return None
    number = -int(digits or "0") if text.startswith("-") else int(digits or "0")
    return number if -(2**63) <= number < 2**63 else None


def quote(text: str) -> str:
    """Quote text as Go's %q does, for text that is printable ASCII; other characters stay as they are."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _matches(requirement: LabelSelectorRequirement | NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """Match one expression; Gt and Lt exist for nodes only, and loading refuses them elsewhere."""
    actual = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return actual is not None and actual in requirement.values
        case "NotIn":
            return actual is None or actual not in requirement.values
        case "Exists":
            return actual is not None
        case "DoesNotExist":
            return actual is None
        case "Gt" | "Lt" as operator:
            if actual is None or len(requirement.values) != 1:
                return False
            left, right = parse_int64(actual), parse_int64(requirement.values[0])
            if left is None or right is None:
                return False
            return left > right if operator == "Gt" else left < right
    return False


def _matches_field(requirement: NodeSelectorRequirement, name: str) -> bool:
    """Match one field expression; all fields but ``metadata.name`` are empty."""
    if len(requirement.values) != 1:
        return False
    actual = name if requirement.key == "metadata.name" else ""
    match requirement.operator:
        case "In":
            return actual == requirement.values[0]
        case "NotIn":
            return actual != requirement.values[0]
    return False
