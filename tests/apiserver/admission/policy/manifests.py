"""Policies and bindings for tests; they look at the config maps of the namespace default."""

from __future__ import annotations

from typing import Any

from tests.apiserver.whole import Answer, Client

REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"

MATCH = {
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
    ],
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
}


def of_kind(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


async def add(
    client: Client, kind: str, spec: dict[str, Any], binding: dict[str, Any] | None = None, name: str = "p.example.com"
) -> None:
    """Put a policy and its binding in force."""
    path = f"{REGISTRATION}/{kind.lower()}policies"
    policy = of_kind(f"{kind}Policy", name, {"matchConstraints": MATCH, **spec})
    made = await client("POST", path, policy)
    assert made.status == 201, made
    bound = of_kind(f"{kind}PolicyBinding", name, {"policyName": name, **(binding or {})})
    made = await client("POST", path.replace("policies", "policybindings"), bound)
    assert made.status == 201, made


async def submit(client: Client, name: str = "m", **members: Any) -> Answer:
    """Create a config map."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **members}
    return await client("POST", MAPS, body)
