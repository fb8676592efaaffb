"""What an older object excuses: a pod spec that already breaks a rule made later may go on breaking it.

Upstream: pkg/api/pod/util.go, with the feature gates of 1.36 as they are by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cluster_shim.api.fields import ROOT, Path
from cluster_shim.api.validation import formats, labels, paths
from cluster_shim.api.validation.checks import NOTHING, Errors, Object
from cluster_shim.api.validation.core import resources

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True, slots=True)
class PodOptions:
    """The excuses, all of them off for a new object."""

    is_pod: bool = False
    any_deletion_cost: bool = False
    any_selector_value: bool = False
    any_node_affinity_value: bool = False
    any_huge_pages: bool = False
    any_spread_selector: bool = False
    any_token_path: bool = False
    any_host_sysctl: bool = False
    legacy_match_label_keys: bool = False
    restart_container_of_init: bool = False
    devices_in_user_namespace: bool = False
    comparison_tolerations: bool = False
    host_network_in_user_namespace: bool = False


NEW_POD = PodOptions(is_pod=True)
NEW_TEMPLATE = PodOptions()


def for_update(old: Object, old_metadata: Object | None, is_pod: bool = False) -> PodOptions:
    """Return what the spec of an older pod or template excuses in its successor."""
    security = old.get("securityContext") or NOTHING
    user_namespace = old.get("hostUsers") is False
    return PodOptions(
        is_pod=is_pod,
        any_deletion_cost=not is_deletion_cost((old_metadata or NOTHING).get("annotations")),
        any_selector_value=any(_has_bad_values(each) for each in _affinity_selectors(old)),
        any_node_affinity_value=_has_bad_node_values(old),
        any_huge_pages=any(_has_odd_huge_pages(each) for _, each in containers(old)),
        any_spread_selector=any(not labels.is_usable(each.get("labelSelector")) for each in _constraints(old)),
        any_token_path=any(_has_bad_token_path(each) for each in old.get("volumes") or ()),
        any_host_sysctl=any(host_sysctl_problem(each.get("name", ""), old) for each in security.get("sysctls") or ()),
        legacy_match_label_keys=any(match_label_key_errors(each) for each in _constraints(old)),
        restart_container_of_init=any(_restarts_on_resize(each) for each in old.get("initContainers") or ()),
        devices_in_user_namespace=user_namespace and any("volumeDevices" in each for _, each in containers(old)),
        comparison_tolerations=any(each.get("operator") in ("Lt", "Gt") for each in old.get("tolerations") or ()),
        host_network_in_user_namespace=user_namespace and bool(old.get("hostNetwork")),
    )


def containers(spec: Object, path: Path = ROOT) -> Iterator[tuple[Path, Object]]:
    """Yield all containers of a spec with their paths, as upstream visits them: init, regular, ephemeral."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for index, each in enumerate(spec.get(key) or ()):
            yield path.child(key).index(index), each


_DELETION_COST = re.compile("-[0-9]{1,99}|0|[1-9][0-9]{0,9}")


def is_deletion_cost(annotations: Mapping[str, str] | None) -> bool:
    """Return whether the deletion cost among annotations is an int32, or is not there."""
    cost = (annotations or {}).get(DELETION_COST)
    if cost is None:
        return True
    return bool(_DELETION_COST.fullmatch(cost)) and -(2**31) <= int(cost) < 2**31


_IPC_SYSCTLS = frozenset(
    {
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
        "kernel.shm",
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.msg",
    }
)


def _dotted(sysctl: str) -> str:
    """Return a sysctl with dots between its parts, if slashes are."""
    first = re.search("[./]", sysctl)
    if first is None or first[0] == ".":
        return sysctl
    return sysctl.translate(str.maketrans("./", "/."))


def host_sysctl_problem(sysctl: str, spec: Object) -> str:
    """Return why a sysctl cannot be set in a pod that shares a namespace with the node; empty if it can."""
    name = _dotted(sysctl).partition("*")[0]
    if spec.get("hostNetwork") and name.startswith("net."):
        return "may not be specified when 'hostNetwork' is true"
    if spec.get("hostIPC") and (name in _IPC_SYSCTLS or name.startswith("fs.mqueue.")):
        return "may not be specified when 'hostIPC' is true"
    return ""


def match_label_key_errors(constraint: Object) -> bool:
    """Return whether the matchLabelKeys of a spread constraint contradict its selector."""
    keys = constraint.get("matchLabelKeys") or ()
    if not keys:
        return False
    selector = constraint.get("labelSelector")
    if selector is None or any(formats.label_key(each) for each in keys):
        return True
    seen = set(selector.get("matchLabels") or ())
    for each in selector.get("matchExpressions") or ():
        if each.get("key") in keys and each.get("key") in seen:
            return True
        seen.add(each.get("key"))
    return False


def _constraints(spec: Object) -> list[Object]:
    return spec.get("topologySpreadConstraints") or []


def _affinity_selectors(spec: Object) -> Iterator[Object]:
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = (spec.get("affinity") or NOTHING).get(kind) or NOTHING
        for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
            yield term.get("labelSelector") or NOTHING
        for weighted in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield (weighted.get("podAffinityTerm") or NOTHING).get("labelSelector") or NOTHING


def _has_bad_values(expressions: Object) -> bool:
    return any(
        formats.label_value(value)
        for each in expressions.get("matchExpressions") or ()
        for value in each.get("values") or ()
    )


def _has_bad_node_values(spec: Object) -> bool:
    affinity = (spec.get("affinity") or NOTHING).get("nodeAffinity") or NOTHING
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or NOTHING
    return any(_has_bad_values(each) for each in required.get("nodeSelectorTerms") or ())


def _has_odd_huge_pages(container: Object) -> bool:
    wanted = container.get("resources") or NOTHING
    return any(
        name.startswith("hugepages-") and not resources.is_divisible(name, amount)
        for member in ("limits", "requests")
        for name, amount in (wanted.get(member) or {}).items()
    )


def _has_bad_token_path(volume: Object) -> bool:
    problems: Errors = []
    for source in (volume.get("projected") or NOTHING).get("sources") or ():
        if "serviceAccountToken" in source:
            paths.not_reserved(problems, source["serviceAccountToken"].get("path", ""), ROOT)
    return bool(problems)


def _restarts_on_resize(container: Object) -> bool:
    if container.get("restartPolicy") == "Always":
        return False
    return any(each.get("restartPolicy") == "RestartContainer" for each in container.get("resizePolicy") or ())
