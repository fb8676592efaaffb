"""Which check holds at which level, from which version of Kubernetes on, and what it takes the place of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from cluster_shim.apiserver.admission.pod_security import container_checks, pod_checks
from cluster_shim.apiserver.admission.pod_security.policy import BASELINE, PRIVILEGED, RESTRICTED, LevelVersion
from cluster_shim.apiserver.admission.pod_security.violations import (
    Annotations,
    Check,
    Spec,
    Violation,
    unless_user_namespace,
    unless_windows,
)

NEWEST = 36


class Row(NamedTuple):
    """A check of a level; `versions` are the minors from which on a form of it holds."""

    name: str
    level: str
    versions: tuple[tuple[int, Check], ...]
    replaces: str = ""
    """The check of baseline that is not done where this one is."""


def _sysctls(version: int) -> Check:
    return partial(pod_checks.sysctls, pod_checks.allowed_sysctls(version))


# In the order of names within a level: that is the order of messages.
ROWS = (
    Row("appArmorProfile", BASELINE, ((0, pod_checks.app_armor),)),
    Row("capabilities_baseline", BASELINE, ((0, container_checks.capabilities_baseline),)),
    Row("hostNamespaces", BASELINE, ((0, pod_checks.host_namespaces),)),
    Row("hostPathVolumes", BASELINE, ((0, pod_checks.host_path_volumes),)),
    Row("hostPorts", BASELINE, ((0, container_checks.host_ports),)),
    Row("hostProbesAndHostLifecycle", BASELINE, ((34, container_checks.probe_hosts),)),
    Row("privileged", BASELINE, ((0, container_checks.privileged),)),
    Row(
        "procMount",
        BASELINE,
        ((0, container_checks.proc_mount), (35, unless_user_namespace(container_checks.proc_mount))),
    ),
    Row(
        "seLinuxOptions",
        BASELINE,
        ((0, partial(pod_checks.selinux, ())), (31, partial(pod_checks.selinux, ("container_engine_t",)))),
    ),
    Row("seccompProfile_baseline", BASELINE, ((0, pod_checks.seccomp_annotations), (19, pod_checks.seccomp))),
    Row("sysctls", BASELINE, tuple((version, _sysctls(version)) for version in (0, 27, 29, 32))),
    Row("windowsHostProcess", BASELINE, ((0, pod_checks.host_process),)),
    Row(
        "allowPrivilegeEscalation",
        RESTRICTED,
        ((8, container_checks.privilege_escalation), (25, unless_windows(container_checks.privilege_escalation))),
    ),
    Row(
        "capabilities_restricted",
        RESTRICTED,
        (
            (22, container_checks.capabilities_restricted),
            (25, unless_windows(container_checks.capabilities_restricted)),
        ),
        "capabilities_baseline",
    ),
    Row("procMount_restricted", RESTRICTED, ((35, container_checks.proc_mount),), "procMount"),
    Row("restrictedVolumes", RESTRICTED, ((0, pod_checks.restricted_volumes),), "hostPathVolumes"),
    Row(
        "runAsNonRoot",
        RESTRICTED,
        ((0, pod_checks.run_as_non_root), (35, unless_user_namespace(pod_checks.run_as_non_root))),
    ),
    Row("runAsUser", RESTRICTED, ((23, pod_checks.run_as_user), (35, unless_user_namespace(pod_checks.run_as_user)))),
    Row(
        "seccompProfile_restricted",
        RESTRICTED,
        ((19, pod_checks.seccomp_restricted), (25, unless_windows(pod_checks.seccomp_restricted))),
        "seccompProfile_baseline",
    ),
)


def evaluate(policy: LevelVersion, annotations: Annotations, spec: Spec) -> list[Violation]:
    """Return what a level forbids of a pod, in upstream's order."""
    if policy.level == PRIVILEGED:
        return []
    results = (check(annotations, spec) for check in _checks(policy.level, min(policy.version, NEWEST)))
    return [each for each in results if each is not None]


def describe(violations: list[Violation]) -> str:
    """Return violations as messages list them."""
    return ", ".join(f"{each.reason} ({each.detail})" if each.detail else each.reason for each in violations)


@cache
def _checks(level: str, version: int) -> tuple[Callable[[Annotations, Spec], Violation | None], ...]:
    held = {row.name: row for row in ROWS if row.level in (BASELINE, level) and row.versions[0][0] <= version}
    replaced = {row.replaces for row in held.values()}
    return tuple(
        max((each for each in row.versions if each[0] <= version), key=lambda each: each[0])[1]
        for name, row in held.items()
        if name not in replaced
    )
