"""Webhooks over TLS on loopback: what they are asked, what their answers do, and what happens when there is none."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.apiserver.admission.chain import AdmissionChain
from cluster_shim.apiserver.admission.plugin import Attributes
from cluster_shim.apiserver.admission.webhook import MutatingAdmissionWebhook, ValidatingAdmissionWebhook
from tests.apiserver.admission.hook_server import Answer, HookServer, hook_server, patch
from tests.apiserver.admission.writes import named, pod, write
from tests.apiserver.fakes import FakeObjects
from tests.apiserver.whole import looped, whole

ALL = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}]
AR = "admissionregistration.k8s.io"


class Serving:
    """Objects stay as they are."""

    conditions = True

    def convert(self, obj: Any, kind: GroupVersionKind) -> Any:
        return {**obj, "apiVersion": kind.api_version} if obj is not None else None

    def reread(self, document: Any, kind: GroupVersionKind) -> Any:
        return document

    def matches_conditions(self, hook: Mapping[str, Any], attributes: Attributes) -> bool:
        return self.conditions


def hook(server: HookServer | None, name: str = "a.example.com", **members: Any) -> dict[str, Any]:
    config = server.config if server else {"service": {"namespace": "n", "name": "absent"}}
    return {
        "name": name,
        "clientConfig": config,
        "rules": ALL,
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 10,
        **members,
    }


def objects(server: HookServer | None, resource: str, *hooks: dict[str, Any]) -> FakeObjects:
    having = FakeObjects(*(server.services() if server else ()), ("", "namespaces", named("n")))
    having.add(AR, resource, named("conf", webhooks=list(hooks)))
    return having


async def mutate(server: HookServer | None, attributes: Attributes, *hooks: dict[str, Any]) -> None:
    having = objects(server, "mutatingwebhookconfigurations", *hooks)
    await AdmissionChain([MutatingAdmissionWebhook(having, Serving())]).admit(attributes)


async def validate(server: HookServer | None, attributes: Attributes, *hooks: dict[str, Any]) -> None:
    having = objects(server, "validatingwebhookconfigurations", *hooks)
    await ValidatingAdmissionWebhook(having, Serving()).validate(attributes)


def refused(call: Any) -> APIError:
    with pytest.raises(APIError) as error:
        asyncio.run(call)
    return error.value


def asked_validating(answer: Answer, attributes: Attributes, **members: Any) -> HookServer:
    async def run() -> HookServer:
        async with hook_server(answer) as server:
            await validate(server, attributes, hook(server, **members))
            result: HookServer = server
            return result

    return asyncio.run(run())


def test_what_a_webhook_is_asked() -> None:
    attributes = write("pods", pod(), dry_run=True)
    answer = {"warnings": ["careful"], "auditAnnotations": {"key": "value"}}
    server = asked_validating(lambda request: answer, attributes)
    (request,) = server.asked
    request.pop("uid")
    assert request == {
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "requestResource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "p",
        "namespace": "n",
        "operation": "CREATE",
        "userInfo": {"username": "alice", "uid": "u-alice", "groups": ["system:authenticated"]},
        "object": {**pod(), "apiVersion": "v1"},
        "oldObject": None,
        "dryRun": True,
        "options": None,
    }
    assert server.paths == ["/ask?timeout=10s"]
    assert attributes.warnings == ["careful"]
    assert attributes.annotations == {"a.example.com/key": "value"}


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        ({"message": "no", "code": 418, "reason": "Teapot"}, 418, "denied the request: no"),
        ({"reason": "Because", "code": 200}, 400, "denied the request: Because"),
        (None, 400, "denied the request without explanation"),
    ],
)
def test_a_refusal(status: Any, code: int, message: str) -> None:
    async def run() -> None:
        async with hook_server(lambda request: {"allowed": False, "status": status}) as server:
            await validate(server, write("pods", pod()), hook(server))

    error = refused(run())
    assert error.code == code
    assert error.message == f'admission webhook "a.example.com" {message}'


@pytest.mark.parametrize(
    ("rules", "is_asked"),
    [
        ({"resources": ["pods"]}, True),
        ({"resources": ["pods/status", "pods/binding"]}, False),
        ({"resources": ["pods/*"]}, True),
        ({"operations": ["UPDATE", "DELETE"]}, False),
        ({"apiGroups": ["apps"]}, False),
        ({"scope": "Cluster"}, False),
        ({"scope": "Namespaced"}, True),
    ],
)
def test_rules(rules: dict[str, Any], is_asked: bool) -> None:
    server = asked_validating(lambda request: {}, write("pods", pod()), rules=[{**ALL[0], **rules}])
    assert bool(server.asked) == is_asked


def test_selectors_conditions_and_exemptions() -> None:
    labelled = pod()
    labelled["metadata"]["labels"] = {"a": "b"}
    selector = {"matchLabels": {"a": "b"}}
    assert asked_validating(lambda request: {}, write("pods", labelled), objectSelector=selector).asked
    assert asked_validating(lambda request: {}, write("pods", pod(), labelled), objectSelector=selector).asked
    assert not asked_validating(lambda request: {}, write("pods", pod()), objectSelector=selector).asked
    assert not asked_validating(lambda request: {}, write("pods", pod()), namespaceSelector=selector).asked
    node = write("nodes", named("x"))
    assert asked_validating(lambda request: {}, node, namespaceSelector=selector).asked
    configuration = write("validatingwebhookconfigurations", named("v"), group=AR)
    assert not asked_validating(lambda request: {}, configuration).asked


def test_another_version_of_the_same_objects() -> None:
    scaler = named("h", "n", spec={})
    attributes = write("horizontalpodautoscalers", scaler, group="autoscaling")
    served = attributes.resource.version
    other = "v2" if served == "v1" else "v1"
    rule = {**ALL[0], "apiGroups": ["autoscaling"], "apiVersions": [other], "resources": ["horizontalpodautoscalers"]}
    server = asked_validating(lambda request: {}, attributes, rules=[rule])
    assert server.asked[0]["kind"]["version"] == other
    assert server.asked[0]["requestKind"]["version"] == served
    assert server.asked[0]["object"]["apiVersion"] == f"autoscaling/{other}"
    assert not asked_validating(lambda request: {}, attributes, rules=[rule], matchPolicy="Exact").asked


def test_patches_add_up_in_order() -> None:
    async def run() -> Attributes:
        def answer(request: dict[str, Any]) -> dict[str, Any]:
            labels = request["object"]["metadata"].get("labels")
            value = {"seen": str(len(labels or ()))}
            path = "/metadata/labels" if labels is None else "/metadata/labels/second"
            return patch({"op": "add", "path": path, "value": value if labels is None else "yes"})

        async with hook_server(answer) as server:
            attributes = write("pods", pod())
            await mutate(server, attributes, hook(server, "a"), hook(server, "b"))
            return attributes

    attributes = asyncio.run(run())
    assert attributes.new["metadata"]["labels"] == {"seen": "0", "second": "yes"}
    assert attributes.annotations["mutation.webhook.admission.k8s.io/round_0_index_1"] == (
        '{"configuration":"conf","webhook":"b","mutated":true}'
    )


def patched(*, patch_type: str = "JSONPatch", patch: bytes) -> Attributes:
    async def run() -> Attributes:
        answer = {"patch": b64encode(patch).decode(), "patchType": patch_type}
        async with hook_server(lambda request: answer) as server:
            attributes = write("pods", {**pod(), "kind": "Pod"})
            await mutate(server, attributes, hook(server))
            return attributes

    return asyncio.run(run())


def test_patches_that_are_none() -> None:
    assert patched(patch=b"[]", patch_type="Odd").new["metadata"]["name"] == "p"
    for sent, patch_type, message in (
        (b"{{", "JSONPatch", "received undecodable patch in webhook response: "),
        (b'[{"op": "remove", "path": "/kind"}]', "Odd", 'unsupported patch type "Odd"'),
        (b'[{"op": "add", "path": "/kind", "value": "Odd"}]', "JSONPatch", "converting (v1.Odd) to (core.Pod)"),
    ):
        with pytest.raises(APIError) as error:
            patched(patch=sent, patch_type=patch_type)
        assert message in error.value.message


def test_who_wants_it_is_asked_again_after_later_changes() -> None:
    async def run() -> list[str]:
        names: list[str] = []

        def answer(request: dict[str, Any]) -> dict[str, Any]:
            labels = request["object"]["metadata"].get("labels") or {}
            names.append(",".join(sorted(labels)))
            if labels:
                return {}
            return patch({"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}) if len(names) == 2 else {}

        async with hook_server(answer) as server:
            first = hook(server, "a", reinvocationPolicy="IfNeeded")
            await mutate(server, write("pods", pod()), first, hook(server, "b", reinvocationPolicy="Never"))
        return names

    assert asyncio.run(run()) == ["", "", "x"]


def test_dry_run_asks_only_those_without_side_effects() -> None:
    async def run() -> None:
        async with hook_server(lambda request: {}) as server:
            await validate(server, write("pods", pod(), dry_run=True), hook(server, sideEffects="Some"))

    assert refused(run()).message == 'admission webhook "a.example.com" does not support dry run'


def review(version: bytes, kind: bytes) -> bytes:
    body = b'{"apiVersion": "admission.k8s.io/%s", "kind": "%s"}' % (version, kind)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"uid": "other"}, "received invalid webhook response: expected response.uid="),
        (patch({"op": "test"}), "received invalid webhook response: validating webhook may not return response.patch"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "failed to call webhook: the server could not find"),
        (b"HTTP/1.1 418 X\r\nContent-Length: 0\r\n\r\n", "failed to call webhook: the server rejected"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "failed to call webhook: 0-length response with"),
        (review(b"v1", b"Odd"), 'failed to call webhook: no kind "Odd" is registered for version'),
        (review(b"v1beta1", b"AdmissionReview"), "failed to call webhook: converting (v1beta1.AdmissionReview) to"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 1\r\n\r\nx", "failed to call webhook: an error on the server"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "failed to call webhook: couldn't get version/kind"),
        (b"nonsense\r\n\r\n", "failed to call webhook: Post"),
        (b"", "failed to call webhook: Post"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "failed to call webhook: Post"),
    ],
)
def test_an_answer_that_is_none_counts_as_the_policy_says(answer: Any, reason: str) -> None:
    async def run(policy: str, attributes: Attributes) -> None:
        async with hook_server(lambda request: answer) as server:
            await validate(server, attributes, hook(server, failurePolicy=policy))

    error = refused(run("Fail", write("pods", pod())))
    assert error.code == 500
    assert error.message.startswith(f'Internal error occurred: failed calling webhook "a.example.com": {reason}')
    attributes = write("pods", pod())
    asyncio.run(run("Ignore", attributes))
    assert attributes.annotations == {
        "failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "a.example.com"
    }


def test_a_webhook_that_takes_too_long() -> None:
    async def slow(request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(5)
        return {}

    async def run() -> None:
        async with hook_server(lambda request: slow(request)) as server:
            await validate(server, write("pods", pod()), hook(server, timeoutSeconds=1))

    message = refused(run()).message
    assert message.endswith(
        'failed to call webhook: Post "https://hook.n.svc:443/ask?timeout=1s": context deadline exceeded'
    )


def test_a_certificate_for_another_name_is_not_trusted() -> None:
    async def run() -> None:
        async with hook_server(lambda request: {}, "other.n.svc") as server:
            await validate(server, write("pods", pod()), hook(server))

    assert "tls: failed to verify certificate: x509:" in refused(run()).message


def test_a_service_that_is_not_there() -> None:
    message = refused(validate(None, write("pods", pod()), hook(None))).message
    assert message.endswith(
        'failed to call webhook: Post "https://absent.n.svc:443/?timeout=10s": service "absent" not found'
    )


def test_a_mutating_webhook_may_be_away() -> None:
    attributes = write("pods", pod())
    asyncio.run(mutate(None, attributes, hook(None, failurePolicy="Ignore")))
    assert attributes.annotations["failed-open.mutation.webhook.admission.k8s.io/round_0_index_0"] == "a.example.com"


@looped
async def test_a_webhook_may_write_the_object_that_it_is_asked_about() -> None:
    """Nobody waits for anybody; the write that was overtaken is made again, of what is there now."""
    path = "/api/v1/namespaces/default/configmaps"
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    added = patch({"op": "add", "path": "/data/seen", "value": "yes"})
    async with whole() as client:
        writes = 0

        async def answer(request: dict[str, Any]) -> dict[str, Any]:
            nonlocal writes
            writes += 1
            if writes == 1:
                merge = "application/merge-patch+json"
                assert (await client("PATCH", f"{path}/c", {"data": {"b": "2"}}, media_type=merge)).status == 200
            return added if request["operation"] == "UPDATE" else {}

        async with hook_server(answer, "localhost") as server:
            assert (await client("POST", path, config_map)).status == 201
            config = {"url": f"https://localhost:{server.port}/ask", "caBundle": server.config["caBundle"]}
            rules = [{"operations": ["UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]
            webhook = hook(server, clientConfig=config, rules=rules)
            kind = {"apiVersion": f"{AR}/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "h"}}
            made = await client("POST", f"/apis/{AR}/v1/mutatingwebhookconfigurations", {**kind, "webhooks": [webhook]})
            assert made.status == 201, made.body
            put = await client("PUT", f"{path}/c", {**config_map, "data": {"a": "3"}})
            assert put.status == 200 and put.body["data"] == {"a": "3", "seen": "yes"}
            assert writes == 3  # the put, the patch, the put again
            stale = {**config_map, "metadata": {"name": "c", "resourceVersion": "1"}}
            assert (await client("PUT", f"{path}/c", stale)).status == 409
