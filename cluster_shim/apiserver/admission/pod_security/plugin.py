"""The plugin: refuses pods that their namespace does not allow, and warns of templates of such pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import errors
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Interest, Reader
from cluster_shim.apiserver.admission.pod_security.checks import describe, evaluate
from cluster_shim.apiserver.admission.pod_security.policy import PRIVILEGED, LevelVersion, policy_of, stricter

_PODS_MOST = 3000
_AUDIT = "pod-security.kubernetes.io/"
_TEMPLATES = {
    ("", "podtemplates"): ("template",),
    ("", "replicationcontrollers"): ("spec", "template"),
    ("apps", "daemonsets"): ("spec", "template"),
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "replicasets"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
}


class PodSecurity:
    """The plugin."""

    name = "PodSecurity"
    interests = (
        Interest((CREATE, UPDATE), "", "namespaces"),
        Interest((CREATE, UPDATE), "", "pods"),
        Interest((UPDATE,), "", "pods", "ephemeralcontainers"),
        Interest((UPDATE,), "", "pods", "resize"),
        *(Interest((CREATE, UPDATE), group, resource) for group, resource in _TEMPLATES),
    )

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def validate(self, attributes: Attributes) -> None:
        """Refuse or warn. Raises Forbidden, and Invalid for labels of a namespace."""
        resource = attributes.resource
        if resource.name == "namespaces":
            self._check_namespace(attributes)
        elif resource.name == "pods":
            if attributes.operation == CREATE or _significant(attributes.new["spec"], attributes.old["spec"]):
                self._check(attributes, attributes.new, enforce=True)
        else:
            template: Any = attributes.new
            for member in _TEMPLATES[resource.group, resource.name]:
                template = (template or {}).get(member)
            if template is not None:
                self._check(attributes, template, enforce=False)

    def _check(self, attributes: Attributes, pod: Mapping[str, Any], enforce: bool) -> None:
        namespace = self._reader.get("", "namespaces", "", attributes.namespace)
        policy, malformed = policy_of(_labels(namespace or {"metadata": {}}))
        if policy.fully_privileged and not malformed:
            return
        annotations, spec = (pod.get("metadata") or {}).get("annotations") or {}, pod.get("spec") or {}
        if malformed:
            texts = "; ".join(each.message() for each in malformed)
            attributes.annotations[_AUDIT + "error"] = f"Failed to parse policy: {texts}"
        audited = evaluate(policy.audit, annotations, spec)
        if audited:
            message = f'would violate PodSecurity "{policy.audit}": {describe(audited)}'
            attributes.annotations[_AUDIT + "audit-violations"] = message
        if enforce:
            attributes.annotations[_AUDIT + "enforce-policy"] = str(policy.enforce)
            found = evaluate(policy.enforce, annotations, spec)
            if found:
                name = attributes.name or attributes.new["metadata"].get("name", "")
                message = f'violates PodSecurity "{policy.enforce}": {describe(found)}'
                raise errors.forbidden("pods", name, message)
        warned = evaluate(policy.warn, annotations, spec)
        if warned:
            attributes.warnings.append(f'would violate PodSecurity "{policy.warn}": {describe(warned)}')

    def _check_namespace(self, attributes: Attributes) -> None:
        new = attributes.new
        policy, malformed = policy_of(_labels(new))
        if attributes.operation == CREATE:
            if malformed:
                raise errors.invalid("Namespace", new["metadata"].get("name", ""), malformed)
            return
        before, malformed_before = policy_of(_labels(attributes.old))
        if malformed and malformed != malformed_before:
            raise errors.invalid("Namespace", new["metadata"]["name"], malformed)
        enforce, enforced = policy.enforce, before.enforce
        if enforce == enforced or enforce.level == PRIVILEGED:
            return
        if enforce.version == enforced.version and not stricter(enforce.level, enforced.level):
            return
        attributes.warnings.extend(self._violating_pods(new["metadata"]["name"], enforce))

    def _violating_pods(self, namespace: str, enforce: LevelVersion) -> list[str]:
        pods = _controllers_first(list(self._reader.list("", "pods", namespace)))
        names: dict[str, list[str]] = {}
        for pod in pods[:_PODS_MOST]:
            found = evaluate(enforce, pod["metadata"].get("annotations") or {}, pod["spec"])
            if found:
                names.setdefault(", ".join(each.reason for each in found), []).append(pod["metadata"]["name"])
        warnings = []
        if len(pods) > _PODS_MOST:
            warnings.append(
                f"new PodSecurity enforce level only checked against the first {_PODS_MOST} "
                f"of {len(pods)} existing pods"
            )
        if names:
            warnings.append(
                f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{enforce}"'
            )
        return [*warnings, *sorted(f"{_summary(each)}: {reasons}" for reasons, each in names.items())]


def _labels(namespace: Mapping[str, Any]) -> Mapping[str, str]:
    return namespace["metadata"].get("labels") or {}


def _significant(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Tell whether an update brings other images or other containers."""
    for name in ("containers", "initContainers"):
        images, before = ([each.get("image") for each in spec.get(name) or ()] for spec in (new, old))
        if images != before:
            return True
    ephemeral = {each["name"]: each.get("image") for each in old.get("ephemeralContainers") or ()}
    return any(ephemeral.get(each["name"]) != each.get("image") for each in new.get("ephemeralContainers") or ())


def _controllers_first(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return pods so that one of each controller comes before its twins."""
    first: list[dict[str, Any]] = []
    twins: list[dict[str, Any]] = []
    seen: set[str] = set()
    for pod in pods:
        owners = pod["metadata"].get("ownerReferences") or ()
        controller = next((each["uid"] for each in owners if each.get("controller")), None)
        (twins if controller in seen else first).append(pod)
        if controller is not None:
            seen.add(controller)
    return [*first, *twins]


def _summary(names: list[str]) -> str:
    others = len(names) - 1
    more = f" (and {others} other {'pod' if others == 1 else 'pods'})" if others else ""
    return min(names) + more
