"""The spec of a pod, alone or in a template. The order of the checks is that of the errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import addresses, amounts, formats
from cluster_shim.api.validation.checks import (
    NOTHING,
    WHOLE,
    Errors,
    Object,
    formatted,
    optional_one_of,
    refuse,
)
from cluster_shim.api.validation.core import affinity, containers, resource_names, resources, security
from cluster_shim.api.validation.core.os import os
from cluster_shim.api.validation.core.pod_aggregate import container_limits, container_requests
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.core.pod_options import containers as all_containers
from cluster_shim.api.validation.core.volumes import volumes
from cluster_shim.api.validation.labels import labels
from cluster_shim.api.validation.structs import dump

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION = ("PreemptLowerPriority", "Never")
_MIRROR = "kubernetes.io/config.mirror"


def pod_spec(errors: Errors, spec: Object, metadata: Object | None, path: Path, options: PodOptions) -> None:
    """Check a pod spec; `metadata` is None in templates."""
    grace_period = spec.get("terminationGracePeriodSeconds")
    if grace_period is None:
        errors.append(fields.required(path.child("terminationGracePeriodSeconds")))
    found = volumes(errors, spec.get("volumes") or (), metadata, path.child("volumes"), options)
    claim_names = {each["name"] for each in spec.get("resourceClaims") or () if each.get("name")}
    if "resourceClaims" in spec:
        _claims(errors, spec["resourceClaims"] or (), metadata, path.child("resourceClaims"))
    around = containers.Surroundings(
        volumes=found,
        claim_names=claim_names,
        grace_period=grace_period,
        os=spec["os"].get("name", "") if "os" in spec else None,
        restart_policy=spec.get("restartPolicy", ""),
        host_users=spec.get("hostUsers") is not False,
        options=options,
    )
    regular = spec.get("containers") or ()
    containers.containers(errors, regular, path.child("containers"), around)
    if "initContainers" in spec:
        initial = spec["initContainers"] or ()
        containers.init_containers(errors, initial, regular, path.child("initContainers"), around)
    if "ephemeralContainers" in spec:
        containers.ephemeral_containers(errors, spec, path.child("ephemeralContainers"), around)
    if "resources" in spec:
        _pod_resources(errors, spec, around, path.child("resources"))
    if spec.get("hostNetwork"):
        _host_network_ports(errors, regular, path.child("containers"), options)
    _policies(errors, spec, path)
    labels(errors, spec.get("nodeSelector"), path.child("nodeSelector"))
    security.pod(errors, spec, path.child("securityContext"), options)
    _placement(errors, spec, path, options)
    security.windows_host_process(errors, spec, path)
    _host_users(errors, spec, path, options)
    _hostname_override(errors, spec, path)
    _names_and_numbers(errors, spec, path, options)
    if "overhead" in spec:
        overhead = {"limits": spec["overhead"]}
        resources.requirements(errors, overhead, (), path.child("overhead"), any_huge_pages=options.any_huge_pages)
    if "os" in spec:
        os(errors, spec, path)
    if "schedulingGroup" in spec:
        _scheduling_group(errors, spec["schedulingGroup"], path.child("schedulingGroup", "podGroupName"))
    _file_references(errors, spec, path)


def _claims(errors: Errors, claims: Sequence[Object], metadata: Object | None, path: Path) -> None:
    names: set[str] = set()
    is_static = _MIRROR in ((metadata or NOTHING).get("annotations") or NOTHING)
    for index, claim in enumerate(claims):
        if is_static:
            errors.append(fields.forbidden(WHOLE, "static pods do not support resource claims"))
            continue
        at, name = path.index(index), claim.get("name", "")
        if not name:
            errors.append(fields.required(at.child("name")))
        elif name in names:
            errors.append(fields.duplicate(at.child("name"), name))
        else:
            refuse(errors, at.child("name"), name, formats.dns_label(name))
            names.add(name)
        given = [key for key in ("resourceClaimName", "resourceClaimTemplateName") if key in claim]
        if len(given) == 2:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(fields.invalid(at, dump("PodResourceClaim", claim), detail))
        elif not given:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(fields.invalid(at, dump("PodResourceClaim", claim), detail))
        for key in given:
            refuse(errors, at.child(key), claim[key], formats.dns_subdomain(claim[key]))


def _pod_resources(errors: Errors, spec: Object, around: containers.Surroundings, path: Path) -> None:
    wanted = spec["resources"]
    if around.os == "windows":
        errors.append(fields.forbidden(path, "may not be set for a windows pod"))
        return
    if "claims" in wanted:
        errors.append(fields.forbidden(path.child("claims"), "claims may not be set for Resources at pod-level"))
    huge = around.options.any_huge_pages
    resources.requirements(errors, wanted, around.claim_names, path, resources.pod_resource_name, huge)
    requests, limits = wanted.get("requests") or {}, wanted.get("limits") or {}
    for name, amount in container_requests(spec).items():
        if name in requests and amounts.nano(amount) > amounts.nano(requests[name]):
            detail = f"must be greater than or equal to aggregate container requests of {amount}"
            errors.append(fields.invalid(path.child("requests").key(name), requests[name], detail))
    for name, amount in container_limits(spec).items():
        if resource_names.is_huge_pages(name) and name in limits and amounts.nano(amount) > amounts.nano(limits[name]):
            detail = f"must be greater than or equal to aggregate container limits of {amount}"
            errors.append(fields.invalid(path.child("limits").key(name), limits[name], detail))
    for index, each in enumerate(spec.get("containers") or ()):
        own: Mapping[str, str] = (each.get("resources") or NOTHING).get("limits") or {}
        for name, amount in own.items():
            if name in limits and amounts.nano(amount) > amounts.nano(limits[name]):
                at = path.child("containers").index(index).key(name).child("limits")
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                errors.append(fields.invalid(at, amount, detail))


def _host_network_ports(errors: Errors, regular: Sequence[Object], path: Path, options: PodOptions) -> None:
    for index, each in enumerate(regular):
        for number, port in enumerate(each.get("ports") or ()):
            host = port.get("hostPort", 0)
            if (options.is_pod or host) and host != port.get("containerPort", 0):
                at = path.index(index).child("ports").index(number).child("hostPort")
                detail = "must match `containerPort` when `hostNetwork` is true"
                errors.append(fields.invalid(at, host, detail))


def _policies(errors: Errors, spec: Object, path: Path) -> None:
    for key, supported in (("restartPolicy", _RESTART_POLICIES), ("dnsPolicy", _DNS_POLICIES)):
        value = spec.get(key)
        if not value:
            errors.append(fields.required(path.child(key)))
        elif value not in supported:
            errors.append(fields.not_supported(path.child(key), value, supported))


def _placement(errors: Errors, spec: Object, path: Path, options: PodOptions) -> None:
    if "affinity" in spec:
        affinity.affinity(errors, spec["affinity"], path.child("affinity"), options)
    if "dnsConfig" in spec or spec.get("dnsPolicy") == "None":
        _dns_config(errors, spec, path.child("dnsConfig"))
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        name = gate.get("conditionType", "")
        refuse(errors, path.child("readinessGates").index(index).child("conditionType"), name, formats.label_key(name))
    gates: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        at, name = path.child("schedulingGates").index(index), gate.get("name", "")
        refuse(errors, at, name, formats.label_key(name))
        if name in gates:
            errors.append(fields.duplicate(at, name))
        gates.add(name)
    if "topologySpreadConstraints" in spec:
        constraints = spec["topologySpreadConstraints"] or ()
        affinity.topology_spread(errors, constraints, path.child("topologySpreadConstraints"), options)


def _dns_config(errors: Errors, spec: Object, path: Path) -> None:
    config = spec.get("dnsConfig")
    servers, searches = (config or NOTHING).get("nameservers") or [], (config or NOTHING).get("searches") or []
    if spec.get("dnsPolicy") == "None" and not servers:
        if config is None:
            errors.append(fields.required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
        else:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            errors.append(fields.required(path.child("nameservers"), detail))
        return
    if len(servers) > 3:
        errors.append(fields.invalid(path.child("nameservers"), servers, "must not have more than 3 nameservers"))
    for index, each in enumerate(servers):
        addresses.legacy_ip(errors, each, path.child("nameservers").index(index))
    if len(searches) > 32:
        errors.append(fields.invalid(path.child("searches"), searches, "must not have more than 32 search paths"))
    if formats.size(" ".join(searches)) > 2048:
        detail = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(fields.invalid(path.child("searches"), searches, detail))
    for index, each in enumerate(searches):
        domain = each.removesuffix(".")
        if each != "." and (messages := formats.dns_subdomain_underscore(domain)):
            refuse(errors, path.child("searches").index(index), domain, messages)
    for index, option in enumerate((config or NOTHING).get("options") or ()):
        if not option.get("name"):
            errors.append(fields.required(path.child("options").index(index), "must not be empty"))


def _host_users(errors: Errors, spec: Object, path: Path, options: PodOptions) -> None:
    if spec.get("hostUsers") is not False:
        return
    detail = "when `hostUsers` is false"
    if spec.get("hostNetwork") and not options.host_network_in_user_namespace:
        errors.append(fields.forbidden(path.child("hostNetwork"), detail))
    if spec.get("hostPID"):
        errors.append(fields.forbidden(path.child("HostPID"), detail))
    if spec.get("hostIPC"):
        errors.append(fields.forbidden(path.child("HostIPC"), detail))
    if not options.devices_in_user_namespace:
        for at, each in all_containers(spec, path):
            if each.get("volumeDevices"):
                errors.append(fields.forbidden(at.child("volumeDevices"), detail))


def _hostname_override(errors: Errors, spec: Object, path: Path) -> None:
    name, at = spec.get("hostnameOverride"), path.child("hostnameOverride")
    if name is None:
        return
    if spec.get("setHostnameAsFQDN"):
        errors.append(fields.forbidden(at, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        errors.append(fields.forbidden(at, "may not be specified when hostNetwork is true"))
    if formats.size(name) > 64:
        errors.append(fields.too_long(at, 64))
    refuse(errors, at, name, formats.dns_subdomain(name))


def _names_and_numbers(errors: Errors, spec: Object, path: Path, options: PodOptions) -> None:
    formatted(errors, spec, "serviceAccountName", path, formats.dns_subdomain)
    formatted(errors, spec, "nodeName", path, formats.dns_subdomain)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        detail = formats.in_range(1, 2**31 - 1)
        errors.append(fields.invalid(path.child("activeDeadlineSeconds"), deadline, detail))
    formatted(errors, spec, "hostname", path, formats.dns_label)
    formatted(errors, spec, "subdomain", path, formats.dns_label)
    if "tolerations" in spec:
        affinity.tolerations(errors, spec["tolerations"] or (), path.child("tolerations"), options)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        at = path.child("hostAliases").index(index)
        addresses.legacy_ip(errors, alias.get("ip", ""), at.child("ip"))
        for number, name in enumerate(alias.get("hostnames") or ()):
            refuse(errors, at.child("hostnames").index(number), name, formats.dns_subdomain(name))
    formatted(errors, spec, "priorityClassName", path, formats.dns_subdomain)
    if (name := spec.get("runtimeClassName")) is not None:
        refuse(errors, path.child("runtimeClassName"), name, formats.dns_subdomain(name))
    if spec.get("preemptionPolicy") == "":
        errors.append(fields.required(path.child("preemptionPolicy")))
    else:
        optional_one_of(errors, spec, "preemptionPolicy", path, _PREEMPTION)


def _scheduling_group(errors: Errors, group: Object, path: Path) -> None:
    name = group.get("podGroupName")
    if name is None:
        errors.append(fields.invalid(path, None, "must specify one of: `podGroupName`"))
    else:
        refuse(errors, path, name, formats.dns_subdomain(name))


def _file_references(errors: Errors, spec: Object, path: Path) -> None:
    named: dict[str, Object] = {}
    for at, each in all_containers(spec, path):
        for index, variable in enumerate(each.get("env") or ()):
            reference = (variable.get("valueFrom") or NOTHING).get("fileKeyRef")
            if reference is None:
                continue
            named = named or {volume.get("name", ""): volume for volume in spec.get("volumes") or ()}
            name = reference.get("volumeName", "")
            of = at.child("env").index(index).child("valueFrom", "fileKeyRef", "volumeName")
            if name not in named:
                errors.append(fields.not_found(of, name))
            elif "emptyDir" not in named[name]:
                errors.append(fields.invalid(of, name, "referenced volume must be of type emptyDir"))
