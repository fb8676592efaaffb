"""Roles and bindings of rbac.authorization.k8s.io."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, labels, metadata, names
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, need, refuse
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_GROUP = "rbac.authorization.k8s.io"
_KINDS = ("ServiceAccount", "User", "Group")


def _rbac_name(name: str, prefix: bool) -> formats.Messages:
    return formats.path_segment(name)


def _create_role(errors: Errors, role: Object) -> None:
    metadata.create(errors, role, True, _rbac_name)
    for index, rule in enumerate(role.get("rules") or ()):
        _rule(errors, rule, Path("rules").index(index), is_namespaced=True)


def _create_cluster_role(errors: Errors, role: Object, any_value: bool = False) -> None:
    metadata.create(errors, role, False, _rbac_name)
    for index, rule in enumerate(role.get("rules") or ()):
        _rule(errors, rule, Path("rules").index(index), is_namespaced=False)
    if "aggregationRule" not in role:
        return
    path, selectors = Path("aggregationRule").child("clusterRoleSelectors"), _selectors(role)
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(fields.required(path, detail))
    for index, each in enumerate(selectors):
        labels.selector(errors, each, path.index(index), any_value)
        if not labels.is_usable(each):
            errors.append(fields.invalid(path.index(index), None, "invalid label selector."))


def _selectors(role: Object) -> Sequence[Object]:
    found: Sequence[Object] = (role.get("aggregationRule") or NOTHING).get("clusterRoleSelectors") or ()
    return found


def _rule(errors: Errors, rule: Object, path: Path, is_namespaced: bool) -> None:
    need(errors, rule, "verbs", path, "verbs must contain at least one value")
    if urls := rule.get("nonResourceURLs"):
        at = path.child("nonResourceURLs")
        if is_namespaced:
            errors.append(fields.invalid(at, urls, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(fields.invalid(at, urls, detail))
        return
    need(errors, rule, "apiGroups", path, "resource rules must supply at least one api group")
    need(errors, rule, "resources", path, "resource rules must supply at least one resource")


def _update_role(errors: Errors, new: Object, old: Object) -> None:
    _create_role(errors, new)
    metadata.update(errors, new, old)


def _update_cluster_role(errors: Errors, new: Object, old: Object) -> None:
    had_bad = not all(labels.is_usable(each) for each in _selectors(old))
    _create_cluster_role(errors, new, had_bad)
    metadata.update(errors, new, old)


def _create_binding(errors: Errors, binding: Object, is_namespaced: bool) -> None:
    metadata.create(errors, binding, is_namespaced, _rbac_name)
    role, path = binding.get("roleRef") or NOTHING, Path("roleRef")
    kinds = ("Role", "ClusterRole") if is_namespaced else ("ClusterRole",)
    if role.get("apiGroup", "") != _GROUP:
        errors.append(fields.not_supported(path.child("apiGroup"), role.get("apiGroup", ""), (_GROUP,)))
    if role.get("kind", "") not in kinds:
        errors.append(fields.not_supported(path.child("kind"), role.get("kind", ""), kinds))
    if need(errors, role, "name", path):
        refuse(errors, path.child("name"), role["name"], formats.path_segment(role["name"]))
    for index, subject in enumerate(binding.get("subjects") or ()):
        _subject(errors, subject, Path("subjects").index(index), is_namespaced)


def _subject(errors: Errors, subject: Object, path: Path, is_namespaced: bool) -> None:
    kind, group, name = subject.get("kind", ""), subject.get("apiGroup", ""), subject.get("name", "")
    need(errors, subject, "name", path)
    if kind == "ServiceAccount":
        if name:
            refuse(errors, path.child("name"), name, names.dns_subdomain(name, False))
        if group:
            errors.append(fields.not_supported(path.child("apiGroup"), group, ("",)))
        if not is_namespaced:
            need(errors, subject, "namespace", path)
    elif kind not in _KINDS:
        errors.append(fields.not_supported(path.child("kind"), kind, _KINDS))
    elif group != _GROUP:
        errors.append(fields.not_supported(path.child("apiGroup"), group, (_GROUP,)))


def _update_binding(errors: Errors, new: Object, old: Object, is_namespaced: bool) -> None:
    _create_binding(errors, new, is_namespaced)
    metadata.update(errors, new, old)
    if new.get("roleRef") != old.get("roleRef"):
        errors.append(fields.invalid(Path("roleRef"), dump("RoleRef", new.get("roleRef")), "cannot change roleRef"))


ROLE = Rules(_create_role, _update_role)
CLUSTER_ROLE = Rules(_create_cluster_role, _update_cluster_role)
ROLE_BINDING = Rules(partial(_create_binding, is_namespaced=True), partial(_update_binding, is_namespaced=True))
CLUSTER_ROLE_BINDING = Rules(
    partial(_create_binding, is_namespaced=False), partial(_update_binding, is_namespaced=False)
)
