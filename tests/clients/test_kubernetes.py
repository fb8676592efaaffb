"""The Python client ``kubernetes``: typed calls, the dynamic client, watches, errors, tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import kubernetes.dynamic
import kubernetes.utils
import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ConflictError

from bench.api.target import Own

client: Any = kubernetes.client
"""Untyped: its types say that every field may be None."""
config: Any = kubernetes.config
dynamic: Any = kubernetes.dynamic
utils: Any = kubernetes.utils
watch: Any = kubernetes.watch

NAMESPACE = "python"
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]},
        },
    },
}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "cars.road.example.com"},
    "spec": {
        "group": "road.example.com",
        "scope": "Namespaced",
        "names": {"plural": "cars", "kind": "Car"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"seats": {"type": "integer"}}}},
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def api(server: Own) -> Iterator[Any]:
    """Return the client of a kubeconfig, with a namespace to work in."""
    with config.new_client_from_config(str(server.kubeconfig)) as made:
        core = client.CoreV1Api(made)
        core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
        account = client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="default"))
        core.create_namespaced_service_account(NAMESPACE, account)
        yield made


@pytest.fixture(scope="module")
def core(api: Any) -> Any:
    return client.CoreV1Api(api)


def pod(name: str, **labels: str) -> Any:
    container = client.V1Container(name="main", image="nginx:1.27", ports=[client.V1ContainerPort(container_port=80)])
    metadata = client.V1ObjectMeta(name=name, labels=labels)
    return client.V1Pod(metadata=metadata, spec=client.V1PodSpec(containers=[container]))


def configmap(name: str, **data: str) -> Any:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def test_version(api: Any) -> None:
    assert client.VersionApi(api).get_code().minor == "36"


def test_groups_and_resources(api: Any) -> None:
    names = {each.name for each in client.ApisApi(api).get_api_versions().groups}
    assert {"apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io"} <= names
    resources = {each.name for each in client.CoreV1Api(api).get_api_resources().resources}
    assert {"pods", "pods/status", "pods/binding", "nodes", "services"} <= resources


def test_a_pod_from_birth_to_death(core: Any) -> None:
    made = core.create_namespaced_pod(NAMESPACE, pod("life", app="life"))
    assert made.status.phase == "Pending"
    assert made.spec.restart_policy == "Always"
    assert made.metadata.creation_timestamp.tzinfo is not None
    assert core.read_namespaced_pod("life", NAMESPACE).metadata.uid == made.metadata.uid
    target = client.V1ObjectReference(kind="Node", name="somewhere", api_version="v1")
    binding = client.V1Binding(metadata=client.V1ObjectMeta(name="life"), target=target)
    answer = core.create_namespaced_pod_binding("life", NAMESPACE, binding, _preload_content=False)  # it is a Status
    assert answer.json()["status"] == "Success"
    answer.release_conn()
    patched = core.patch_namespaced_pod_status("life", NAMESPACE, {"status": {"phase": "Running"}})
    assert (patched.spec.node_name, patched.status.phase) == ("somewhere", "Running")
    assert core.delete_namespaced_pod("life", NAMESPACE, grace_period_seconds=0).metadata.name == "life"
    with pytest.raises(ApiException) as error:
        core.read_namespaced_pod("life", NAMESPACE)
    assert (error.value.status, error.value.reason) == (404, "Not Found")


def test_errors(core: Any) -> None:
    core.create_namespaced_config_map(NAMESPACE, configmap("twice"))
    with pytest.raises(ApiException) as error:
        core.create_namespaced_config_map(NAMESPACE, configmap("twice"))
    assert error.value.status == 409
    assert '"reason":"AlreadyExists"' in str(error.value.body)
    wrong = pod("wrong")
    wrong.spec.containers[0].ports[0].container_port = 99999
    with pytest.raises(ApiException) as error:
        core.create_namespaced_pod(NAMESPACE, wrong)
    assert error.value.status == 422
    assert "spec.containers[0].ports[0].containerPort" in str(error.value.body)
    old = core.read_namespaced_config_map("twice", NAMESPACE)
    core.patch_namespaced_config_map("twice", NAMESPACE, {"data": {"a": "b"}})
    with pytest.raises(ApiException) as error:
        core.replace_namespaced_config_map("twice", NAMESPACE, old)
    assert error.value.status == 409


def test_lists_in_pages(core: Any) -> None:
    for number in range(5):
        core.create_namespaced_config_map(NAMESPACE, configmap(f"page-{number}"))
    found, rest = [], None
    while rest != "":
        page = core.list_namespaced_config_map(NAMESPACE, limit=2, **({"_continue": rest} if rest else {}))
        assert len(page.items) <= 2
        found += [each.metadata.name for each in page.items if each.metadata.name.startswith("page-")]
        rest = page.metadata._continue or ""
    assert found == [f"page-{number}" for number in range(5)]


def test_selectors(core: Any) -> None:
    core.create_namespaced_pod(NAMESPACE, pod("red", color="red"))
    core.create_namespaced_pod(NAMESPACE, pod("blue", color="blue"))
    labelled = core.list_namespaced_pod(NAMESPACE, label_selector="color in (red, green)")
    assert [each.metadata.name for each in labelled.items] == ["red"]
    named = core.list_pod_for_all_namespaces(field_selector="metadata.name=blue")
    assert [each.metadata.name for each in named.items] == ["blue"]


def test_watch_from_a_list_on(core: Any) -> None:
    core.create_namespaced_config_map(NAMESPACE, configmap("before"))
    version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    core.create_namespaced_config_map(NAMESPACE, configmap("seen", a="b"))
    core.patch_namespaced_config_map("seen", NAMESPACE, {"data": {"a": "c"}})
    core.delete_namespaced_config_map("seen", NAMESPACE)
    stream = watch.Watch()
    seen = []
    for event in stream.stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=20
    ):
        seen.append((event["type"], event["object"].metadata.name, event["object"].data))
        if event["type"] == "DELETED":
            stream.stop()
    assert seen == [
        ("ADDED", "seen", {"a": "b"}),
        ("MODIFIED", "seen", {"a": "c"}),
        ("DELETED", "seen", {"a": "c"}),
    ]


def test_a_watch_ends_in_time(core: Any) -> None:
    names = [
        event["object"].metadata.name
        for event in watch.Watch().stream(core.list_namespaced_service_account, NAMESPACE, timeout_seconds=1)
    ]
    assert names == ["default"]


def test_deployments_and_their_scale(api: Any) -> None:
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment(NAMESPACE, DEPLOYMENT)
    assert apps.read_namespaced_deployment_scale("web", NAMESPACE).spec.replicas == 2
    apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 5}})
    found = apps.read_namespaced_deployment("web", NAMESPACE)
    assert (found.spec.replicas, found.metadata.generation) == (5, 2)
    assert found.spec.strategy.rolling_update.max_surge == "25%"
    options = client.V1DeleteOptions(propagation_policy="Orphan")
    apps.delete_namespaced_deployment("web", NAMESPACE, body=options)
    assert apps.read_namespaced_deployment("web", NAMESPACE).metadata.finalizers == ["orphan"]


def test_manifests(api: Any, core: Any, tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text("{apiVersion: v1, kind: Service, metadata: {name: made}, spec: {ports: [{port: 80}]}}")
    utils.create_from_yaml(api, str(path), namespace=NAMESPACE)
    assert core.read_namespaced_service("made", NAMESPACE).spec.cluster_ip.startswith("10.")


def test_secrets_are_base64(core: Any) -> None:
    secret = client.V1Secret(metadata=client.V1ObjectMeta(name="keys"), string_data={"password": "s3cret"})
    assert core.create_namespaced_secret(NAMESPACE, secret).data == {"password": "czNjcmV0"}


def test_a_token_of_a_service_account(server: Own, api: Any, core: Any) -> None:
    spec = client.V1TokenRequestSpec(audiences=[], expiration_seconds=3600)
    request = client.AuthenticationV1TokenRequest(spec=spec)
    token = core.create_namespaced_service_account_token("default", NAMESPACE, request).status.token
    settings = client.Configuration()
    settings.host, settings.ssl_ca_cert = api.configuration.host, api.configuration.ssl_ca_cert
    settings.api_key = {"authorization": f"Bearer {token}"}
    with client.ApiClient(settings) as weak:
        review = client.AuthenticationV1Api(weak).create_self_subject_review(client.V1SelfSubjectReview())
        assert review.status.user_info.username == f"system:serviceaccount:{NAMESPACE}:default"
        with pytest.raises(ApiException) as error:
            client.CoreV1Api(weak).list_namespaced_secret(NAMESPACE)
    assert error.value.status == 403


def test_custom_objects(api: Any) -> None:
    client.ApiextensionsV1Api(api).create_custom_resource_definition(DEFINITION)
    custom = client.CustomObjectsApi(api)
    where = ("road.example.com", "v1", NAMESPACE, "cars")
    car = {"apiVersion": "road.example.com/v1", "kind": "Car", "metadata": {"name": "one"}, "spec": {"seats": 4}}
    made = custom.create_namespaced_custom_object(*where, car)
    assert made["spec"] == {"seats": 4}
    assert custom.patch_namespaced_custom_object(*where, "one", {"spec": {"seats": 5}})["spec"] == {"seats": 5}
    assert [each["metadata"]["name"] for each in custom.list_namespaced_custom_object(*where)["items"]] == ["one"]


def test_dynamic_client(api: Any) -> None:
    resources = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dynamic"}, "data": {"a": "1"}}
    assert resources.create(body=body, namespace=NAMESPACE).data.a == "1"
    body["data"] = {"a": "2"}
    applied = resources.server_side_apply(body=body, namespace=NAMESPACE, field_manager="me", force_conflicts=True)
    assert applied.data.a == "2"
    with pytest.raises(ConflictError):
        resources.server_side_apply(
            body={**body, "data": {"a": "3"}}, namespace=NAMESPACE, name="dynamic", field_manager="you"
        )
    events = resources.watch(namespace=NAMESPACE, name="dynamic", timeout=1)
    assert [(each["type"], each["object"].data.a) for each in events] == [("ADDED", "2")]
    assert resources.delete(name="dynamic", namespace=NAMESPACE).status == "Success"
