"""IP families of a Service: what clusterIPs, ipFamilies and ipFamilyPolicy say together, and what follows of it.

Upstream: initIPFamilyFields, ValidateServiceClusterIPsRelatedFields, normalizeClusterIPs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any

from cluster_shim.api import errors
from cluster_shim.api.fields import ROOT, FieldError, Path, duplicate, invalid, not_supported, required
from cluster_shim.apiserver.registry.services.type_change import needs_cluster_ip

Spec = dict[str, Any]

HEADLESS = "None"
SINGLE, PREFER_DUAL, REQUIRE_DUAL = "SingleStack", "PreferDualStack", "RequireDualStack"
_FAMILIES = ("IPv4", "IPv6")
_POLICIES = (PREFER_DUAL, REQUIRE_DUAL, SINGLE)
_SPEC = ROOT.child("spec")
_IPS, _FAMILY, _POLICY = _SPEC.child("clusterIPs"), _SPEC.child("ipFamilies"), _SPEC.child("ipFamilyPolicy")
_NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def family_of(address: str) -> str:
    """Return IPv4 or IPv6; an empty text for what is no address."""
    try:
        return "IPv6" if isinstance(ip_address(address), IPv6Address) else "IPv4"
    except ValueError:
        return ""


def other_family(family: str) -> str:
    """Return the family that is not this one."""
    return "IPv6" if family == "IPv4" else "IPv4"


def normalise_cluster_ips(spec: Spec, before: Spec | None) -> None:
    """Let clusterIP and clusterIPs say the same where a client has written only one of them."""
    if before is None:
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        return
    ip, ip_before = spec.get("clusterIP", ""), before.get("clusterIP", "")
    ips, ips_before = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
    if ips_before and not ips and ip == ip_before:
        spec["clusterIPs"] = list(ips_before)
    if ip != ip_before and ips == ips_before:
        spec.pop("clusterIPs", None)
        if not (ip_before and not ip):
            spec["clusterIPs"] = [ip]


def keep_allocated(spec: Spec, before: Spec) -> None:
    """Keep addresses and ports that an update does not mention."""
    if needs_cluster_ip(before) and needs_cluster_ip(spec):
        if not spec.get("clusterIP") and before.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIPs") and before.get("clusterIPs"):
            spec["clusterIPs"] = list(before["clusterIPs"])


def same(spec: Spec, before: Spec, name: str) -> bool:
    """Tell whether a list of a Service is as it was."""
    return (spec.get(name) or []) == (before.get(name) or [])


def unchanged_prefer_dual(spec: Spec, before: Spec | None) -> bool:
    """Tell whether a Service that prefers two families was left as it was: then it is not looked at again."""
    if before is None or spec.get("ipFamilyPolicy") != PREFER_DUAL:
        return False
    if before.get("type") != spec.get("type") or not needs_cluster_ip(spec):
        return False
    if before.get("ipFamilyPolicy", PREFER_DUAL) != PREFER_DUAL:
        return False
    return same(spec, before, "clusterIPs") and same(spec, before, "ipFamilies")


def init_families(name: str, spec: Spec, before: Spec | None, configured: Sequence[str]) -> None:
    """Fill in families and policy of a Service; `configured` are the families of the cluster, the default first.

    Raises Invalid.
    """
    if not needs_cluster_ip(spec) or unchanged_prefer_dual(spec, before):
        return
    without_selector = spec.get("clusterIP") == HEADLESS and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        default = REQUIRE_DUAL if without_selector else SINGLE
        spec["ipFamilyPolicy"] = (before or {}).get("ipFamilyPolicy") or default
    _refuse(name, validate_cluster_ips(spec, before))
    _refuse(name, [*_check_change(spec, before), *_check_single(spec), *_add_families(spec, configured)])
    families = list(spec.get("ipFamilies") or ())
    if without_selector:
        families = families or [configured[0]]
        if len(families) < 2 and spec["ipFamilyPolicy"] != SINGLE:
            families.append(other_family(families[0]))
        spec["ipFamilies"] = families
        return
    _refuse(name, _check_configured(spec, configured))
    families = families or [configured[0]]
    if spec["ipFamilyPolicy"] != SINGLE and len(families) == 1 and len(configured) == 2:
        families.append(other_family(families[0]))
    spec["ipFamilies"] = families


def _refuse(name: str, found: list[FieldError]) -> None:
    if found:
        raise errors.invalid("Service", name, found)


def _check_change(spec: Spec, before: Spec | None) -> list[FieldError]:
    """Drop the second address and family where a Service becomes single-stack; refuse it otherwise."""
    if before is None:
        return []
    names = (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family"))
    if spec["ipFamilyPolicy"] == SINGLE:
        for name, _ in names:
            if same(spec, before, name) and len(spec.get(name) or ()) > 1:
                spec[name] = spec[name][:1]
        return []
    return [
        invalid(_POLICY, spec["ipFamilyPolicy"], f"must be 'SingleStack' to release the secondary {what}")
        for name, what in names
        if spec.get(name) and len(spec[name]) < len(before.get(name) or ())
    ]


def _check_single(spec: Spec) -> list[FieldError]:
    if spec["ipFamilyPolicy"] != SINGLE:
        return []
    return [
        invalid(_POLICY, SINGLE, f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified")
        for name, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
        if len(spec.get(name) or ()) == 2
    ]


def _add_families(spec: Spec, configured: Collection[str]) -> list[FieldError]:
    """Add the families of addresses that were asked for."""
    found = []
    families = list(spec.get("ipFamilies") or ())
    for index, address in enumerate(spec.get("clusterIPs") or ()):
        if address == HEADLESS:
            break
        if index < len(families):
            continue
        family = family_of(address)
        if family in configured:
            families.append(family)
        else:
            found.append(invalid(_IPS.index(index), spec["clusterIPs"], f"{family} is not configured on this cluster"))
    if families:
        spec["ipFamilies"] = families
    return found


def _check_configured(spec: Spec, configured: Collection[str]) -> list[FieldError]:
    found = []
    if spec["ipFamilyPolicy"] == REQUIRE_DUAL and len(configured) < 2:
        found.append(invalid(_POLICY, REQUIRE_DUAL, "this cluster is not configured for dual-stack services"))
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        if family not in configured:
            found.append(invalid(_FAMILY.index(index), family, "not configured on this cluster"))
    return found


def validate_cluster_ips(spec: Spec, before: Spec | None) -> list[FieldError]:
    """Return what is wrong with clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy together."""
    if not needs_cluster_ip(spec):
        return []
    ips: list[str] = spec.get("clusterIPs") or []
    ip = spec.get("clusterIP", "")
    found = []
    if ip and not ips:
        found.append(required(_IPS))
    elif ip and ips[0] != ip:
        found.append(invalid(_IPS, ips, "first value must match `clusterIP`"))
    elif ips and not ip:
        found.append(invalid(_IPS, ips, "must be empty when `clusterIP` is not specified"))
    families: list[str] = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            found.append(not_supported(_FAMILY.index(index), family, _FAMILIES))
        if family in families[:index]:
            found.append(duplicate(_FAMILY.index(index), family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _POLICIES:
        found.append(not_supported(_POLICY, policy, _POLICIES))
    malformed = _check_addresses(ips, (before or {}).get("clusterIPs") or ())
    found += malformed
    if len(ips) > 2:
        found.append(invalid(_IPS, ips, "may only hold up to 2 values"))
    return found if malformed else [*found, *_check_two(ips), *_check_match(ips, families)]


def _check_addresses(ips: list[str], before: Collection[str]) -> list[FieldError]:
    found = []
    for index, address in enumerate(ips):
        if index == 0 and address == HEADLESS:
            if len(ips) > 1:
                found.append(invalid(_IPS, ips, "'None' must be the first and only value"))
        elif address not in before and not family_of(address):
            found.append(_malformed(_IPS.index(index), address))
    return found


def _malformed(path: Path, address: str) -> FieldError:
    return invalid(path, address, _NOT_AN_ADDRESS)


def _check_two(ips: list[str]) -> list[FieldError]:
    families = {family_of(address) for address in ips}
    if len(ips) > 1 and len(families) < 2:
        return [invalid(_IPS, ips, "may specify no more than one IP for each IP family")]
    return []


def _check_match(ips: list[str], families: list[str]) -> list[FieldError]:
    if ips[:1] == [HEADLESS]:
        return []
    return [
        invalid(_IPS.index(index), address, f"expected an {family} value as indicated by `ipFamilies[{index}]`")
        for index, (address, family) in enumerate(zip(ips, families, strict=False))
        if family in _FAMILIES and (family == "IPv6") != (family_of(address) == "IPv6")
    ]
