"""TokenReview, SelfSubjectReview, TokenRequest; what others need to verify tokens."""

from __future__ import annotations

import json
from typing import Any

import jwt as pyjwt
import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.authentication.openid import OpenID
from cluster_shim.apiserver.request import Request
from cluster_shim.apiserver.reviews.facilities import Object
from cluster_shim.apiserver.reviews.table import REVIEWS
from tests.apiserver.authentication.people import ISSUER, NOW, Clock, ec_signer, objects, rsa_signer
from tests.apiserver.fakes import FakeObjects
from tests.apiserver.reviews.server import ALICE, facilities, request

WHO = REVIEWS["authentication.k8s.io", "selfsubjectreviews", ""]
TOKEN_REVIEW = REVIEWS["authentication.k8s.io", "tokenreviews", ""]
TOKEN_REQUEST = REVIEWS["", "serviceaccounts", "token"]
IAT = int(NOW.timestamp())


def test_who_am_i() -> None:
    answer = WHO(request(), {"kind": "SelfSubjectReview"}, facilities())
    assert answer == {
        "kind": "SelfSubjectReview",
        "metadata": {"creationTimestamp": "2026-05-01T12:00:00Z"},
        "status": {"userInfo": {"username": "alice", "groups": list(ALICE.groups)}},
    }


def review(token: str, audiences: list[str] | None = None, reader: FakeObjects | None = None) -> Object:
    spec = {"token": token} | ({"audiences": audiences} if audiences else {})
    return dict(TOKEN_REVIEW(request(), {"spec": spec}, facilities(reader))["status"])


def test_review_of_a_static_token() -> None:
    user = {"username": "alice", "groups": list(ALICE.groups)}
    assert review("t-alice") == {"authenticated": True, "user": user, "audiences": [ISSUER]}


def test_review_of_a_token_for_nobody() -> None:
    assert review("nobody") == {"user": {}, "error": "invalid bearer token"}
    assert review("t-alice", ["vault"]) == {"user": {}, "error": "invalid bearer token"}
    with pytest.raises(APIError, match="token is required for TokenReview in authentication"):
        TOKEN_REVIEW(request(), {"spec": {"token": ""}}, facilities())


def ask(reader: FakeObjects | None = None, name: str = "robot", metadata: Object | None = None, **spec: Any) -> Object:
    body = {"kind": "TokenRequest", "metadata": metadata or {}, "spec": spec}
    return TOKEN_REQUEST(request(namespace="team", name=name), body, facilities(reader))


def claims_of(answer: Object) -> dict[str, Any]:
    key = pyjwt.PyJWK(rsa_signer().public.jwk())
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    return dict(pyjwt.decode(answer["status"]["token"], key, algorithms=["RS256"], options=options))


def ref(kind: str, name: str, **more: str) -> Object:
    return {"kind": kind, "apiVersion": "v1", "name": name, **more}


def test_a_token() -> None:
    answer = ask()
    claims = claims_of(answer)
    assert answer["metadata"] == {
        **{"name": "robot", "namespace": "team", "uid": "uid-robot"},
        "creationTimestamp": "2026-05-01T12:00:00Z",
    }
    assert answer["spec"] == {"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": None}
    assert answer["status"]["expirationTimestamp"] == "2026-05-01T13:00:00Z"
    assert claims.pop("jti")
    assert claims == {
        "aud": [ISSUER],
        "exp": IAT + 3600,
        "iat": IAT,
        "nbf": IAT,
        "iss": ISSUER,
        "sub": "system:serviceaccount:team:robot",
        "kubernetes.io": {"namespace": "team", "serviceaccount": {"name": "robot", "uid": "uid-robot"}},
    }


def test_the_server_accepts_its_own_token() -> None:
    status = review(ask()["status"]["token"])
    assert status["user"]["username"] == "system:serviceaccount:team:robot"
    assert review(ask(audiences=["a", "b"])["status"]["token"], ["c", "b", "a"])["audiences"] == ["b", "a"]
    text = f'[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["{ISSUER}"]]'
    assert review(ask(audiences=["vault"])["status"]["token"]) == {"user": {}, "error": text}


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (
            ref("Pod", "pod"),
            {"pod": {"name": "pod", "uid": "uid-pod"}, "node": {"name": "node", "uid": "uid-node"}},
        ),
        (ref("Secret", "sec", uid="uid-sec"), {"secret": {"name": "sec", "uid": "uid-sec"}}),
        (ref("Node", "node"), {"node": {"name": "node", "uid": "uid-node"}}),
    ],
)
def test_bound_tokens(bound: Object, expected: Object) -> None:
    private = claims_of(ask(boundObjectRef=bound))["kubernetes.io"]
    assert {key: private[key] for key in private if key not in ("namespace", "serviceaccount")} == expected


