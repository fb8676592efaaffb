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

PORTS = {"http": 80, "https": 443}


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
    scheme, host, port = _address(path, cluster, context)
    tls = _tls(path, cluster, user) if scheme == "https" else None
    token = user.get("token", "")
    if not token and user.get("tokenFile"):
        try:
            token = (path.parent / user["tokenFile"]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{path}: users: {context.get('user')}: tokenFile: {error}") from None
    if user.get("exec") or user.get("auth-provider"):
        raise KubeconfigError(f"{path}: users: {context.get('user')}: exec: credentials of programs are not supported")
    return Access(host, port, tls, str(token))


def _address(path: Path, cluster: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str, int]:
    """Return scheme, host and port of a cluster's server."""
    text = str(cluster.get("server", ""))
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:  # a port that is no number, brackets without their other half
        url, port = urlsplit(""), None
    if url.scheme not in PORTS or not url.hostname:
        raise KubeconfigError(f"{path}: clusters: {context.get('cluster')}: server: {text!r} is no URL")
    return url.scheme, url.hostname, port or PORTS[url.scheme]


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
