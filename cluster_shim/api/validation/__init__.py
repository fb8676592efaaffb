"""Rules that objects of built-in kinds must fulfil, with upstream's texts, causes, paths and order of errors.

Objects come normalised and defaulted; what is absent has Go's zero value. Nothing here raises on a bad object, changes
one, or knows about requests; custom resources have rules of their own (api/custom). Upstream: pkg/apis/*/validation,
and the strategies that say what is checked when. Declarative validation, which 1.36 runs beside, decides nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.fields import FieldError
from cluster_shim.api.resources import Resource
from cluster_shim.api.validation import metadata, names
from cluster_shim.api.validation.policy import POLICY
from cluster_shim.api.validation.rules import rules_of
from cluster_shim.api.validation.warnings.kinds import WARNINGS

__all__ = ["POLICY", "create", "update", "warnings"]


def create(resource: Resource, obj: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with a new object."""
    errors: list[FieldError] = []
    rules = rules_of(resource.group, resource.kind)
    if rules is not None:
        rules.create(errors, obj)
    if errors:
        return errors
    if rules is not None and rules.has_metadata:
        metadata.usable_names(errors, obj)
    else:
        metadata.generic(errors, obj, resource.namespaced, names.path_segment)
    return errors


def update(
    resource: Resource, new: Mapping[str, Any], old: Mapping[str, Any], subresource: str = ""
) -> list[FieldError]:
    """Return what is wrong with an update of an object, made through a subresource or directly."""
    errors: list[FieldError] = []
    metadata.common(errors, new, old, resource.namespaced)
    rules = rules_of(resource.group, resource.kind)
    if rules is None:
        return errors
    check = rules.subresources.get(subresource) if subresource else rules.update
    if check is not None:
        of_kind: list[FieldError] = []
        check(of_kind, new, old)
        errors += of_kind
    return errors


def warnings(
    resource: Resource, new: Mapping[str, Any], old: Mapping[str, Any] | None = None, subresource: str = ""
) -> list[str]:
    """Return what a client is told about an object that is accepted; `old` is None at creation."""
    warn = WARNINGS.get((resource.group, resource.kind, subresource))
    return warn(new, old) if warn is not None else []
