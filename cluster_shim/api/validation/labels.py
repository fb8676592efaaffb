"""Labels and label selectors: their form, and whether a selector matches the labels of a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import Errors, Object, refuse

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")


def label_name(errors: Errors, name: str, path: Path) -> None:
    """Check the key of a label."""
    if messages := formats.label_key(name):
        refuse(errors, path, name, messages)


def labels(errors: Errors, pairs: Mapping[str, str] | None, path: Path) -> None:
    """Check keys and values of labels."""
    for key, value in (pairs or {}).items():
        if messages := formats.label_key(key):
            refuse(errors, path, key, messages)
        if messages := formats.label_value(value):
            refuse(errors, path, value, messages)


def selector(
    errors: Errors, chosen: Object | None, path: Path, any_value: bool = False, any_operator: bool = False
) -> None:
    """Check a LabelSelector; `any_value` lets values be no label values, as an older object may have them."""
    if not chosen:
        return
    labels(errors, chosen.get("matchLabels"), path.child("matchLabels"))
    for index, each in enumerate(chosen.get("matchExpressions") or ()):
        requirement(errors, each, path.child("matchExpressions").index(index), any_value, any_operator)


def requirement(
    errors: Errors, expression: Object, path: Path, any_value: bool = False, any_operator: bool = False
) -> None:
    """Check one expression of a LabelSelector."""
    operator, values = expression.get("operator", ""), expression.get("values") or ()
    if operator in _WITH_VALUES:
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            errors.append(fields.required(path.child("values"), detail))
    elif operator in _WITHOUT_VALUES:
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(fields.forbidden(path.child("values"), detail))
    elif not any_operator:
        errors.append(fields.invalid(path.child("operator"), operator, "not a valid selector operator"))
    label_name(errors, expression.get("key", ""), path.child("key"))
    if not any_value:
        for index, value in enumerate(values):
            if messages := formats.label_value(value):
                refuse(errors, path.child("values").index(index), value, messages)


def is_usable(chosen: Object | None) -> bool:
    """Return whether a selector can be evaluated at all: keys, operators and values are well-formed."""
    errors: Errors = []
    selector(errors, chosen, fields.ROOT)
    return not errors


def is_empty(chosen: Object | None) -> bool:
    """Return whether a selector has no conditions."""
    return not chosen or not (chosen.get("matchLabels") or chosen.get("matchExpressions"))


def matches(chosen: Object | None, pairs: Mapping[str, str] | None) -> bool:
    """Return whether labels fulfil a selector; an absent selector selects nothing, an empty one everything."""
    if chosen is None:
        return False
    have = pairs or {}
    if any(have.get(key) != value for key, value in (chosen.get("matchLabels") or {}).items()):
        return False
    return all(_fulfils(each, have) for each in chosen.get("matchExpressions") or ())


def _fulfils(expression: Mapping[str, Any], have: Mapping[str, str]) -> bool:
    key, operator, values = expression.get("key", ""), expression.get("operator"), expression.get("values") or ()
    if operator == "In":
        return key in have and have[key] in values
    if operator == "NotIn":
        return key not in have or have[key] not in values
    return (key in have) == (operator == "Exists")
