"""Hooks: the webhooks of all configurations in their order, and which of them are asked about a write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.validation.labels import matches
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Reader

_EXEMPT = frozenset(
    (
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy"),
        *("ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    )
)
_GROUP = "admissionregistration.k8s.io"

# Versions and groups in which the same objects can be asked for.
_EQUIVALENTS: Mapping[tuple[str, str, str], Sequence[GroupVersionKind]] = {
    ("autoscaling", "v1", "horizontalpodautoscalers"): (
        GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ),
    ("autoscaling", "v2", "horizontalpodautoscalers"): (
        GroupVersionKind("autoscaling", "v1", "HorizontalPodAutoscaler"),
    ),
    ("", "v1", "events"): (GroupVersionKind("events.k8s.io", "v1", "Event"),),
    ("events.k8s.io", "v1", "events"): (GroupVersionKind("", "v1", "Event"),),
}


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of one configuration."""

    configuration: str
    index: int
    """Its place among all webhooks."""
    uid: str
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return its name."""
        name: str = self.spec.get("name", "")
        return name

    @property
    def fails_open(self) -> bool:
        """Tell whether a write goes on without it if it cannot be asked."""
        return self.spec.get("failurePolicy") == "Ignore"

    @property
    def timeout_seconds(self) -> int:
        """Return how long it may take."""
        seconds: int = self.spec.get("timeoutSeconds", 10)
        return seconds


class Invocation(NamedTuple):
    """A webhook that is asked, and as what it is shown the object."""

    hook: Hook
    group: str
    version: str
    resource: str
    kind: GroupVersionKind


class Hooks:
    """The webhooks of one kind of configuration (mutating or validating)."""

    def __init__(self, reader: Reader, resource: str) -> None:
        self._reader = reader
        self._resource = resource

    def all(self) -> list[Hook]:
        """Return all webhooks, by the names of their configurations and in the order of each."""
        found: list[Hook] = []
        configurations = sorted(
            self._reader.list(_GROUP, self._resource), key=lambda each: str(each["metadata"]["name"])
        )
        for configuration in configurations:
            name, seen = configuration["metadata"]["name"], dict[str, int]()
            for spec in configuration.get("webhooks") or ():
                place = seen[spec.get("name", "")] = seen.get(spec.get("name", ""), -1) + 1
                found.append(Hook(name, len(found), f"{name}/{spec.get('name', '')}/{place}", spec))
        return found

    def invocation(self, hook: Hook, attributes: Attributes) -> Invocation | None:
        """Return how a webhook is asked about a write, or None if it does not want to be."""
        if not self._selected(hook.spec, attributes):
            return None
        resource = attributes.resource
        own = Invocation(hook, resource.group, resource.version, resource.name, attributes.kind)
        rules = hook.spec.get("rules") or ()
        if any(_matches(rule, attributes, own) for rule in rules):
            return own
        if hook.spec.get("matchPolicy") != "Equivalent":
            return None
        others = [own._replace(group=group, version=version, kind=kind) for group, version, kind in _others(attributes)]
        return next((other for rule in rules for other in others if _matches(rule, attributes, other)), None)

    def _selected(self, spec: Mapping[str, Any], attributes: Attributes) -> bool:
        if spec.get("namespaceSelector"):
            labels = self._namespace_labels(attributes)
            if labels is not None and not matches(spec["namespaceSelector"], labels):
                return False
        if spec.get("objectSelector"):
            objects = (each for each in (attributes.object, attributes.old_object) if each is not None)
            return any(matches(spec["objectSelector"], _labels(each)) for each in objects)
        return True

    def _namespace_labels(self, attributes: Attributes) -> Mapping[str, str] | None:
        """Return the labels that a namespaceSelector looks at; None for objects outside namespaces."""
        is_namespace = attributes.resource.name == "namespaces" and not attributes.resource.group
        if is_namespace and not attributes.subresource and attributes.operation in (CREATE, UPDATE):
            return _labels(attributes.new)
        if not attributes.namespace:
            return None
        return _labels(self._reader.get("", "namespaces", "", attributes.namespace) or {})


def is_exempt(attributes: Attributes) -> bool:
    """Tell whether no webhook is asked: about what configures admission, or nobody could repair it."""
    return attributes.kind.group == _GROUP and attributes.kind.kind in _EXEMPT


def _labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


def _others(attributes: Attributes) -> Iterator[tuple[str, str, GroupVersionKind]]:
    resource = attributes.resource
    if attributes.subresource and attributes.kind != resource.gvk:
        return  # a Scale is a Scale, whatever it is of
    if resource.custom is not None:
        for version in getattr(resource.custom, "served_versions", ()):
            if version != resource.version:
                yield resource.group, version, GroupVersionKind(resource.group, version, resource.kind)
        return
    for kind in _EQUIVALENTS.get((resource.group, resource.version, resource.name), ()):
        yield kind.group, kind.version, kind


def _matches(rule: Mapping[str, Any], attributes: Attributes, shown: Invocation) -> bool:
    return (
        _in_scope(rule.get("scope", "*"), attributes)
        and _has(rule.get("operations"), attributes.operation)
        and _has(rule.get("apiGroups"), shown.group)
        and _has(rule.get("apiVersions"), shown.version)
        and any(_is_resource(each, shown.resource, attributes.subresource) for each in rule.get("resources") or ())
    )


def _in_scope(scope: str, attributes: Attributes) -> bool:
    if scope == "*":
        return True
    is_namespace = attributes.resource.name == "namespaces" and not attributes.resource.group
    return (scope == "Namespaced") == (bool(attributes.namespace) and not is_namespace)


def _has(wanted: Iterable[str] | None, text: str) -> bool:
    return any(each in ("*", text) for each in wanted or ())


def _is_resource(wanted: str, resource: str, subresource: str) -> bool:
    name, _, sub = wanted.partition("/")
    return name in ("*", resource) and sub in ("*", subresource)
