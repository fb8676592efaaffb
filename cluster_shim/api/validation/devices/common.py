"""What claims, classes and slices share: names, lists and maps of a limited size, configurations, taints."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, labels
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, optional_one_of, refuse
from cluster_shim.api.validation.core.volume_sources import csi_driver_name as driver_name

__all__ = ["binding_conditions", "configuration", "dns_label", "driver_name", "fully_qualified_name", "limited"]

Check = Callable[[Errors, Any, Path], None]

LONGEST_JSON = 10 * 1024
_LONGEST_POOL = 253
_LONGEST_ID = 32
_LONGEST_KEY = 63 + 1 + _LONGEST_ID
_MOST_BINDING = 4
_EFFECTS = ("NoExecute", "NoSchedule", "None")
_OPERATORS = ("Equal", "Exists")


def limited(errors: Errors, items: Sequence[Any] | None, most: int, path: Path, check: Check) -> None:
    """Check each element of a list; of one that is too long only that."""
    items = items or ()
    if 0 <= most < len(items):
        errors.append(fields.too_many(path, len(items), most))
        return
    for index, each in enumerate(items):
        check(errors, each, path.index(index))


def distinct(
    errors: Errors,
    items: Sequence[Any] | None,
    most: int,
    path: Path,
    check: Check,
    key: Callable[[Any], Hashable] = str,
    shown: Callable[[Any], Any] | None = None,
) -> None:
    """Check each element of a list, and that there are none with the same key."""
    limited(errors, items, most, path, check)
    if 0 <= most < len(items or ()):
        return
    seen: set[Hashable] = set()
    for index, each in enumerate(items or ()):
        own = key(each)
        if own in seen:
            errors.append(fields.duplicate(path.index(index), shown(each) if shown else own))
        seen.add(own)


def entries(
    errors: Errors,
    pairs: Mapping[str, Any] | None,
    most: int,
    path: Path,
    check_key: Check,
    check: Check,
    longest: int = _LONGEST_KEY,
) -> None:
    """Check keys and values of a map."""
    pairs = pairs or {}
    if 0 <= most < len(pairs):
        errors.append(fields.too_many(path, len(pairs), most))
        return
    for key, value in pairs.items():
        check_key(errors, key, path)
        check(errors, value, path.key(_shortened(key, longest)))


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    rest = longest - 3
    return f"{text[: (rest + 1) // 2]}...{text[len(text) - rest // 2 :]}"


def dns_label(errors: Errors, name: str, path: Path) -> None:
    """Check the name of a device, a request or a counter."""
    refuse(errors, path, name, formats.dns_label(name))


def pool_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of a pool: domains with slashes between them."""
    if not name:
        errors.append(fields.required(path))
        return
    if formats.size(name) > _LONGEST_POOL:
        errors.append(fields.too_long(path, _LONGEST_POOL))
    for part in name.split("/"):
        refuse(errors, path, part, formats.dns_subdomain(part))


def qualified_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of an attribute or a capacity, which may have a domain."""
    domain, *rest = name.split("/")
    if not rest:
        _identifier(errors, domain, path)
    elif len(rest) == 1:
        if not domain:
            errors.append(fields.invalid(path, "", "the domain must not be empty"))
        else:
            driver_name(errors, domain, path)
        if not rest[0]:
            errors.append(fields.invalid(path, "", "the name must not be empty"))
        else:
            _identifier(errors, rest[0], path)


def fully_qualified_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of an attribute that must have a domain."""
    qualified_name(errors, name, path)
    if "/" not in name:
        detail = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(fields.invalid(path, name, detail))


def _identifier(errors: Errors, text: str, path: Path) -> None:
    if formats.size(text) > _LONGEST_ID:
        errors.append(fields.too_long(path, _LONGEST_ID))
    refuse(errors, path, text, formats.c_identifier(text))


def configuration(errors: Errors, config: Object, path: Path, stored: bool) -> None:
    """Check what a driver is told."""
    opaque, at = config.get("opaque"), path.child("opaque")
    if opaque is None:
        errors.append(fields.required(at))
        return
    driver_name(errors, opaque.get("driver", ""), at.child("driver"))
    json_object(errors, opaque.get("parameters"), at.child("parameters"), stored)


