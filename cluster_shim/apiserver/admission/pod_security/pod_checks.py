"""Checks of what a pod asks for, also where a container may ask for it instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from cluster_shim.apiserver.admission.pod_security.violations import (
    Annotations,
    Spec,
    Violation,
    containers_of,
    context_of,
    named,
    plural,
    quoted,
    setters,
)

_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t")
_PROFILES = ("RuntimeDefault", "Localhost")
_SYSCTLS = (
    (0, "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range"),
    (0, "net.ipv4.ip_unprivileged_port_start"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl"),
    (29, "net.ipv4.tcp_keepalive_probes"),
    (32, "net.ipv4.tcp_rmem net.ipv4.tcp_wmem"),
)
_VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
        "secret",
    )
)
_OTHER_VOLUMES = (
    *("hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd"),
    *("flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk"),
    *("photonPersistentDisk", "portworxVolume", "scaleIO", "storageos"),
)


def host_namespaces(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid namespaces of the node."""
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(used)) if used else None


def host_path_volumes(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid directories of the node."""
    bad = [each["name"] for each in spec.get("volumes") or () if "hostPath" in each]
    return Violation("hostPath volumes", f"{plural('volume', len(bad))} {quoted(bad)}") if bad else None


def restricted_volumes(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid volumes of all but a few kinds."""
    bad = [each for each in spec.get("volumes") or () if not _VOLUMES.intersection(each)]
    if not bad:
        return None
    kinds = sorted({next((kind for kind in _OTHER_VOLUMES if kind in each), "unknown") for each in bad})
    names = f"{plural('volume', len(bad))} {quoted(each['name'] for each in bad)}"
    verb = "uses" if len(bad) == 1 else "use"
    return Violation(
        "restricted volume types", f"{names} {verb} {plural('restricted volume type', len(kinds))} {quoted(kinds)}"
    )


def allowed_sysctls(version: int) -> frozenset[str]:
    """Return the sysctls that a version allows."""
    return frozenset(name for since, names in _SYSCTLS if since <= version for name in names.split())


def sysctls(allowed: Collection[str], annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid all but a few sysctls."""
    bad = [each["name"] for each in context_of(spec).get("sysctls") or () if each["name"] not in allowed]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def host_process(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid processes of a Windows node."""
    of_pod, bad = _who(spec, lambda context: bool((context.get("windowsOptions") or {}).get("hostProcess")))
    if not of_pod and not bad:
        return None
    return Violation(
        "hostProcess", f"{setters(of_pod, bad)} must not set securityContext.windowsOptions.hostProcess=true"
    )


def run_as_user(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid the user root."""
    of_pod, bad = _who(spec, lambda context: context.get("runAsUser") == 0)
    return Violation("runAsUser=0", f"{setters(of_pod, bad)} must not set runAsUser=0") if of_pod or bad else None


def run_as_non_root(annotations: Annotations, spec: Spec) -> Violation | None:
    """Demand that nothing runs as root."""
    reason, member = "runAsNonRoot != true", "runAsNonRoot"
    of_pod, bad = _who(spec, lambda context: context.get(member) is False)
    if of_pod or bad:
        return Violation(reason, f"{setters(of_pod, bad)} must not set securityContext.runAsNonRoot=false")
    silent = _silent(spec, member)
    if context_of(spec).get(member) or not silent:
        return None
    return Violation(reason, f"pod or {named(silent)} must set securityContext.runAsNonRoot=true")


def seccomp(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid running without seccomp."""
    of_pod, bad = _who(spec, lambda context: _kind(context, "seccompProfile") not in (None, *_PROFILES))
    if not of_pod and not bad:
        return None
    kinds = quoted(sorted(_kinds(spec, "seccompProfile", of_pod, bad)))
    detail = f"{setters(of_pod, bad)} must not set securityContext.seccompProfile.type to {kinds}"
    return Violation("seccompProfile", detail)


def seccomp_restricted(annotations: Annotations, spec: Spec) -> Violation | None:
    """Demand seccomp."""
    found = seccomp(annotations, spec)
    silent = _silent(spec, "seccompProfile")
    if found is not None or not silent or "seccompProfile" in context_of(spec):
        return found
    detail = f'pod or {named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", detail)


def seccomp_annotations(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid running without seccomp, said by annotations as before 1.19."""
    keys = [_SECCOMP_POD, *(_SECCOMP_CONTAINER + each["name"] for each in containers_of(spec))]
    bad = sorted({_pair(key, annotations[key]) for key in keys if key in annotations and _unconfined(annotations[key])})
    if not bad:
        return None
    return Violation("seccompProfile", f"forbidden {plural('annotation', len(bad))} {', '.join(bad)}")


def _unconfined(value: str) -> bool:
    return value not in ("runtime/default", "docker/default") and not value.startswith("localhost/")


def app_armor(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid to switch AppArmor off."""
    of_pod, bad = _who(spec, lambda context: _kind(context, "appArmorProfile") not in (None, *_PROFILES))
    kinds = sorted(_kinds(spec, "appArmorProfile", of_pod, bad))
    pairs = sorted(
        _pair(key, value)
        for key, value in annotations.items()
        if key.startswith(_APP_ARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    if not kinds and not pairs:
        return None
    who = [text for text in (setters(of_pod, bad), plural("annotation", len(pairs)) if pairs else "") if text]
    values = [*kinds, *pairs]
    detail = f"{' and '.join(who)} must not set AppArmor profile type to {quoted(values)}"
    return Violation(plural("forbidden AppArmor profile", len(values)), detail)


def selinux(more_types: Collection[str], annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid types of SELinux beyond those for containers, users and roles."""
    allowed = (*_SELINUX_TYPES, *more_types)

    def wrong(context: Mapping[str, Any]) -> bool:
        options = context.get("seLinuxOptions") or {}
        return options.get("type", "") not in allowed or bool(options.get("user") or options.get("role"))

    of_pod, bad = _who(spec, wrong)
    if not of_pod and not bad:
        return None
    options = [context.get("seLinuxOptions") or {} for context in _contexts(spec)]
    types = sorted({each["type"] for each in options if each.get("type", "") not in allowed})
    data = [f"{plural('type', len(types))} {quoted(types)}"] if types else []
    data += [f"{member} may not be set" for member in ("user", "role") if any(each.get(member) for each in options)]
    detail = f"{setters(of_pod, bad)} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"
    return Violation("seLinuxOptions", detail)


def _who(spec: Spec, wrong: Callable[[Mapping[str, Any]], bool]) -> tuple[bool, list[str]]:
    """Return whether the pod's own context is wrong, and the containers whose context is."""
    return wrong(context_of(spec)), [each["name"] for each in containers_of(spec) if wrong(context_of(each))]


def _silent(spec: Spec, member: str) -> list[str]:
    return [each["name"] for each in containers_of(spec) if context_of(each).get(member) is None]


def _contexts(spec: Spec) -> list[Mapping[str, Any]]:
    return [context_of(spec), *(context_of(each) for each in containers_of(spec))]


def _kind(context: Mapping[str, Any], profile: str) -> str | None:
    found = context.get(profile)
    return None if found is None else found.get("type", "")


def _kinds(spec: Spec, profile: str, of_pod: bool, containers: Collection[str]) -> set[str]:
    holders = [*([spec] if of_pod else []), *(each for each in containers_of(spec) if each["name"] in containers)]
    return {_kind(context_of(each), profile) or "" for each in holders}


def _pair(key: str, value: str) -> str:
    return f"{key}={msgspec.json.encode(value).decode()}"
