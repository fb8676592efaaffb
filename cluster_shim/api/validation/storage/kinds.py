"""Classes of storage, CSI drivers and nodes, attachments, and the table of the kinds of the group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import ROOT, Path
from cluster_shim.api.validation import amounts, formats, labels, metadata, names
from cluster_shim.api.validation.checks import (
    IS_IMMUTABLE,
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    immutable,
    keep,
    non_negative,
    refuse,
)
from cluster_shim.api.validation.core import persistent_volume
from cluster_shim.api.validation.core.volume_sources import csi_driver_name
from cluster_shim.api.validation.labels import label_name
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_MAX_BYTES = 256 << 10
_PARAMETERS = Path("parameters")


def _provisioner(errors: Errors, name: str, path: Path) -> None:
    if not name:
        errors.append(fields.required(path))
    else:
        refuse(errors, path, name, formats.label_key(name.lower()))


def _parameters(errors: Errors, pairs: Mapping[str, str], may_be_empty: bool) -> None:
    if len(pairs) > 512:
        errors.append(fields.too_long(_PARAMETERS, 512))
        return
    if "" in pairs:
        errors.append(fields.invalid(_PARAMETERS, "", "field can not be empty."))
    if _size(pairs) > _MAX_BYTES:
        errors.append(fields.too_long(_PARAMETERS, _MAX_BYTES))
    if not pairs and not may_be_empty:
        errors.append(fields.required(_PARAMETERS, "must contain at least one key/value pair"))


def _size(pairs: Mapping[str, str]) -> int:
    return sum(formats.size(key) + formats.size(value) for key, value in pairs.items())


def _create_class(errors: Errors, storage_class: Object) -> None:
    metadata.create(errors, storage_class, False, names.dns_subdomain)
    _provisioner(errors, storage_class.get("provisioner", ""), Path("provisioner"))
    _parameters(errors, storage_class.get("parameters") or {}, may_be_empty=True)
    policy, mode = storage_class.get("reclaimPolicy"), storage_class.get("volumeBindingMode")
    if policy and policy not in ("Delete", "Retain"):
        errors.append(fields.not_supported(Path("reclaimPolicy"), policy, ("Delete", "Retain")))
    modes = ("Immediate", "WaitForFirstConsumer")
    if mode is None:
        errors.append(fields.required(Path("volumeBindingMode")))
    elif mode not in modes:
        errors.append(fields.not_supported(Path("volumeBindingMode"), mode, modes))
    _topologies(errors, storage_class.get("allowedTopologies") or (), Path("allowedTopologies"))


def _topologies(errors: Errors, terms: Sequence[Object], path: Path) -> None:
    known: list[dict[str, set[str]]] = [{} for _ in terms]  # upstream's list begins with so many empty ones
    for index, term in enumerate(terms):
        found: dict[str, set[str]] = {}
        at = path.index(index).child("matchLabelExpressions")
        for number, each in enumerate(term.get("matchLabelExpressions") or ()):
            own, key = at.index(number), each.get("key", "")
            values = _topology_values(errors, each.get("values") or (), own.child("values"))
            label_name(errors, key, own.child("key"))
            if key in found:
                errors.append(fields.duplicate(own.child("key"), key))
            found[key] = values
        errors.extend(fields.duplicate(at, "") for each in known if each == found)
        known.append(found)


def _topology_values(errors: Errors, values: Sequence[str], path: Path) -> set[str]:
    if not values:
        errors.append(fields.required(path))
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            errors.append(fields.duplicate(path.index(index), value))
        seen.add(value)
    return seen


def _update_class(errors: Errors, new: Object, old: Object) -> None:
    _create_class(errors, new)
    metadata.update(errors, new, old)
    keep(errors, new, old, "parameters", ROOT)
    keep(errors, new, old, "provisioner", ROOT, "")
    keep(errors, new, old, "reclaimPolicy", ROOT)
    keep(errors, new, old, "volumeBindingMode", ROOT)


def _create_attributes_class(errors: Errors, attributes: Object) -> None:
    metadata.create(errors, attributes, False, names.dns_subdomain)
    _provisioner(errors, attributes.get("driverName", ""), Path("driverName"))
    _parameters(errors, attributes.get("parameters") or {}, may_be_empty=False)


def _update_attributes_class(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    for key in ("driverName", "parameters"):
        if (new.get(key) or None) != (old.get(key) or None):
            errors.append(fields.forbidden(Path(key), f"updates to {key} are forbidden."))
    _create_attributes_class(errors, new)


def _create_attachment(errors: Errors, attachment: Object) -> None:
    metadata.create(errors, attachment, False, names.dns_subdomain)
    spec, status = attachment.get("spec") or NOTHING, attachment.get("status") or NOTHING
    csi_driver_name(errors, spec.get("attacher", ""), SPEC.child("attacher"))
    name = _attachment_source(errors, spec.get("source") or NOTHING, SPEC.child("source"))
    node = spec.get("nodeName", "")
    refuse(errors, SPEC.child("nodeName"), node, formats.dns_subdomain(node))
    if _size(status.get("attachmentMetadata") or {}) > _MAX_BYTES:
        errors.append(fields.too_long(STATUS.child("attachmentMetadata"), _MAX_BYTES))
    for key in ("attachError", "detachError"):
        error = status.get(key) or NOTHING
        if formats.size(error.get("message", "")) > 1024:
            errors.append(fields.too_long(STATUS.child(key, "message"), _MAX_BYTES))
        code = error.get("errorCode")
        if code is not None and code < 0:
            errors.append(fields.invalid(STATUS.child(key, "errorCode"), code, formats.in_range(0, 2**31 - 1)))
    if name is not None:
        refuse(errors, Path("spec.source.persistentVolumeName"), name, formats.dns_subdomain(name))


def _attachment_source(errors: Errors, source: Object, path: Path) -> str | None:
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if name is None and inline is None:
        errors.append(fields.required(path, detail))
    elif name is not None and inline is not None:
        errors.append(fields.forbidden(path, detail))
    elif inline is not None:
        persistent_volume.spec(errors, inline, "", path.child("inlineVolumeSpec"), inline=True)
    elif not name:
        detail = "must specify non empty persistentVolumeName"
        errors.append(fields.required(path.child("persistentVolumeName"), detail))
    return name


def _update_attachment(errors: Errors, new: Object, old: Object) -> None:
    _create_attachment(errors, new)
    if new.get("spec") != old.get("spec"):
        shown = [dump("VolumeAttachmentSpec", each.get("spec")) for each in (new, old)]
        immutable(errors, shown[0], shown[1], SPEC)


def _create_csi_node(errors: Errors, node: Object) -> None:
    metadata.create(errors, node, False, names.dns_subdomain)
    seen: set[str] = set()
    for index, driver in enumerate((node.get("spec") or NOTHING).get("drivers") or ()):
        path, name, identity = SPEC.child("drivers").index(index), driver.get("name", ""), driver.get("nodeID", "")
        csi_driver_name(errors, name, path.child("name"))
        if not identity:
            errors.append(fields.required(path.child("nodeID")))
        if formats.size(identity) > 256:
            errors.append(fields.invalid(path.child("nodeID"), identity, "must be 256 characters or less"))
        non_negative(errors, driver.get("allocatable") or NOTHING, path.child("allocatable"), "count")
        if name in seen:
            errors.append(fields.duplicate(path.child("name"), name))
        seen.add(name)
        _topology_keys(errors, driver.get("topologyKeys") or (), path)


def _topology_keys(errors: Errors, keys: Sequence[str], path: Path) -> None:
    seen: set[str] = set()
    for key in keys:
        if not key:
            errors.append(fields.required(path))
        if key in seen:
            errors.append(fields.duplicate(path, key))
        seen.add(key)
        refuse(errors, path, key, formats.label_key(key))


def _update_csi_node(errors: Errors, new: Object, old: Object) -> None:
    _create_csi_node(errors, new)
    for had in (old.get("spec") or NOTHING).get("drivers") or ():
        for driver in (new.get("spec") or NOTHING).get("drivers") or ():
            pair: list[dict[str, Any]] = [
                {key: value for key, value in each.items() if key != "allocatable"} for each in (driver, had)
            ]
            if driver.get("name") == had.get("name") and pair[0] != pair[1]:
                shown = [dump("CSINodeDriver", each) for each in pair]
                immutable(errors, shown[0], shown[1], SPEC.child("drivers"))


_FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")


def _create_csi_driver(errors: Errors, driver: Object) -> None:
    metadata.create(errors, driver, False, names.dns_subdomain)
    _csi_driver_spec(errors, driver.get("spec") or NOTHING)


def _csi_driver_spec(errors: Errors, spec: Object) -> None:
    for key, name in (
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ):
        if key not in spec:
            errors.append(fields.required(SPEC.child(name)))
    policy, requests = spec.get("fsGroupPolicy"), spec.get("tokenRequests") or ()
    if policy is not None and policy not in _FS_GROUP_POLICIES:
        errors.append(fields.not_supported(SPEC.child("fsGroupPolicy"), policy, _FS_GROUP_POLICIES))
    _token_requests(errors, requests, SPEC.child("tokenRequests"))
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in ("Persistent", "Ephemeral"):
            errors.append(fields.not_supported(SPEC.child("volumeLifecycleModes"), mode, ("Persistent", "Ephemeral")))
    if "seLinuxMount" not in spec:
        errors.append(fields.required(SPEC.child("seLinuxMount")))
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < 10:
        at = SPEC.child("nodeAllocatableUpdatePeriodSeconds")
        errors.append(fields.invalid(at, period, "must be greater than or equal to 10 seconds"))
    in_secrets = spec.get("serviceAccountTokenInSecrets")
    if in_secrets is not None and not requests:
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.append(fields.invalid(SPEC.child("serviceAccountTokenInSecrets"), in_secrets, detail))


def _token_requests(errors: Errors, requests: Sequence[Object], path: Path) -> None:
    seen: set[str] = set()
    for index, each in enumerate(requests):
        at, audience, seconds = path.index(index), each.get("audience", ""), each.get("expirationSeconds")
        if audience in seen:
            errors.append(fields.duplicate(at.child("audience"), audience))
            continue
        seen.add(audience)
        if seconds is not None and seconds < 600:
            detail = "may not specify a duration less than 10 minutes"
            errors.append(fields.invalid(at.child("expirationSeconds"), seconds, detail))
        if seconds is not None and seconds > 1 << 32:
            detail = "may not specify a duration larger than 2^32 seconds"
            errors.append(fields.invalid(at.child("expirationSeconds"), seconds, detail))


def _update_csi_driver(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    spec, before = new.get("spec") or NOTHING, old.get("spec") or NOTHING
    _csi_driver_spec(errors, spec)
    immutable(errors, spec.get("attachRequired"), before.get("attachRequired"), SPEC.child("attachedRequired"))
    keep(errors, spec, before, "volumeLifecycleModes", SPEC)


def _capacity(errors: Errors, capacity: Object, any_value: bool) -> None:
    metadata.create(errors, capacity, True, names.dns_subdomain)
    labels.selector(errors, capacity.get("nodeTopology"), Path("nodeTopology"), any_value)
    name = capacity.get("storageClassName", "")
    refuse(errors, Path("storageClassName"), name, formats.dns_subdomain(name))
    if "capacity" in capacity:
        amounts.non_negative(errors, capacity["capacity"], Path("capacity"))


def _create_capacity(errors: Errors, capacity: Object) -> None:
    _capacity(errors, capacity, any_value=False)


def _update_capacity(errors: Errors, new: Object, old: Object) -> None:
    _capacity(errors, new, any_value=not labels.is_usable(old.get("nodeTopology")))
    metadata.update(errors, new, old)
    if new.get("nodeTopology") != old.get("nodeTopology"):
        shown = dump("*LabelSelector", new.get("nodeTopology"))
        errors.append(fields.invalid(Path("nodeTopology"), shown, IS_IMMUTABLE))
    keep(errors, new, old, "storageClassName", ROOT, "")


STORAGE_CLASS = Rules(_create_class, _update_class)
VOLUME_ATTRIBUTES_CLASS = Rules(_create_attributes_class, _update_attributes_class)
VOLUME_ATTACHMENT = Rules(_create_attachment, _update_attachment, {"status": _update_attachment})
CSI_NODE = Rules(_create_csi_node, _update_csi_node)
CSI_DRIVER = Rules(_create_csi_driver, _update_csi_driver)
CSI_STORAGE_CAPACITY = Rules(_create_capacity, _update_capacity)
