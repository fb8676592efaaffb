"""Kubeconfigs: a file that a client needs nothing else with."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from cluster_shim.apiserver.pki.files import PKIError, read, write_private
from cluster_shim.apiserver.pki.store import ADMIN_NAME, PKI

CLUSTER = "stowage"


def write(path: Path, pki: PKI, server: str) -> None:
    """Write the kubeconfig of the administrator for a server (``https://127.0.0.1:6443``). Raises PKIError.

    It is JSON, which is YAML too: every client reads it, and nothing has to be quoted.
    """
    user = {
        "client-certificate-data": _data(pki.admin_certificate),
        "client-key-data": _data(pki.admin_key),
    }
    cluster = {"server": server, "certificate-authority-data": _data(pki.authority)}
    context = {"cluster": CLUSTER, "user": ADMIN_NAME}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CLUSTER, "cluster": cluster}],
        "users": [{"name": ADMIN_NAME, "user": user}],
        "contexts": [{"name": f"{ADMIN_NAME}@{CLUSTER}", "context": context}],
        "current-context": f"{ADMIN_NAME}@{CLUSTER}",
        "preferences": {},
    }
    write_private(path, json.dumps(document, indent=2).encode() + b"\n")


def _data(path: Path) -> str:
    data = read(path)
    if data is None:
        raise PKIError(f"{path}: there is no such file")
    return base64.b64encode(data).decode()
