"""Tokens of service accounts: what is good, what has been tampered with, and what no longer counts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cluster_shim.apiserver.authentication.jwt import BAD_SIGNATURE, PublicKey, Signer, encode
from cluster_shim.apiserver.authentication.verdict import Refused
from tests.apiserver.authentication.people import (
    ISSUER,
    NOW,
    Clock,
    claims,
    ec_signer,
    objects,
    rsa_signer,
    tokens,
)

GROUPS = ("system:serviceaccounts", "system:serviceaccounts:team", "system:authenticated")
POD = {"pod": {"name": "pod", "uid": "uid-pod"}}
SECRET = {"secret": {"name": "sec", "uid": "uid-sec"}}
NODE = {"node": {"name": "node", "uid": "uid-node"}}
INVALIDATED = "service account token has been invalidated"


def refusal(token: str, clock: Clock | None = None, reader: Any = None, audiences: tuple[str, ...] = (ISSUER,)) -> str:
    """Return why a token is refused; the empty text if it is accepted, ``none`` if nobody knows it."""
    keys = rsa_signer().public, ec_signer().public
    try:
        verdict = tokens(reader or objects(), clock or Clock(), *keys).authenticate(token, audiences)
    except Refused as refused:
        return ", ".join(refused.texts)
    return "" if verdict else "none"


def raw(header: dict[str, Any], body: dict[str, Any], signature: bytes = b"") -> str:
    return ".".join(encode(part) for part in (json.dumps(header).encode(), json.dumps(body).encode(), signature))


@pytest.mark.parametrize("signer", [rsa_signer, ec_signer], ids=["RS256", "ES256"])
def test_a_good_token_names_its_account(signer: Any) -> None:
    verdict = tokens(objects(), Clock(), signer().public).authenticate(
        signer().sign(claims(private=POD | NODE)), (ISSUER,)
    )
    assert verdict is not None
    user = verdict.user
    assert (user.name, user.uid, user.groups) == ("system:serviceaccount:team:robot", "uid-robot", GROUPS)
    assert user.extra == {
        "authentication.kubernetes.io/credential-id": ["JTI=j-1"],
        "authentication.kubernetes.io/pod-name": ["pod"],
        "authentication.kubernetes.io/pod-uid": ["uid-pod"],
        "authentication.kubernetes.io/node-name": ["node"],
        "authentication.kubernetes.io/node-uid": ["uid-node"],
    }
    assert verdict.audiences == (ISSUER,)


@pytest.mark.parametrize(
    ("curve", "algorithm"), [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")]
)
def test_others_can_verify_our_tokens_by_the_published_key(curve: Any, algorithm: str) -> None:
    signer = Signer(ec.generate_private_key(curve))
    key = pyjwt.PyJWK(signer.public.jwk())
    assert pyjwt.decode(signer.sign({"a": 1}), key, algorithms=[algorithm]) == {"a": 1}


def test_the_id_of_a_key_is_the_hash_of_its_der_form() -> None:
    key = rsa_signer()._key.public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert rsa_signer().public.id == base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    assert pyjwt.decode(rsa_signer().sign({"a": 1}), pyjwt.PyJWK(PublicKey(key).jwk()), algorithms=["RS256"]) == {
        "a": 1
    }


@pytest.mark.parametrize("seconds", [61, 86400])
def test_times(seconds: int) -> None:
    now, sign = int(NOW.timestamp()), rsa_signer().sign
    assert refusal(sign(claims(exp=now - seconds))) == "service account token has expired"
    assert refusal(sign(claims(nbf=now + seconds))) == "service account token is not valid yet"
    assert refusal(sign(claims(iat=now + seconds))) == "service account token is issued in the future"


def test_clocks_may_be_a_minute_apart() -> None:
    now = int(NOW.timestamp())
    assert refusal(rsa_signer().sign(claims(exp=now - 60, nbf=now + 60, iat=now + 60))) == ""


def test_a_token_ends_while_it_is_remembered() -> None:
    clock, reader = Clock(), objects()
    accounts, token = tokens(reader, clock), rsa_signer().sign(claims())
    assert accounts.authenticate(token, (ISSUER,))
    clock.seconds += 3600 + 61
    with pytest.raises(Refused, match="has expired"):
        accounts.authenticate(token, (ISSUER,))


def test_alg_none() -> None:
    header = {"alg": "none", "kid": rsa_signer().public.id}
    assert refusal(raw(header, claims())) == BAD_SIGNATURE


def test_key_confusion() -> None:
    """A MAC whose key is the public key, as an attacker would make it."""
    public = rsa_signer()._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": rsa_signer().public.id}
    signed = raw(header, claims()).rsplit(".", 1)[0]
    signature = hmac.new(public, signed.encode(), hashlib.sha256).digest()
    assert refusal(f"{signed}.{encode(signature)}") == BAD_SIGNATURE


def test_an_algorithm_of_another_kind_of_key() -> None:
    good = rsa_signer().sign(claims()).split(".")
    header = encode(json.dumps({"alg": "ES256", "kid": rsa_signer().public.id}).encode())
    assert refusal(".".join((header, *good[1:]))) == BAD_SIGNATURE


def test_an_unknown_kid() -> None:
    stranger = Signer(ec.generate_private_key(ec.SECP256R1()))
    assert refusal(stranger.sign(claims())) == "invalid signature, no keys found"


def test_the_kid_of_another_key() -> None:
    stranger = Signer(ec.generate_private_key(ec.SECP256R1()))
    stranger.public.id = ec_signer().public.id
    assert refusal(stranger.sign(claims())) == BAD_SIGNATURE


def test_without_a_kid_all_keys_are_tried() -> None:
    signer = ec_signer()
    signed = raw({"alg": "ES256"}, claims()).rsplit(".", 1)[0]
    assert refusal(f"{signed}.{encode(signer._signature(signed.encode()))}") == ""
    assert refusal(f"{signed}.{encode(b'x' * 64)}") == BAD_SIGNATURE


@pytest.mark.parametrize("signer", [rsa_signer, ec_signer], ids=["RS256", "ES256"])
def test_each_changed_part_is_noticed(signer: Any) -> None:
    header, _, signature = signer().sign(claims()).split(".")
    other = encode(json.dumps(claims(sub="system:serviceaccount:team:root")).encode())
    assert refusal(f"{header}.{other}.{signature}") == BAD_SIGNATURE
    assert refusal(f"{signer().sign(claims())}x") in (BAD_SIGNATURE, "none")


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "a.b.c.d", "..", "e30.e30.e30", "ä.e30.x", "W10.W10.x"])
def test_what_is_no_token_of_ours_is_nobodys(token: str) -> None:
    assert refusal(token) == "none"


def test_another_issuer_is_none_of_our_business() -> None:
    assert refusal(rsa_signer().sign(claims(iss="https://elsewhere"))) == "none"


def test_audiences() -> None:
    token = rsa_signer().sign(claims(aud=["vault", "x"]))
    text = f'token audiences ["vault" "x"] is invalid for the target audiences ["{ISSUER}"]'
    assert refusal(token) == text
    assert refusal(token, audiences=("y", "x")) == ""
    assert refusal(rsa_signer().sign(claims(aud="vault")), audiences=("vault",)) == ""
    assert refusal(rsa_signer().sign(claims(aud=None))) == ""  # tokens of old are for the server itself


@pytest.mark.parametrize(
    ("resource", "name", "private", "gone", "other"),
    [
        (
            *("serviceaccounts", "robot", {}, 'serviceaccounts "robot" not found'),
            "service account UID (other) does not match claim (uid-robot)",
        ),
        (
            *("secrets", "sec", SECRET, INVALIDATED),
            "secret UID (other) does not match service account secret ref claim (uid-sec)",
        ),
        (
            *("pods", "pod", POD, INVALIDATED),
            "pod UID (other) does not match service account pod ref claim (uid-pod)",
        ),
        (
            *("nodes", "node", NODE, INVALIDATED),
            "node UID (other) does not match service account node ref claim (uid-node)",
        ),
    ],
)
def test_a_token_ends_with_what_it_is_bound_to(
    resource: str, name: str, private: dict[str, Any], gone: str, other: str
) -> None:
    reader, token = objects(), rsa_signer().sign(claims(private=private))
    namespace = "" if resource == "nodes" else "team"
    assert refusal(token, reader=reader) == ""
    stored = reader.rows["", resource, namespace, name]
    stored["metadata"]["uid"] = "other"
    assert refusal(token, reader=reader) == other
    stored["metadata"] |= {"uid": f"uid-{name}", "deletionTimestamp": "2026-05-01T11:59:30Z"}
    assert refusal(token, reader=reader) == ""
    stored["metadata"]["deletionTimestamp"] = "2026-05-01T11:58:59Z"
    assert refusal(token, reader=reader) == (gone if private else "service account team/robot has been deleted")
    del reader.rows["", resource, namespace, name]
    assert refusal(token, reader=reader) == gone


def test_the_node_of_a_pod_is_not_looked_up() -> None:
    reader = objects()
    del reader.rows["", "nodes", "", "node"]
    assert refusal(rsa_signer().sign(claims(private=POD | NODE)), reader=reader) == ""
