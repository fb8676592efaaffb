"""PodSecurity: what each check finds, which versions have it, and what namespaces say."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.admission.pod_security import PodSecurity
from cluster_shim.apiserver.admission.pod_security.checks import describe, evaluate
from cluster_shim.apiserver.admission.pod_security.policy import LATEST, LevelVersion, policy_of
from tests.apiserver.admission.writes import named, pod, write
from tests.apiserver.fakes import FakeObjects

GOOD = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
GOOD_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
PREFIX = "pod-security.kubernetes.io/"


def found(level: str, spec: dict[str, Any], version: int = LATEST, annotations: dict[str, str] | None = None) -> str:
    return describe(evaluate(LevelVersion(level, version), annotations or {}, spec))


def containers(*contexts: dict[str, Any]) -> dict[str, Any]:
    return {"containers": [{"name": f"c{index}", "securityContext": each} for index, each in enumerate(contexts)]}


def good(**spec: Any) -> dict[str, Any]:
    return {**containers(GOOD), "securityContext": GOOD_POD, **spec}


def test_a_modest_pod_may_run_everywhere() -> None:
    assert found("restricted", good()) == ""
    assert found("privileged", {"hostNetwork": True, **containers({"privileged": True})}) == ""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"hostPID": True, "hostNetwork": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
        ({"volumes": [{"name": "v", "hostPath": {}}]}, 'hostPath volumes (volume "v")'),
        (
            containers({"privileged": True}, {"privileged": True}),
            'privileged (containers "c0", "c1" must not set securityContext.privileged=true)',
        ),
        (
            containers({"capabilities": {"add": ["SYS_TIME", "CHOWN", "NET_RAW"]}}),
            'non-default capabilities (container "c0" must not include "NET_RAW", "SYS_TIME" '
            "in securityContext.capabilities.add)",
        ),
        (
            {"containers": [{"name": "a", "ports": [{"hostPort": 81}, {"hostPort": 80}]}]},
            'hostPort (container "a" uses hostPorts 80, 81)',
        ),
        (
            {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "x"}}}]},
            'probe or lifecycle host (container "a" uses probe or lifecycle host "x")',
        ),
        (
            containers({"procMount": "Unmasked"}),
            'procMount (container "c0" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            {"securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}},
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
            'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
        ),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, "forbidden sysctls (kernel.msgmax)"),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}}},
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
    ],
)
def test_baseline(spec: dict[str, Any], message: str) -> None:
    assert found("baseline", spec) == message


def test_restricted_lists_everything_in_order() -> None:
    assert found("restricted", {"containers": [{"name": "c"}]}) == (
        'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type '
        'to "RuntimeDefault" or "Localhost")'
    )


def test_restricted_takes_the_place_of_baseline() -> None:
    volumes = [{"name": "h", "hostPath": {}}, {"name": "n", "nfs": {}}, {"name": "e", "emptyDir": {}}]
    assert found("restricted", good(volumes=volumes)) == (
        'restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")'
    )
    assert found("restricted", good(securityContext={**GOOD_POD, "runAsUser": 0})) == (
        "runAsUser=0 (pod must not set runAsUser=0)"
    )


def test_versions() -> None:
    probe = {"containers": [{"name": "a", "startupProbe": {"tcpSocket": {"host": "x"}}}]}
    assert found("baseline", probe, 33) == ""
    assert found("baseline", probe, 34) != ""
    sysctl = {"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}}
    assert found("baseline", sysctl, 31) != ""
    assert found("baseline", sysctl, 32) == ""
    annotations = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}
    assert found("baseline", {}, 18, annotations) == (
        'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    )
    assert found("baseline", {}, 19, annotations) == ""
    users = {**containers({"procMount": "Unmasked"}), "hostUsers": False}
    assert found("baseline", users, 34) != ""
    assert found("baseline", users, 35) == ""
    assert found("restricted", good(os={"name": "windows"}, **containers({})), 25) == ""


def test_labels() -> None:
    policy, wrong = policy_of({PREFIX + "enforce": "restricted", PREFIX + "enforce-version": "v1.25"})
    assert wrong == []
    assert str(policy.enforce) == "restricted:v1.25" == str(policy.warn)
    assert str(policy.audit) == "privileged:latest"
    policy, wrong = policy_of({PREFIX + "enforce": "strict", PREFIX + "warn-version": "1.2"})
    assert [each.message() for each in wrong] == [
        f'metadata.labels[{PREFIX}enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
        f'metadata.labels[{PREFIX}warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
    ]
    assert policy.enforce.level == "restricted"
    assert policy.warn.level == "privileged"


def namespace(**labels: str) -> dict[str, Any]:
    found = named("n")
    found["metadata"]["labels"] = {PREFIX + mode: level for mode, level in labels.items()}
    return found


def test_a_pod_is_refused_or_warned_of() -> None:
    plugin = PodSecurity(FakeObjects(("", "namespaces", namespace(enforce="baseline", warn="restricted"))))
    attributes = write("pods", pod())
    plugin.validate(attributes)
    assert attributes.warnings[0].startswith('would violate PodSecurity "restricted:latest": allowPrivilegeEscalation')
    attributes = write("pods", pod(hostIPC=True))
    with pytest.raises(APIError) as refused:
        plugin.validate(attributes)
    assert refused.value.message == (
        'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostIPC=true)'
    )
    assert attributes.warnings == []


def test_a_template_is_only_warned_of() -> None:
    plugin = PodSecurity(FakeObjects(("", "namespaces", namespace(enforce="baseline"))))
    deployment = named("d", "n", spec={"template": {"spec": {"hostIPC": True}}})
    attributes = write("deployments", deployment, group="apps")
    plugin.validate(attributes)
    assert attributes.warnings == ['would violate PodSecurity "baseline:latest": host namespaces (hostIPC=true)']


def test_an_update_that_brings_no_image_is_not_looked_at() -> None:
    plugin = PodSecurity(FakeObjects(("", "namespaces", namespace(enforce="baseline"))))
    plugin.validate(write("pods", pod(hostIPC=True), pod(hostIPC=True)))
    changed = pod(hostIPC=True)
    changed["spec"]["containers"][0]["image"] = "other"
    with pytest.raises(APIError):
        plugin.validate(write("pods", changed, pod(hostIPC=True)))


def test_a_stricter_namespace_warns_of_its_pods() -> None:
    objects = FakeObjects(*(("", "pods", pod(name, hostIPC=True)) for name in ("b", "a")), ("", "pods", pod("c")))
    attributes = write("namespaces", namespace(enforce="baseline"), namespace())
    PodSecurity(objects).validate(attributes)
    assert attributes.warnings == [
        'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): host namespaces",
    ]


def test_a_namespace_with_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(APIError) as refused:
        PodSecurity(FakeObjects()).validate(write("namespaces", namespace(audit="x")))
    assert refused.value.code == 422
