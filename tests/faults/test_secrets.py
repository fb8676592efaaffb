"""Nothing secret is in a log, the server's or the audit log: not what Secrets hold, no token, no password."""

from __future__ import annotations

import base64
import http.client
import json
import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.running import Running, running

DEFAULT = "/api/v1/namespaces/default"
SECRETS = f"{DEFAULT}/secrets"
POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: []
rules:
- level: RequestResponse
"""
WORDS = [f"canary{letter * 4}" for letter in "abcdefghijkl"]
"""What must not be found again, as it is and in base 64."""


class Everything(logging.Handler):
    """Keeps whatever is logged, at any level, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def secret(name: str, *words: str, **more: Any) -> dict[str, Any]:
    data = {f"k{at}": base64.b64encode(word.encode()).decode() for at, word in enumerate(words)}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "data": data, **more}


def ask(server: Running, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[int, str]:
    context = ssl.create_default_context(cafile=str(server.folder / "pki" / "ca.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=20)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def exercise(server: Running, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Do all that has to do with secrets, and much of it wrongly; return the tokens that were made."""
    a, b, c, d, e, f, g, h, i, j, k, l = WORDS  # noqa: E741
    server.made(SECRETS, secret("first", a, stringData={"s": b}))
    for path in (f"{SECRETS}/first", SECRETS, "/api/v1/secrets"):
        assert server.call("GET", path)[0] == 200
    assert server.call("PUT", f"{SECRETS}/first", secret("first", c))[0] == 200
    merge = {"stringData": {"t": d}}
    assert server.call("PATCH", f"{SECRETS}/first", merge, "application/merge-patch+json")[0] == 200
    wrong = secret("second", e, data={"k": f"{f}!"})
    assert server.call("POST", SECRETS, wrong)[0] == 400
    assert server.call("POST", SECRETS, secret("third", g, type="kubernetes.io/tls"))[0] == 422
    assert server.call("POST", SECRETS, secret("fourth", h, unknown={"x": i}))[0] == 201
    assert server.call("PUT", f"{SECRETS}/first", secret("other", h))[0] == 400
    account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "robot"}}
    server.made(f"{DEFAULT}/serviceaccounts", account)
    wanted = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}}
    token: str = server.made(f"{DEFAULT}/serviceaccounts/robot/token", wanted)["status"]["token"]
    review = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": token}}
    server.made("/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert ask(server, "GET", SECRETS, {"Authorization": f"Bearer {token}"})[0] == 403
    assert ask(server, "GET", SECRETS, {"Authorization": f"Bearer {j}"})[0] == 401
    basic = base64.b64encode(f"admin:{k}".encode()).decode()
    ask(server, "GET", SECRETS, {"Authorization": f"Basic {basic}"})
    ask(server, "GET", f"/version?token={l}", {"Cookie": f"token={l}", "Authorization": "Bearer t-admin"})
    with monkeypatch.context() as patch:  # also a defect tells nothing
        patch.setattr("cluster_shim.apiserver.registry.rules.validate_create", fail)
        assert server.call("POST", SECRETS, secret("fifth", a, stringData={"s": b}))[0] == 500
    assert server.call("DELETE", f"{SECRETS}/first")[0] == 200
    assert server.call("DELETE", SECRETS)[0] == 200
    return [token, token.rpartition(".")[2]]


def fail(*arguments: Any) -> Any:
    raise RuntimeError("made to fail")


@pytest.mark.parametrize("level", ["RequestResponse", "Request", "Metadata"])
def test_no_secret_is_logged(level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.replace("RequestResponse", level))
    everything, root = Everything(), logging.getLogger()
    before = root.level
    root.addHandler(everything)
    root.setLevel(logging.DEBUG)
    try:
        policy, log = tmp_path / "policy.yaml", str(tmp_path / "audit.log")
        with running(tmp_path, audit_log_path=log, audit_policy_file=policy) as server:
            tokens = exercise(server, monkeypatch)
    finally:
        root.removeHandler(everything)
        root.setLevel(before)
    logged = "\n".join(everything.lines)
    audited = (tmp_path / "audit.log").read_text()
    assert "made to fail" in logged
    references = [json.loads(line).get("objectRef", {}) for line in audited.splitlines()]
    assert sum(each.get("resource") == "secrets" for each in references) > 10
    hidden = [*WORDS[:11], *tokens, "t-admin"]
    hidden += [base64.b64encode(word.encode()).decode() for word in WORDS]
    for text in (logged, audited):
        assert [word for word in hidden if word in text] == []
