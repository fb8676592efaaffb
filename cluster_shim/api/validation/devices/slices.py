"""ResourceSlices: the devices that a driver offers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts, formats, metadata, names
from cluster_shim.api.validation.checks import NOTHING, SPEC, Errors, Object, keep, refuse
from cluster_shim.api.validation.core import affinity, resource_names
from cluster_shim.api.validation.devices import common
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump, dump_list

_MOST_DEVICES = 128
_MOST_ADVANCED_DEVICES = 64
_MOST_COUNTER_SETS = 8
_MOST_COUNTERS = 32
_MOST_CONSUMED = 2
_MOST_ATTRIBUTES = 32
_MOST_TAINTS = 16
_MOST_OPTIONS = 10
_LONGEST_VALUE = 64
_PLACES = ("nodeName", "nodeSelector", "allNodes")
_SLICE_PLACES = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_IN_SLICE = "`perDeviceNodeSelection` is set to true in the ResourceSlice spec"
_DEVICE_PLACES = f"exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when {_IN_SLICE}"
_UNSET_OR_TRUE = "must be either unset or set to true"
_VALUES = ("bool", "int", "string", "version")
_NUMBER = r"(0|[1-9]\d*)"
_PRE_RELEASE = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = "[0-9a-zA-Z-]+"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PRE_RELEASE}(\.{_PRE_RELEASE})*)?(\+{_BUILD}(\.{_BUILD})*)?", re.ASCII
)


def _create(errors: Errors, resource_slice: Object) -> None:
    metadata.create(errors, resource_slice, False, names.dns_subdomain)
    _spec(errors, resource_slice.get("spec") or NOTHING, None)


def _update(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _spec(errors, new.get("spec") or NOTHING, old.get("spec") or NOTHING)


def _spec(errors: Errors, spec: Object, old: Object | None) -> None:
    common.driver_name(errors, spec.get("driver", ""), SPEC.child("driver"))
    pool = spec.get("pool") or NOTHING
    _pool(errors, pool, SPEC.child("pool"))
    if old is not None:
        keep(errors, pool, old.get("pool") or NOTHING, "name", SPEC.child("pool"), "")
        keep(errors, spec, old, "driver", SPEC, "")
        keep(errors, spec, old, "nodeName", SPEC)
    found = _places(errors, spec, SPEC, "must be either unset or set to a non-empty string")
    if spec.get("nodeSelector") is not None:
        terms = spec["nodeSelector"].get("nodeSelectorTerms")
        if len(terms or ()) != 1:
            at = SPEC.child("nodeSelector", "nodeSelectorTerms")
            shown = dump_list("NodeSelectorTerm", terms)
            errors.append(fields.invalid(at, shown, "must have exactly one node selector term"))
    if (each := spec.get("perDeviceNodeSelection")) is not None:
        if each:
            found.append("`perDeviceNodeSelection`")
        else:
            errors.append(fields.invalid(SPEC.child("perDeviceNodeSelection"), False, _UNSET_OR_TRUE))
    _one_place(errors, found, SPEC, _SLICE_PLACES, f"{_SLICE_PLACES}, but multiple fields are set")
    if spec.get("sharedCounters") is not None and spec.get("devices") is not None:
        errors.append(fields.invalid(SPEC, "", "only one of `sharedCounters` or `devices` is allowed"))
    devices = spec.get("devices") or ()
    check = partial(_device_of, before=_by_name(old), in_devices=bool(spec.get("perDeviceNodeSelection")))
    most = _MOST_ADVANCED_DEVICES if _is_advanced(devices) else _MOST_DEVICES
    common.distinct(errors, devices, most, SPEC.child("devices"), check, _name)
    at = SPEC.child("sharedCounters")
    common.distinct(errors, spec.get("sharedCounters"), _MOST_COUNTER_SETS, at, _counter_set, _name)


def _name(item: Object) -> str:
    found: str = item.get("name", "")
    return found


def _by_name(spec: Object | None) -> dict[str, Object]:
    return {_name(each): each for each in (spec or NOTHING).get("devices") or ()}


def _is_advanced(devices: Iterable[Object]) -> bool:
    return any(each.get("taints") or each.get("consumesCounters") for each in devices)


def _pool(errors: Errors, pool: Object, path: Path) -> None:
    common.pool_name(errors, pool.get("name", ""), path.child("name"))
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        errors.append(fields.invalid(path.child("resourceSliceCount"), count, "must be greater than zero"))
    if generation < 0:
        detail = "must be greater than or equal to zero"
        errors.append(fields.invalid(path.child("generation"), generation, detail))


def _places(errors: Errors, where: Object, path: Path, empty: str) -> list[str]:
    """Check where devices can be reached from; return which members say so."""
    found = []
    name, chosen, everywhere = (where.get(key) for key in _PLACES)
    if name == "":
        errors.append(fields.invalid(path.child("nodeName"), name, empty))
    elif name is not None:
        found.append("`nodeName`")
        refuse(errors, path.child("nodeName"), name, formats.dns_subdomain(name))
    if chosen is not None:
        found.append("`nodeSelector`")
        affinity.node_selector(errors, chosen, path.child("nodeSelector"))
    if everywhere:
        found.append("`allNodes`")
    elif everywhere is not None:
        errors.append(fields.invalid(path.child("allNodes"), False, _UNSET_OR_TRUE))
    return found


def _one_place(errors: Errors, found: Sequence[str], path: Path, none: str, several: str) -> None:
    if not found:
        errors.append(fields.required(path, none))
    elif len(found) > 1:
        errors.append(fields.invalid(path, f"{{{', '.join(found)}}}", several))


def _device_of(errors: Errors, device: Object, path: Path, before: dict[str, Object], in_devices: bool) -> None:
    common.dns_label(errors, _name(device), path.child("name"))
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    if (count := len(attributes) + len(capacity)) > _MOST_ATTRIBUTES:
        detail = f"the total number of attributes and capacities must not exceed {_MOST_ATTRIBUTES}"
        errors.append(fields.invalid(path, count, detail))
    common.entries(errors, attributes, -1, path.child("attributes"), common.qualified_name, _attribute)
    check = _shared_capacity if device.get("allowMultipleAllocations") else _plain_capacity
    common.entries(errors, capacity, -1, path.child("capacity"), common.qualified_name, check)
    old = before.get(_name(device))
    if old is None or (old.get("taints") or []) != (device.get("taints") or []):
        common.limited(errors, device.get("taints"), _MOST_TAINTS, path.child("taints"), common.taint)
    common.distinct(
        errors,
        device.get("consumesCounters"),
        _MOST_CONSUMED,
        path.child("consumesCounters"),
        _consumed,
        lambda each: each.get("counterSet", ""),
    )
    if in_devices:
        found = _places(errors, device, path, "must not be empty")
        _one_place(errors, found, path, _DEVICE_PLACES, _DEVICE_PLACES)
    elif any(device.get(key) is not None for key in _PLACES):
        detail = f"`nodeName`, `nodeSelector` and `allNodes` can only be set if {_IN_SLICE}"
        errors.append(fields.invalid(path, None, detail))
    common.binding_conditions(errors, device, path)
    _mappings(errors, device, path.child("nodeAllocatableResourceMappings"))


def _attribute(errors: Errors, attribute: Object, path: Path) -> None:
    text, version = attribute.get("string"), attribute.get("version")
    if text is not None and formats.size(text) > _LONGEST_VALUE:
        errors.append(fields.too_long(path.child("string"), _LONGEST_VALUE))
    if version is not None:
        at = path.child("version")
        if not _VERSION.fullmatch(version):
            errors.append(fields.invalid(at, version, "must be a string compatible with semver.org spec 2.0.0"))
        if formats.size(version) > _LONGEST_VALUE:
            errors.append(fields.too_long(at, _LONGEST_VALUE))
    found = [key for key in _VALUES if attribute.get(key) is not None]
    if not found:
        errors.append(fields.invalid(path, "", "exactly one value must be specified"))
    elif len(found) > 1:
        shown = dump("DeviceAttribute", attribute)
        errors.append(fields.invalid(path, shown, "exactly one value must be specified"))


def _plain_capacity(errors: Errors, capacity: Object, path: Path) -> None:
    if capacity.get("requestPolicy") is not None:
        errors.append(fields.forbidden(path.child("requestPolicy"), "allowMultipleAllocations must be true"))


def _shared_capacity(errors: Errors, capacity: Object, path: Path) -> None:
    policy, path = capacity.get("requestPolicy"), path.child("requestPolicy")
    if policy is None:
        return
    values, span = policy.get("validValues") or [], policy.get("validRange")
    if values and span is not None:
        detail = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
        errors.append(fields.forbidden(path, detail))
        return
    key = "validValues" if values else "validRange"
    if not values and span is None:
        return
    if (default := policy.get("default")) is None:
        errors.append(fields.required(path.child("default"), f"required when {key} is defined"))
    elif values:
        _options(errors, default, capacity.get("value", "0"), values, path.child(key))
    else:
        _range(errors, default, capacity.get("value", "0"), span, path.child(key))


def _options(errors: Errors, default: str, most: str, values: Sequence[str], path: Path) -> None:
    sizes = [amounts.nano(each) for each in values]
    for index in range(1, len(values)):
        if sizes[index - 1] > sizes[index]:
            errors.append(fields.invalid(path.index(index), values[index], "values must be sorted in ascending order"))

    def check(errors: Errors, option: str, path: Path) -> None:
        if amounts.nano(option) > amounts.nano(most):
            errors.append(fields.invalid(path, option, f"option is larger than capacity value: {most}"))

    common.distinct(errors, values, _MOST_OPTIONS, path, check, lambda each: str(amounts.value(each)))
    if amounts.nano(default) not in sizes:
        errors.append(fields.invalid(path, default, "default value is not valid according to the requestPolicy"))


def _range(errors: Errors, default: str, most: str, span: Any, path: Path) -> None:
    low, high, step = (span.get(key) for key in ("min", "max", "step"))
    if low is None:
        errors.append(fields.required(path.child("min"), "required when validRange is defined"))
        return
    size = amounts.nano
    if size(low) > size(most):
        errors.append(fields.invalid(path.child("min"), low, f"min is larger than capacity value: {most}"))
    if size(default) < size(low):
        errors.append(fields.invalid(path.child("min"), default, f"default is less than min: {low}"))
    if high is not None:
        at = path.child("max")
        if size(low) > size(high):
            errors.append(fields.invalid(at, low, f"min is larger than max: {high}"))
        if size(high) > size(most):
            errors.append(fields.invalid(at, high, f"max is larger than capacity value: {most}"))
        if size(default) > size(high):
            errors.append(fields.invalid(at, default, f"default is more than max: {high}"))
    if step is None:
        return
    at, stride = path.child("step"), amounts.value(step)
    if size(low) + size(step) > size(most):
        end = amounts.value(low) + stride
        errors.append(fields.invalid(at, step, f"one step {end} is larger than capacity value: {most}"))
    for each in (default, high):
        if each is not None and stride and (amounts.value(each) - amounts.value(low)) % stride:
            detail = f"value is not a multiple of a given step ({step}) from ({low})"
            errors.append(fields.invalid(at, each, detail))


def _counters(errors: Errors, holder: Object, path: Path) -> None:
    at = path.child("counters")
    if not holder.get("counters"):
        errors.append(fields.required(at))
    else:
        common.entries(errors, holder["counters"], _MOST_COUNTERS, at, common.dns_label, _counter, 63)


def _counter(errors: Errors, counter: Object, path: Path) -> None:
    """Accept any: its quantity has been read."""


def _counter_set(errors: Errors, counters: Object, path: Path) -> None:
    _named(errors, _name(counters), path.child("name"))
    _counters(errors, counters, path)


def _consumed(errors: Errors, consumption: Object, path: Path) -> None:
    _named(errors, consumption.get("counterSet", ""), path.child("counterSet"))
    _counters(errors, consumption, path)


def _named(errors: Errors, name: str, path: Path) -> None:
    if not name:
        errors.append(fields.required(path))
    else:
        common.dns_label(errors, name, path)


def _mappings(errors: Errors, device: Object, path: Path) -> None:
    capacity = device.get("capacity") or {}
    for name, mapping in (device.get("nodeAllocatableResourceMappings") or {}).items():
        at = path.key(name)
        if not resource_names.is_native(name):
            errors.append(fields.invalid(at, name, "must be a node allocatable resource name"))
        multiplier, key = mapping.get("allocationMultiplier"), mapping.get("capacityKey")
        if multiplier is None and key is None:
            errors.append(fields.invalid(at, "", "at least one of allocationMultiplier or capacityKey must be set"))
        if multiplier is not None and amounts.nano(multiplier) <= 0:
            errors.append(fields.invalid(at.child("allocationMultiplier"), multiplier, "must be positive"))
        if key == "":
            errors.append(fields.invalid(at.child("capacityKey"), "", "capacityKey must not be an empty string"))
        elif key is not None and key not in capacity:
            errors.append(fields.not_found(at.child("capacityKey"), key))


SLICE = Rules(_create, _update)
