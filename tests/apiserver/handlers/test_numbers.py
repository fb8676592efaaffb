"""Numbers that clients send, of whatever length and where there should be none, are refused and do not hurt."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

from tests.apiserver.whole import Client, looped, whole

LONG = "9" * 5000
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods?dryRun=All"


def _token(**members: Any) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": 1, "start": "a", **members})
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


async def _status(client: Client, query: str) -> int:
    return (await client("GET", f"{MAPS}?{query}")).status


@looped
async def test_queries() -> None:
    async with whole() as client:
        for name in ("limit", "timeoutSeconds", "resourceVersion"):
            assert await _status(client, f"{name}={LONG}") == 400, name
        assert await _status(client, f"labelSelector={quote(f'a>{LONG}')}") == 400
        for members in ({"start": 7}, {"rv": "x"}, {"rv": 1.5}, {"start": None}):
            assert await _status(client, f"continue={_token(**members)}") == 400, members
        answer = await client("GET", f"{MAPS}/kube-root-ca.crt?resourceVersion={LONG}")
        assert (answer.status, "value out of range" in answer.body["message"]) == (500, True)  # as upstream


@looped
async def test_patches_and_versions() -> None:
    async with whole() as client:
        obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "m", "finalizers": ["a.example/b"]}}
        await client("POST", MAPS, obj)
        patch = [{"op": "remove", "path": f"/metadata/finalizers/{LONG}"}]
        answer = await client("PATCH", f"{MAPS}/m", patch, "application/json-patch+json")
        assert answer.status == 422
        answer = await client("PUT", f"{MAPS}/m", {**obj, "metadata": {"name": "m", "resourceVersion": LONG}})
        assert "value out of range" in answer.body["message"]


@looped
async def test_quantities_and_annotations() -> None:
    async with whole() as client:
        await client("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        for quantity in ("1e900000", "1e2147483000", "9" * 4000 + "E"):
            requests = {"requests": {"memory": quantity}, "limits": {"memory": "1Gi"}}
            spec = {"containers": [{"name": "c", "image": "i", "resources": requests}]}
            answer = await client("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})
            assert (answer.status, answer.body["reason"]) == (422, "Invalid"), quantity
        cost = {"controller.kubernetes.io/pod-deletion-cost": LONG}
        spec = {"containers": [{"name": "c", "image": "i"}]}
        answer = await client("POST", PODS, {"metadata": {"name": "p", "annotations": cost}, "spec": spec})
        assert answer.status == 422
