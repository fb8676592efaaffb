"""What ``stowage bench api`` does: fill a server, measure it; show, write."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import click

from bench.api.measure import Failed, Load
from bench.api.objects import distinct_pod, pod
from bench.api.result import Result
from bench.api.show import markdown, show
from bench.api.target import Own, ServerError
from bench.machine import this_machine
from bench.table import replace_between_markers
from cluster_shim.cli.output import check_writable, write_atomically
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import Bar
from cluster_shim.client.kubeconfig import Access, KubeconfigError, read

DISTINCT_PART = 10
"""One pod in so many has a spec of its own."""
TABLE = "api"
"""The name in the markers of the README."""


class Options(NamedTuple):
    """The options of the command, as they were given."""

    kubeconfig: Path | None
    nodes: int
    pods: int
    connections: int
    watchers: int
    changes: int
    changes_per_second: int
    gets: int
    durability: str
    json_file: str | None
    update: Path | None


def run(options: Options) -> Result:
    """Measure, print and write. Raises a click exception for a server that cannot be measured."""
    check_json(options.json_file)
    if options.update:
        check_writable(options.update, "--update")
        replace_between_markers(options.update.read_text(encoding="utf-8"), "", str(options.update), TABLE)
    try:
        result = _measured(options)
    except (Failed, ServerError, KubeconfigError, OSError) as error:
        raise click.ClickException(str(error)) from None
    show(result, stderr=options.json_file == "-")
    if options.json_file:
        write_json(options.json_file, result)
    if options.update:
        text = options.update.read_text(encoding="utf-8")
        text = replace_between_markers(text, markdown(result), str(options.update), TABLE)
        write_atomically(options.update, text)
    return result


def _measured(options: Options) -> Result:
    import uvloop

    if options.kubeconfig is not None:
        return uvloop.run(_measure(options, read(options.kubeconfig), None))
    with Own(options.durability) as own:
        return uvloop.run(_measure(options, own.access, own))


async def _measure(options: Options, access: Access, own: Own | None) -> Result:
    total = options.nodes + 2 * options.pods + options.gets + options.changes
    with Bar("requests", total) as bar:
        load = Load(access, options.connections, bar)
        server = await load.prepare()
        await load.create_nodes(options.nodes)
        alike = options.pods - -(-options.pods // DISTINCT_PART)
        creates = await load.create_pods(0, alike, pod)
        distinct = await load.create_pods(alike, options.pods, distinct_pod)
        binds = await load.bind_pods(options.pods, options.nodes)
        gets = await load.get_pods(options.gets, options.pods)
        list_seconds = await load.list_all("/api/v1/nodes")
        list_pods_seconds = await load.list_all("/api/v1/pods")
        rss = own.rss_bytes if own is not None else None
        lag = await load.watch(options.watchers, options.changes, options.changes_per_second)
        await load.close()
    start = None
    if own is not None:
        own.stop()
        start = own.start()
    return Result(
        server=server,
        nodes=options.nodes,
        pods=options.pods,
        connections=options.connections,
        creates_per_second=creates,
        distinct_creates_per_second=distinct,
        binds_per_second=binds,
        gets_per_second=gets,
        watchers=options.watchers,
        changes_per_second=lag.changes_per_second,
        watch_lag_ms_p50=lag.p50,
        watch_lag_ms_p99=lag.p99,
        list_seconds=list_seconds,
        list_pods_seconds=list_pods_seconds,
        rss_bytes=rss,
        start_seconds=start,
        version=version("stowage"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
    )
