"""Runs the API server in the foreground until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import click

from cluster_shim.apiserver.assembly import Assembly
from cluster_shim.apiserver.audit.log import AuditLogError
from cluster_shim.apiserver.audit.policy import PolicyError
from cluster_shim.apiserver.authentication.token_file import TokenFileError
from cluster_shim.apiserver.config import Config
from cluster_shim.apiserver.pki.files import PKIError
from cluster_shim.storage.store import StoreError

EXIT_FAILED = 1
COLLECT_AFTER = (50_000, 20, 20)
"""How many new objects make the collector of garbage look: nearly all that a request makes goes without it."""


def run(config: Config) -> None:
    """Serve until SIGINT or SIGTERM. Exits with 1 and a message if the server cannot start."""
    import uvloop

    try:
        uvloop.run(_serve(config))
    except (StoreError, PKIError, TokenFileError, PolicyError, AuditLogError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_FAILED)


async def _serve(config: Config) -> None:
    assembly = Assembly(config)
    await assembly.start()
    try:
        port = await assembly.listen()
        # What has been made by now stays: collections need not look at it again and again.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        told = _told()
        click.echo(f"Serving on https://{config.bind_address}:{port}")
        click.echo(f"kubectl --kubeconfig {assembly.kubeconfig} get nodes")
        if config.data is None and not config.etcd_servers:
            click.echo("Nothing of this is kept when the server ends; --data DIR keeps it.", err=True)
        await told.wait()
    finally:
        await assembly.stop()


def _told() -> asyncio.Event:
    """Return what is set once a signal says that it is time to end."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    return told
