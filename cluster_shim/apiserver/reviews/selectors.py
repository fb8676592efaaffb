"""Selectors in access reviews: how a list is narrowed, as text or as requirements.

What cannot be understood is ignored and reported: less narrow is the safe side. Upstream:
registry/authorization/util/helpers.go, apis/authorization/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cluster_shim.api import fields
from cluster_shim.api.fields import FieldError, Path

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
    for key, term in (("fieldSelector", _field_term), ("labelSelector", _label_term)):
        selector = attributes.get(key) or {}
        requirements: Sequence[Mapping[str, Any]] = selector.get("requirements") or ()
        if not requirements:
            texts[key] = str(selector.get("rawSelector", ""))
            continue
        terms = [term(each) for each in requirements]
        understood = [each for each in terms if each]
        if len(understood) < len(terms):
            how = "partially ignored" if understood else "ignored"
            ignored.append(f"spec.resourceAttributes.{key} {how} due to parse error")
        texts[key] = ",".join(understood)
    return Selection(texts["fieldSelector"], texts["labelSelector"], ignored)


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
            found += _check(selector, _ATTRIBUTES.child(key), needs_key=key == "fieldSelector")
    return found


def _check(selector: Mapping[str, Any], path: Path, needs_key: bool) -> list[FieldError]:
    raw, requirements = selector.get("rawSelector", ""), selector.get("requirements") or ()
    found = []
    if raw and requirements:
        detail = "may not specified at the same time as requirements"
        found.append(fields.invalid(path.child("rawSelector"), raw, detail))
    if not raw and not requirements:
        detail = f"when {path} is specified, requirements or rawSelector is required"
        found.append(fields.required(path.child("requirements"), detail))
    for index, requirement in enumerate(requirements):
        at = path.child("requirements").index(index)
        if needs_key and not requirement.get("key"):
            found.append(fields.required(at.child("key"), "must be specified"))
        found += _check_values(requirement, at.child("values"))
    return found


def _check_values(requirement: Mapping[str, Any], path: Path) -> list[FieldError]:
    """Check the values of a requirement; operators of later versions pass, and are ignored."""
    operator, values = requirement.get("operator", ""), requirement.get("values") or ()
    if operator in ("In", "NotIn") and not values:
        return [fields.required(path, "must be specified when `operator` is 'In' or 'NotIn'")]
    if operator in ("Exists", "DoesNotExist") and values:
        return [fields.forbidden(path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
    return []
