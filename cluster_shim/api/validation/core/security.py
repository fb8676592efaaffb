"""Security contexts of pods and containers: users, profiles, sysctls, Windows options."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, paths
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, optional_one_of, refuse
from cluster_shim.api.validation.core.pod_options import PodOptions, containers, host_sysctl_problem
from cluster_shim.api.validation.policy import POLICY
from cluster_shim.api.validation.structs import dump

_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")


def _ids(errors: Errors, context: Object, path: Path, *keys: str) -> None:
    for key in keys:
        number = context.get(key)
        if number is not None and (messages := formats.user_or_group_id(number)):
            refuse(errors, path.child(key), number, messages)


def container(errors: Errors, context: Object, path: Path, host_users: bool) -> None:
    """Check the security context of a container."""
    if context.get("privileged") and not POLICY.allow_privileged:
        errors.append(fields.forbidden(path.child("privileged"), "disallowed by cluster policy"))
    _ids(errors, context, path, "runAsUser", "runAsGroup")
    if (proc_mount := context.get("procMount")) is not None:
        if proc_mount not in ("Default", "Unmasked"):
            errors.append(fields.not_supported(path.child("procMount"), proc_mount, ("Default", "Unmasked")))
        if host_users and proc_mount == "Unmasked":
            detail = "`hostUsers` must be false to use `Unmasked`"
            errors.append(fields.invalid(path.child("procMount"), proc_mount, detail))
    seccomp_profile(errors, context.get("seccompProfile"), path.child("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(fields.invalid(path, dump("SecurityContext", context), detail))
        for each in (context.get("capabilities") or NOTHING).get("add") or ():
            if each == "CAP_SYS_ADMIN":
                detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
                errors.append(fields.invalid(path, dump("SecurityContext", context), detail))
    if "windowsOptions" in context:
        windows_options(errors, context["windowsOptions"], path.child("windowsOptions"))
    if "appArmorProfile" in context:
        app_armor_profile(errors, context["appArmorProfile"], path.child("appArmorProfile"))


def pod(errors: Errors, spec: Object, path: Path, options: PodOptions) -> None:
    """Check the security context of a pod."""
    context = spec.get("securityContext")
    if not context and not spec.get("shareProcessNamespace"):
        return
    context = context or NOTHING
    _ids(errors, context, path, "fsGroup", "runAsUser", "runAsGroup")
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        refuse(errors, path.child("supplementalGroups").index(index), group, formats.user_or_group_id(group))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(fields.invalid(path.child("shareProcessNamespace"), True, detail))
    if sysctls := context.get("sysctls"):
        _sysctls(errors, sysctls, spec, path.child("sysctls"), options)
    optional_one_of(errors, context, "fsGroupChangePolicy", path, ("Always", "OnRootMismatch"))
    seccomp_profile(errors, context.get("seccompProfile"), path.child("seccompProfile"))
    if "windowsOptions" in context:
        windows_options(errors, context["windowsOptions"], path.child("windowsOptions"))
    if "appArmorProfile" in context:
        app_armor_profile(errors, context["appArmorProfile"], path.child("appArmorProfile"))
    optional_one_of(errors, context, "supplementalGroupsPolicy", path, ("Merge", "Strict"))
    optional_one_of(errors, context, "seLinuxChangePolicy", path, ("MountOption", "Recursive"))


def seccomp_profile(errors: Errors, profile: Object | None, path: Path) -> None:
    """Check a seccomp profile."""
    if profile is None:
        return
    kind, name = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        errors.append(fields.required(path.child("type"), "type is required when seccompProfile is set"))
    elif kind not in _PROFILE_TYPES:
        errors.append(fields.not_supported(path.child("type"), kind, _PROFILE_TYPES))
    if kind != "Localhost":
        if name is not None:
            detail = "can only be set when seccomp type is Localhost"
            errors.append(fields.invalid(path.child("localhostProfile"), dump("SeccompProfile", profile), detail))
    elif name is None:
        errors.append(fields.required(path.child("localhostProfile"), "must be set when seccomp type is Localhost"))
    else:
        paths.descending(errors, name, path.child("localhostProfile"))


def app_armor_profile(errors: Errors, profile: Object, path: Path) -> None:
    """Check an AppArmor profile."""
    kind, name, at = profile.get("type", ""), profile.get("localhostProfile"), path.child("localhostProfile")
    if kind == "Localhost":
        detail = "must be set when AppArmor type is Localhost"
        if name is None:
            errors.append(fields.required(at, detail))
            return
        if name.strip() != name:
            errors.append(fields.invalid(at, name, "must not be padded with whitespace"))
        elif not name:
            errors.append(fields.required(at, detail))
        if formats.size(name) > 4095:
            errors.append(fields.too_long(at, 4095))
    elif not kind:
        errors.append(fields.required(path.child("type"), "type is required when appArmorProfile is set"))
    elif kind not in _PROFILE_TYPES:
        errors.append(fields.not_supported(path.child("type"), kind, _PROFILE_TYPES))
    elif name is not None:
        errors.append(fields.invalid(at, name, "can only be set when AppArmor type is Localhost"))


_SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = f"^({_SYSCTL_SEGMENT}[\\./])*{_SYSCTL_SEGMENT}$"
_matches_sysctl = re.compile(_SYSCTL).fullmatch


def _sysctls(errors: Errors, sysctls: Sequence[Object], spec: Object, path: Path, options: PodOptions) -> None:
    seen: set[str] = set()
    for index, each in enumerate(sysctls):
        name, at = each.get("name", ""), path.index(index).child("name")
        if not name:
            errors.append(fields.required(at))
        elif formats.size(name) > 253 or not _matches_sysctl(name):
            detail = f"must have at most 253 characters and match regex {_SYSCTL}"
            errors.append(fields.invalid(at, name, detail))
        elif name in seen:
            errors.append(fields.duplicate(at, name))
        if not options.any_host_sysctl and (problem := host_sysctl_problem(name, spec)):
            errors.append(fields.invalid(at, name, problem))
        seen.add(name)


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NETBIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_DNS_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS_DOMAIN = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_BAD_USER = re.compile(r'["/\\:;|=,+*?<>@\[\]]')
_MAX_CREDENTIAL_SPEC = 64 << 10


def windows_options(errors: Errors, given: Object, path: Path) -> None:
    """Check the options of Windows in a security context."""
    name, spec = given.get("gmsaCredentialSpecName"), given.get("gmsaCredentialSpec")
    if name is not None:
        refuse(errors, path.child("gmsaCredentialSpecName"), name, formats.dns_subdomain(name))
    if spec == "":
        detail = "gmsaCredentialSpec cannot be an empty string"
        errors.append(fields.invalid(path.child("gmsaCredentialSpec"), spec, detail))
    elif spec is not None and formats.size(spec) > _MAX_CREDENTIAL_SPEC:
        detail = "gmsaCredentialSpec size must be under 64 KiB"
        errors.append(fields.invalid(path.child("gmsaCredentialSpec"), spec, detail))
    if (user := given.get("runAsUserName")) is not None:
        refuse(errors, path.child("runAsUserName"), user, _user_name_problems(user))


def _user_name_problems(name: str) -> list[str]:
    if not name:
        return ["runAsUserName cannot be an empty string"]
    if _CONTROL.search(name):
        return ["runAsUserName cannot contain control characters"]
    if name.count("\\") > 1:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, backslash, user = name.rpartition("\\")
    problems = []
    if formats.size(domain) >= 256:
        problems.append("runAsUserName's Domain length must be under 256 characters")
    if backslash and not (_NETBIOS.fullmatch(domain) or _DNS_DOMAIN.fullmatch(domain)):
        problems.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        problems.append("runAsUserName's User cannot be empty")
    elif formats.size(user) > 104:
        problems.append("runAsUserName's User length must not be longer than 104 characters")
    if user and not user.strip(". "):
        problems.append("runAsUserName's User cannot contain only periods or spaces")
    if _BAD_USER.search(user):
        problems.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return problems


def windows_host_process(errors: Errors, spec: Object, path: Path) -> None:
    """Check that either all containers of a pod are host processes of Windows or none is."""
    of_pod = ((spec.get("securityContext") or NOTHING).get("windowsOptions") or NOTHING).get("hostProcess")
    total = host = 0
    for at, each in containers(spec, path):
        total += 1
        own = ((each.get("securityContext") or NOTHING).get("windowsOptions") or NOTHING).get("hostProcess")
        if of_pod is not None and own is not None and of_pod != own:
            shown = "true" if of_pod else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {shown}"
            errors.append(fields.invalid(at.child("securityContext", "windowsOptions", "hostProcess"), own, detail))
        host += bool(of_pod if own is None else own)
    if not host:
        return
    if host != total:
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(fields.invalid(path, "", detail))
    if not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(fields.invalid(path.child("hostNetwork"), False, detail))
    if not POLICY.allow_privileged:
        errors.append(fields.forbidden(path, "hostProcess containers are disallowed by cluster policy"))
