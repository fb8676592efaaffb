"""What becomes of an object that is there already: it is left alone, brought up to date, or made anew.

Default roles and bindings get back what they lack and keep what people have added; flow schemas and priority levels get
back their spec; everything else is left alone. An annotation of an object can forbid it. Upstream:
component-helpers/auth/rbac/reconciliation, registry/flowcontrol/ensurer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.apiserver.authorization.covers import missing
from cluster_shim.apiserver.bootstrap.wanted import FLOW_ANNOTATION, RBAC_ANNOTATION, Wanted

Object = dict[str, Any]


def reconcile(existing: Object, wanted: Wanted) -> Object | None:
    """Return an existing object as it should be, None if it is; neither argument is changed."""
    forbids, update = _KINDS.get(wanted.object["kind"], (None, None))
    if update is None:
        return None
    annotations = existing["metadata"].get("annotations") or {}
    if forbids and annotations.get(forbids) == "false" and not wanted.mandatory:
        return None
    result = update(existing, wanted.object)
    return None if result == existing else result


def must_be_made_anew(existing: Object, wanted: Wanted) -> bool:
    """Tell whether an existing binding is of another role: what it refers to cannot be changed."""
    annotations = existing["metadata"].get("annotations") or {}
    protected = any(annotations.get(key) == "false" for key in RBAC_ANNOTATION)
    return not protected and "roleRef" in wanted.object and existing.get("roleRef") != wanted.object["roleRef"]


def _role(existing: Object, wanted: Object) -> Object:
    result = _with_metadata(existing, wanted)
    lacking = missing(existing.get("rules") or (), wanted.get("rules") or ())
    if lacking:
        result["rules"] = [*(existing.get("rules") or ()), *lacking]
    has, should = _selectors(existing), _selectors(wanted)
    if not should:
        result.pop("aggregationRule", None)
    elif any(each not in has for each in should):
        result["aggregationRule"] = {"clusterRoleSelectors": [*has, *(each for each in should if each not in has)]}
    return result


def _binding(existing: Object, wanted: Object) -> Object:
    result = _with_metadata(existing, wanted)
    has = existing.get("subjects") or []
    lacking = [each for each in wanted.get("subjects") or () if each not in has]
    if lacking:
        result["subjects"] = [*has, *lacking]
    return result


def _spec(existing: Object, wanted: Object) -> Object:
    annotations = FLOW_ANNOTATION | (existing["metadata"].get("annotations") or {})
    return {**existing, "metadata": {**existing["metadata"], "annotations": annotations}, "spec": wanted["spec"]}


def _with_metadata(existing: Object, wanted: Object) -> Object:
    metadata = dict(existing["metadata"])
    for key in ("labels", "annotations"):
        if merged := (wanted["metadata"].get(key) or {}) | (metadata.get(key) or {}):
            metadata[key] = merged
    return {**existing, "metadata": metadata}


def _selectors(role: Mapping[str, Any]) -> list[Any]:
    return (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or []


_RBAC, _FLOW = next(iter(RBAC_ANNOTATION)), next(iter(FLOW_ANNOTATION))
_KINDS = {
    "ClusterRole": (_RBAC, _role),
    "Role": (_RBAC, _role),
    "ClusterRoleBinding": (_RBAC, _binding),
    "RoleBinding": (_RBAC, _binding),
    "FlowSchema": (_FLOW, _spec),
    "PriorityLevelConfiguration": (_FLOW, _spec),
}
"""Kind -> the annotation that forbids it, and what is done."""
