"""Tokens that live in Secrets: good while the Secret has them, and no longer."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from cluster_shim.apiserver.authentication.jwt import BAD_SIGNATURE
from cluster_shim.apiserver.authentication.secret_tokens import INVALID_SINCE, SecretTokens, claims
from cluster_shim.apiserver.authentication.verdict import Refused
from tests.apiserver.authentication.people import ISSUER, Clock, ec_signer, objects, rsa_signer, tokens
from tests.apiserver.fakes import FakeObjects


def made(**changes: str) -> tuple[FakeObjects, str]:
    """Return a cluster with a Secret that has a token, and the token."""
    reader = objects()
    token = rsa_signer().sign(claims(reader.rows["", "serviceaccounts", "team", "robot"], "sec") | changes)
    reader.rows["", "secrets", "team", "sec"]["data"] = {"token": base64.b64encode(token.encode()).decode()}
    return reader, token


def refusal(reader: FakeObjects, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> str:
    with pytest.raises(Refused) as refused:
        SecretTokens([rsa_signer().public], (ISSUER,), reader).authenticate(token, audiences)
    return str(refused.value)


def test_a_good_token_names_its_account() -> None:
    reader, token = made()
    verdict = SecretTokens([rsa_signer().public], (ISSUER,), reader).authenticate(token, (ISSUER,))
    assert verdict is not None
    assert (verdict.user.name, verdict.user.uid) == ("system:serviceaccount:team:robot", "uid-robot")
    assert verdict.user.groups[-1] == "system:authenticated"
    assert verdict.audiences == (ISSUER,)


def test_the_two_kinds_leave_each_other_alone() -> None:
    reader, token = made()
    assert tokens(reader, Clock()).authenticate(token, (ISSUER,)) is None
    bound = rsa_signer().sign({"iss": ISSUER})
    assert SecretTokens([rsa_signer().public], (ISSUER,), reader).authenticate(bound, (ISSUER,)) is None


def test_only_the_server_is_its_audience() -> None:
    assert refusal(*made(), ("vault",)) == f'token audiences ["{ISSUER}"] is invalid for the target audiences ["vault"]'


def test_tampering() -> None:
    reader, token = made()
    assert refusal(reader, ec_signer().sign({"iss": "kubernetes/serviceaccount"})) == "invalid signature, no keys found"
    assert refusal(reader, token[:-6] + "AAAAAA") == BAD_SIGNATURE
    assert refusal(*made(sub="system:serviceaccount:team:root")) == "sub claim is invalid"


@pytest.mark.parametrize(
    ("resource", "name", "changes", "text"),
    [
        ("secrets", "sec", {"data": {"token": "eA=="}}, "Token does not match server's copy"),
        ("secrets", "sec", {"data": None}, "Token does not match server's copy"),
        ("secrets", "sec", {"metadata": {"deletionTimestamp": "x"}}, "Token has been invalidated"),
        (
            "serviceaccounts",
            "robot",
            {"metadata": {"uid": "uid-robot", "deletionTimestamp": "x"}},
            "ServiceAccount team/robot has been deleted",
        ),
        ("serviceaccounts", "robot", {"metadata": {"uid": "new"}}, "UID (new) does not match claim (uid-robot)"),
        ("secrets", "sec", {"metadata": {"labels": {INVALID_SINCE: "2026-01-01"}}}, "has been marked invalid"),
    ],
)
def test_what_no_longer_counts(resource: str, name: str, changes: dict[str, Any], text: str) -> None:
    reader, token = made()
    reader.rows["", resource, "team", name] |= changes
    assert text in refusal(reader, token)


def test_what_is_gone() -> None:
    reader, token = made()
    del reader.rows["", "serviceaccounts", "team", "robot"]
    assert refusal(reader, token) == 'serviceaccounts "robot" not found'
    del reader.rows["", "secrets", "team", "sec"]
    assert refusal(reader, token) == "Token has been invalidated"
