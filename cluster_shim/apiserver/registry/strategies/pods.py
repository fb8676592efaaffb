"""What no row says of pods: quality of service, the condition of gated pods, label keys, what subresources keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster_shim.api import amounts
from cluster_shim.apiserver.registry.strategies.disabled import drop_disabled_pod_fields
from cluster_shim.apiserver.registry.strategies.strategy import METADATA_OF_STATUS, Hooks, Object
from cluster_shim.apiserver.request import UserInfo

_COMPUTE = ("cpu", "memory")
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def qos_class(spec: Mapping[str, Any]) -> str:
    """Return the quality of service of a pod: Guaranteed, Burstable or BestEffort."""
    pod = spec.get("resources")
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    resources = [pod] if pod else [each.get("resources") or {} for each in containers]
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    guaranteed = True
    for each in resources:
        _add(requests, each.get("requests"))
        limited = _add(limits, each.get("limits"))
        if limited != 2 and (not pod or each.get("limits")):
            guaranteed = False
    if not requests and not limits:
        return "BestEffort"
    if guaranteed and requests == limits:
        return "Guaranteed"
    return "Burstable"


def _add(sums: dict[str, int], resources: Mapping[str, str] | None) -> int:
    """Add the amounts of cpu and memory that are more than nothing; return how many there were."""
    found = 0
    for name in _COMPUTE:
        text = (resources or {}).get(name)
        if text is not None and (amount := amounts.parse(text).nano) > 0:
            sums[name] = sums.get(name, 0) + amount
            found += 1
    return found


def _create(obj: Object, user: UserInfo, now: str) -> None:
    spec = obj["spec"]
    obj["status"]["qosClass"] = qos_class(spec)
    drop_disabled_pod_fields(spec, None)
    if spec.get("schedulingGates"):
        obj["status"]["conditions"] = [_gated(now)]
    if "affinity" in spec or "topologySpreadConstraints" in spec:
        _apply_label_keys(spec, obj["metadata"].get("labels") or {})
    if obj["metadata"].get("annotations"):
        _apply_app_armor(obj)


def _gated(now: str) -> Object:
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def _apply_label_keys(spec: Object, labels: Mapping[str, str]) -> None:
    for term in _affinity_terms(spec.get("affinity") or {}):
        _merge_keys(term, "matchLabelKeys", "In", labels)
        _merge_keys(term, "mismatchLabelKeys", "NotIn", labels)
    for constraint in spec.get("topologySpreadConstraints") or ():
        _merge_keys(constraint, "matchLabelKeys", "In", labels)


def _affinity_terms(affinity: Mapping[str, Any]) -> Iterable[Object]:
    for name in ("podAffinity", "podAntiAffinity"):
        part = affinity.get(name) or {}
        for weighted in part.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}
        yield from part.get("requiredDuringSchedulingIgnoredDuringExecution") or ()


def _merge_keys(term: Object, member: str, operator: str, labels: Mapping[str, str]) -> None:
    selector = term.get("labelSelector")
    if selector is None:
        return  # matches nothing, with or without the keys
    for key in term.get(member) or ():
        if key in labels:
            requirement = {"key": key, "operator": operator, "values": [labels[key]]}
            selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), requirement]


def _apply_app_armor(obj: Object) -> None:
    """Make the field of a container from the annotation that was there before the field."""
    spec, annotations = obj["spec"], obj["metadata"]["annotations"]
    if (spec.get("os") or {}).get("name") == "windows":
        return
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for containers in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(containers) or ():
            profile = _profile(annotations.get(_APP_ARMOR + container.get("name", ""), ""))
            has = "appArmorProfile" in (container.get("securityContext") or {})
            if profile and not has and profile != of_pod:
                context = container.get("securityContext") or {}
                container["securityContext"] = {**context, "appArmorProfile": profile}


def _profile(annotation: str) -> Object | None:
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    local = annotation.removeprefix("localhost/")
    if local != annotation and local.strip() == local and 0 < len(local) <= 4095:
        return {"type": "Localhost", "localhostProfile": local}
    return None


def _update(new: Object, old: Object, now: str) -> None:
    drop_disabled_pod_fields(new["spec"], old["spec"])


def _subresource(subresource: str, new: Object, old: Object, now: str) -> bool:
    if subresource == "status":
        _keep_all_but_status(new, old)
    elif subresource == "ephemeralcontainers":
        _keep_all_but(new, old, {"ephemeralContainers": new["spec"].get("ephemeralContainers")})
    elif subresource == "resize":
        _keep_all_but_resources(new, old)
    return True


def _keep_all_but_status(new: Object, old: Object) -> None:
    new["spec"] = old["spec"]
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences"):
        _copy(new["metadata"], old["metadata"], name)
    status, before = new.setdefault("status", {}), old.get("status", {})
    for name in ("qosClass", "observedGeneration"):
        if not status.get(name) and before.get(name):
            status[name] = before[name]
    observed: dict[str, list[int]] = {}
    for condition in before.get("conditions") or ():
        observed.setdefault(condition.get("type", ""), []).append(condition.get("observedGeneration", 0))
    for condition in status.get("conditions") or ():
        remembered = observed.get(condition.get("type", ""))
        generation = remembered.pop(0) if remembered else 0
        if generation and not condition.get("observedGeneration"):
            condition["observedGeneration"] = generation


def _keep_all_but(new: Object, old: Object, changes: Mapping[str, Any]) -> None:
    spec = {**old["spec"], **changes}
    new["spec"] = {name: value for name, value in spec.items() if value is not None}
    _copy(new, old, "status")
    for name in METADATA_OF_STATUS:
        _copy(new["metadata"], old["metadata"], name)


def _keep_all_but_resources(new: Object, old: Object) -> None:
    names = ("containers", "initContainers")
    if any(len(new["spec"].get(name) or ()) != len(old["spec"].get(name) or ()) for name in names):
        return  # refused by validation, which shows what has changed
    changes = {"resources": new["spec"].get("resources")}
    for name in names:
        changes[name] = _with_resources(new["spec"].get(name), old["spec"].get(name))
    _keep_all_but(new, old, changes)


def _with_resources(new: list[Object] | None, old: list[Object] | None) -> list[Object] | None:
    if not new or not old or any(a.get("name") != b.get("name") for a, b in zip(new, old, strict=True)):
        return new
    merged = []
    for wanted, container in zip(new, old, strict=True):
        taken = {name: wanted.get(name) for name in ("resources", "resizePolicy")}
        merged.append({name: value for name, value in {**container, **taken}.items() if value is not None})
    return merged


def _copy(new: Object, old: Object, name: str) -> None:
    if name in old:
        new[name] = old[name]
    else:
        new.pop(name, None)


HOOKS = {"pod": Hooks(_create, _update, _subresource)}
