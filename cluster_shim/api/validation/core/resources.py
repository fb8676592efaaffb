"""Requests and limits: of containers, of whole pods, and the quantities in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts
from cluster_shim.api.validation.checks import Errors, Object, refuse
from cluster_shim.api.validation.core import resource_names as names
from cluster_shim.api.validation.formats import dns_label, label_key

IS_NOT_INTEGER = "must be an integer"
_POD_LEVEL = ("cpu", "hugepages-", "memory")
_COMPUTE = frozenset({"cpu", "memory"})

NameCheck = Callable[[Errors, str, Path], None]


def resource_name(errors: Errors, name: str, path: Path) -> bool:
    """Check a name that is standard or has a domain; return whether it is right."""
    if messages := label_key(name):
        refuse(errors, path, name, messages)
        return False
    if "/" not in name and not names.is_standard(name):
        errors.append(fields.invalid(path, name, "must be a standard resource type or fully qualified"))
        return False
    return True


def container_resource_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of a resource that a container asks for."""
    if name in names.CONTAINER:
        return
    resource_name(errors, name, path)
    if "/" not in name:
        if not names.is_standard_for_container(name):
            errors.append(fields.invalid(path, name, "must be a standard resource for containers"))
    elif not names.is_native(name) and not names.is_extended(name):
        errors.append(fields.invalid(path, name, "doesn't follow extended resource name standard"))


def pod_resource_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of a resource that a pod asks for as a whole."""
    if resource_name(errors, name, path) and name not in _COMPUTE and not names.is_huge_pages(name):
        errors.append(fields.not_supported(path, name, _POD_LEVEL))


def quota_resource_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of a resource that a quota limits."""
    resource_name(errors, name, path)
    if "/" not in name and not names.is_standard_for_quota(name):
        errors.append(fields.invalid(path, name, "must be a standard resource for quota"))


def quantity(errors: Errors, name: str, amount: str, path: Path) -> None:
    """Check an amount of a resource: not negative, and whole where the resource is."""
    amounts.non_negative(errors, amount, path)
    if names.is_integer(name) and not amounts.is_integer(amount):
        errors.append(fields.invalid(path, amount, IS_NOT_INTEGER))


def basic(errors: Errors, amount: str, path: Path) -> bool:
    """Refuse a negative amount, shown as an integer; return whether it is right."""
    if (number := amounts.value(amount)) < 0:
        errors.append(fields.invalid(path, number, "must be a valid resource quantity"))
        return False
    return True


def requirements(
    errors: Errors,
    wanted: Object,
    claim_names: Collection[str],
    path: Path,
    check_name: NameCheck = container_resource_name,
    any_huge_pages: bool = False,
) -> None:
    """Check requests, limits and claims of a container or a pod."""
    limits: Mapping[str, str] = wanted.get("limits") or {}
    requests: Mapping[str, str] = wanted.get("requests") or {}
    for name, amount in limits.items():
        at = path.child("limits").key(name)
        check_name(errors, name, at)
        quantity(errors, name, amount, at)
        if names.is_huge_pages(name) and not any_huge_pages:
            _divisible(errors, name, amount, at)
    for name, amount in requests.items():
        at = path.child("requests").key(name)
        check_name(errors, name, at)
        quantity(errors, name, amount, at)
        _against_limit(errors, name, amount, limits.get(name), path)
        if names.is_huge_pages(name) and not any_huge_pages:
            _divisible(errors, name, amount, at)
    used = limits.keys() | requests.keys()
    if not used & _COMPUTE and any(names.is_huge_pages(name) for name in used):
        errors.append(fields.forbidden(path, "HugePages require cpu or memory"))
    if claims := wanted.get("claims"):
        _claims(errors, claims, claim_names, path.child("claims"))


def _against_limit(errors: Errors, name: str, amount: str, limit: str | None, path: Path) -> None:
    if limit is None:
        if not names.is_overcommit_allowed(name):
            detail = "Limit must be set for non overcommitable resources"
            errors.append(fields.required(path.child("limits"), detail))
        return
    difference = amounts.nano(amount) - amounts.nano(limit)
    if difference and not names.is_overcommit_allowed(name):
        detail = f"must be equal to {name} limit of {limit}"
        errors.append(fields.invalid(path.child("requests"), amount, detail))
    elif difference > 0:
        detail = f"must be less than or equal to {name} limit of {limit}"
        errors.append(fields.invalid(path.child("requests"), amount, detail))


def is_divisible(name: str, amount: str) -> bool:
    """Return whether an amount of huge pages is a whole number of pages."""
    page = amounts.nano(name.removeprefix(names.HUGE_PAGES))
    return page > 0 and page % 10**9 == 0 and amounts.value(amount) % (page // 10**9) == 0


def _divisible(errors: Errors, name: str, amount: str, path: Path) -> None:
    if not is_divisible(name, amount):
        errors.append(fields.invalid(path, amount, f"{amount} is not positive integer multiple of {name}"))


def _claims(errors: Errors, claims: Sequence[Object], claim_names: Collection[str], path: Path) -> None:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        name, at = claim.get("name", ""), path.index(index)
        if not name:
            errors.append(fields.required(at))
            continue
        if name in seen:
            errors.append(fields.duplicate(at, name))
        else:
            _claim_request(errors, name, claim.get("request") or "", seen, at)
        if name not in claim_names:
            listed = f": {', '.join(sorted(claim_names))}" if claim_names else " which is empty"
            detail = f"must be one of the names in pod.spec.resourceClaims{listed}"
            errors.append(fields.detailed(fields.not_found(at, name), detail))


def _claim_request(errors: Errors, name: str, request: str, seen: set[str], path: Path) -> None:
    key = name
    if request:
        refuse(errors, path.child("request"), request, dns_label(request))
        key = f"{name}/{request}"
    if key in seen:
        errors.append(fields.duplicate(path, key))
    elif not request:
        errors.extend(fields.duplicate(path, name) for each in seen if each.partition("/")[0] == name and "/" in each)
    seen.add(key)
