"""Config: what a server can be told, under upstream's names; the command line makes it, tests do too."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path


@dataclass(slots=True)
class Config:
    """The options of one server. A field is the flag of its name, with ``_`` for ``-``."""

    data: Path | None = None
    """The folder of the store, the certificates and the kubeconfig, or a file of SQLite; None: nothing is kept."""
    etcd_servers: tuple[str, ...] = ()
    etcd_cafile: Path | None = None
    etcd_certfile: Path | None = None
    etcd_keyfile: Path | None = None
    etcd_prefix: str = "/registry"
    durability: str = "commit"
    bind_address: str = "127.0.0.1"
    secure_port: int = 6443
    """0: any that is free."""
    advertise_address: str = ""
    service_cluster_ip_range: tuple[str, ...] = ("10.96.0.0/12",)
    service_node_port_range: tuple[int, int] = (30000, 32767)
    authorization_mode: tuple[str, ...] = ("Node", "RBAC")
    aggregate_roles: bool = True
    """Whether admin, edit and view have the rules that a controller manager would write into them."""
    anonymous_auth: bool = True
    token_auth_file: Path | None = None
    enable_bootstrap_token_auth: bool = False
    client_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_private_key_file: Path | None = None
    tls_san: tuple[str, ...] = ()
    service_account_issuer: str = "https://kubernetes.default.svc"
    service_account_signing_key_file: Path | None = None
    api_audiences: tuple[str, ...] = ()
    enable_admission_plugins: tuple[str, ...] = ()
    disable_admission_plugins: tuple[str, ...] = ()
    allow_privileged: bool = False
    """Whether pods may be privileged; of all servers in a process, the last one's counts."""
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    audit_log_path: str = ""
    """``-``: standard output; empty: no audit log."""
    audit_policy_file: Path | None = None
    audit_log_maxsize: int = 100
    """Megabytes."""
    audit_log_maxbackup: int = 0
    """0: all are kept."""
    event_ttl_seconds: int = 3600
    compaction_seconds: float = 300.0
    kubeconfig: Path | None = None
    hostname: str = field(default="")

    def flags(self) -> dict[str, str]:
        """Return the options as a command line has them."""
        return {each.name.replace("_", "-"): _shown(getattr(self, each.name)) for each in fields(self)}


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{','.join(map(str, value))}]"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
