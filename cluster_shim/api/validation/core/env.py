"""Environment variables of containers: names, and where their values come from."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, names, paths
from cluster_shim.api.validation.checks import Errors, Object, need, need_formatted, refuse
from cluster_shim.api.validation.core import downward

_NO_SOURCE = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_SEVERAL = "may not have more than one field specified at a time"


def env(errors: Errors, variables: Sequence[Object], path: Path) -> None:
    """Check the variables of a container."""
    for index, each in enumerate(variables):
        name = each.get("name", "")
        if not name:
            errors.append(fields.required(path.index(index).child("name")))
        elif messages := formats.env_name(name):
            refuse(errors, path.index(index).child("name"), name, messages)
        if "valueFrom" in each:
            _value_from(errors, each["valueFrom"], each.get("value", ""), path.index(index).child("valueFrom"))


def _value_from(errors: Errors, source: Object, value: str, path: Path) -> None:
    if "fieldRef" in source:
        downward.field_reference(errors, source["fieldRef"], downward.ENV_FIELDS, path.child("fieldRef"))
    if "resourceFieldRef" in source:
        reference = source["resourceFieldRef"]
        downward.resource_reference(errors, reference, path.child("resourceFieldRef"), needs_container=False)
    for key in ("configMapKeyRef", "secretKeyRef"):
        if key in source:
            _key_reference(errors, source[key], path.child(key))
    if "fileKeyRef" in source:
        _file_reference(errors, source["fileKeyRef"], path.child("fileKeyRef"))
    if not source:
        errors.append(fields.invalid(path, "", _NO_SOURCE))
    elif value:
        errors.append(fields.invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(source) > 1:
        errors.append(fields.invalid(path, "", _SEVERAL))


def _key_reference(errors: Errors, reference: Object, path: Path) -> None:
    name = reference.get("name", "")
    if messages := formats.dns_subdomain(name):
        refuse(errors, path.child("name"), name, messages)
    need_formatted(errors, reference, "key", path, formats.config_key)


def _file_reference(errors: Errors, reference: Object, path: Path) -> None:
    need_formatted(errors, reference, "key", path, formats.env_name)
    need_formatted(errors, reference, "volumeName", path, formats.dns_label)
    if need(errors, reference, "path", path):
        paths.no_backsteps(errors, reference["path"], path.child("path"))


def env_from(errors: Errors, sources: Sequence[Object], path: Path) -> None:
    """Check the ConfigMaps and Secrets whose keys become variables."""
    for index, each in enumerate(sources):
        prefix = each.get("prefix")
        if prefix and (messages := formats.env_name(prefix)):
            refuse(errors, path.index(index).child("prefix"), prefix, messages)
        found = [key for key in ("configMapRef", "secretRef") if key in each]
        for key in found:
            name = each[key].get("name", "")
            at = path.index(index).child(key, "name")
            if not name:
                errors.append(fields.required(at))
            else:
                refuse(errors, at, name, names.dns_subdomain(name, True))
        if not found:
            errors.append(fields.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(found) > 1:
            errors.append(fields.invalid(path, "", _SEVERAL))
