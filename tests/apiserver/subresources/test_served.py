"""Scale, bindings and evictions, as a whole server does them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.apiserver.running import Running, running

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
CONTAINERS = [{"name": "c", "image": "i"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server")) as found:
        found.made("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        yield found


def deployment(server: Running, name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": CONTAINERS}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return server.made(DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec})


def pod(server: Running, name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": name}}
    return server.made(PODS, {"metadata": metadata, "spec": {"containers": CONTAINERS, **spec}})


def scale(name: str, replicas: int, **metadata: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", **metadata}
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas}}


def owners(obj: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    entries = obj["metadata"]["managedFields"]
    found = [each for each in entries if each.get("subresource") == "scale"]
    return [(each["manager"], each["operation"], each["apiVersion"], "time" in each) for each in found]


def test_who_scales_owns_the_replicas(server: Running) -> None:
    uid = deployment(server, "web")["metadata"]["uid"]
    path = f"{DEPLOYMENTS}/web/scale"
    status, answer = server.call("PATCH", f"{path}?fieldManager=one", {"spec": {"replicas": 3}}, MERGE)
    assert (status, answer["spec"], answer["status"]["selector"]) == (200, {"replicas": 3}, "a=b")
    status, answer = server.call("PATCH", f"{path}?fieldManager=two", scale("web", 5), APPLY)
    assert (status, answer["details"]["causes"]) == (
        409,
        [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "one" with subresource "scale" using autoscaling/v1',
                "field": ".spec.replicas",
            }
        ],
    )
    assert server.call("PATCH", f"{path}?fieldManager=two&force=true", scale("web", 5), APPLY)[0] == 200
    _, found = server.call("GET", f"{DEPLOYMENTS}/web")
    assert (found["spec"]["replicas"], found["metadata"]["generation"], found["metadata"]["uid"]) == (5, 3, uid)
    assert owners(found) == [("two", "Apply", "apps/v1", False)]


def test_a_scale_of_another_object_is_refused(server: Running) -> None:
    uid = deployment(server, "other")["metadata"]["uid"]
    path = f"{DEPLOYMENTS}/other/scale"
    status, answer = server.call("PUT", path, scale("other", 2, uid="x"))
    assert (status, answer["message"].rpartition("AdditionalErrorMsg: ")[2]) == (
        409,
        f"Precondition failed: UID in precondition: x, UID in object meta: {uid}",
    )
    status, answer = server.call("PATCH", path, {"metadata": {"uid": "x"}, "spec": {"replicas": 2}}, MERGE)
    assert (status, answer["details"]["kind"]) == (409, "deployments/scale")
    assert server.call("PUT", path, scale("other", 2, resourceVersion="1"))[0] == 409
    status, answer = server.call("PUT", path, scale("other", -2))
    assert (status, answer["details"]["kind"]) == (422, "Scale")
    assert server.call("PATCH", f"{DEPLOYMENTS}/none/scale", {}, MERGE)[0] == 404


def test_policies_see_the_scale(server: Running) -> None:
    deployment(server, "ruled")
    rules = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["*/scale"]}]
    expression = "object.kind == 'Scale' && oldObject.spec.replicas == 1 && object.spec.replicas < 10"
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": expression}]}
    server.made(POLICIES, {"metadata": {"name": "few"}, "spec": spec})
    binding = {"metadata": {"name": "few"}, "spec": {"policyName": "few", "validationActions": ["Deny"]}}
    server.made(POLICIES.replace("policies", "policybindings"), binding)
    path = f"{DEPLOYMENTS}/ruled/scale"
    assert server.call("PATCH", path, {"spec": {"replicas": 10}}, MERGE)[0] == 422
    assert server.call("PATCH", path, {"spec": {"replicas": 9}}, MERGE)[0] == 200
    for name in (POLICIES.replace("policies", "policybindings"), POLICIES):
        assert server.call("DELETE", f"{name}/few")[0] == 200


def test_a_pod_is_bound_once(server: Running) -> None:
    pod(server, "loose")
    target = {"target": {"kind": "Node", "name": "n1"}}
    status, answer = server.call("POST", "/api/v1/namespaces/default/bindings", {"metadata": {}, **target})
    assert (status, answer["message"]) == (400, "Name parameter required.")
    assert server.call("POST", f"{PODS}/loose/binding?dryRun=All", {"metadata": {"name": "loose"}, **target})[0] == 201
    status, answer = server.call("POST", f"{PODS}/loose/binding", {"metadata": {"name": "loose"}, **target})
    assert (status, answer["status"], answer["code"]) == (201, "Success", 201)
    _, found = server.call("GET", f"{PODS}/loose")
    assert found["spec"]["nodeName"] == "n1"
    assert [(each["type"], each["status"]) for each in found["status"]["conditions"]] == [("PodScheduled", "True")]
    status, answer = server.call(
        "POST", "/api/v1/namespaces/default/bindings", {"metadata": {"name": "loose"}, **target}
    )
    assert (status, answer["reason"]) == (409, "Conflict")


def test_a_budget_keeps_pods(server: Running) -> None:
    pod(server, "kept", nodeName="n1")
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    assert server.call("PATCH", f"{PODS}/kept/status", {"status": ready}, MERGE)[0] == 200
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}}
    server.made(BUDGETS, {"metadata": {"name": "one"}, "spec": spec})
    counts = {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    status = {"status": {**counts, "disruptionsAllowed": 0}}
    assert server.call("PATCH", f"{BUDGETS}/one/status", status, MERGE)[0] == 200
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "kept"}}
    code, answer = server.call("POST", f"{PODS}/kept/eviction", eviction)
    assert (code, answer["reason"]) == (429, "TooManyRequests")
    status["status"].update(disruptionsAllowed=1, currentHealthy=2)
    assert server.call("PATCH", f"{BUDGETS}/one/status", status, MERGE)[0] == 200
    code, answer = server.call("POST", f"{PODS}/kept/eviction", eviction)
    assert (code, answer["status"]) == (201, "Success")
    _, budget = server.call("GET", f"{BUDGETS}/one")
    assert (budget["status"]["disruptionsAllowed"], list(budget["status"]["disruptedPods"])) == (0, ["kept"])
    _, found = server.call("GET", f"{PODS}/kept")
    assert found["metadata"]["deletionGracePeriodSeconds"] == 30
    assert found["status"]["conditions"][-1]["reason"] == "EvictionByEvictionAPI"


def test_options_of_an_eviction_are_checked(server: Running) -> None:
    pod(server, "pending")
    wrong = {"propagationPolicy": "Odd"}
    eviction = {"metadata": {"name": "pending"}, "deleteOptions": wrong}
    status, answer = server.call("POST", f"{PODS}/pending/eviction", eviction)
    assert (status, answer["details"]["kind"]) == (422, "DeleteOptions")
    status, answer = server.call("POST", f"{PODS}/pending/eviction?dryRun=All", {"metadata": {"name": "else"}})
    assert (status, answer["message"]) == (400, "name in URL does not match name in Eviction object")
    assert server.call("POST", f"{PODS}/pending/eviction", {"metadata": {"name": "pending"}})[0] == 201
    assert server.call("GET", f"{PODS}/pending")[0] == 404


def test_connections_are_admitted(server: Running) -> None:
    pod(server, "shell", nodeName="n1")
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"], "resources": ["pods/exec"]}]
    expression = "object.kind != 'PodExecOptions' || object.command != ['sh', '-c'] || !object.stdin"
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": expression}]}
    server.made(POLICIES, {"metadata": {"name": "no-shell"}, "spec": spec})
    binding = {"metadata": {"name": "no-shell"}, "spec": {"policyName": "no-shell", "validationActions": ["Deny"]}}
    server.made(POLICIES.replace("policies", "policybindings"), binding)
    status, answer = server.call("POST", f"{PODS}/shell/exec?command=sh&command=-c&stdin=true")
    assert (status, "no-shell" in answer["message"]) == (422, True)
    assert server.call("POST", f"{PODS}/shell/exec?command=ls")[0] != 422


def test_policies_see_what_a_token_is_to_be(server: Running) -> None:
    resources = ["serviceaccounts/token"]
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": resources}]
    expression = (
        "object.spec.expirationSeconds == 3600 && object.spec.audiences.size() == 1 && request.name == 'default'"
    )
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": expression}]}
    server.made(POLICIES, {"metadata": {"name": "short"}, "spec": spec})
    binding = {"metadata": {"name": "short"}, "spec": {"policyName": "short", "validationActions": ["Deny"]}}
    server.made(POLICIES.replace("policies", "policybindings"), binding)
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    assert server.call("POST", path, {"spec": {"expirationSeconds": 7200}})[0] == 422
    assert server.made(path, {"spec": {}})["status"]["token"]
