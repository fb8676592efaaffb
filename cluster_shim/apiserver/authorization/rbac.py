"""RBAC: roles and bindings, held as rules per subject, and the decisions that follow from them.

What roles and bindings there are is told with `put` (follow.py does it from the store). A decision is remembered until
the next change. Upstream: authorizer/rbac and registry/rbac/validation/rule.go; where upstream walks bindings in no
fixed order, they are walked by name here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.authorization.aggregation import aggregated
from cluster_shim.apiserver.authorization.authorizer import NO_OPINION, Decision, Rules
from cluster_shim.apiserver.authorization.messages import aggregate
from cluster_shim.apiserver.authorization.rules import Rule
from cluster_shim.apiserver.request import RequestInfo, UserInfo

GROUP = "rbac.authorization.k8s.io"
DECISIONS_LIMIT = 50_000
"""Remembered decisions; beyond that all are forgotten (a fixed amount of memory matters more than the last hit)."""

KEY_LIMIT = 1024
"""Characters of what is remembered: clients choose names and paths, and strangers may ask, too."""

Subject = tuple[str, str]
"""``("User", name)`` or ``("Group", name)``; a ServiceAccount is the user that its tokens name."""


class _Binding(NamedTuple):
    name: str
    namespace: str
    role_kind: str
    role_name: str
    subjects: tuple[tuple[Subject, str], ...]
    """In the order of the document, each with how messages describe it."""

    def describe(self, applies: set[Subject]) -> str:
        """Return what messages call the binding: the first subject that applies stands for all."""
        to = next(description for subject, description in self.subjects if subject in applies)
        kind, name = (
            ("RoleBinding", f"{self.name}/{self.namespace}") if self.namespace else ("ClusterRoleBinding", self.name)
        )
        return f"{kind} {quoted(name)} of {self.role_kind} {quoted(self.role_name)} to {to}"


class _Granted(NamedTuple):
    """What one binding gives to one user."""

    binding: _Binding
    rules: tuple[Rule, ...]
    error: str = ""


def _subject(document: Mapping[str, Any], namespace: str) -> tuple[Subject, str] | None:
    kind, name = document.get("kind", ""), document.get("name", "")
    if kind == "ServiceAccount":
        namespace = document.get("namespace") or namespace
        if not namespace:
            return None
        return ("User", f"system:serviceaccount:{namespace}:{name}"), f"ServiceAccount {quoted(f'{name}/{namespace}')}"
    return ((kind, name), f"{kind} {quoted(name)}") if kind in ("User", "Group") else None


class RBAC:
    """All roles and bindings; decides, and tells which rules a user has.

    With `aggregate`, aggregated ClusterRoles have the rules that a controller manager would write into them.
    """

    def __init__(self, aggregate: bool = False) -> None:
        self._aggregate = aggregate
        self._roles: dict[str, dict[str, dict[str, Any]]] = {}  # by namespace; ClusterRoles are in none
        self._bindings: dict[str, dict[str, _Binding]] = {}
        self._by_subject: dict[str, dict[Subject, dict[str, None]]] = {}
        self._compiled: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._granted: dict[tuple[str, tuple[str, ...], str], list[_Granted]] = {}
        self._decisions: dict[tuple[Any, ...], Decision] = {}

    def put(self, resource: str, namespace: str, name: str, document: dict[str, Any] | None) -> None:
        """Take note of a role or binding that is new or changed, or gone (None)."""
        if resource in ("rolebindings", "clusterrolebindings"):
            self._put_binding(namespace, name, document)
        elif document is None:
            self._roles.get(namespace, {}).pop(name, None)
        else:
            self._roles.setdefault(namespace, {})[name] = document
        self._compiled.clear()
        self._granted.clear()
        self._decisions.clear()

    def _put_binding(self, namespace: str, name: str, document: dict[str, Any] | None) -> None:
        bindings = self._bindings.setdefault(namespace, {})
        by_subject = self._by_subject.setdefault(namespace, {})
        if old := bindings.pop(name, None):
            for subject, _ in old.subjects:
                names = by_subject.get(subject, {})
                names.pop(name, None)
                if not names:
                    by_subject.pop(subject, None)
        if document is None:
            return
        found = (_subject(each, namespace) for each in document.get("subjects") or ())
        subjects = tuple(each for each in found if each)
        role = document.get("roleRef") or {}
        bindings[name] = _Binding(name, namespace, role.get("kind", ""), role.get("name", ""), subjects)
        for subject, _ in subjects:
            by_subject.setdefault(subject, {})[name] = None

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """Decide on one request: allowed with the binding as reason, or no opinion."""
        key = (
            *(user.name, user.groups, info.verb, info.group, info.resource, info.subresource),
            *(info.namespace, info.name, "" if info.is_resource else info.path),
        )
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decide(user, info)
            if _size(key) <= KEY_LIMIT:
                if len(self._decisions) >= DECISIONS_LIMIT:
                    self._decisions.clear()
                self._decisions[key] = decision
        return decision

    def _decide(self, user: UserInfo, info: RequestInfo) -> Decision:
        missing = []
        for granted in self._grants(user, info.namespace):
            if any(rule.allows(info) for rule in granted.rules):
                return Decision(True, f"RBAC: allowed by {granted.binding.describe(_identities(user))}")
            if granted.error:
                missing.append(granted.error)
        return Decision(False, f"RBAC: {aggregate(missing)}") if missing else NO_OPINION

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Return the rules that a user has in a namespace (without one: everywhere), and which roles are missing."""
        grants = list(self._grants(user, namespace))
        rules = [rule.document for granted in grants for rule in granted.rules]
        return Rules(rules, [granted.error for granted in grants if granted.error])

    def missing_roles(self, user: UserInfo, namespace: str) -> list[str]:
        """Return the names of roles that bindings of a user in a namespace refer to and that are not there."""
        return [granted.binding.role_name for granted in self._grants(user, namespace) if granted.error]

    def rules_of(self, kind: str, name: str, namespace: str) -> list[dict[str, Any]] | None:
        """Return the rules of a role that a binding in a namespace refers to, None if there is no such role."""
        rules = self._rules(kind, name, namespace)
        return None if rules is None else [rule.document for rule in rules]

    def _grants(self, user: UserInfo, namespace: str) -> Iterator[_Granted]:
        yield from self._granted_in("", user)
        if namespace:
            yield from self._granted_in(namespace, user)

    def _granted_in(self, namespace: str, user: UserInfo) -> list[_Granted]:
        key = (user.name, user.groups, namespace)
        granted = self._granted.get(key)
        if granted is None:
            by_subject = self._by_subject.get(namespace, {})
            names = {name for subject in _identities(user) for name in by_subject.get(subject, ())}
            granted = [self._grant(self._bindings[namespace][name]) for name in sorted(names)]
            if _size(key) <= KEY_LIMIT:
                if len(self._granted) >= DECISIONS_LIMIT:
                    self._granted.clear()
                self._granted[key] = granted
        return granted

    def _grant(self, binding: _Binding) -> _Granted:
        rules = self._rules(binding.role_kind, binding.role_name, binding.namespace)
        if rules is None:
            kind = binding.role_kind.lower()
            return _Granted(binding, (), f"{kind}.{GROUP} {quoted(binding.role_name)} not found")
        return _Granted(binding, rules)

    def _rules(self, kind: str, name: str, namespace: str) -> tuple[Rule, ...] | None:
        scope = "" if kind == "ClusterRole" else namespace
        if (scope, name) not in self._compiled:
            roles = self._roles.get(scope, {})
            if name not in roles:
                return None
            gathers = self._aggregate and not scope
            documents = aggregated(name, roles) if gathers else roles[name].get("rules") or ()
            self._compiled[scope, name] = tuple(Rule(each) for each in documents)
        return self._compiled[scope, name]


def _size(key: Iterable[str | tuple[str, ...]]) -> int:
    """Return how many characters a key has."""
    return sum(len(each) if isinstance(each, str) else _size(each) for each in key)


def _identities(user: UserInfo) -> set[Subject]:
    return {("User", user.name), *(("Group", group) for group in user.groups)}
