"""Which FlowSchema takes a request, and what answers say of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster_shim.apiserver.flows import LEVEL_UID, SCHEMA_UID
from cluster_shim.apiserver.request import Request, Response, UserInfo
from tests.apiserver.whole import Client, looped, whole

FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"
AUTHENTICATED = "system:authenticated"


def user(name: str, *groups: str) -> UserInfo:
    return UserInfo(name, groups=(*groups, AUTHENTICATED))


def account(namespace: str, name: str) -> UserInfo:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return user(f"system:serviceaccount:{namespace}:{name}", *groups)


ADMIN = user("admin", "system:masters")
NODE = user("system:node:n1", "system:nodes")


async def answer(client: Client, method: str, path: str, who: UserInfo, body: bytes = b"") -> Response:
    headers = [("accept", "application/json"), ("content-type", "application/json")]
    plain, _, query = path.partition("?")
    pairs = [tuple(each.split("=", 1)) for each in query.split("&")] if query else []
    request = Request(method, plain, pairs, headers, body, plain, user=who)  # type: ignore[arg-type]
    return await client.server.handle(request, is_authenticated=True)


async def name_of(client: Client, kind: str, uid: str) -> str:
    listed: Any = (await client("GET", f"{FLOW}/{kind}")).body
    return next((each["metadata"]["name"] for each in listed["items"] if each["metadata"]["uid"] == uid), "")


@pytest.mark.parametrize(
    ("who", "method", "path", "schema", "level"),
    [
        (ADMIN, "GET", "/api/v1/pods", "exempt", "exempt"),
        (user("nobody"), "GET", "/livez/ping", "probes", "exempt"),
        (user("nobody"), "GET", "/livezzz", "global-default", "global-default"),
        (user("nobody"), "GET", "/api/v1/pods", "global-default", "global-default"),
        (
            UserInfo("system:anonymous", groups=("system:unauthenticated",)),
            "GET",
            "/api",
            "global-default",
            "global-default",
        ),
        (UserInfo("odd", groups=()), "GET", "/api/v1/pods", "catch-all", "catch-all"),
        (NODE, "PUT", "/api/v1/nodes/n1/status", "system-node-high", "node-high"),
        (NODE, "GET", "/api/v1/namespaces/default/pods/p", "system-nodes", "system"),
        (
            user("system:kube-scheduler"),
            "PUT",
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler",
            "system-leader-election",
            "leader-election",
        ),
        (user("system:kube-scheduler"), "GET", "/api/v1/pods", "kube-scheduler", "workload-high"),
        (
            account("kube-system", "job-controller"),
            "GET",
            "/api/v1/pods",
            "kube-system-service-accounts",
            "workload-high",
        ),
        (account("default", "default"), "GET", "/api/v1/namespaces/x/pods", "service-accounts", "workload-low"),
    ],
)
def test_the_schemas_of_a_stock_server(who: UserInfo, method: str, path: str, schema: str, level: str) -> None:
    @looped
    async def scenario() -> None:
        async with whole() as client:
            headers = dict((await answer(client, method, path, who)).headers)  # refused or not
            assert await name_of(client, "flowschemas", headers[SCHEMA_UID]) == schema
            assert await name_of(client, "prioritylevelconfigurations", headers[LEVEL_UID]) == level

    scenario()


@looped
async def test_schemas_come_and_go() -> None:
    own = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": "own"},
        "spec": {
            "matchingPrecedence": 50,
            "priorityLevelConfiguration": {"name": "system"},
            "rules": [
                {
                    "subjects": [{"kind": "User", "user": {"name": "bob"}}],
                    "resourceRules": [
                        {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["a"]},
                    ],
                }
            ],
        },
    }

    async def flow(path: str) -> str:
        headers = dict((await answer(client, "GET", path, user("bob"))).headers)
        return await name_of(client, "flowschemas", headers[SCHEMA_UID])

    async with whole() as client:
        path = "/api/v1/namespaces/a/pods"
        assert await flow(path) == "global-default"
        made = await answer(client, "POST", f"{FLOW}/flowschemas", ADMIN, json.dumps(own).encode())
        assert made.status == 201
        assert await flow(path) == "own"
        for other in (f"{path}/p", f"{path}?watch=1", "/api/v1/pods", "/api/v1/namespaces/b/pods", f"{path}/p/status"):
            assert await flow(other) == "global-default", other
        dangling: Any = (await client("GET", f"{FLOW}/flowschemas/own")).body
        del dangling["metadata"]["resourceVersion"]  # the server itself writes to it, too
        dangling["spec"]["priorityLevelConfiguration"]["name"] = "none"
        assert (await client("PUT", f"{FLOW}/flowschemas/own", dangling)).status == 200
        assert await flow(path) == "global-default"


@looped
async def test_streams_of_pods_have_no_flow() -> None:
    async with whole() as client:
        found = await answer(client, "GET", "/api/v1/namespaces/default/pods/p/log", ADMIN)
        assert SCHEMA_UID not in dict(found.headers)
