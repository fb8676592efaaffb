"""``stowage apiserver``: its flags, named as upstream's. The work is done by cluster_shim.apiserver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cluster_shim.cli.sections import SectionedCommand

MODES = ("Node", "RBAC", "AlwaysAllow", "AlwaysDeny")
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
RANGE_MIN_ADDRESSES = 8
"""Of a range for Services, as upstream."""
SECTIONS = {
    "data": "State",
    "bind_address": "Address and certificate",
    "service_cluster_ip_range": "Services",
    "anonymous_auth": "Who asks",
    "authorization_mode": "What is allowed",
    "max_requests_inflight": "Limits",
    "audit_log_path": "Audit",
    "kubeconfig": "Others",
}


def _list(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Return the parts of ``a,b``."""
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def _modes(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    found = _list(ctx, parameter, value)
    for each in found:
        if each not in MODES:
            raise click.BadParameter(f"{each!r} is none of {', '.join(MODES)}.")
    if not found:
        raise click.BadParameter("no mode is left that could allow anything.")
    return found


def _ranges(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    import ipaddress

    found = _list(ctx, parameter, value)
    try:
        networks = [ipaddress.ip_network(each) for each in found]
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    for each in networks:
        if each.num_addresses < RANGE_MIN_ADDRESSES:
            raise click.BadParameter(f"{each} has fewer than {RANGE_MIN_ADDRESSES} addresses.")
    versions = [each.version for each in networks]
    if not 1 <= len(found) <= 2 or len(set(versions)) != len(versions):
        raise click.BadParameter("one range is needed, or one of each IP family.")
    return found


def _address(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    import ipaddress

    try:
        return value and str(ipaddress.ip_address(value))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no IP address.") from None


def _not_empty(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value:
        raise click.BadParameter("must not be empty.")
    return value


def _ports(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    first, dash, last = value.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= 65535):
        raise click.BadParameter(f"{value!r} is no range of ports such as 30000-32767.")
    return int(first), int(last)


def _plugins(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    from cluster_shim.apiserver.admission.plugins import names, unknown

    found = _list(ctx, parameter, value)
    wrong = unknown(found)
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is no admission plugin; there are {', '.join(names())}.")
    return found


def _data(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    from cluster_shim.storage.factory import sqlite_path

    if value is not None and value.is_file() and sqlite_path(value) is None:
        raise click.BadParameter(f"{value} is a file, and not one of SQLite by its name.")
    return value


def _urls(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    from urllib.parse import urlsplit

    found = _list(ctx, parameter, value)
    for each in found:
        url = urlsplit(each)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise click.BadParameter(f"{each!r} is no URL such as http://127.0.0.1:2379.")
    return found


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    callback=_data,
    help="Folder of the store, the certificates and the kubeconfig; without it nothing outlives the server. "
    "sqlite:FILE keeps the store in a file of SQLite, and the rest beside it.",
)
@click.option(
    "--etcd-servers",
    "--etcd",
    "etcd_servers",
    callback=_urls,
    metavar="URLS",
    help="Keep the store in etcd; --data is then for certificates and kubeconfig alone.",
)
@click.option("--etcd-cafile", type=FILE, help="Authority of etcd's certificates.")
@click.option("--etcd-certfile", type=FILE, help="Certificate to show to etcd.")
@click.option("--etcd-keyfile", type=FILE, help="Its key.")
@click.option("--etcd-prefix", default="/registry", show_default=True, help="What all keys in etcd begin with.")
@click.option(
    "--durability",
    type=click.Choice(["commit", "interval", "none"]),
    default="commit",
    show_default=True,
    help="When a write is acknowledged: once it is on disk (commit); or at once, and on disk within 50 ms (interval) "
    "or whenever the system likes (none), so that a crash of the machine can lose what was acknowledged.",
)
@click.option("--bind-address", callback=_address, default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--secure-port", type=click.IntRange(0, 65535), default=6443, show_default=True, help="0: any free one.")
@click.option(
    "--advertise-address", callback=_address, default="", help="Address that the Service kubernetes leads to."
)
@click.option("--tls-cert-file", type=FILE, help="Certificate to serve with, in place of one of the own authority.")
@click.option("--tls-private-key-file", type=FILE, help="Its key.")
@click.option("--tls-san", multiple=True, metavar="NAME", help="One more name or address of the own certificate.")
@click.option(
    "--service-cluster-ip-range",
    callback=_ranges,
    metavar="CIDR[,CIDR]",
    default="10.96.0.0/12",
    show_default=True,
    help="Where Services get addresses from; two for both IP families.",
)
@click.option("--service-node-port-range", callback=_ports, metavar="FROM-TO", default="30000-32767", show_default=True)
@click.option("--anonymous-auth", type=bool, default=True, show_default=True, help="Let in who shows nothing.")
@click.option("--enable-bootstrap-token-auth", is_flag=True, help="Accept the tokens of Secrets in kube-system.")
@click.option("--token-auth-file", type=FILE, help='Static tokens: lines of token,user,uid,"group1,group2".')
@click.option("--client-ca-file", type=FILE, help="Authorities of client certificates, in place of the own one.")
@click.option(
    "--service-account-issuer",
    callback=_not_empty,
    metavar="URL",
    default="https://kubernetes.default.svc",
    show_default=True,
    help="Who tokens of service accounts are from.",
)
@click.option("--service-account-signing-key-file", type=FILE, help="Key that signs them, in place of the own one.")
@click.option(
    "--api-audiences", callback=_list, metavar="NAMES", help="For whom tokens must be; the issuer if nothing is said."
)
@click.option(
    "--authorization-mode",
    callback=_modes,
    metavar="MODES",
    default="Node,RBAC",
    show_default=True,
    help=f"Who is asked, in this order: {', '.join(MODES)}.",
)
@click.option("--no-role-aggregation", is_flag=True, help="Leave aggregated roles to a controller manager.")
@click.option("--enable-admission-plugins", callback=_plugins, metavar="NAMES", help="Besides those that are on.")
@click.option("--disable-admission-plugins", callback=_plugins, metavar="NAMES", help="Of those that are on.")
@click.option("--allow-privileged", type=bool, default=False, show_default=True, help="Allow privileged pods.")
@click.option("--max-requests-inflight", type=click.IntRange(0), default=400, show_default=True, help="0: no limit.")
@click.option(
    "--max-mutating-requests-inflight", type=click.IntRange(0), default=200, show_default=True, help="0: no limit."
)
@click.option(
    "--event-ttl",
    "event_ttl_seconds",
    type=click.IntRange(1),
    default=3600,
    show_default=True,
    help="How long Events are kept, in seconds.",
)
@click.option("--audit-log-path", default="", metavar="FILE", help="Log requests there as JSON lines; -: stdout.")
@click.option("--audit-policy-file", type=FILE, help="How much of which request; without it: metadata of each.")
@click.option("--audit-log-maxsize", type=click.IntRange(1), default=100, show_default=True, help="Megabytes a file.")
@click.option("--audit-log-maxbackup", type=click.IntRange(0), default=0, show_default=True, help="0: keep all.")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it.")
def apiserver(no_role_aggregation: bool, **flags: Any) -> None:
    """Serve the Kubernetes API 1.36 to kubectl and every other client.

    At its first start it makes an authority of its own; the kubeconfig that it writes is all that a client needs. It
    ends with SIGINT or SIGTERM, after the requests that it has begun.
    """
    if bool(flags["tls_cert_file"]) != bool(flags["tls_private_key_file"]):
        raise click.UsageError("--tls-cert-file and --tls-private-key-file go together.")
    from cluster_shim.apiserver.config import Config
    from cluster_shim.cli.apiserver_run import run

    run(Config(aggregate_roles=not no_role_aggregation, **flags))
