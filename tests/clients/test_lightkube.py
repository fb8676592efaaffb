"""The Python client ``lightkube``: typed and generic resources, apply, watches, its async client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from lightkube import ApiError, AsyncClient, Client, KubeConfig
from lightkube.core.resource import NamespacedResource
from lightkube.generic_resource import create_namespaced_resource, load_in_cluster_generic_resources
from lightkube.models.apps_v1 import DeploymentSpec
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Node, Pod, ServiceAccount
from lightkube.types import CascadeType, PatchType

from bench.api.target import Own
from tests.clients.test_kubernetes import DEFINITION

NAMESPACE = "light"


@pytest.fixture(scope="module")
def settings(server: Own) -> KubeConfig:
    return KubeConfig.from_file(server.kubeconfig)


@pytest.fixture(scope="module")
def light(settings: KubeConfig) -> Iterator[Client]:
    """Return a client with a namespace to work in."""
    with Client(config=settings, namespace=NAMESPACE, field_manager="light") as made:
        made.create(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
        made.create(ServiceAccount(metadata=ObjectMeta(name="default")))
        yield made


def configmap(name: str, **data: str) -> ConfigMap:
    return ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=ObjectMeta(name=name), data=data)


def deployment(replicas: int) -> Deployment:
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels={"app": "web"}),
        spec=PodSpec(containers=[Container(name="main", image="nginx:1.27")]),
    )
    spec = DeploymentSpec(selector=LabelSelector(matchLabels={"app": "web"}), template=template, replicas=replicas)
    return Deployment(metadata=ObjectMeta(name="web"), spec=spec)


def test_create_get_replace_delete(light: Client) -> None:
    made = light.create(configmap("one", a="b"))
    assert light.get(ConfigMap, "one") == made
    made.data = {"a": "c"}
    replaced = light.replace(made)
    assert replaced.data == {"a": "c"}
    with pytest.raises(ApiError):
        light.replace(made)
    light.delete(ConfigMap, "one")
    with pytest.raises(ApiError) as error:
        light.get(ConfigMap, "one")
    assert error.value.status.message == 'configmaps "one" not found'


def test_lists_in_pages_and_by_label(light: Client) -> None:
    for number in range(5):
        light.create(ConfigMap(metadata=ObjectMeta(name=f"page-{number}", labels={"page": str(number % 2)})))
    pages = light.list(ConfigMap, chunk_size=2, labels={"page": ["0", "1"]})
    assert [each.metadata and each.metadata.name for each in pages] == [f"page-{number}" for number in range(5)]
    odd = light.list(ConfigMap, labels={"page": "1"})
    assert [each.metadata and each.metadata.name for each in odd] == ["page-1", "page-3"]


def test_patches(light: Client) -> None:
    light.create(deployment(1))
    light.patch(Deployment, "web", {"spec": {"replicas": 2}})
    light.patch(Deployment, "web", {"metadata": {"labels": {"x": "y"}}}, patch_type=PatchType.MERGE)
    change = [{"op": "replace", "path": "/spec/replicas", "value": 3}]
    patched = light.patch(Deployment, "web", change, patch_type=PatchType.JSON)
    assert patched.spec is not None and patched.spec.replicas == 3
    assert patched.metadata is not None and patched.metadata.labels == {"x": "y"}
    scaled = light.replace(Deployment.Scale(metadata=ObjectMeta(name="web"), spec=ScaleSpec(replicas=4)), "web")
    assert scaled.spec is not None and scaled.spec.replicas == 4
    light.delete(Deployment, "web", cascade=CascadeType.BACKGROUND)


def test_apply_and_its_conflicts(light: Client) -> None:
    applied = light.apply(configmap("applied", a="1", b="1"))
    assert applied.data == {"a": "1", "b": "1"}
    assert light.apply(configmap("applied", a="2")).data == {"a": "2"}
    with pytest.raises(ApiError) as error:
        light.apply(configmap("applied", a="3"), field_manager="other")
    assert error.value.status.code == 409
    assert light.apply(configmap("applied", a="3"), field_manager="other", force=True).data == {"a": "3"}


def test_watch(light: Client) -> None:
    version = light.create(configmap("start")).metadata.resourceVersion  # type: ignore[union-attr]
    light.create(configmap("watched", a="b"))
    light.delete(ConfigMap, "watched")
    seen = []
    for kind, found in light.watch(ConfigMap, resource_version=version):
        assert found.metadata is not None
        seen.append((kind, found.metadata.name))
        if kind == "DELETED":
            break
    assert seen == [("ADDED", "watched"), ("DELETED", "watched")]


def test_nodes_have_no_namespace(light: Client) -> None:
    light.create(Node(metadata=ObjectMeta(name="light-1")))
    assert [each.metadata and each.metadata.name for each in light.list(Node)] == ["light-1"]
    light.delete(Node, "light-1")


def test_a_log_of_a_pod_without_a_node_is_empty(light: Client) -> None:
    light.create(Pod(metadata=ObjectMeta(name="mute"), spec=PodSpec(containers=[Container(name="c", image="i")])))
    assert list(light.log("mute")) == []


def test_generic_resources(light: Client) -> None:
    from lightkube.models.apiextensions_v1 import CustomResourceDefinitionSpec
    from lightkube.resources.apiextensions_v1 import CustomResourceDefinition

    spec: Any = CustomResourceDefinitionSpec.from_dict(DEFINITION["spec"])
    light.create(CustomResourceDefinition(metadata=ObjectMeta(name="cars.road.example.com"), spec=spec))
    light.wait(CustomResourceDefinition, "cars.road.example.com", for_conditions=["Established"])
    load_in_cluster_generic_resources(light)
    cars: type[NamespacedResource] = create_namespaced_resource("road.example.com", "v1", "Car", "cars")
    made = light.create(cars(metadata={"name": "one"}, spec={"seats": 4}))  # type: ignore[call-arg]
    assert made["spec"] == {"seats": 4}  # type: ignore[index]


def test_async_client(settings: KubeConfig, light: Client) -> None:
    async def work() -> list[str]:
        made = AsyncClient(config=settings, namespace=NAMESPACE)
        await asyncio.gather(*(made.create(configmap(f"async-{number}")) for number in range(20)))
        names = [each.metadata.name or "" async for each in made.list(ConfigMap) if each.metadata]
        await made.close()
        return [name for name in names if name.startswith("async-")]

    assert len(asyncio.run(work())) == 20
