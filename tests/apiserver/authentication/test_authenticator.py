"""The order of authenticators, anonymous, token files, bootstrap tokens, websockets."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.authentication.authenticator import Authenticator
from cluster_shim.apiserver.authentication.bearer import SUBPROTOCOL_PREFIX, Bearer
from cluster_shim.apiserver.authentication.bootstrap_tokens import BootstrapTokens
from cluster_shim.apiserver.authentication.certificates import ClientCertificates
from cluster_shim.apiserver.authentication.jwt import encode
from cluster_shim.apiserver.authentication.token_file import TokenFile, TokenFileError
from cluster_shim.apiserver.authentication.verdict import Refused
from cluster_shim.apiserver.request import ANONYMOUS, Request, UserInfo
from tests.apiserver.authentication.people import (
    ISSUER,
    NOW,
    Clock,
    authority,
    claims,
    client_der,
    objects,
    pem,
    request,
    rsa_signer,
    tokens,
)

CA = authority()
BOB = UserInfo("bob", "u-bob", ("team-b", "system:authenticated"))


def authenticator(anonymous: bool = True, secret: dict[str, Any] | None = None) -> Authenticator:
    reader = objects()
    if secret is not None:
        reader.add("", "secrets", secret)
    file = TokenFile({"t-bob": BOB}, (ISSUER,))
    bearer = Bearer([file, tokens(reader, Clock()), BootstrapTokens(reader, Clock(), (ISSUER,))])
    return Authenticator(bearer, ClientCertificates(pem(CA[0]), Clock()), (ISSUER,), anonymous)


def who(sent: Request, **options: Any) -> str:
    try:
        return authenticator(**options).authenticate(sent).name
    except APIError as error:
        assert error.status == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "Unauthorized",
            "reason": "Unauthorized",
            "code": 401,
        }
        return "401"


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


@pytest.mark.parametrize(
    ("headers", "certificate", "expected"),
    [
        ([], b"", "system:anonymous"),
        ([bearer("t-bob")], b"", "bob"),
        ([("authorization", "bearer t-bob")], b"", "bob"),
        ([bearer("wrong")], b"", "401"),
        ([("authorization", "Basic Ym9iOng=")], b"", "system:anonymous"),
        ([("authorization", "Bearer")], b"", "system:anonymous"),
        ([bearer(rsa_signer().sign(claims()))], b"", "system:serviceaccount:team:robot"),
        ([bearer(rsa_signer().sign(claims(aud=["vault"])))], b"", "401"),
        ([], client_der(CA), "alice"),
        ([bearer("t-bob")], client_der(CA), "alice"),
        ([bearer("wrong")], client_der(CA), "alice"),
        ([], client_der(authority("x")), "401"),
        ([bearer("t-bob")], client_der(authority("x")), "bob"),
        ([bearer("wrong")], client_der(authority("x")), "401"),
    ],
)
def test_the_first_success_wins_and_what_is_wrong_is_401(
    headers: list[tuple[str, str]], certificate: bytes, expected: str
) -> None:
    sent = request(*headers, certificate=certificate)
    assert who(sent) == expected
    assert who(request(*headers, certificate=certificate), anonymous=False) == expected.replace(
        "system:anonymous", "401"
    )


def test_anonymous_is_a_member_of_one_group() -> None:
    assert authenticator().authenticate(request()) == ANONYMOUS


@pytest.mark.parametrize("certificate", [b"", client_der(CA)])
def test_credentials_that_were_accepted_are_taken_away(certificate: bytes) -> None:
    sent = request(("accept", "x"), bearer("t-bob"), ("x-remote-user", "root"), certificate=certificate)
    assert authenticator().authenticate(sent).name == ("alice" if certificate else "bob")
    assert sent.headers == [("accept", "x")]


def test_a_space_too_many_gives_a_warning() -> None:
    sent = request(("authorization", "Bearer  t-bob"))
    assert who(sent) == "system:anonymous"
    assert "extra space before the bearer token" in sent.warnings[0]


def websocket(*protocols: str) -> Request:
    headers = [("sec-websocket-protocol", each) for each in protocols]
    return request(("upgrade", "websocket"), ("connection", "Upgrade"), *headers)


def test_a_browser_sends_its_token_as_a_subprotocol() -> None:
    token = SUBPROTOCOL_PREFIX + encode(b"t-bob")
    sent = websocket(f"{token}, v4.channel.k8s.io", "v3.channel.k8s.io")
    assert who(sent) == "bob"
    assert sent.header("sec-websocket-protocol") == "v4.channel.k8s.io, v3.channel.k8s.io"
    assert who(request(("sec-websocket-protocol", f"{token}, x"))) == "system:anonymous"  # no websocket


@pytest.mark.parametrize(
    "protocols",
    [
        (SUBPROTOCOL_PREFIX + encode(b"wrong"), "x"),
        (SUBPROTOCOL_PREFIX + encode(b"t-bob"),),
        (SUBPROTOCOL_PREFIX + encode(b"t-bob"), SUBPROTOCOL_PREFIX + encode(b"t-bob"), "x"),
        (SUBPROTOCOL_PREFIX + "###", "x"),
        (SUBPROTOCOL_PREFIX + encode(b"\xff"), "x"),
    ],
)
def test_subprotocols_that_are_refused(protocols: tuple[str, ...]) -> None:
    assert who(websocket(*protocols)) == "401"


def test_reviews_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused) as nobody:
        authenticator().review("nobody", (ISSUER,))
    assert nobody.value.texts == ("invalid bearer token",)
    token = rsa_signer().sign(claims(exp=1))
    with pytest.raises(Refused) as ended:
        authenticator().review(token, (ISSUER,))
    assert ended.value.texts == ("invalid bearer token", "service account token has expired")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_token_file(tmp_path: Path) -> None:
    text = 'a,alice,u-a,"dev,ops"\n\nb,bob,u-b\n,nobody,u\na2,"al, ice",,dev\n'
    file = TokenFile.read(write(tmp_path / "tokens.csv", text), ("api",))
    verdict = file.authenticate("a", ("api", "x"))
    assert verdict == (UserInfo("alice", "u-a", ("dev", "ops", "system:authenticated")), ("api",))
    assert file.authenticate("a", ("x",)) is None
    assert [file.authenticate(token, ("api",)) for token in ("", "c", "alice")] == [None, None, None]
    assert (found := file.authenticate("a2", ("api",))) and found.user.name == "al, ice"


@pytest.mark.parametrize(
    ("text", "message"), [("a,b\n", "line 1.*found 2"), ("ok,a,b\nx\n", "line 2"), ('"', "cannot be read")]
)
def test_token_files_with_errors(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TokenFileError, match=message):
        TokenFile.read(write(tmp_path / "tokens.csv", text), ())
    with pytest.raises(TokenFileError, match="cannot be read"):
        TokenFile.read(tmp_path / "absent.csv", ())


BOOTSTRAP = {
    "token-id": "abcdef",
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-authentication": "true",
    "auth-extra-groups": "system:bootstrappers:b,system:bootstrappers:a",
    "expiration": "2026-05-01T12:00:01Z",
}


def bootstrap_secret(type_: str = "bootstrap.kubernetes.io/token", **changes: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in (BOOTSTRAP | changes).items() if value}
    metadata = {"name": "bootstrap-token-abcdef", "namespace": "kube-system"}
    return {"metadata": metadata, "type": type_, "data": data}


def test_bootstrap_token() -> None:
    reader = objects()
    reader.add("", "secrets", bootstrap_secret())
    verdict = BootstrapTokens(reader, Clock(), ("api",)).authenticate("abcdef.0123456789abcdef", ("api",))
    groups = ("system:bootstrappers", "system:bootstrappers:a", "system:bootstrappers:b", "system:authenticated")
    assert verdict is not None
    assert (verdict.user.name, verdict.user.groups) == ("system:bootstrap:abcdef", groups)


@pytest.mark.parametrize(
    "secret",
    [
        bootstrap_secret(type_="Opaque"),
        bootstrap_secret(**{"token-id": "ghijkl"}),
        bootstrap_secret(**{"token-secret": "fedcba9876543210"}),
        bootstrap_secret(**{"usage-bootstrap-authentication": "false"}),
        bootstrap_secret(**{"usage-bootstrap-authentication": ""}),
        bootstrap_secret(**{"auth-extra-groups": "system:masters"}),
        bootstrap_secret(expiration=NOW.isoformat()),
        bootstrap_secret(expiration="soon"),
    ],
)
def test_bootstrap_tokens_that_do_not_count(secret: dict[str, Any]) -> None:
    assert who(request(bearer("abcdef.0123456789abcdef")), secret=secret) == "401"
