"""Selectors in access reviews: how a list is narrowed, as text or as requirements.

What cannot be understood is ignored and reported: less narrow is the safe side. Upstream:
registry/authorization/util/helpers.go, apis/authorization/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cluster_shim.api import fields
from cluster_shim.api.errors import APIError
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.selectors import field_terms, label_requirements
from cluster_shim.api.validation import labels

Check = Callable[[Mapping[str, Any], Path], list[FieldError]]

_ATTRIBUTES = Path("spec.resourceAttributes")


class Selection(NamedTuple):
    """Both selectors as text, and what had to be ignored."""

    fields: str
    labels: str
    ignored: list[str]


def narrow(attributes: Mapping[str, Any]) -> Selection:
    """Return what resource attributes select."""
    ignored: list[str] = []
    texts: dict[str, str] = {}
    for key, term, parse in (
        ("fieldSelector", _field_term, field_terms),
        ("labelSelector", _label_term, label_requirements),
    ):
        selector = attributes.get(key) or {}
        requirements: Sequence[Mapping[str, Any]] = selector.get("requirements") or ()
        wanted = [term(each) for each in requirements] if requirements else [str(selector.get("rawSelector", ""))]
        understood = [each for each in wanted if each and _is_understood(parse, each)]
        if len(understood) < len(wanted) and (requirements or wanted[0]):
            how = "partially ignored" if understood else "ignored"
            ignored.append(f"spec.resourceAttributes.{key} {how} due to parse error")
        texts[key] = ",".join(understood)
    return Selection(texts["fieldSelector"], texts["labelSelector"], ignored)


def _is_understood(parse: Callable[[str], object], selector: str) -> bool:
    try:
        parse(selector)
        return True
    except APIError:
        return False


def _field_term(requirement: Mapping[str, Any]) -> str:
    key, values = requirement.get("key", ""), list(requirement.get("values") or ())
    sign = {"In": "=", "NotIn": "!="}.get(str(requirement.get("operator")))
    return f"{key}{sign}{values[0]}" if sign and len(values) == 1 else ""


def _label_term(requirement: Mapping[str, Any]) -> str:
    key, listed = str(requirement.get("key", "")), ",".join(requirement.get("values") or ())
    forms = {"In": f"{key} in ({listed})", "NotIn": f"{key} notin ({listed})", "Exists": key, "DoesNotExist": f"!{key}"}
    return forms.get(str(requirement.get("operator")), "")


def check_selectors(attributes: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with the selectors of resource attributes."""
    found: list[FieldError] = []
    for key in ("fieldSelector", "labelSelector"):
        selector = attributes.get(key)
        if selector is not None:
            check = _check_fields if key == "fieldSelector" else _check_labels
            found += _check(selector, _ATTRIBUTES.child(key), check)
    return found


def _check(selector: Mapping[str, Any], path: Path, check: Check) -> list[FieldError]:
    raw, requirements = selector.get("rawSelector", ""), selector.get("requirements") or ()
    found = []
    if raw and requirements:
        detail = "may not specified at the same time as requirements"
        found.append(fields.invalid(path.child("rawSelector"), raw, detail))
    if not raw and not requirements:
        detail = f"when {path} is specified, requirements or rawSelector is required"
        found.append(fields.required(path.child("requirements"), detail))
    for index, requirement in enumerate(requirements):
        found += check(requirement, path.child("requirements").index(index))
    return found


def _check_labels(requirement: Mapping[str, Any], path: Path) -> list[FieldError]:
    """Check a requirement of labels; operators of later versions pass, and are ignored."""
    found: list[FieldError] = []
    labels.requirement(found, dict(requirement), path, any_operator=True)
    return found


def _check_fields(requirement: Mapping[str, Any], path: Path) -> list[FieldError]:
    """Check a requirement of fields; here too operators of later versions pass."""
    found = [] if requirement.get("key") else [fields.required(path.child("key"), "must be specified")]
    operator, values, at = requirement.get("operator", ""), requirement.get("values") or (), path.child("values")
    if operator in ("In", "NotIn") and not values:
        found.append(fields.required(at, "must be specified when `operator` is 'In' or 'NotIn'"))
    if operator in ("Exists", "DoesNotExist") and values:
        found.append(fields.forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    return found
