"""Kubeconfig: from a file that kubectl reads to a transport, with the current context's server and credentials."""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cluster_shim.client.http import Http

HTTPS_PORT = 443


class KubeconfigError(Exception):
    """A kubeconfig that cannot be used; names file and entry."""


class Access(NamedTuple):
    """How to reach a server."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    token: str

    def transport(self) -> Http:
        """Return a transport of one's own."""
        return Http(self.host, self.port, self.tls, self.token)


def read(path: Path) -> Access:
    """Return the access of the current context. Raises KubeconfigError."""
    import yaml

    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KubeconfigError(f"{path}: {error}") from None
    if not isinstance(document, Mapping):
        raise KubeconfigError(f"{path}: is no kubeconfig")
    context = _entry(path, document, "context", str(document.get("current-context", "")))
    cluster = _entry(path, document, "cluster", str(context.get("cluster", "")))
    user = _entry(path, document, "user", str(context.get("user", "")))
    url = urlsplit(str(cluster.get("server", "")))
    if url.scheme not in ("http", "https") or not url.hostname:
        raise KubeconfigError(f"{path}: clusters: {context.get('cluster')}: server: {url.geturl()!r} is no URL")
    tls = _tls(path, cluster, user) if url.scheme == "https" else None
    port = url.port or (HTTPS_PORT if tls is not None else 80)
    token = user.get("token", "")
    if not token and user.get("tokenFile"):
        token = (path.parent / user["tokenFile"]).read_text(encoding="utf-8").strip()
    if user.get("exec") or user.get("auth-provider"):
        raise KubeconfigError(f"{path}: users: {context.get('user')}: exec: credentials of programs are not supported")
    return Access(url.hostname, port, tls, str(token))


def _entry(path: Path, document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    for each in document.get(f"{kind}s") or ():
        if each.get("name") == name:
            found: Mapping[str, Any] = each.get(kind) or {}
            return found
    raise KubeconfigError(f"{path}: {kind}s: there is none called {name!r}")


def _tls(path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        authority = _data(path, cluster, "certificate-authority")
        if authority:
            context = ssl.create_default_context(cadata=authority.decode())
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = _data(path, user, "client-certificate"), _data(path, user, "client-key")
        if certificate and key:
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # ssl reads it from a file and nowhere else
                file.write(certificate + b"\n" + key)
                file.flush()
                context.load_cert_chain(file.name)
    except (OSError, ValueError) as error:
        raise KubeconfigError(f"{path}: certificates: {error}") from None
    return context


def _data(path: Path, entry: Mapping[str, Any], name: str) -> bytes:
    if entry.get(f"{name}-data"):
        return base64.b64decode(entry[f"{name}-data"], validate=True)
    return (path.parent / entry[name]).read_bytes() if entry.get(name) else b""
