"""Kubeconfigs: which server, which credentials, and what is wrong with a file."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.client.kubeconfig import KubeconfigError, read


def kubeconfig(cluster: dict[str, Any], user: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **others,
    }


def written(folder: Path, document: Any) -> Path:
    path = folder / "kubeconfig"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_token(tmp_path: Path) -> None:
    access = read(written(tmp_path, kubeconfig({"server": "http://example.com:8001"}, {"token": "t"})))
    assert access == ("example.com", 8001, None, "t")


def test_a_token_in_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    document = kubeconfig({"server": "http://example.com"}, {"tokenFile": "token"})
    assert read(written(tmp_path, document)) == ("example.com", 80, None, "secret")


def test_https_is_verified_unless_told_otherwise(tmp_path: Path) -> None:
    strict = read(written(tmp_path, kubeconfig({"server": "https://[::1]:6443"}, {})))
    assert (strict.host, strict.port) == ("::1", 6443)
    assert strict.tls is not None and strict.tls.check_hostname
    document = kubeconfig({"server": "https://example.com", "insecure-skip-tls-verify": True}, {})
    lax = read(written(tmp_path, document))
    assert lax.port == 443
    assert lax.tls is not None and not lax.tls.check_hostname


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("[1]", "is no kubeconfig"),
        ("{", "kubeconfig: "),
        (kubeconfig({}, {}, **{"current-context": "y"}), "contexts: there is none called 'y'"),
        (kubeconfig({}, {}, users=[]), "users: there is none called 'u'"),
        (kubeconfig({"server": "example.com"}, {}), "clusters: c: server: 'example.com' is no URL"),
        (kubeconfig({"server": "http://a"}, {"exec": {"command": "x"}}), "users: u: exec: credentials of programs"),
        (kubeconfig({"server": "http://a"}, {"tokenFile": "none"}), "users: u: tokenFile: "),
        (kubeconfig({"server": "http://a:b"}, {}), "clusters: c: server: "),
        (kubeconfig({"server": "https://a", "certificate-authority-data": "?"}, {}), "certificates: "),
        (kubeconfig({"server": "https://a", "certificate-authority": "none"}, {}), "certificates: "),
        (
            kubeconfig({"server": "https://a", "certificate-authority-data": base64.b64encode(b"x").decode()}, {}),
            "certificates: ",
        ),
    ],
)
def test_what_is_wrong_is_named(document: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError) as error:
        read(written(tmp_path, document))
    assert str(tmp_path) in str(error.value)
    assert problem in str(error.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="No such file"):
        read(tmp_path / "kubeconfig")
