"""Mounts and raw devices of containers: they name volumes of the pod, each path once."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import paths
from cluster_shim.api.validation.checks import NOTHING, Errors, Object

Volumes = Mapping[str, Object]
"""The well-formed volumes of a pod by name."""

_PROPAGATION = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def mounts(errors: Errors, container: Object, volumes: Volumes, path: Path) -> None:
    """Check the mounts of a container."""
    devices = {each.get("name", ""): each.get("devicePath", "") for each in container.get("volumeDevices") or ()}
    seen: set[str] = set()
    for index, each in enumerate(container.get("volumeMounts") or ()):
        name, target = each.get("name", ""), each.get("mountPath", "")
        if not (name and name in volumes and target and target not in seen) or devices:
            _named(errors, name, target, volumes, seen, devices, path.index(index))
        seen.add(target)
        _details(errors, each, container, path, path.index(index))


def _named(
    errors: Errors,
    name: str,
    target: str,
    volumes: Volumes,
    seen: set[str],
    devices: Mapping[str, str],
    path: Path,
) -> None:
    if not name:
        errors.append(fields.required(path.child("name")))
    if name not in volumes:
        errors.append(fields.not_found(path.child("name"), name))
    if not target:
        errors.append(fields.required(path.child("mountPath")))
    if target in seen:
        errors.append(fields.invalid(path.child("mountPath"), target, "must be unique"))
    if name in devices:
        errors.append(fields.invalid(path.child("name"), name, "must not already exist in volumeDevices"))
    if target in devices.values():
        detail = "must not already exist as a path in volumeDevices"
        errors.append(fields.invalid(path.child("mountPath"), target, detail))


def _details(errors: Errors, mount: Object, container: Object, path: Path, own: Path) -> None:
    sub_path, expression = mount.get("subPath"), mount.get("subPathExpr")
    if sub_path:
        paths.descending(errors, sub_path, path.child("subPath"))
    if expression:
        if sub_path:
            detail = "subPathExpr and subPath are mutually exclusive"
            errors.append(fields.invalid(own.child("subPathExpr"), expression, detail))
        paths.descending(errors, expression, path.child("subPathExpr"))
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        _propagation(errors, propagation, container, path.child("mountPropagation"))
    if (recursive := mount.get("recursiveReadOnly")) is not None:
        _recursive(errors, recursive, mount, path.child("recursiveReadOnly"))


def _propagation(errors: Errors, propagation: str, container: Object, path: Path) -> None:
    if propagation not in _PROPAGATION:
        errors.append(fields.not_supported(path, propagation, _PROPAGATION))
    privileged = (container.get("securityContext") or NOTHING).get("privileged")
    if propagation == "Bidirectional" and not privileged:
        detail = "Bidirectional mount propagation is available only to privileged containers"
        errors.append(fields.forbidden(path, detail))


def _recursive(errors: Errors, recursive: str, mount: Object, path: Path) -> None:
    if recursive not in _RECURSIVE:
        errors.append(fields.not_supported(path, recursive, _RECURSIVE))
    elif recursive != "Disabled":
        if not mount.get("readOnly"):
            errors.append(fields.forbidden(path, "may only be specified when readOnly is true"))
        if mount.get("mountPropagation") not in (None, "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            errors.append(fields.forbidden(path, detail))


def devices(errors: Errors, container: Object, volumes: Volumes, path: Path) -> None:
    """Check the raw block devices of a container."""
    mounted = {each.get("name", ""): each.get("mountPath", "") for each in container.get("volumeMounts") or ()}
    names: set[str] = set()
    targets: set[str] = set()
    for index, each in enumerate(container.get("volumeDevices") or ()):
        name, target, at = each.get("name", ""), each.get("devicePath", ""), path.index(index)
        _device_name(errors, name, names, volumes, at.child("name"))
        _device_path(errors, target, targets, at.child("devicePath"))
        if name in mounted:
            errors.append(fields.invalid(at.child("name"), name, "must not already exist in volumeMounts"))
        if target in mounted.values():
            detail = "must not already exist as a path in volumeMounts"
            errors.append(fields.invalid(at.child("devicePath"), target, detail))
        if name:
            names.add(name)


def _device_name(errors: Errors, name: str, seen: set[str], volumes: Volumes, path: Path) -> None:
    source = volumes.get(name)
    if not name:
        errors.append(fields.required(path))
    if name in seen:
        errors.append(fields.invalid(path, name, "must be unique"))
    if source is None:
        errors.append(fields.not_found(path, name))
    elif "persistentVolumeClaim" not in source and "ephemeral" not in source:
        detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        errors.append(fields.invalid(path, name, detail))


def _device_path(errors: Errors, target: str, seen: set[str], path: Path) -> None:
    if not target:
        errors.append(fields.required(path))
    if target in seen:
        errors.append(fields.invalid(path, target, "must be unique"))
    if ".." in target.split("/"):
        errors.append(fields.invalid(path, target, "can not contain backsteps ('..')"))
    else:
        seen.add(target)
