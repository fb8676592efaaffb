"""Fields of a pod that its operating system does not have."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation.checks import NOTHING, Errors, Object
from cluster_shim.api.validation.core.pod_options import containers

_OF_WINDOWS = "windows options cannot be set for a linux pod"
_NOT_OF_WINDOWS = "cannot be set for a windows pod"

# In upstream's order; those with a dot in front stand in the spec itself.
_OF_POD = (
    "appArmorProfile",
    "seLinuxOptions",
    ".hostUsers",
    ".hostPID",
    ".hostIPC",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    ".shareProcessNamespace",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
)
_OF_CONTAINER = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)
_FLAGS = (".hostPID", ".hostIPC")


def os(errors: Errors, spec: Object, path: Path) -> None:
    """Check spec.os and what it excludes."""
    name = spec["os"].get("name", "")
    if not name:
        errors.append(fields.required(path.child("os", "name")))
    elif name == "linux":
        _linux(errors, spec, path)
    elif name == "windows":
        _windows(errors, spec, path)
    else:
        errors.append(fields.not_supported(path.child("os"), name, ("linux", "windows")))


def _linux(errors: Errors, spec: Object, path: Path) -> None:
    if "windowsOptions" in (spec.get("securityContext") or NOTHING):
        errors.append(fields.forbidden(path.child("securityContext", "windowsOptions"), _OF_WINDOWS))
    for at, each in containers(spec, path):
        if "windowsOptions" in (each.get("securityContext") or NOTHING):
            errors.append(fields.forbidden(at.child("securityContext", "windowsOptions"), _OF_WINDOWS))


def _windows(errors: Errors, spec: Object, path: Path) -> None:
    context = spec.get("securityContext") or NOTHING
    for key in _OF_POD:
        holder, at = (spec, path) if key.startswith(".") else (context, path.child("securityContext"))
        name = key.removeprefix(".")
        if holder.get(name) if key in _FLAGS else name in holder:
            errors.append(fields.forbidden(at.child(name), _NOT_OF_WINDOWS))
    for at, each in containers(spec, path):
        own = each.get("securityContext") or NOTHING
        for key in _OF_CONTAINER:
            if key in own:
                errors.append(fields.forbidden(at.child("securityContext", key), _NOT_OF_WINDOWS))
