"""ResourceClaims, their templates, and DeviceClasses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, Shown
from cluster_shim.api.validation import metadata, names
from cluster_shim.api.validation.addresses import interface_address
from cluster_shim.api.validation.checks import NOTHING, SPEC, STATUS, Errors, Object, immutable, need
from cluster_shim.api.validation.core import affinity, resource_names
from cluster_shim.api.validation.core.claim_spec import template_metadata
from cluster_shim.api.validation.devices import common
from cluster_shim.api.validation.devices.selectors import selector
from cluster_shim.api.validation.formats import dns_subdomain, size
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_MOST = 32
"""Requests, constraints, configurations, selectors, results."""
_MOST_ALTERNATIVES = 8
_MOST_USERS = 256
_MOST_CONDITIONS = 8
_MOST_IPS = 16
_SOURCES = ("FromClaim", "FromClass")
_MODES = ("All", "ExactCount")
_ONE_REQUEST = "exactly one of `exactly` or `firstAvailable` is required"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Known = Mapping[str, set[str]]


def _name(item: Object) -> str:
    found: str = item.get("name", "")
    return found


def _claim_spec(errors: Errors, spec: Object, path: Path) -> None:
    devices, at = common.devices_of(spec), path.child("devices")
    known = common.request_names(devices)
    common.distinct(errors, devices.get("requests"), _MOST, at.child("requests"), _request, _name)

    def check_constraint(errors: Errors, constraint: Object, path: Path) -> None:
        _constraint(errors, constraint, path, known)

    def check_config(errors: Errors, config: Object, path: Path) -> None:
        _references(errors, config, path, known)
        common.configuration(errors, config, path, False)

    common.limited(errors, devices.get("constraints"), _MOST, at.child("constraints"), check_constraint)
    common.limited(errors, devices.get("config"), _MOST, at.child("config"), check_config)


def _request(errors: Errors, request: Object, path: Path) -> None:
    common.dns_label(errors, _name(request), path.child("name"))
    exactly, alternatives = request.get("exactly"), request.get("firstAvailable")
    if exactly is not None and alternatives:
        errors.append(fields.invalid(path, None, f"{_ONE_REQUEST}, but multiple fields are set"))
    elif alternatives:
        at = path.child("firstAvailable")
        common.distinct(errors, alternatives, _MOST_ALTERNATIVES, at, _alternative, _name)
    elif exactly is not None:
        _exact(errors, exactly, path.child("exactly"))
    else:
        errors.append(fields.required(path, _ONE_REQUEST))


def _alternative(errors: Errors, request: Object, path: Path) -> None:
    common.dns_label(errors, _name(request), path.child("name"))
    _exact(errors, request, path)


def _exact(errors: Errors, request: Object, path: Path) -> None:
    if need(errors, request, "deviceClassName", path):
        name = request["deviceClassName"]
        errors.extend(fields.invalid(path.child("deviceClassName"), name, each) for each in dns_subdomain(name))
    common.limited(errors, request.get("selectors"), _MOST, path.child("selectors"), selector)
    mode, count = request.get("allocationMode", ""), request.get("count") or 0
    if mode not in _MODES:
        errors.append(fields.not_supported(path.child("allocationMode"), mode, _MODES))
    elif mode == "All" and count != 0:
        detail = "must not be specified when allocationMode is 'All'"
        errors.append(fields.invalid(path.child("count"), count, detail))
    elif mode == "ExactCount" and count <= 0:
        errors.append(fields.invalid(path.child("count"), count, "must be greater than zero"))
    common.limited(errors, request.get("tolerations"), -1, path.child("tolerations"), common.toleration)


def _references(errors: Errors, item: Object, path: Path, known: Known) -> None:
    def check(errors: Errors, name: str, path: Path) -> None:
        common.request_reference(errors, name, path, known)

    common.distinct(errors, item.get("requests"), _MOST, path.child("requests"), check)


def _constraint(errors: Errors, constraint: Object, path: Path, known: Known) -> None:
    _references(errors, constraint, path, known)
    for key in ("matchAttribute", "distinctAttribute"):
        if (name := constraint.get(key)) is not None:
            common.fully_qualified_name(errors, name, path.child(key))
            return
    # The text of upstream, which says something else than what is wrong.
    detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    errors.append(fields.required(path, detail))


def _create_claim(errors: Errors, claim: Object) -> None:
    metadata.create(errors, claim, True, names.dns_subdomain)
    _claim_spec(errors, claim.get("spec") or NOTHING, SPEC)


def _update_claim(errors: Errors, new: Object, old: Object) -> None:
    metadata.create(errors, new, True, names.dns_subdomain)
    metadata.update(errors, new, old)
    _unchanged(errors, new, old, "ResourceClaimSpec")


def _unchanged(errors: Errors, new: Object, old: Object, kind: str) -> None:
    if new.get("spec") != old.get("spec"):
        immutable(errors, dump(kind, new.get("spec")), dump(kind, old.get("spec")), SPEC)


def _create_template(errors: Errors, template: Object) -> None:
    metadata.create(errors, template, True, names.dns_subdomain)
    spec = template.get("spec") or NOTHING
    template_metadata(errors, spec.get("metadata") or NOTHING, SPEC.child("metadata"))
    _claim_spec(errors, spec.get("spec") or NOTHING, SPEC.child("spec"))


def _update_template(errors: Errors, new: Object, old: Object) -> None:
    _create_template(errors, new)
    metadata.update(errors, new, old)
    _unchanged(errors, new, old, "ResourceClaimTemplateSpec")


def _create_class(errors: Errors, device_class: Object) -> None:
    metadata.create(errors, device_class, False, names.dns_subdomain)
    _class_spec(errors, device_class.get("spec") or NOTHING, NOTHING)


def _update_class(errors: Errors, new: Object, old: Object) -> None:
    metadata.create(errors, new, False, names.dns_subdomain)
    metadata.update(errors, new, old)
    _class_spec(errors, new.get("spec") or NOTHING, old.get("spec") or NOTHING)


def _class_spec(errors: Errors, spec: Object, old: Object) -> None:
    common.limited(errors, spec.get("selectors"), _MOST, SPEC.child("selectors"), selector)
    stored = bool(old) and spec.get("config") == old.get("config")

    def check_config(errors: Errors, config: Object, path: Path) -> None:
        common.configuration(errors, config, path, stored)

    common.limited(errors, spec.get("config"), _MOST, SPEC.child("config"), check_config)
    name = spec.get("extendedResourceName")
    if name is not None and not resource_names.is_extended(name):
        detail = "must be a valid extended resource name"
        errors.append(fields.invalid(SPEC.child("extendedResourceName"), name, detail))


def _update_status(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    status, before = new.get("status") or NOTHING, old.get("status") or NOTHING
    users, allocation = status.get("reservedFor") or (), status.get("allocation")
    at = STATUS.child("reservedFor")
    common.distinct(errors, users, _MOST_USERS, at, _user, lambda user: user.get("uid", ""))
    results = common.devices_of(allocation).get("results") or ()
    allocated = {_device_id(each) for each in results}

    def check_device(errors: Errors, device: Object, path: Path) -> None:
        _device_status(errors, device, path, allocated)

    common.distinct(errors, status.get("devices"), -1, STATUS.child("devices"), check_device, _device_id, _shown_id)
    if users and allocation is None:
        errors.append(fields.forbidden(at, "may not be specified when `allocated` is not set"))
    elif "deletionTimestamp" in new["metadata"] and any(
        each not in (before.get("reservedFor") or ()) for each in users
    ):
        detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        errors.append(fields.forbidden(at, detail))
    _allocation(errors, new, allocation, before.get("allocation"))


def _allocation(errors: Errors, claim: Object, allocation: Object | None, before: Object | None) -> None:
    if allocation is None:
        return
    path = STATUS.child("allocation")
    if before is not None:
        shown = [dump("AllocationResult", each) for each in (allocation, before)]
        immutable(errors, shown[0], shown[1], path)
        return
    known = common.request_names(common.devices_of(claim.get("spec")))
    devices, at = common.devices_of(allocation), path.child("devices")

    def check_result(errors: Errors, result: Object, path: Path) -> None:
        common.request_reference(errors, result.get("request", ""), path.child("request"), known)
        _device_name(errors, result, path)
        common.binding_conditions(errors, result, path)
        _share(errors, result, path)

    def check_config(errors: Errors, config: Object, path: Path) -> None:
        if need(errors, config, "source", path) and config["source"] not in _SOURCES:
            errors.append(fields.not_supported(path.child("source"), config["source"], _SOURCES[::-1]))
        _references(errors, config, path, known)
        common.configuration(errors, config, path, False)

    common.limited(errors, devices.get("results"), _MOST, at.child("results"), check_result)
    common.limited(errors, devices.get("config"), 2 * _MOST, at.child("config"), check_config)
    if (chosen := allocation.get("nodeSelector")) is not None:
        affinity.node_selector(errors, chosen, path.child("nodeSelector"))


def _user(errors: Errors, user: Object, path: Path) -> None:
    for key in ("resource", "name", "uid"):
        need(errors, user, key, path)


def _device_id(device: Object) -> tuple[str, ...]:
    return tuple(device.get(key) or "" for key in ("driver", "pool", "device", "shareID"))


def _shown_id(device: Any) -> Shown:
    names = ("Driver", "Pool", "Device", "ShareID")
    return fields.as_json(dict(zip(names, _device_id(device), strict=True)), order=None)


def _device_name(errors: Errors, device: Object, path: Path) -> None:
    common.driver_name(errors, device.get("driver", ""), path.child("driver"))
    common.pool_name(errors, device.get("pool", ""), path.child("pool"))
    common.dns_label(errors, device.get("device", ""), path.child("device"))


def _share(errors: Errors, device: Object, path: Path) -> None:
    share = device.get("shareID")
    if share is not None and not _UUID.fullmatch(share):
        detail = (
            "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase "
            "hexadecimal characters"
        )
        errors.append(fields.invalid(path.child("shareID"), share, detail))


def _device_status(errors: Errors, device: Object, path: Path, allocated: set[tuple[str, ...]]) -> None:
    _device_name(errors, device, path)
    _share(errors, device, path)
    if _device_id(device) not in allocated:
        errors.append(fields.invalid(path, _shown_id(device), "must be an allocated device in the claim"))
    conditions, at = device.get("conditions") or (), path.child("conditions")
    if len(conditions) > _MOST_CONDITIONS:
        errors.append(fields.too_many(at, len(conditions), _MOST_CONDITIONS))
    metadata.conditions(errors, conditions, at)
    if device.get("data") is not None:
        common.json_object(errors, device["data"], path.child("data"))
    network, at = device.get("networkData") or NOTHING, path.child("networkData")
    for key, longest in (("interfaceName", 256), ("hardwareAddress", 128)):
        if size(network.get(key, "")) > longest:
            errors.append(fields.too_long(at.child(key), longest))
    common.distinct(errors, network.get("ips"), _MOST_IPS, at.child("ips"), interface_address)


CLAIM = Rules(_create_claim, _update_claim, {"status": _update_status})
TEMPLATE = Rules(_create_template, _update_template)
CLASS = Rules(_create_class, _update_class)
