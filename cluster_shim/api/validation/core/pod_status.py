"""Updates of the status of a pod: kubelets and the scheduler write it."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import addresses, amounts, formats, metadata
from cluster_shim.api.validation.checks import NOTHING, STATUS, Errors, Object, keep, refuse
from cluster_shim.api.validation.core import pod_update, resource_names
from cluster_shim.api.validation.structs import dump_list

_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_NOT_NEGATIVE = "must be a non-negative integer"
_TERMINATED = "may not be transitioned to non-terminated state"


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status."""
    options = pod_update.options_of(old)
    metadata.update(errors, new, old)
    pod_update.changed_annotations(errors, new, old, options)
    status, before, spec = new.get("status") or NOTHING, old.get("status") or NOTHING, new["spec"]
    _conditions(errors, status.get("conditions") or ())
    _node(errors, status, before, spec, old["spec"])
    if (status.get("observedGeneration") or 0) < 0:
        errors.append(fields.invalid(STATUS.child("observedGeneration"), status["observedGeneration"], _NOT_NEGATIVE))
    keep(errors, status, before, "qosClass", STATUS, "")
    _transitions(errors, status, before, old["spec"])
    _claim_statuses(errors, status, spec)
    _extended_claim(errors, status.get("extendedResourceClaimStatus"), spec)
    _node_claims(errors, status, spec)
    _addresses(errors, status, before, "podIPs")
    if status.get("hostIPs"):
        if status.get("hostIP", "") != status["hostIPs"][0].get("ip", ""):
            at = STATUS.child("hostIPs").index(0).child("ip")
            errors.append(fields.invalid(at, status["hostIPs"][0].get("ip", ""), "must be equal to `hostIP`"))
        _addresses(errors, status, before, "hostIPs")
    _users(errors, status, (spec.get("os") or NOTHING).get("name", "linux"))
    for key, of in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        _allocated(errors, status.get(key) or (), spec.get(of) or (), STATUS.child(key))
    for index, each in enumerate(status.get("ephemeralContainerStatuses") or ()):
        if each.get("allocatedResourcesStatus"):
            at = STATUS.child("ephemeralContainerStatuses").index(index).child("allocatedResourcesStatus")
            errors.append(fields.forbidden(at, "must not be specified in container status"))


def _conditions(errors: Errors, conditions: Sequence[Object]) -> None:
    for index, each in enumerate(conditions):
        generation, kind = each.get("observedGeneration") or 0, each.get("type", "")
        if generation < 0:
            at = STATUS.child("conditions").index(index).child("observedGeneration")
            errors.append(fields.invalid(at, generation, _NOT_NEGATIVE))
        if kind not in _SYSTEM_CONDITIONS and (messages := formats.label_key(kind)):
            refuse(errors, STATUS.child("conditions").index(index).child("Type"), kind, messages)


def _node(errors: Errors, status: Object, before: Object, spec: Object, old_spec: Object) -> None:
    if spec.get("nodeName") != old_spec.get("nodeName"):
        errors.append(fields.forbidden(STATUS.child("nodeName"), "may not be changed directly"))
    nominated = status.get("nominatedNodeName")
    if not nominated or nominated == before.get("nominatedNodeName"):
        return
    refuse(errors, STATUS.child("nominatedNodeName"), nominated, formats.dns_subdomain(nominated))
    if old_spec.get("nodeName"):
        detail = "may not be set on pods that are already bound to a node"
        errors.append(fields.forbidden(STATUS.child("nominatedNodeName"), detail))


def _transitions(errors: Errors, status: Object, before: Object, spec: Object) -> None:
    if not _all_could_restart(spec):
        for key, of in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
            _transition(errors, status, before, key, spec, spec.get(of) or ())
    _transition(errors, status, before, "ephemeralContainerStatuses", spec, ())


