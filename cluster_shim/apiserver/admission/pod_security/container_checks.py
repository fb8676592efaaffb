"""Checks of what containers ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cluster_shim.apiserver.admission.pod_security.violations import (
    Annotations,
    Spec,
    Violation,
    containers_of,
    context_of,
    named,
    plural,
    quoted,
)

_DEFAULT_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)


def privilege_escalation(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid gaining rights."""
    bad = [
        each["name"] for each in containers_of(spec) if context_of(each).get("allowPrivilegeEscalation") is not False
    ]
    if not bad:
        return None
    detail = f"{named(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def privileged(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid privileged containers."""
    bad = [each["name"] for each in containers_of(spec) if context_of(each).get("privileged")]
    return Violation("privileged", f"{named(bad)} must not set securityContext.privileged=true") if bad else None


def proc_mount(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid to see all of /proc."""
    mounts = {each["name"]: context_of(each).get("procMount", "Default") for each in containers_of(spec)}
    bad = [name for name, mount in mounts.items() if mount != "Default"]
    if not bad:
        return None
    kinds = quoted(sorted({mounts[name] for name in bad}))
    return Violation("procMount", f"{named(bad)} must not set securityContext.procMount to {kinds}")


def capabilities_baseline(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid capabilities that containers do not have by themselves."""
    added = {each["name"]: set(_capabilities(each, "add")) - _DEFAULT_CAPABILITIES for each in containers_of(spec)}
    bad = [name for name, names in added.items() if names]
    if not bad:
        return None
    return Violation("non-default capabilities", _must_not_add(bad, set().union(*added.values())))


def capabilities_restricted(annotations: Annotations, spec: Spec) -> Violation | None:
    """Demand that all capabilities are dropped; only one may be added."""
    keeping = [each["name"] for each in containers_of(spec) if "ALL" not in _capabilities(each, "drop")]
    added = {each["name"]: set(_capabilities(each, "add")) - {"NET_BIND_SERVICE"} for each in containers_of(spec)}
    adding = [name for name, names in added.items() if names]
    details = []
    if keeping:
        details.append(f'{named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        details.append(_must_not_add(adding, set().union(*added.values())))
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def _capabilities(container: Mapping[str, Any], member: str) -> list[str]:
    return (context_of(container).get("capabilities") or {}).get(member) or []


def _must_not_add(containers: list[str], capabilities: set[str]) -> str:
    listed = quoted(sorted(capabilities))
    return f"{named(containers)} must not include {listed} in securityContext.capabilities.add"


def host_ports(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid ports of the node."""
    ports = {
        each["name"]: {str(port["hostPort"]) for port in each.get("ports") or () if port.get("hostPort")}
        for each in containers_of(spec)
    }
    return _uses("hostPort", "hostPort", ports, lambda texts: ", ".join(texts))


def probe_hosts(annotations: Annotations, spec: Spec) -> Violation | None:
    """Forbid probes and handlers that go elsewhere than to the container."""
    hosts = {each["name"]: set(_hosts(each)) for each in containers_of(spec)}
    used = {name: hosts[name] for name in sorted(hosts)}
    return _uses("probe or lifecycle host", "probe or lifecycle host", used, quoted)


def _hosts(container: Mapping[str, Any]) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [lifecycle.get(name) for name in ("postStart", "preStop")]
    for handler in handlers:
        for action in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(action) or {}).get("host")
            if host:
                yield host


def _uses(reason: str, what: str, by_container: Mapping[str, set[str]], listed: Any) -> Violation | None:
    bad = [name for name, texts in by_container.items() if texts]
    if not bad:
        return None
    texts = sorted(set().union(*by_container.values()))
    verb = "uses" if len(bad) == 1 else "use"
    return Violation(reason, f"{named(bad)} {verb} {plural(what, len(texts))} {listed(texts)}")
