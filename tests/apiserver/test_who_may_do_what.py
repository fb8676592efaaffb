"""A whole server over TLS: certificates and tokens of every kind, good and bad; rights; the audit log of it all."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.authentication.jwt import Signer
from cluster_shim.apiserver.config import Config
from cluster_shim.apiserver.pki import issue

NOW = datetime.now(UTC)
ROLES = "/apis/rbac.authorization.k8s.io/v1"
WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class Running(NamedTuple):
    port: int
    folder: Path

    @property
    def audited(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str = "",
        files: tuple[Path, Path] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        context = ssl.create_default_context(cafile=str(self.folder / "pki" / "ca.crt"))
        if files is not None:
            context.load_cert_chain(*files)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        answer = connection.getresponse()
        data = json.loads(answer.read())
        connection.close()
        return answer.status, data

    def who(self, **credentials: Any) -> str:
        status, answer = self.call("POST", WHO_AM_I, {}, **credentials)
        return str(answer["status"]["userInfo"]["username"]) if status == 201 else f"{status} {answer['message']}"


def serve(folder: Path, done: asyncio.Event, ready: Callable[[int], None]) -> Any:
    async def run() -> None:
        config = Config(
            data=folder,
            secure_port=0,
            token_auth_file=folder / "tokens.csv",
            authorization_mode=("Node", "RBAC"),
            audit_log_path=str(folder / "audit.log"),
        )
        assembly = Assembly(config)
        await assembly.start()
        ready(await assembly.listen())
        await done.wait()
        await assembly.stop()

    return run()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    from threading import Event, Thread

    folder = tmp_path_factory.mktemp("server")
    (folder / "tokens.csv").write_text('t-admin,admin,u-1,"system:masters"\nt-alice,alice,u-2,"dev"\n')
    loop, done, started, ports = asyncio.new_event_loop(), asyncio.Event(), Event(), []

    def ready(port: int) -> None:
        ports.append(port)
        started.set()

    thread = Thread(target=loop.run_until_complete, args=(serve(folder, done, ready),), daemon=True)
    thread.start()
    assert started.wait(20)
    yield Running(ports[0], folder)
    loop.call_soon_threadsafe(done.set)
    thread.join(20)
    loop.close()


def files(
    tmp_path: Path, pki: Path, name: str, *groups: str, now: datetime = NOW, lives: float = 1.0
) -> tuple[Path, Path]:
    """Return the files of a certificate by the authority of a folder."""
    authority = load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    authority_key: Any = load_pem_private_key((pki / "ca.key").read_bytes(), None)
    key = issue.key()
    made = issue.client(key, name, groups, now, (authority, authority_key), timedelta(hours=lives))
    (tmp_path / "c.crt").write_bytes(made.public_bytes(Encoding.PEM))
    (tmp_path / "c.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return tmp_path / "c.crt", tmp_path / "c.key"


def test_certificates(server: Running, tmp_path: Path) -> None:
    from cluster_shim.apiserver.pki.store import ensure

    own = server.folder / "pki"
    ensure(tmp_path / "foreign", ["x"], NOW)
    refused = "401 Unauthorized"
    assert server.who(files=(own / "admin.crt", own / "admin.key")) == "kubernetes-admin"
    assert server.who(files=files(tmp_path, own, "carol")) == "carol"
    assert server.who(files=files(tmp_path, own, "carol", now=NOW - timedelta(days=2))) == refused
    assert server.who(files=files(tmp_path, own, "carol", now=NOW + timedelta(days=2))) == refused
    assert server.who(files=files(tmp_path, tmp_path / "foreign", "kubernetes-admin", "system:masters")) == refused
    assert server.who(files=files(tmp_path, tmp_path / "foreign", "x"), token="t-alice") == "alice"


def test_tokens(server: Running) -> None:
    base = "/api/v1/namespaces/default/serviceaccounts"
    server.call("POST", base, {"metadata": {"name": "robot"}}, "t-admin")
    status, answer = server.call("POST", f"{base}/robot/token", {}, "t-admin")
    assert status == 201
    token = answer["status"]["token"]
    assert server.who(token="t-alice") == "alice"
    assert server.who(token=token) == "system:serviceaccount:default:robot"
    assert server.who().startswith('403 selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous"')
    header, claims, signature = token.split(".")
    for bad in ("nobody", f"{token}x", f"{header}.{claims}.", f"{header}.{claims[:-2]}.{signature}"):
        assert server.who(token=bad) == "401 Unauthorized"
    expired = {**json.loads(_decoded(claims)), "exp": int(NOW.timestamp()) - 120}
    key: Any = load_pem_private_key((server.folder / "pki" / "sa.key").read_bytes(), None)
    assert server.who(token=Signer(key).sign(expired)) == "401 Unauthorized"
    server.call("DELETE", f"{base}/robot", None, "t-admin")
    assert server.who(token=token) == "401 Unauthorized"


def _decoded(part: str) -> bytes:
    from cluster_shim.apiserver.authentication.jwt import decode

    return decode(part)


def test_rights_come_and_go_with_bindings(server: Running) -> None:
    listing = "/api/v1/namespaces/default/configmaps"
    assert server.call("GET", listing, None, "t-alice")[0] == 403
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "dev"}]
    bound = {"metadata": {"name": "dev"}, "roleRef": role, "subjects": subjects}
    base = f"{ROLES}/namespaces/default/rolebindings"
    assert server.call("POST", base, bound, "t-admin")[0] == 201
    assert server.call("GET", listing, None, "t-alice")[0] == 200
    assert server.call("POST", listing, {"metadata": {"name": "x"}}, "t-alice")[0] == 403
    assert server.call("DELETE", f"{base}/dev", None, "t-admin")[0] == 200
    assert server.call("GET", listing, None, "t-alice")[0] == 403


def test_nobody_raises_themselves(server: Running) -> None:
    rule = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["create"]}
    server.call("POST", f"{ROLES}/clusterroles", {"metadata": {"name": "roles"}, "rules": [rule]}, "t-admin")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "roles"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]
    server.call(
        "POST",
        f"{ROLES}/clusterrolebindings",
        {"metadata": {"name": "r"}, "roleRef": role, "subjects": subjects},
        "t-admin",
    )
    everything = {"metadata": {"name": "x"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    status, answer = server.call("POST", f"{ROLES}/namespaces/default/roles", everything, "t-alice")
    assert status == 403
    assert "is attempting to grant RBAC permissions not currently held" in answer["message"]


def test_who_may_delete_one_may_not_delete_all(server: Running) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["x"], "verbs": ["*"]}
    server.call("POST", f"{ROLES}/namespaces/default/roles", {"metadata": {"name": "one"}, "rules": [rule]}, "t-admin")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]
    bound = {"metadata": {"name": "one"}, "roleRef": role, "subjects": subjects}
    server.call("POST", f"{ROLES}/namespaces/default/rolebindings", bound, "t-admin")
    path = "/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dx"
    assert server.call("GET", path, None, "t-alice")[0] == 200
    assert server.call("DELETE", path, None, "t-alice")[0] == 403


def test_a_kubelet_sees_its_own_node(server: Running, tmp_path: Path) -> None:
    kubelet = files(tmp_path, server.folder / "pki", "system:node:n1", "system:nodes")
    server.call("POST", "/api/v1/nodes", {"metadata": {"name": "n2"}}, "t-admin")
    assert server.call("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}}, files=kubelet)[0] == 201
    assert server.call("GET", "/api/v1/nodes/n1", files=kubelet)[0] == 200
    other = {"metadata": {"labels": {"a": "b"}}}
    patch = {"Content-Type": "application/merge-patch+json"}
    assert server.call("PATCH", "/api/v1/nodes/n1/status", other, files=kubelet, headers=patch)[0] == 200
    assert server.call("PATCH", "/api/v1/nodes/n2/status", other, files=kubelet, headers=patch)[0] == 403
    status, answer = server.call("GET", "/api/v1/nodes/n2", files=kubelet)
    assert status == 403 and answer["message"].endswith("node 'n1' cannot read 'n2', only its own Node object")


def test_the_audit_log_knows_it_all(server: Running) -> None:
    before = len(server.audited)
    secret = {"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}
    server.call("POST", "/api/v1/namespaces/default/secrets", secret, "t-admin")
    server.call("GET", "/api/v1/nodes", None, "t-alice")
    server.call("GET", "/api/v1/nodes", None, "wrong")
    server.call("GET", "/api/v1/nodes", None, "t-admin", headers={"Impersonate-User": "carol", "Audit-Id": "my-id"})
    created, forbidden, unknown, impersonated = server.audited[before:]
    assert (created["user"]["username"], created["responseStatus"]["code"]) == ("admin", 201)
    assert created["objectRef"] == {"resource": "secrets", "namespace": "default", "apiVersion": "v1"}
    assert forbidden["responseStatus"]["code"] == 403
    assert forbidden["annotations"]["authorization.k8s.io/decision"] == "forbid"
    assert (unknown["user"], unknown["responseStatus"]["code"]) == ({}, 401)
    assert (impersonated["auditID"], impersonated["impersonatedUser"]["username"]) == ("my-id", "carol")
    text = (server.folder / "audit.log").read_text()
    assert "hunter2" not in text and "t-alice" not in text and "wrong" not in text