def _transition(
    errors: Errors, status: Object, before: Object, key: str, spec: Object, containers: Sequence[Object]
) -> None:
    known = {each.get("name"): each for each in containers}
    after = {each.get("name", ""): each for each in reversed(status.get(key) or ())}
    for index, each in enumerate(before.get(key) or ()):
        terminated, name = (each.get("state") or NOTHING).get("terminated"), each.get("name", "")
        if terminated is None or name not in after:
            continue
        if "terminated" in (after[name].get("state") or NOTHING):
            continue
        if name in known and _should_restart(known[name], spec, terminated.get("exitCode", 0)):
            continue
        errors.append(fields.forbidden(STATUS.child(key).index(index).child("state"), _TERMINATED))


def _all_could_restart(spec: Object) -> bool:
    """Return whether a rule of some container restarts all of them."""
    return any(
        rule.get("action") == "RestartAllContainers"
        for key in ("initContainers", "containers")
        for each in spec.get(key) or ()
        for rule in each.get("restartPolicyRules") or ()
    )


def _should_restart(container: Object, spec: Object, code: int) -> bool:
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes")
        if codes and (code in (codes.get("values") or ())) == (codes.get("operator") == "In"):
            return bool(rule.get("action") == "Restart")
    policy = container.get("restartPolicy") or spec.get("restartPolicy")
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _claim_statuses(errors: Errors, status: Object, spec: Object) -> None:
    known = {each.get("name") for each in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for index, each in enumerate(status.get("resourceClaimStatuses") or ()):
        at, name = STATUS.child("resourceClaimStatuses").index(index), each.get("name", "")
        if name not in known:
            detail = "must match the name of an entry in `spec.resourceClaims`"
            errors.append(fields.invalid(at.child("name"), name, detail))
        if name in seen:
            errors.append(fields.duplicate(at.child("name"), name))
        seen.add(name)
        if (claim := each.get("resourceClaimName")) is not None:
            refuse(errors, at.child("resourceClaimName"), claim, formats.dns_subdomain(claim))


def _extended_claim(errors: Errors, claim: Object | None, spec: Object) -> None:
    if claim is None:
        return
    path = STATUS.child("extendedResourceClaimStatus")
    containers = {each.get("name"): each for key in ("initContainers", "containers") for each in spec.get(key) or ()}
    mappings = claim.get("requestMappings") or ()
    if not mappings:
        errors.append(fields.required(path.child("requestMappings"), "at least one request mapping is required"))
    seen = set()
    for index, each in enumerate(mappings):
        at, key = path.child("requestMappings").index(index), tuple(each.get(name, "") for name in _MAPPING)
        container, resource, request = key
        if container not in containers:
            detail = "must match the name of an entry in spec.initContainers.name or spec.containers.name"
            errors.append(fields.invalid(at.child("containerName"), container, detail))
        elif resource not in ((containers[container].get("resources") or NOTHING).get("requests") or NOTHING):
            detail = (
                "must match the extended resource name of an entry in spec.initContainers.resources.requests or "
                "spec.containers.resources.requests"
            )
            errors.append(fields.invalid(at.child("resourceName"), resource, detail))
        refuse(errors, path.child("requestName"), request, formats.dns_label(request))
        if key in seen:
            errors.extend(fields.duplicate(at.child(name), each.get(name, "")) for name in _MAPPING)
        seen.add(key)
    name = claim.get("resourceClaimName", "")
    if not name:
        errors.append(fields.required(path.child("resourceClaimName")))
    else:
        refuse(errors, path.child("resourceClaimName"), name, formats.dns_subdomain(name))


_MAPPING = ("containerName", "resourceName", "requestName")


def _node_claims(errors: Errors, status: Object, spec: Object) -> None:
    holders = [*(spec.get("resourceClaims") or ()), *(status.get("resourceClaimStatuses") or ())]
    known = {each.get("resourceClaimName") for each in holders}
    for index, each in enumerate(status.get("nodeAllocatableResourceClaimStatuses") or ()):
        at, name = STATUS.child("nodeAllocatableResourceClaimStatuses").index(index), each.get("resourceClaimName", "")
        if not name:
            errors.append(fields.required(at.child("resourceClaimName"), "must not be empty"))
        if name not in known:
            detail = "no mapping found in pod reference"
            errors.append(fields.invalid(at.child("resourceClaimName"), name, detail))
        for key in ("containers", "resources"):
            if not each.get(key):
                errors.append(fields.required(at.child(key), "must not be empty"))
        for resource, amount in (each.get("resources") or {}).items():
            of = at.child("resources").key(resource)
            if not resource_names.is_native(resource):
                errors.append(fields.invalid(of, resource, "must be a node allocatable resource name"))
            if amounts.nano(amount) < 0:
                errors.append(fields.invalid(of, amount, "must be non-negative"))


def _addresses(errors: Errors, status: Object, before: Object, key: str) -> None:
    old = [each.get("ip", "") for each in before.get(key) or ()]
    listed = [each.get("ip", "") for each in status.get(key) or ()]
    for index, each in enumerate(listed):
        addresses.legacy_ip(errors, each, STATUS.child(key).index(index), old)
    if len(listed) < 2:
        return
    bad = next((each for each in listed if addresses.parse_ip(each) is None), None)
    if bad is not None:
        detail = f"failed to check for dual stack with error:invalid IP[{listed.index(bad)}]: {bad}"
        errors.append(fields.internal(STATUS.child(key), detail))
    if bad is not None or not addresses.is_dual_stack(listed) or len(listed) > 2:
        detail = "may specify no more than one IP for each IP family"
        errors.append(fields.invalid(STATUS.child(key), dump_list("PodIP", status[key]), detail))


def _users(errors: Errors, status: Object, os: str) -> None:
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for index, each in enumerate(status.get(key) or ()):
            user = (each.get("user") or NOTHING).get("linux")
            at = STATUS.child(key).index(index).child("user", "linux")
            if user is not None and os == "windows":
                errors.append(fields.forbidden(at, "cannot be set for a windows pod"))
            elif user is not None and os == "linux":
                _user(errors, user, at)


def _user(errors: Errors, user: Object, path: Path) -> None:
    for key in ("uid", "gid"):
        number = user.get(key, 0)
        refuse(errors, path.child(key), number, formats.user_or_group_id(number))
    for index, group in enumerate(user.get("supplementalGroups") or ()):
        refuse(errors, path.child("supplementalGroups").index(index), group, formats.user_or_group_id(group))


_HEALTH = ("Healthy", "Unhealthy", "Unknown")


def _allocated(errors: Errors, statuses: Sequence[Object], containers: Sequence[Object], path: Path) -> None:
    known = {each.get("name"): each.get("resources") or NOTHING for each in reversed(containers)}
    for index, status in enumerate(statuses):
        for number, each in enumerate(status.get("allocatedResourcesStatus") or ()):
            at = path.index(index).child("allocatedResourcesStatus").index(number)
            if status.get("name") in known:
                _allocated_name(errors, each.get("name", ""), known[status.get("name")], at.child("name"))
            seen: set[str] = set()
            for third, resource in enumerate(each.get("resources") or ()):
                _health(errors, resource, seen, at.child("resources").index(third))


def _allocated_name(errors: Errors, name: str, wanted: Object, path: Path) -> None:
    if name.startswith("claim:"):
        claims = wanted.get("claims") or ()
        known = [f"claim:{'/'.join(filter(None, (each.get('name'), each.get('request'))))}" for each in claims]
        detail = (
            "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or "
            "'claim:<claimName>' if request is empty"
        )
    else:
        known = list(wanted.get("requests") or ())
        detail = "must match one of the container's resource requests"
    if name not in known:
        errors.append(fields.invalid(path, name, detail))


def _health(errors: Errors, resource: Object, seen: set[str], path: Path) -> None:
    health, message, identity = resource.get("health", ""), resource.get("message"), resource.get("resourceID", "")
    if health not in _HEALTH:
        errors.append(fields.not_supported(path.child("health"), health, _HEALTH))
    if message == "":
        errors.append(fields.required(path.child("message"), "must be non-empty if specified"))
    elif message is not None and formats.size(message) > 256:
        errors.append(fields.too_long(path.child("message"), 256))
    if identity in seen:
        errors.append(fields.duplicate(path.child("resourceID"), identity))
    seen.add(identity)
