"""Cluster IPs and IP families of Services: consistent with each other, and fixed once they are there."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.validation import addresses
from cluster_shim.api.validation.checks import SPEC, Errors, Object, optional_one_of

_FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_IPS = SPEC.child("clusterIPs")
_IP_FAMILIES = SPEC.child("ipFamilies")
_FIXED = "may not change once set"


def is_headless(spec: Object) -> bool:
    """Return whether a Service has no address of its own."""
    return bool(spec.get("clusterIPs") == ["None"])


def consistent(errors: Errors, spec: Object, before: Object) -> None:
    """Check that addresses and families of a Service fit each other."""
    if spec.get("type") == "ExternalName":
        return
    ips, families, first = spec.get("clusterIPs") or [], spec.get("ipFamilies") or [], spec.get("clusterIP")
    if first and not ips:
        errors.append(fields.required(_IPS))
    elif first and ips[0] != first:
        errors.append(fields.invalid(_IPS, ips, "first value must match `clusterIP`"))
    elif ips and not first:
        errors.append(fields.invalid(_IPS, ips, "must be empty when `clusterIP` is not specified"))
    seen: set[str] = set()
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            errors.append(fields.not_supported(_IP_FAMILIES.index(index), family, _FAMILIES))
        if family in seen:
            errors.append(fields.duplicate(_IP_FAMILIES.index(index), family))
        seen.add(family)
    optional_one_of(errors, spec, "ipFamilyPolicy", SPEC, _POLICIES)
    if not _addresses(errors, ips, before.get("clusterIPs") or ()):
        return
    if len(ips) > 1 and not addresses.is_dual_stack(ips):
        errors.append(fields.invalid(_IPS, ips, "may specify no more than one IP for each IP family"))
    if is_headless(spec):
        return
    for index, (address, family) in enumerate(zip(ips, families, strict=False)):
        actual = "IPv6" if addresses.is_ipv6(address) else "IPv4"
        if family in _FAMILIES and actual != family:
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(fields.invalid(_IPS.index(index), address, detail))


def _addresses(errors: Errors, ips: list[str], old: list[str] | tuple[str, ...]) -> bool:
    is_valid = True
    for index, each in enumerate(ips):
        if index == 0 and each == "None":
            if len(ips) > 1:
                errors.append(fields.invalid(_IPS, ips, "'None' must be the first and only value"))
                is_valid = False
        elif not addresses.legacy_ip(errors, each, _IPS.index(index), old):
            is_valid = False
    if len(ips) > 2:
        errors.append(fields.invalid(_IPS, ips, "may only hold up to 2 values"))
    return is_valid


def changes(errors: Errors, new: Object, old: Object) -> None:
    """Check that addresses and families stay, apart from a second one that comes or goes."""
    spec, before = new["spec"], old["spec"]
    if "ExternalName" in (spec.get("type"), before.get("type")):
        return
    if not (is_headless(spec) and is_headless(before)):
        _changed_ips(errors, spec, before)
    if not is_headless(spec) and not is_headless(before):
        _changed_families(errors, spec, before)


def _changed_ips(errors: Errors, spec: Object, before: Object) -> None:
    ips, old = spec.get("clusterIPs"), before.get("clusterIPs") or []
    count = len(ips or ())
    if count == len(old):
        for index, each in enumerate(old):
            if ips and ips[index] != each:
                errors.append(fields.invalid(_IPS.index(index), ips, _FIXED))
    elif count < len(old):
        if not ips:
            errors.append(fields.invalid(_IPS.index(0), ips, "primary clusterIP can not be unset"))
        elif ips[0] != old[0]:
            errors.append(fields.invalid(_IPS.index(0), ips, _FIXED))
        if count == 1:
            _released(errors, spec, "clusterIP")
    elif ips and old and ips[0] != old[0]:
        errors.append(fields.invalid(_IPS.index(0), ips, _FIXED))


def _changed_families(errors: Errors, spec: Object, before: Object) -> None:
    families, old, ips = spec.get("ipFamilies"), before.get("ipFamilies") or [], spec.get("clusterIPs")
    count = len(families or ())
    if count == len(old):
        for index, each in enumerate(old):
            if families and families[index] != each:
                errors.append(fields.invalid(_IP_FAMILIES.index(0), families, _FIXED))
    elif count < len(old):
        if not ips:
            errors.append(fields.invalid(_IP_FAMILIES.index(0), families, "primary ipFamily can not be unset"))
        if families and families[0] != old[0]:
            errors.append(fields.invalid(_IP_FAMILIES.index(0), ips, _FIXED))
        if count == 1:
            _released(errors, spec, "ipFamily")
    elif families and old and families[0] != old[0]:
        errors.append(fields.invalid(_IP_FAMILIES.index(0), ips, _FIXED))


def _released(errors: Errors, spec: Object, what: str) -> None:
    policy = spec.get("ipFamilyPolicy")
    if policy != "SingleStack":
        detail = f"must be set to 'SingleStack' when releasing the secondary {what}"
        errors.append(fields.invalid(SPEC.child("ipFamilyPolicy"), policy, detail))
