"""Plugins of one file each: what they add and what they refuse, in upstream's words."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.admission.default_class import DefaultIngressClass, DefaultStorageClass
from cluster_shim.apiserver.admission.limit_ranger import LimitRanger
from cluster_shim.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from cluster_shim.apiserver.admission.plugin import DELETE, Attributes
from cluster_shim.apiserver.admission.pod_placement import PodResizeValidator, PodTopologyLabels
from cluster_shim.apiserver.admission.priority import Priority
from cluster_shim.apiserver.admission.runtime_class import RuntimeClass, merge_tolerations
from cluster_shim.apiserver.admission.service_account import ServiceAccount
from cluster_shim.apiserver.admission.storage import PersistentVolumeClaimResize, StorageObjectInUseProtection
from cluster_shim.apiserver.admission.taint_nodes import TaintNodesByCondition
from tests.apiserver.admission.writes import named, pod, write
from tests.apiserver.fakes import FakeObjects


def refusal(call: Any, attributes: Attributes) -> str:
    with pytest.raises(APIError) as refused:
        call(attributes)
    return refused.value.message


def limits(*limits: dict[str, Any]) -> LimitRanger:
    return LimitRanger(FakeObjects(("", "limitranges", named("l", "n", spec={"limits": list(limits)}))))


class TestNamespaceLifecycle:
    def test_the_namespace_must_be_there(self) -> None:
        plugin = NamespaceLifecycle(FakeObjects())
        assert refusal(plugin.admit, write("pods", pod())) == 'namespaces "n" not found'

    def test_nothing_new_in_one_that_goes(self) -> None:
        plugin = NamespaceLifecycle(FakeObjects(("", "namespaces", named("n", status={"phase": "Terminating"}))))
        with pytest.raises(APIError) as refused:
            plugin.admit(write("pods", pod()))
        assert refused.value.message == (
            'pods "p" is forbidden: unable to create new content in namespace n because it is being terminated'
        )
        assert refused.value.status["details"]["causes"][0]["reason"] == "NamespaceTerminating"
        plugin.admit(write("pods", pod(), pod()))

    def test_some_cannot_be_deleted(self) -> None:
        attributes = write("namespaces", named("kube-system"))
        attributes.operation = DELETE
        message = refusal(NamespaceLifecycle(FakeObjects()).admit, attributes)
        assert message == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'


class TestLimitRanger:
    def test_defaults_are_noted(self) -> None:
        plugin = limits(
            {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m", "memory": "1Mi"}}
        )
        new = pod(initContainers=[{"name": "i", "resources": {"requests": {"cpu": "2"}}}])
        plugin.admit(write("pods", new))
        assert new["spec"]["containers"][0]["resources"] == {
            "limits": {"cpu": "1"},
            "requests": {"cpu": "100m", "memory": "1Mi"},
        }
        assert new["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c; "
            "memory request for init container i; cpu limit for init container i"
        )

    @pytest.mark.parametrize(
        ("limit", "resources", "message"),
        [
            ({"min": {"cpu": "1"}}, {}, "minimum cpu usage per Container is 1.  No request is specified"),
            (
                {"min": {"cpu": "1"}},
                {"requests": {"cpu": "500m"}},
                "minimum cpu usage per Container is 1, but request is 500m",
            ),
            ({"max": {"memory": "1Gi"}}, {}, "maximum memory usage per Container is 1Gi.  No limit is specified"),
            (
                {"max": {"memory": "1Gi"}},
                {"limits": {"memory": "2Gi"}},
                "maximum memory usage per Container is 1Gi, but limit is 2Gi",
            ),
            (
                {"maxLimitRequestRatio": {"cpu": "2"}},
                {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}},
                "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
            ),
            (
                {"maxLimitRequestRatio": {"cpu": "2"}},
                {"limits": {"cpu": "3"}},
                "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            ),
        ],
    )
    def test_bounds(self, limit: dict[str, Any], resources: dict[str, Any], message: str) -> None:
        new = pod(containers=[{"name": "c", "resources": resources}])
        plugin = limits({"type": "Container", **limit})
        assert refusal(plugin.validate, write("pods", new)) == f'pods "p" is forbidden: {message}'

    def test_a_pod_in_all_counts_the_largest_init_container(self) -> None:
        plugin = limits({"type": "Pod", "max": {"cpu": "2"}})
        small = {"limits": {"cpu": "1"}}
        containers = [{"name": "a", "resources": small}, {"name": "b", "resources": small}]
        plugin.validate(write("pods", pod(containers=containers)))
        init = [{"name": "i", "resources": {"limits": {"cpu": "3"}}}]
        message = refusal(plugin.validate, write("pods", pod(containers=containers, initContainers=init)))
        assert message.endswith("maximum cpu usage per Pod is 2, but limit is 3")

    def test_several_messages_stand_in_a_list(self) -> None:
        plugin = limits({"type": "PersistentVolumeClaim", "min": {"storage": "2Gi"}, "max": {"storage": "500Mi"}})
        claim = named("d", "n", spec={"resources": {"requests": {"storage": "1Gi"}}})
        assert refusal(plugin.validate, write("persistentvolumeclaims", claim)) == (
            'persistentvolumeclaims "d" is forbidden: '
            "[minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi, "
            "maximum storage usage per PersistentVolumeClaim is 500Mi, but request is 1Gi]"
        )


class TestServiceAccount:
    def test_it_must_exist(self) -> None:
        message = refusal(ServiceAccount(FakeObjects()).admit, write("pods", pod()))
        assert message == (
            'pods "p" is forbidden: error looking up service account n/default: serviceaccount "default" not found'
        )

    def test_the_token_can_be_declined_by_pod_or_account(self) -> None:
        account = named("a", "n", automountServiceAccountToken=False, imagePullSecrets=[{"name": "pull"}])
        plugin = ServiceAccount(FakeObjects(("", "serviceaccounts", account)))
        new = pod(serviceAccountName="a")
        plugin.admit(write("pods", new))
        assert "volumes" not in new["spec"]
        assert new["spec"]["imagePullSecrets"] == [{"name": "pull"}]
        wanting = pod(serviceAccountName="a", automountServiceAccountToken=True)
        plugin.admit(write("pods", wanting))
        assert len(wanting["spec"]["volumes"]) == 1

    def test_only_mountable_secrets_where_that_is_enforced(self) -> None:
        account = named("a", "n", secrets=[{"name": "mine"}])
        account["metadata"]["annotations"] = {"kubernetes.io/enforce-mountable-secrets": "true"}
        plugin = ServiceAccount(FakeObjects(("", "serviceaccounts", account)))
        volumes = [{"name": "v", "secret": {"secretName": "other"}}]
        message = refusal(plugin.admit, write("pods", pod(serviceAccountName="a", volumes=volumes)))
        assert message.endswith(
            'volume with secret.secretName="other" is not allowed because service account a '
            "does not reference that secret"
        )
        plugin.admit(
            write("pods", pod(serviceAccountName="a", volumes=[{"name": "v", "secret": {"secretName": "mine"}}]))
        )

    def test_mirror_pods_have_none(self) -> None:
        mirror = pod(serviceAccountName="a")
        mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
        message = refusal(ServiceAccount(FakeObjects()).admit, write("pods", mirror))
        assert message.endswith("a mirror pod may not reference service accounts")


class TestPriority:
    CLASS = ("scheduling.k8s.io", "priorityclasses")

    def test_the_class_decides(self) -> None:
        plugin = Priority(FakeObjects((*self.CLASS, named("high", value=9, preemptionPolicy="Never"))))
        new = pod(priorityClassName="high")
        plugin.admit(write("pods", new))
        assert (new["spec"]["priority"], new["spec"]["preemptionPolicy"]) == (9, "Never")
        message = refusal(plugin.admit, write("pods", pod(priorityClassName="high", priority=3)))
        assert message == (
            'pods "p" is forbidden: the integer value of priority (3) must not be provided in pod spec; '
            "priority admission controller computed 9 from the given PriorityClass name"
        )
        message = refusal(plugin.admit, write("pods", pod(priorityClassName="low")))
        assert message.endswith("no PriorityClass with name low was found")

    def test_there_is_one_default(self) -> None:
        plugin = Priority(FakeObjects((*self.CLASS, named("d", value=5, globalDefault=True))))
        new = pod()
        plugin.admit(write("pods", new))
        assert (new["spec"]["priorityClassName"], new["spec"]["priority"]) == ("d", 5)
        other = named("e", value=6, globalDefault=True)
        message = refusal(plugin.validate, write("priorityclasses", other, group="scheduling.k8s.io"))
        assert message.endswith("PriorityClass d is already marked as default. Only one default can exist")

    def test_an_update_keeps_it(self) -> None:
        changed = pod()
        Priority(FakeObjects()).admit(write("pods", changed, pod(priority=7)))
        assert changed["spec"]["priority"] == 7


class TestRuntimeClass:
    CLASS = named(
        "kata",
        overhead={"podFixed": {"cpu": "100m"}},
        scheduling={"nodeSelector": {"kata": "yes"}, "tolerations": [{"key": "kata", "operator": "Exists"}]},
    )

    def plugin(self) -> RuntimeClass:
        return RuntimeClass(FakeObjects(("node.k8s.io", "runtimeclasses", self.CLASS)))

    def test_overhead_and_scheduling(self) -> None:
        new = pod(runtimeClassName="kata", nodeSelector={"a": "b"})
        self.plugin().admit(write("pods", new))
        self.plugin().validate(write("pods", new))
        assert new["spec"]["overhead"] == {"cpu": "100m"}
        assert new["spec"]["nodeSelector"] == {"a": "b", "kata": "yes"}
        assert new["spec"]["tolerations"] == [{"key": "kata", "operator": "Exists"}]

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"runtimeClassName": "x"}, 'pod rejected: RuntimeClass "x" not found'),
            (
                {"runtimeClassName": "kata", "overhead": {"cpu": "1"}},
                "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
            ),
            (
                {"runtimeClassName": "kata", "nodeSelector": {"kata": "no"}},
                "conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no",
            ),
        ],
    )
    def test_refusals(self, spec: dict[str, Any], message: str) -> None:
        assert refusal(self.plugin().admit, write("pods", pod(**spec))).endswith(message)

    def test_tolerations_that_others_include_fall_away(self) -> None:
        everything = {"operator": "Exists"}
        narrow = {"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}
        wide = {**narrow, "tolerationSeconds": 9}
        assert merge_tolerations([narrow, everything]) == [everything]
        assert merge_tolerations([wide, narrow]) == [wide]
        assert merge_tolerations([narrow, wide, narrow]) == [wide]


class TestStorage:
    def test_finalizers_protect(self) -> None:
        claim = named("d", "n")
        StorageObjectInUseProtection().admit(write("persistentvolumeclaims", claim))
        StorageObjectInUseProtection().admit(write("persistentvolumeclaims", claim))
        assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]

    def test_growth_takes_a_class_that_allows_it(self) -> None:
        def claim(size: str, phase: str = "Bound") -> dict[str, Any]:
            spec = {"storageClassName": "fast", "resources": {"requests": {"storage": size}}}
            return named("d", "n", spec=spec, status={"phase": phase})

        resource, kind = "persistentvolumeclaims", ("storage.k8s.io", "storageclasses")
        rigid = PersistentVolumeClaimResize(FakeObjects((*kind, named("fast"))))
        rigid.validate(write(resource, claim("1Gi"), claim("1Gi")))
        message = refusal(rigid.validate, write(resource, claim("2Gi"), claim("1Gi", "Pending")))
        assert message.endswith("Only bound persistent volume claims can be expanded")
        message = refusal(rigid.validate, write(resource, claim("2Gi"), claim("1Gi")))
        assert message.endswith("the storageclass that provisions the pvc must support resize")
        elastic = PersistentVolumeClaimResize(FakeObjects((*kind, named("fast", allowVolumeExpansion=True))))
        elastic.validate(write(resource, claim("2Gi"), claim("1Gi")))

    @pytest.mark.parametrize(
        ("plugin", "group", "resource", "classes", "mark", "member"),
        [
            (
                DefaultStorageClass,
                "",
                "persistentvolumeclaims",
                ("storage.k8s.io", "storageclasses"),
                "storageclass",
                "s",
            ),
            (DefaultIngressClass, "networking.k8s.io", "ingresses", ("networking.k8s.io", "ingressclasses"), "i", "i"),
        ],
    )
    def test_the_newest_default(
        self, plugin: Any, group: str, resource: str, classes: tuple[str, str], mark: str, member: str
    ) -> None:
        kind = "storageclass" if member == "s" else "ingressclass"
        name = "storageClassName" if member == "s" else "ingressClassName"
        objects = FakeObjects()
        for each, created, default in (("b", 2, "true"), ("a", 2, "true"), ("c", 1, "true"), ("d", 3, "false")):
            found = named(each)
            found["metadata"] |= {
                "creationTimestamp": f"2026-01-0{created}T00:00:00Z",
                "annotations": {f"{kind}.kubernetes.io/is-default-class": default},
            }
            objects.add(*classes, found)
        new = named("x", "n", spec={})
        plugin(objects).admit(write(resource, new, group=group))
        assert new["spec"] == {name: "a"}
        own = named("x", "n", spec={name: "mine"})
        plugin(objects).admit(write(resource, own, group=group))
        assert own["spec"] == {name: "mine"}


class TestNodes:
    def test_a_new_node_is_not_ready(self) -> None:
        node = named("x")
        TaintNodesByCondition().admit(write("nodes", node))
        TaintNodesByCondition().admit(write("nodes", node))
        assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]

    def test_a_binding_brings_the_labels_of_the_node(self) -> None:
        node = named("x")
        node["metadata"]["labels"] = {"topology.kubernetes.io/zone": "z", "other": "o"}
        binding = named("p", "n", target={"kind": "Node", "name": "x"})
        PodTopologyLabels(FakeObjects(("", "nodes", node))).admit(write("pods", binding, subresource="binding"))
        assert binding["metadata"]["labels"] == {"topology.kubernetes.io/zone": "z"}

    def test_a_resize_must_fit_the_node(self) -> None:
        node = named("x", status={"allocatable": {"cpu": "2", "memory": "1Gi"}})
        new = pod(nodeName="x", containers=[{"name": "c", "resources": {"requests": {"cpu": "3"}}}])
        new["metadata"]["generation"] = 2
        attributes = write("pods", new, pod(nodeName="x"), subresource="resize")
        message = refusal(PodResizeValidator(FakeObjects(("", "nodes", node))).validate, attributes)
        assert message.endswith(
            "node didn't have enough allocatable resources: cpu, requested: 3000, allocatable: 2000"
        )
