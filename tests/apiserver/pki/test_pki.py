"""The server's certificates: what is made, when it is made again, and who may read it; TLS with them."""

from __future__ import annotations

import asyncio
import base64
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import Certificate, load_pem_x509_certificate

from cluster_shim.apiserver.authentication.certificates import ClientCertificates
from cluster_shim.apiserver.pki import context, kubeconfig
from cluster_shim.apiserver.pki.files import PKIError
from cluster_shim.apiserver.pki.store import PKI, ensure, load_key, names_of

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = ["localhost", "127.0.0.1", "::1", "kubernetes.default.svc"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pki"


def certificate(folder: Path, name: str) -> Certificate:
    return load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_first_start(folder: Path) -> None:
    ensure(folder, NAMES, NOW)
    assert names_of(certificate(folder, "apiserver")) == set(NAMES)
    known = ClientCertificates((folder / "ca.crt").read_bytes(), NOW.timestamp)
    der = ssl.PEM_cert_to_DER_cert((folder / "admin.crt").read_text())
    verdict = known.authenticate(der)
    assert verdict is not None
    assert (verdict.user.name, verdict.user.groups[0]) == ("kubernetes-admin", "system:masters")


def test_only_the_owner_can_read(folder: Path) -> None:
    pki = ensure(folder, NAMES, NOW)
    kubeconfig.write(folder / "admin.conf", pki, "https://127.0.0.1:6443")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_what_is_good_is_kept(folder: Path) -> None:
    ensure(folder, NAMES, NOW)
    before = contents(folder)
    ensure(folder, NAMES[:2], NOW + timedelta(days=300))
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("change", "made"),
    [
        (lambda folder: ensure(folder, [*NAMES, "more"], NOW), {"apiserver.crt"}),
        (lambda folder: ensure(folder, NAMES, NOW + timedelta(days=340)), {"apiserver.crt", "admin.crt"}),
        (lambda folder: ensure(folder, NAMES, NOW - timedelta(days=1)), {"ca.crt", "apiserver.crt", "admin.crt"}),
        (lambda folder: (folder / "admin.key").unlink(), {"admin.key", "admin.crt"}),
        (lambda folder: (folder / "ca.key").unlink(), {"ca.key", "ca.crt", "apiserver.crt", "admin.crt"}),
        (lambda folder: (folder / "sa.key").unlink(), {"sa.key"}),
    ],
)
def test_what_is_no_longer_good_is_made_again(folder: Path, change: Callable[[Path], object], made: set[str]) -> None:
    ensure(folder, NAMES, NOW)
    before = contents(folder)
    change(folder)
    ensure(folder, NAMES, NOW)
    after = contents(folder)
    assert {name for name in after if after[name] != before[name]} >= made
    assert {name for name in after if after[name] != before[name]} <= made | {"apiserver.crt", "admin.crt"}


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "apiserver.crt", "admin.key", "sa.key"])
def test_a_file_that_cannot_be_understood_is_named(folder: Path, name: str) -> None:
    ensure(folder, NAMES, NOW)
    (folder / name).write_bytes(b"nonsense")
    with pytest.raises(PKIError, match=name):
        ensure(folder, NAMES, NOW)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "pki").write_text("a file")
    with pytest.raises(PKIError, match="pki"):
        ensure(tmp_path / "pki", NAMES, NOW)
    with pytest.raises(PKIError, match=r"absent\.key: there is no such file"):
        load_key(tmp_path / "absent.key")


def test_kubeconfig(folder: Path) -> None:
    import yaml

    kubeconfig.write(folder / "admin.conf", ensure(folder, NAMES, NOW), "https://127.0.0.1:6443")
    document = yaml.safe_load((folder / "admin.conf").read_text())
    (cluster,), (user,), (entry,) = document["clusters"], document["users"], document["contexts"]
    assert document["current-context"] == entry["name"]
    assert entry["context"] == {"cluster": cluster["name"], "user": user["name"]}
    assert cluster["cluster"]["server"] == "https://127.0.0.1:6443"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == (folder / "ca.crt").read_bytes()
    assert base64.b64decode(user["user"]["client-key-data"]) == (folder / "admin.key").read_bytes()


def shown_to_the_server(server: PKI, client: PKI | None) -> bytes | None:
    """Return the certificate that a server gets to see from a client, None if the connection fails."""

    async def run() -> bytes | None:
        seen: list[bytes | None] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b"")
            writer.write(b"x")
            await writer.drain()
            writer.close()

        served = context.server_context(server.certificate, server.key, server.authority)
        listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served)
        asked = ssl.create_default_context(cafile=str(server.authority))
        if client is not None:
            asked.load_cert_chain(client.admin_certificate, client.admin_key)
        port = listener.sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=asked, server_hostname="localhost")
            await reader.read()
            writer.close()
        except (ssl.SSLError, ConnectionError):
            return None
        finally:
            listener.close()
            await listener.wait_closed()
        return seen[0] if seen else None

    return asyncio.run(run())


def test_tls_lets_authentication_decide(folder: Path, tmp_path: Path) -> None:
    server, foreign = ensure(folder, NAMES, NOW), ensure(tmp_path / "other", NAMES, NOW)
    expired = ensure(tmp_path / "expired", NAMES, NOW - timedelta(days=4000))
    for client in (server, foreign, expired):
        expected = ssl.PEM_cert_to_DER_cert(client.admin_certificate.read_text())
        assert shown_to_the_server(server, client) == expected
    assert shown_to_the_server(server, None) == b""


def test_where_openssl_cannot_be_told_tls_verifies(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(context, "accept_unverified", lambda _: False)
    server, foreign = ensure(folder, NAMES, NOW), ensure(tmp_path / "other", NAMES, NOW)
    assert shown_to_the_server(server, server)
    assert shown_to_the_server(server, foreign) is None
    assert "are verified by TLS" in caplog.text


def test_files_that_tls_cannot_use_are_named(folder: Path) -> None:
    pki = ensure(folder, NAMES, NOW)
    with pytest.raises(PKIError, match=r"apiserver\.crt.*admin\.key"):
        context.server_context(pki.certificate, pki.admin_key, None)
    with pytest.raises(PKIError, match=r"sa\.key"):
        context.server_context(pki.certificate, pki.key, folder / "sa.key")