def json_object(errors: Errors, value: Any, path: Path, stored: bool = False) -> None:
    """Check free JSON: an object of a limited size."""
    if value is None:
        errors.append(fields.required(path))
    elif not stored and formats.size(fields.as_json(value, order=None)) > LONGEST_JSON:
        errors.append(fields.too_long(path, LONGEST_JSON))
    elif not isinstance(value, dict):
        errors.append(fields.invalid(path, "<value omitted>", "must be a valid JSON object"))


def taint(errors: Errors, given: Object, path: Path) -> None:
    """Check a taint of a device."""
    labels.label_name(errors, given.get("key", ""), path.child("key"))
    if value := given.get("value", ""):
        refuse(errors, path.child("value"), value, formats.label_value(value))
    if not given.get("effect"):
        errors.append(fields.required(path.child("effect")))
    else:
        optional_one_of(errors, given, "effect", path, _EFFECTS)


def toleration(errors: Errors, given: Object, path: Path) -> None:
    """Check a toleration of taints of devices."""
    operator, value = given.get("operator", ""), given.get("value", "")
    if given.get("key"):
        labels.label_name(errors, given["key"], path.child("key"))
    if operator == "Exists":
        if value:
            errors.append(fields.invalid(path.child("value"), value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        refuse(errors, path.child("value"), value, formats.label_value(value))
    elif not operator:
        errors.append(fields.required(path.child("operator")))
    else:
        errors.append(fields.not_supported(path.child("operator"), operator, _OPERATORS))
    if given.get("effect"):
        optional_one_of(errors, given, "effect", path, _EFFECTS)


def binding_conditions(errors: Errors, device: Object, path: Path) -> None:
    """Check which conditions a device waits for, and which mean failure."""
    wanted, failures = (device.get(key) or [] for key in ("bindingConditions", "bindingFailureConditions"))
    at, at_failures = path.child("bindingConditions"), path.child("bindingFailureConditions")
    limited(errors, wanted, _MOST_BINDING, at, labels.label_name)
    limited(errors, failures, _MOST_BINDING, at_failures, labels.label_name)
    seen: set[str] = set()
    for index, each in enumerate(wanted):
        if each in seen:
            errors.append(fields.duplicate(at.index(index), each))
        seen.add(each)
    seen = set()
    for index, each in enumerate(failures):
        if each in seen:
            errors.append(fields.duplicate(at_failures.index(index), each))
        seen.add(each)
        if each in wanted:
            detail = "bindingFailureConditions must not overlap with bindingConditions"
            errors.append(fields.invalid(at_failures.index(index), each, detail))
    if failures and not wanted:
        detail = "bindingConditions are required to use bindingFailureConditions"
        errors.append(fields.invalid(at, device.get("bindingConditions"), detail))
    if wanted and not failures:
        detail = "bindingFailureConditions are required to use bindingConditions"
        errors.append(fields.invalid(at_failures, device.get("bindingFailureConditions"), detail))


def request_names(claim: Object) -> dict[str, set[str]]:
    """Return the names of the requests of a claim, and of their alternatives."""
    return {
        each.get("name", ""): {one.get("name", "") for one in each.get("firstAvailable") or ()}
        for each in claim.get("requests") or ()
    }


def request_reference(errors: Errors, name: str, path: Path, known: Mapping[str, set[str]]) -> None:
    """Check the name of a request, or of one of its alternatives, of the same claim."""
    request, *rest = name.split("/")
    if len(rest) <= 1:
        dns_label(errors, request, path)
        for each in rest:
            dns_label(errors, each, path)
        if request in known and set(rest) <= known[request]:
            return
    detail = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
    errors.append(fields.invalid(path, name, detail))


def devices_of(spec: Object | None) -> Object:
    """Return the member of a claim that everything is in."""
    found: Object = (spec or NOTHING).get("devices") or NOTHING
    return found
