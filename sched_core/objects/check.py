"""Checks of what decides scheduling: quantities, selectors, taints, ports, weights, names.

A check returns findings (field path, reason) and never raises. It is fast when nothing is wrong: resource lists that
were found good once are remembered. This module does *not* repeat all of the API's validation: what the scheduler never
looks at is not checked, nor is the syntax of labels. Source: ``pkg/apis/core/validation/validation.go``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sched_core.objects.affinity import Toleration
from sched_core.objects.check_affinity import Finding, check_affinity, check_spread, not_one_of
from sched_core.objects.meta import Quantity, Resources
from sched_core.objects.node import Namespace, Node, Taint
from sched_core.objects.pod import Container, Pod, ResourceRequirements
from sched_core.objects.pod_group import PodGroup
from sched_core.objects.quantity import INT64_MAX, NANO, parse_quantity, resource_amount
from sched_core.objects.records import AnyObject
from sched_core.objects.requests import (
    aggregate_container_requests,
    is_extended_resource,
    is_pod_level_resource,
    is_qualified_name,
    pod_requests,
)

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_PROTOCOLS = ("", "TCP", "UDP", "SCTP")
_LARGE = INT64_MAX >> 16
"""Above this a quantity is looked at each time, since a sum over containers could overflow."""
_REMEMBERED = 1 << 18

_Entry = tuple[str, Quantity]
_good_in_container: set[_Entry] = set()
_good_at_pod_level: set[_Entry] = set()
_good_on_node: set[_Entry] = set()
_good_in_group: set[_Entry] = set()


def check_pod(pod: Pod) -> list[Finding]:
    """Check a pod."""
    found: list[Finding] = []
    spec = pod.spec
    _check_name(found, pod.metadata.name)
    if not spec.containers:
        found.append(("spec.containers", "a pod needs at least one container"))
    large = False
    for index, container in enumerate(spec.containers):
        large |= _check_container(found, "spec.containers", index, container)
    for index, container in enumerate(spec.init_containers):
        large |= _check_container(found, "spec.initContainers", index, container)
    if spec.overhead:
        large |= _check_resources(found, "spec.overhead", spec.overhead, _good_in_container, _container_resource)
    if spec.resources is not None:
        large |= _check_pod_level(found, pod, spec.resources)
    if spec.tolerations:
        _check_tolerations(found, spec.tolerations)
    if spec.affinity is not None:
        check_affinity(found, spec.affinity)
    if spec.topology_spread_constraints:
        check_spread(found, spec.topology_spread_constraints)
    if spec.preemption_policy not in (None, "", "Never", "PreemptLowerPriority"):
        not_one_of(found, "spec.preemptionPolicy", spec.preemption_policy, ("Never", "PreemptLowerPriority"))
    large |= _check_pod_status(found, pod)
    if large and not found:
        _check_total(found, pod)
    return found


def check_node(node: Node) -> list[Finding]:
    """Check a node."""
    found: list[Finding] = []
    _check_name(found, node.metadata.name)
    status = node.status
    if status.allocatable:
        _check_resources(found, "status.allocatable", status.allocatable, _good_on_node, _node_resource)
    if status.capacity:
        _check_resources(found, "status.capacity", status.capacity, _good_on_node, _node_resource)
    if node.spec.taints:
        _check_taints(found, node.spec.taints)
    for index, image in enumerate(status.images):
        if image.size_bytes < 0:
            found.append((f"status.images[{index}].sizeBytes", "must not be negative"))
    return found


def check_namespace(namespace: Namespace) -> list[Finding]:
    """Check a namespace."""
    found: list[Finding] = []
    name = namespace.metadata.name
    if not _LABEL.fullmatch(name) or len(name) > 63:
        found.append(("metadata.name", _name_reason(name, "DNS label", 63)))
    return found


def check_other(record: AnyObject) -> list[Finding]:
    """Check what all kinds have in common."""
    found: list[Finding] = []
    _check_name(found, record.metadata.name)
    return found


def check_pod_group(group: PodGroup) -> list[Finding]:
    """Check a pod group of the scheduler-plugins project."""
    found: list[Finding] = []
    _check_name(found, group.metadata.name)
    if group.spec.min_member < 0:
        found.append(("spec.minMember", f"{group.spec.min_member} is less than 1"))
    resources = group.spec.min_resources or {}
    _check_resources(found, "spec.minResources", resources, _good_in_group, lambda name, nano: "")
    return found


def _check_name(found: list[Finding], name: str) -> None:
    if not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        found.append(("metadata.name", _name_reason(name, "DNS subdomain", 253)))


def _name_reason(name: str, form: str, longest: int) -> str:
    if not name:
        return "is missing"
    if len(name) > longest:
        return f"a name of {len(name)} characters is too long: at most {longest}"
    dot = " or '.'" if form == "DNS subdomain" else ""
    return f"{name!r} is not a {form}: lower case letters, digits, '-'{dot} only, with a letter or digit at both ends"


def _check_container(found: list[Finding], path: str, index: int, container: Container) -> bool:
    """Check one container; tell whether it has quantities that are large enough for sums to overflow."""
    large = False
    if not container.name:
        found.append((f"{path}[{index}].name", "is missing"))
    resources = container.resources
    if resources is not None and not (
        _good_in_container.issuperset(resources.requests.items()) and not resources.limits
    ):
        large = _check_requirements(
            found, f"{path}[{index}].resources", resources, _good_in_container, _container_resource
        )
    for number, port in enumerate(container.ports):
        if not (0 <= port.container_port <= 65535 and 0 <= port.host_port <= 65535 and port.protocol in _PROTOCOLS):
            where = f"{path}[{index}].ports[{number}]"
            _check_port(found, f"{where}.containerPort", port.container_port)
            _check_port(found, f"{where}.hostPort", port.host_port)
            if port.protocol not in _PROTOCOLS:
                not_one_of(found, f"{where}.protocol", port.protocol, _PROTOCOLS[1:])
    return large


def _check_port(found: list[Finding], path: str, port: int) -> None:
    if not 0 <= port <= 65535:
        found.append((path, f"{port} is not a port: 0 to 65535"))


def _check_requirements(
    found: list[Finding],
    path: str,
    resources: ResourceRequirements,
    good: set[_Entry],
    reason_of: Callable[[str, int], str],
) -> bool:
    before = len(found)
    large = _check_resources(found, f"{path}.requests", resources.requests, good, reason_of)
    large |= _check_resources(found, f"{path}.limits", resources.limits, good, reason_of)
    if len(found) == before:
        for name, limit in resources.limits.items():
            request = resources.requests.get(name)
            if request is not None and parse_quantity(request) > parse_quantity(limit):
                found.append((f"{path}.requests[{name}]", f"{request} is more than the limit of {limit}"))
    return large


def _check_resources(
    found: list[Finding], path: str, resources: Resources, good: set[_Entry], reason_of: Callable[[str, int], str]
) -> bool:
    """Check a resource list; tell whether a quantity is large enough for sums to overflow."""
    if good.issuperset(resources.items()):
        return False
    large = False
    for name, quantity in resources.items():
        try:
            nano = parse_quantity(quantity)
            reason = reason_of(name, nano) or _amount_reason(name, nano, quantity)
        except ValueError as error:
            found.append((f"{path}[{name}]", str(error)))
            continue
        if reason:
            found.append((f"{path}[{name}]", reason))
        elif resource_amount(name, nano) > _LARGE:
            large = True
        else:
            if len(good) >= _REMEMBERED:
                good.clear()
            good.add((name, quantity))
    return large


def _amount_reason(name: str, nano: int, quantity: Quantity) -> str:
    if nano < 0:
        return f"{quantity} is negative"
    if resource_amount(name, nano) > INT64_MAX:
        unit = " in units of 1/1000" if name == "cpu" else ""
        return f"{quantity} is absurd: beyond 2**63 - 1{unit}"
    return ""


def _container_resource(name: str, nano: int) -> str:
    """Return why a container cannot request this, or nothing."""
    if "/" not in name:
        if name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-"):
            return ""
        return (
            f"{name!r} is not a resource of containers: cpu, memory, ephemeral-storage, hugepages-<size> "
            "or a name with a domain, such as example.com/gpu"
        )
    if "kubernetes.io/" in name:
        return "" if is_qualified_name(name) else f"{name!r} is not a qualified name"
    if not is_extended_resource(name):
        return f"{name!r} is not a name of an extended resource"
    return "" if nano % NANO == 0 else "an extended resource is requested in whole units"


def _pod_level_resource(name: str, _nano: int) -> str:
    if is_pod_level_resource(name):
        return ""
    return f"{name!r} cannot be requested at pod level: only cpu, memory and hugepages-<size>"


def _node_resource(_name: str, _nano: int) -> str:
    return ""


def _check_pod_level(found: list[Finding], pod: Pod, resources: ResourceRequirements) -> bool:
    before = len(found)
    path = "spec.resources"
    large = _check_requirements(found, path, resources, _good_at_pod_level, _pod_level_resource)
    if len(found) > before:
        return large
    try:
        total = aggregate_container_requests(pod)
    except ValueError:
        return large  # found already
    for name, quantity in resources.requests.items():
        if total.get(name, 0) > parse_quantity(quantity):
            found.append((f"{path}.requests[{name}]", f"{quantity} is less than what the containers request together"))
    return large


def _check_pod_status(found: list[Finding], pod: Pod) -> bool:
    status = pod.status
    large = False
    lists: list[tuple[str, Resources]] = []
    for field, statuses in (
        ("containerStatuses", status.container_statuses),
        ("initContainerStatuses", status.init_container_statuses),
    ):
        for index, each in enumerate(statuses):
            if each.allocated_resources:
                lists.append((f"status.{field}[{index}].allocatedResources", each.allocated_resources))
            if each.resources is not None:
                lists.append((f"status.{field}[{index}].resources.requests", each.resources.requests))
    if status.resources is not None:
        lists.append(("status.resources.requests", status.resources.requests))
    if status.allocated_resources:
        lists.append(("status.allocatedResources", status.allocated_resources))
    for path, resources in lists:
        large |= _check_resources(found, path, resources, _good_on_node, _node_resource)
    return large


def _check_total(found: list[Finding], pod: Pod) -> None:
    for name, nano in pod_requests(pod, use_status=True, non_missing=True).items():
        if resource_amount(name, nano) > INT64_MAX:
            found.append(("spec", f"the pod's requests for {name} together are absurd: beyond 2**63 - 1"))


def _check_tolerations(found: list[Finding], tolerations: tuple[Toleration, ...]) -> None:
    for index, toleration in enumerate(tolerations):
        path = f"spec.tolerations[{index}]"
        operator = toleration.operator
        if operator not in ("", "Equal", "Exists"):
            not_one_of(found, f"{path}.operator", operator, ("Equal", "Exists"))
        elif operator == "Exists":
            if toleration.value:
                found.append((f"{path}.value", "must be empty when the operator is Exists"))
        elif not toleration.key:
            found.append((f"{path}.operator", "must be Exists when the key is empty"))
        if toleration.effect and toleration.effect not in _EFFECTS:
            not_one_of(found, f"{path}.effect", toleration.effect, _EFFECTS)
        if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
            found.append((f"{path}.effect", "must be NoExecute when tolerationSeconds is set"))


def _check_taints(found: list[Finding], taints: tuple[Taint, ...]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        path = f"spec.taints[{index}]"
        if not taint.key:
            found.append((f"{path}.key", "is missing"))
        if taint.effect not in _EFFECTS:
            not_one_of(found, f"{path}.effect", taint.effect, _EFFECTS)
        if (taint.key, taint.effect) in seen:
            found.append((path, "taints must differ in key or effect"))
        seen.add((taint.key, taint.effect))