def test_the_node_of_a_pod_may_be_gone() -> None:
    reader = objects()
    del reader.rows["", "nodes", "", "node"]
    assert claims_of(ask(reader, boundObjectRef=ref("Pod", "pod")))["kubernetes.io"]["node"] == {"name": "node"}


@pytest.mark.parametrize(
    ("options", "lives"),
    [
        ({"boundObjectRef": ref("Pod", "pod")}, 365 * 24 * 3600),
        ({"boundObjectRef": ref("Secret", "sec")}, 3607),
        ({"boundObjectRef": ref("Pod", "pod"), "audiences": ["vault"]}, 3607),
        ({}, 3607),
    ],
)
def test_kubelets_of_old_pods_get_tokens_that_live_on(options: Object, lives: int) -> None:
    answer = ask(expirationSeconds=3607, **options)
    claims = claims_of(answer)
    assert claims["exp"] == IAT + lives
    assert claims["kubernetes.io"].get("warnafter") == (IAT + 3607 if lives != 3607 else None)
    assert answer["status"]["expirationTimestamp"] == "2026-05-01T13:00:07Z"


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ({"name": "none"}, 404, 'serviceaccounts "none" not found'),
        (
            {"expirationSeconds": 599},
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: '
            "may not specify a duration less than 10 minutes",
        ),
        ({"expirationSeconds": (1 << 32) + 1}, 422, "may not specify a duration larger than 2^32 seconds"),
        (
            {"metadata": {"name": "zz"}},
            422,
            'TokenRequest.authentication.k8s.io "robot" is invalid: metadata.name: Invalid value: "zz": '
            "must match the service account name if specified",
        ),
        ({"metadata": {"namespace": "zz"}}, 400, "does not match the namespace sent on the request"),
        ({"boundObjectRef": {"kind": "Node", "apiVersion": "v1"}}, 400, "Name parameter required."),
        ({"metadata": {"uid": "zz"}}, 409, "does not match the UID of the service account (uid-robot)"),
        ({"boundObjectRef": ref("Pod", "none")}, 404, 'pods "none" not found'),
        (
            {"boundObjectRef": ref("Pod", "stranger")},
            400,
            'cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name.',
        ),
        ({"boundObjectRef": ref("ConfigMap", "x")}, 400, "cannot bind token to object of type /v1, Kind=ConfigMap"),
        (
            {"boundObjectRef": ref("Pod", "x") | {"apiVersion": "apps/v1"}},
            400,
            "cannot bind token to object of type apps/v1, Kind=Pod",
        ),
        (
            {"boundObjectRef": ref("Secret", "sec", uid="u")},
            409,
            'Operation cannot be fulfilled on Secret "sec": the UID in the bound object reference (u) does not match',
        ),
    ],
)
def test_requests_that_are_refused(options: Any, code: int, text: str) -> None:
    with pytest.raises(APIError) as refused:
        ask(**options)
    assert refused.value.code == code
    assert text in refused.value.message


def test_each_token_has_an_id_that_the_audit_log_knows() -> None:
    sent = request(namespace="team", name="robot")
    answer = TOKEN_REQUEST(sent, {}, facilities(clock=Clock()))
    written = sent.annotations["authentication.kubernetes.io/issued-credential-id"]
    assert written == f"JTI={claims_of(answer)['jti']}"


def get(accept: str) -> Request:
    return Request("GET", "/", headers=[("accept", accept)] if accept else [])


def test_openid() -> None:
    openid = OpenID(ISSUER, "https://192.0.2.10:6443/openid/v1/jwks", [rsa_signer().public, ec_signer().public])
    answer = openid.configuration(get("application/json"))
    assert json.loads(answer.body) == {
        "issuer": ISSUER,
        "jwks_uri": "https://192.0.2.10:6443/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
    }
    keys = openid.keys(get("application/*;q=0.5, text/html"))
    assert keys.content_type == "application/jwk-set+json"
    kinds = [(key["kty"], key["alg"], key["use"]) for key in json.loads(keys.body)["keys"]]
    assert kinds == [("RSA", "RS256", "sig"), ("EC", "ES256", "sig")]
    with pytest.raises(APIError) as refused:
        openid.keys(get("application/json"))
    assert refused.value.code == 406
    assert openid.keys(get("")).status == 200
