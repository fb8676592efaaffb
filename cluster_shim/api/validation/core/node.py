"""Nodes: taints, pod ranges, resources, features."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.validation import addresses, formats, metadata, names
from cluster_shim.api.validation.checks import (
    IS_NOT_POSITIVE,
    METADATA,
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    need_formatted,
)
from cluster_shim.api.validation.core import resources
from cluster_shim.api.validation.core.affinity import taint_effect
from cluster_shim.api.validation.labels import label_name
from cluster_shim.api.validation.structs import dump

_TAINTS = "scheduler.alpha.kubernetes.io/taints"
_FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*")
_FEATURE_FORM = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or "
    "MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)


def create(errors: Errors, node: Object) -> None:
    """Check a new node."""
    metadata.create(errors, node, False, names.dns_subdomain)
    _annotations(errors, node)
    spec, status = node.get("spec") or NOTHING, node.get("status") or NOTHING
    _taints(errors, spec.get("taints") or (), METADATA.child("taints"))
    _resources(errors, status)
    swap = ((status.get("nodeInfo") or NOTHING).get("swap") or NOTHING).get("capacity")
    if swap is not None and swap <= 0:
        errors.append(fields.invalid(METADATA.child("nodeSwapStatus", "capacity"), swap, IS_NOT_POSITIVE))
    _features(errors, status.get("declaredFeatures") or ())
    ranges, path = spec.get("podCIDRs") or [], SPEC.child("podCIDRs")
    for index, each in enumerate(ranges):
        addresses.legacy_cidr(errors, each, path.index(index))
    if len(ranges) < 2:
        return
    bad = next((each for each in ranges if addresses.parse_cidr(each) is None), None)
    if bad is not None:
        detail = "invalid PodCIDRs. failed to check with dual stack with error:"
        errors.append(fields.internal(path, f"{detail}invalid CIDR[{ranges.index(bad)}]: {bad}"))
    families = {addresses.is_ipv6_cidr(each) for each in ranges}
    if bad is not None or len(families) < 2 or len(ranges) > 2:
        errors.append(fields.invalid(path, ranges, "may specify no more than one CIDR for each IP family"))


def _annotations(errors: Errors, node: Object) -> None:
    text = ((node.get("metadata") or NOTHING).get("annotations") or NOTHING).get(_TAINTS)
    if not text:
        return
    try:
        found = json.loads(text)
    except ValueError as problem:
        errors.append(fields.invalid(METADATA.child("annotations"), _TAINTS, str(problem)))
        return
    _taints(errors, found, METADATA.child("annotations", _TAINTS))


def _taints(errors: Errors, taints: Sequence[Object], path: Path) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        at, key, effect = path.index(index), taint.get("key", ""), taint.get("effect", "")
        label_name(errors, key, at.child("key"))
        if messages := formats.label_value(taint.get("value", "")):
            errors.append(fields.invalid(at.child("value"), taint["value"], ";".join(messages)))
        if not effect:
            errors.append(fields.required(at.child("effect")))
        else:
            taint_effect(errors, effect, at.child("effect"))
        if (key, effect) in seen:
            error = fields.duplicate(at, dump("Taint", taint))
            errors.append(fields.detailed(error, "taints must be unique by key and effect pair"))
        seen.add((key, effect))


def _resources(errors: Errors, status: Object) -> None:
    for key in ("capacity", "allocatable"):
        for name, amount in (status.get(key) or {}).items():
            resources.quantity(errors, name, amount, STATUS.child(key, name))


def _features(errors: Errors, features: Sequence[str]) -> None:
    path = STATUS.child("declaredFeatures")
    for index, each in enumerate(features):
        if formats.size(each) > 253:
            detail = f"invalid feature name {quoted(each)}: must be no more than 253 characters"
            errors.append(fields.invalid(path.index(index), each, detail))
        elif not _FEATURE.fullmatch(each):
            detail = f"invalid feature name {quoted(each)}: {_FEATURE_FORM}"
            errors.append(fields.invalid(path.index(index), each, detail))
        following = features[index + 1] if index + 1 < len(features) else None
        if following == each:
            errors.append(fields.duplicate(path.index(index + 1), following))
        elif following is not None and following < each:
            errors.append(fields.invalid(path.index(index + 1), following, "list must be sorted alphabetically"))


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a node."""
    create(errors, new)
    update_status(errors, new, old)


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a node."""
    metadata.update(errors, new, old)
    _annotations(errors, new)
    spec, before, status = new.get("spec") or NOTHING, old.get("spec") or NOTHING, new.get("status") or NOTHING
    _resources(errors, status)
    _features(errors, status.get("declaredFeatures") or ())
    seen: set[tuple[str, str]] = set()
    for index, each in enumerate(status.get("addresses") or ()):
        pair = (each.get("type", ""), each.get("address", ""))
        if pair in seen:
            errors.append(fields.duplicate(STATUS.child("addresses").index(index), dump("NodeAddress", each)))
        seen.add(pair)
    _fixed(errors, spec, before)
    if "configSource" in spec:
        _config_source(errors, spec["configSource"], SPEC.child("configSource"), in_spec=True)
    for key in ("assigned", "active", "lastKnownGood"):
        source = (status.get("config") or NOTHING).get(key)
        if source is not None:
            _config_source(errors, source, STATUS.child("config", key), in_spec=False)
    _taints(errors, spec.get("taints") or (), METADATA.child("taints"))
    if spec.get("externalID", "") != before.get("externalID", ""):
        errors.append(fields.forbidden(SPEC.child("externalID"), "may not be updated"))


def _fixed(errors: Errors, spec: Object, before: Object) -> None:
    ranges, old = spec.get("podCIDRs") or [], before.get("podCIDRs") or []
    detail = 'node updates may not change podCIDR except from "" to valid'
    if old and len(old) != len(ranges):
        errors.append(fields.forbidden(SPEC.child("podCIDRs"), detail))
    elif old:
        differing = sum(each != had for each, had in zip(ranges, old, strict=True))
        errors.extend(fields.forbidden(SPEC.child("podCIDRs"), detail) for _ in range(differing))
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        detail = 'node updates may not change providerID except from "" to valid'
        errors.append(fields.forbidden(SPEC.child("providerID"), detail))


def _config_source(errors: Errors, source: Object, path: Path, in_spec: bool) -> None:
    if "configMap" in source:
        own, at = source["configMap"], path.child("configMap")
        for key in ("uid", "resourceVersion"):
            if in_spec and own.get(key):
                errors.append(fields.forbidden(at.child(key), f"{key} must not be set in spec"))
            elif not in_spec and not own.get(key):
                errors.append(fields.required(at.child(key)))
        need_formatted(errors, own, "namespace", at, formats.dns_label)
        need_formatted(errors, own, "name", at, formats.dns_subdomain)
        need_formatted(errors, own, "kubeletConfigKey", at, formats.config_key)
    else:
        detail = "exactly one reference subfield must be non-nil"
        errors.append(fields.invalid(path, dump("NodeConfigSource", source), detail))
