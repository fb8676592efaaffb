"""Escalation prevention: no one gives away, by a role or a binding, what it may not do itself.

The check has the form of an admission plugin that comes last of those that may change an object: it looks at roles and
bindings as they will be stored, before they are validated. No flag turns it off. Upstream: registry/rbac/*/policybased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.api import errors
from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Interest
from cluster_shim.apiserver.authorization.authorizer import PRIVILEGED_GROUP, Authorizer
from cluster_shim.apiserver.authorization.covers import missing, show
from cluster_shim.apiserver.authorization.messages import aggregate
from cluster_shim.apiserver.authorization.rbac import GROUP, RBAC
from cluster_shim.apiserver.request import RequestInfo, UserInfo

ROLES = ("roles", "clusterroles")
BINDINGS = ("rolebindings", "clusterrolebindings")

_FULL_AUTHORITY = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
_NOT_LOOKED_AT = ("ownerReferences", "finalizers", "selfLink", "managedFields")
"""Members of metadata that may change although the permissions are not held: what garbage collection needs."""


class Escalation:
    """The check of roles and bindings that are written."""

    name = "Escalation"
    interests = tuple(Interest((CREATE, UPDATE), GROUP, each) for each in (*ROLES, *BINDINGS))

    def __init__(self, rbac: RBAC, authorizer: Authorizer) -> None:
        self._rbac = rbac
        self._authorizer = authorizer

    def admit(self, attributes: Attributes) -> None:
        """Refuse a create or update (403) that would give more than the user has."""
        if PRIVILEGED_GROUP in attributes.user.groups:
            return
        if attributes.resource.name in ROLES:
            self._check_role(attributes, attributes.new)
        else:
            self._check_binding(attributes, attributes.new)

    def _check_role(self, attributes: Attributes, role: Mapping[str, Any]) -> None:
        name = (
            attributes.name if attributes.old_object is not None else ""
        )  # a create has no name that rules could name
        if self._may(attributes, "escalate", attributes.resource.name, name) or _only_gc(attributes):
            return
        self._confirm(attributes, role.get("rules") or ())
        if _aggregates(role) or _aggregates(attributes.old_object or {}):
            try:
                self._confirm(attributes, _FULL_AUTHORITY)
            except errors.APIError:
                message = "must have cluster-admin privileges to use the aggregationRule"
                raise errors.forbidden(attributes.resource.name, attributes.name, message, GROUP) from None

    def _check_binding(self, attributes: Attributes, binding: Mapping[str, Any]) -> None:
        role = binding.get("roleRef") or {}
        kind, name = role.get("kind", ""), role.get("name", "")
        resource = {"ClusterRole": "clusterroles", "Role": "roles"}.get(kind)
        if _only_gc(attributes) or (
            resource and self._may(attributes, "bind", resource, name, role.get("apiGroup", ""))
        ):
            return
        if kind == "Role" and not attributes.namespace:
            raise errors.bad_request("Namespace parameter required.")
        rules = self._rbac.rules_of(kind, name, attributes.namespace)
        if rules is None:  # upstream names what is written, not what is missing
            raise errors.not_found(attributes.resource.name, name, GROUP)
        self._confirm(attributes, rules)

    def _may(self, attributes: Attributes, verb: str, resource: str, name: str, group: str = GROUP) -> bool:
        info = RequestInfo(
            verb, "", is_resource=True, group=group, resource=resource, name=name, namespace=attributes.namespace
        )
        return self._authorizer.authorize(attributes.user, info).allowed

    def _confirm(self, attributes: Attributes, rules: Sequence[Mapping[str, Any]]) -> None:
        user = attributes.user
        owned = self._rbac.rules_for(user, attributes.namespace)
        lacking = missing(owned.rules, rules)
        if not lacking:
            return
        message = f"{_who(user)} is attempting to grant RBAC permissions not currently held:\n" + "\n".join(
            show(lacking)
        )
        if absent := self._rbac.missing_roles(user, attributes.namespace):
            texts = (f"{attributes.resource.qualified} {quoted(name)} not found" for name in absent)
            message += f"; resolution errors: [{aggregate(texts)}]"
        raise errors.forbidden(attributes.resource.name, attributes.name, message, GROUP)


def _who(user: UserInfo) -> str:
    return f"user {quoted(user.name)} (groups=[{' '.join(quoted(group) for group in user.groups)}])"


def _aggregates(role: Mapping[str, Any]) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_gc(attributes: Attributes) -> bool:
    """Tell whether an update changes nothing but what lets garbage collection do its work."""
    if attributes.old_object is None or attributes.object is None:
        return False
    return _without_gc(attributes.object) == _without_gc(attributes.old_object)


def _without_gc(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in document.get("metadata", {}).items() if key not in _NOT_LOOKED_AT}
    return {**document, "metadata": metadata}
