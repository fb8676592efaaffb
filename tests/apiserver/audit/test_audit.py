"""The audit log: what a policy chooses, what a line says, what never gets in, and how files change."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.apiserver.audit import policy
from cluster_shim.apiserver.audit.log import AuditLog, AuditLogError
from cluster_shim.apiserver.request import Request, RequestInfo
from tests.apiserver.authentication.people import Clock
from tests.apiserver.authorization.defaults import path, resource, user

ALICE = user("alice", "dev")
CREATE = resource("create", "configmaps", "", "n")


def request(info: RequestInfo = CREATE, body: Any = None) -> Request:
    headers = [("user-agent", "kubectl"), ("authorization", "Bearer secret-token"), ("audit-id", "id-1")]
    return Request(
        "POST",
        "/api/v1/namespaces/n/configmaps",
        query=[("dryRun", "All")],
        headers=headers,
        body=json.dumps(body).encode() if body else b"",
        raw_path="/api/v1/namespaces/n/configmaps",
        peer="192.0.2.1",
        user=ALICE,
        info=info,
    )


def rules(*rules: dict[str, Any], **more: Any) -> policy.Policy:
    return policy.Policy({"kind": "Policy", "rules": list(rules), **more})


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def logged(tmp_path: Path, chosen: policy.Policy, sent: Request, answer: bytes = b"", code: int = 201) -> list[Any]:
    log = AuditLog(str(tmp_path / "audit.log"), chosen, Clock())
    event = log.begin(sent)
    if event is not None:
        event.complete(code, answer)
    log.close()
    return lines(tmp_path / "audit.log")


def test_a_line_says_who_did_what(tmp_path: Path) -> None:
    sent = request()
    sent.annotations["authorization.k8s.io/decision"] = "allow"
    (line,) = logged(tmp_path, policy.default(), sent)
    assert line == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "id-1",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/n/configmaps?dryRun=All",
        "verb": "create",
        "user": {"username": "alice", "groups": ["dev"]},
        "sourceIPs": ["192.0.2.1"],
        "userAgent": "kubectl",
        "objectRef": {"resource": "configmaps", "namespace": "n"},
        "responseStatus": {"metadata": {}, "code": 201},
        "requestReceivedTimestamp": "2026-05-01T12:00:00.000000Z",
        "stageTimestamp": "2026-05-01T12:00:00.000000Z",
        "annotations": {"authorization.k8s.io/decision": "allow"},
    }


def test_levels_and_stages(tmp_path: Path) -> None:
    body = {"metadata": {"name": "x", "managedFields": [1]}}
    answer = json.dumps({"items": [body]}).encode()
    chosen = rules({"level": "RequestResponse"}, omitManagedFields=True)
    received, complete = logged(tmp_path, chosen, request(body=body), answer)
    assert received["stage"] == "RequestReceived" and "requestObject" not in received
    assert complete["requestObject"] == {"metadata": {"name": "x"}}
    assert complete["responseObject"] == {"items": [{"metadata": {"name": "x"}}]}


def test_the_level_request_has_no_answer(tmp_path: Path) -> None:
    _, complete = logged(tmp_path, rules({"level": "Request"}), request(body={"a": 1}), b'{"b":2}')
    assert complete["requestObject"] == {"a": 1} and "responseObject" not in complete


def test_what_is_left_out(tmp_path: Path) -> None:
    assert logged(tmp_path, rules({"level": "None"}), request()) == []
    assert logged(tmp_path, rules({"level": "Metadata", "users": ["bob"]}), request()) == []


@pytest.mark.parametrize(
    "info",
    [
        resource("create", "secrets", "", "n"),
        resource("create", "serviceaccounts", "", "n", "sa", "token"),
        resource("create", "tokenreviews", "authentication.k8s.io"),
    ],
)
def test_secrets_never_get_in(tmp_path: Path, info: RequestInfo) -> None:
    body = {"data": {"password": "hunter2"}, "spec": {"token": "hunter2"}}
    logged(tmp_path, rules({"level": "RequestResponse"}), request(info, body), json.dumps(body).encode())
    text = (tmp_path / "audit.log").read_text()
    assert "hunter2" not in text and "secret-token" not in text


def test_a_watch_begins_and_ends(tmp_path: Path) -> None:
    log = AuditLog(str(tmp_path / "audit.log"), policy.default(), Clock())
    event = log.begin(request(resource("watch", "pods")))
    assert event is not None
    event.impersonated(user("carol"), "impersonate:user-info")
    event.started(200)
    event.complete(200)
    event.panicked()
    stages = lines(tmp_path / "audit.log")
    assert [line["stage"] for line in stages] == ["ResponseStarted", "ResponseComplete", "Panic"]
    assert stages[0]["impersonatedUser"] == {"username": "carol"}
    assert stages[0]["authenticationMetadata"] == {"impersonationConstraint": "impersonate:user-info"}
    log.close()


def test_an_error_is_shown(tmp_path: Path) -> None:
    log = AuditLog(str(tmp_path / "audit.log"), policy.default(), Clock())
    event = log.begin(request())
    assert event is not None
    event.complete(
        403, b"", {"kind": "Status", "status": "Failure", "message": "no", "reason": "Forbidden", "code": 403}
    )
    (line,) = lines(tmp_path / "audit.log")
    expected = {"metadata": {}, "code": 403, "status": "Failure", "message": "no", "reason": "Forbidden"}
    assert line["responseStatus"] == expected
    log.close()


@pytest.mark.parametrize(
    ("rule", "info", "matches"),
    [
        ({}, CREATE, True),
        ({"users": ["alice"]}, CREATE, True),
        ({"userGroups": ["dev"]}, CREATE, True),
        ({"userGroups": ["ops"]}, CREATE, False),
        ({"verbs": ["get"]}, CREATE, False),
        ({"namespaces": ["n"]}, CREATE, True),
        ({"namespaces": [""]}, CREATE, False),
        ({"namespaces": ["n"]}, path("get", "/x"), False),
        ({"resources": [{"group": ""}]}, CREATE, True),
        ({"resources": [{"group": "apps"}]}, CREATE, False),
        ({"resources": [{"group": "*", "resources": ["configmaps"]}]}, CREATE, True),
        ({"resources": [{"resources": ["pods/*"]}]}, resource("get", "pods", subresource="log"), True),
        ({"resources": [{"resources": ["*/log"]}]}, resource("get", "pods", subresource="log"), True),
        ({"resources": [{"resources": ["pods"]}]}, resource("get", "pods", subresource="log"), False),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["a"]}]}, resource("get", "pods", name="a"), True),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["a"]}]}, resource("get", "pods", name="b"), False),
        ({"nonResourceURLs": ["/healthz*"]}, path("get", "/healthz/etcd"), True),
        ({"nonResourceURLs": ["/healthz"]}, path("get", "/healthz/etcd"), False),
        ({"nonResourceURLs": ["*"]}, CREATE, False),
    ],
)
def test_rules(rule: dict[str, Any], info: RequestInfo, matches: bool) -> None:
    assert (rules({"level": "Metadata", **rule}).scope(ALICE, info).level == "Metadata") is matches


def test_the_first_rule_that_matches_counts() -> None:
    chosen = rules(
        {"level": "None", "verbs": ["get"]},
        {"level": "Request", "omitStages": ["Panic"]},
        omitStages=["ResponseStarted"],
    )
    assert chosen.scope(ALICE, resource("get", "pods")).level == "None"
    assert chosen.scope(ALICE, CREATE) == policy.Scope("Request", frozenset({"Panic", "ResponseStarted"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Policy\nrules: [{level: Loud}]", "'Loud' is none of None, Metadata"),
        ("kind: Policy\nrules: [{level: None, omitStages: [Later]}]", "'Later' is none of"),
        ("kind: Policy", "has no rules"),
        ("kind: Pod", "is not of kind Policy"),
        ("a: [", "policy.yaml"),
    ],
)
def test_policies_with_errors_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(policy.PolicyError, match=r"policy\.yaml") as error:
        policy.read(file)
    assert message in str(error.value)


def test_a_policy_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n")
    assert policy.read(file).scope(ALICE, CREATE).level == "Metadata"
    with pytest.raises(policy.PolicyError, match="absent"):
        policy.read(tmp_path / "absent")


def test_a_large_file_is_put_aside(tmp_path: Path) -> None:
    clock = Clock()
    log = AuditLog(str(tmp_path / "audit.log"), policy.default(), clock, max_bytes=2000, backups=2)
    for _ in range(40):
        event = log.begin(request())
        assert event is not None
        event.complete(200)
        clock.seconds += 1
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    assert all(path.stat().st_size <= 2000 and path.stat().st_mode & 0o777 == 0o600 for path in files)


def test_a_log_that_cannot_be_written_stops_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    log = AuditLog("/dev/full", policy.default(), Clock())
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            event = log.begin(request())
            assert event is not None
            event.complete(200)
    log.close()
    assert caplog.text.count("audit events are lost") == 1
    with pytest.raises(AuditLogError, match="audit log"):
        AuditLog(str(tmp_path), policy.default(), Clock())
