"""Policies: those in force with their bindings, compiled once, kept in step with the store.

Upstream: admission/plugin/policy/generic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cluster_shim.api.resources import Catalogue, GroupVersionKind, Resource
from cluster_shim.api.validation.labels import matches as matches_selector
from cluster_shim.apiserver.admission.plugin import Attributes, Authorizer, Reader
from cluster_shim.apiserver.admission.policy.compiled import Compiled
from cluster_shim.apiserver.admission.policy.matching import matches
from cluster_shim.storage.store import Event, Source

Document = Mapping[str, Any]

GROUP = "admissionregistration.k8s.io"
OWN_RESOURCES = frozenset(
    (
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    )
)


class Misconfigured(Exception):
    """A policy or a binding that cannot be used; the text is upstream's."""


class Hook(NamedTuple):
    """A policy with its bindings."""

    policy: Document
    compiled: Compiled
    bindings: Sequence[Document]

    @property
    def name(self) -> str:
        """Return the name of the policy."""
        found: str = self.policy["metadata"]["name"]
        return found

    @property
    def ignores_failures(self) -> bool:
        """Tell whether what cannot be evaluated lets a write pass."""
        return bool(self.policy["spec"].get("failurePolicy") == "Ignore")


class Invocation(NamedTuple):
    """A policy that is to be evaluated on a write, for one binding and one parameter."""

    hook: Hook
    binding: Document
    matched: Resource
    params: Document | None


class Failure(NamedTuple):
    """A policy that cannot be evaluated on a write; without a binding, it is the policy's own fault."""

    hook: Hook
    binding: Document | None
    message: str


class Policies:
    """Policies of one kind."""

    def __init__(
        self,
        objects: Reader,
        source: Source,
        catalogue: Catalogue,
        authorizer: Authorizer,
        policies: str,
        bindings: str,
    ) -> None:
        self.objects = objects
        self.catalogue = catalogue
        self.authorizer = authorizer
        self._names = (policies, bindings)
        self._hooks: list[Hook] | None = None
        self._compiled: dict[tuple[str, str], Compiled] = {}
        for name in self._names:
            source.subscribe(f"/registry/{name}/", self._forget)

    def _forget(self, events: Sequence[Event]) -> None:
        self._hooks = None

    def hooks(self) -> list[Hook]:
        """Return the policies that have bindings, by name."""
        if self._hooks is None:
            self._hooks = self._read()
        return self._hooks

    def _read(self) -> list[Hook]:
        policies, bindings = self._names
        by_policy: dict[str, list[Document]] = {}
        for binding in self.objects.list(GROUP, bindings):
            by_policy.setdefault(binding["spec"]["policyName"], []).append(binding)
        hooks, compiled = [], {}
        for policy in self.objects.list(GROUP, policies):
            metadata = policy["metadata"]
            found = by_policy.get(metadata["name"])
            if found:
                key = (metadata["uid"], metadata["resourceVersion"])
                compiled[key] = self._compiled.get(key) or Compiled(policy)
                hooks.append(Hook(policy, compiled[key], found))
        self._compiled = compiled
        return hooks

    # ------------------------------------------------------------------ one write

    def namespace_of(self, attributes: Attributes) -> Document | None:
        """Return the namespace that expressions see: that of an object, none for namespaces themselves."""
        if not attributes.namespace or attributes.resource.name == "namespaces":
            return None
        return self.namespace(attributes.namespace)

    def namespace(self, name: str) -> Document | None:
        """Return a namespace."""
        return self.objects.get("", "namespaces", "", name)

    def invocations(self, attributes: Attributes) -> tuple[list[Invocation], list[Failure]]:
        """Return what is to be evaluated on a write, and what cannot be."""
        found: list[Invocation] = []
        failures: list[Failure] = []
        if attributes.resource.group == GROUP and attributes.resource.name in OWN_RESOURCES:
            return found, failures
        for hook in self.hooks():
            criteria = hook.policy["spec"].get("matchConstraints")
            match = matches(criteria, attributes, self.catalogue, self.namespace)
            if match is None:
                continue
            try:
                kind = self._param_resource(hook.policy["spec"].get("paramKind"))
            except Misconfigured as error:
                failures.append(Failure(hook, None, f"failed to configure policy: {error}"))
                continue
            for binding in hook.bindings:
                if matches(binding["spec"].get("matchResources"), attributes, self.catalogue, self.namespace) is None:
                    continue
                try:
                    params = self._params(kind, binding["spec"].get("paramRef"), attributes.namespace)
                except Misconfigured as error:
                    failures.append(Failure(hook, binding, f"failed to configure binding: {error}"))
                    continue
                found += [Invocation(hook, binding, match.resource, each) for each in params]
        return found, failures

    def _param_resource(self, kind: Document | None) -> Resource | None:
        if kind is None:
            return None
        group, _, version = kind["apiVersion"].rpartition("/")
        found = self.catalogue.of_kind(GroupVersionKind(group, version, kind["kind"]))
        if found is None:
            shown = f"{kind['apiVersion']}, Kind={kind['kind']}"
            raise Misconfigured(f"failed to find resource referenced by paramKind: '{shown}'")
        return found

    def _params(self, kind: Resource | None, ref: Document | None, namespace: str) -> list[Document | None]:
        if kind is None or ref is None:
            return [None]
        if kind.namespaced:
            namespace = ref.get("namespace") or namespace
            if not namespace:
                text = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                raise Misconfigured(text)
        elif ref.get("namespace"):
            raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        found = self._lookup(kind, ref, namespace if kind.namespaced else "")
        if not found and ref.get("parameterNotFoundAction") == "Deny":
            raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
        return found

    def _lookup(self, kind: Resource, ref: Document, namespace: str) -> list[Document | None]:
        if ref.get("name"):
            found = self.objects.get(kind.group, kind.name, namespace, ref["name"])
            return [] if found is None else [found]
        if ref.get("selector") is None:
            raise Misconfigured("one of name or selector must be provided")
        selector = ref["selector"]
        listed = self.objects.list(kind.group, kind.name, namespace)
        return [each for each in listed if matches_selector(selector, each["metadata"].get("labels") or {})]
