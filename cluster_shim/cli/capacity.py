"""``stowage capacity``: its options and what it does with them. What it prints is in capacity_view.py."""

from __future__ import annotations

import click

from cluster_shim.cli.options import CLUSTER, JSON, PLUGINS, PROFILE, TOP, all_files
from cluster_shim.scheduler.reference import PluginReference

EXIT_FITS, EXIT_DOES_NOT_FIT = 0, 1


@click.command()
@click.option(
    "--podspec",
    "podspecs",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A file with one pod, or - for standard input; may be given several times, each is counted alone.",
)
@CLUSTER
@PROFILE
@PLUGINS
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Count no more than so many.")
@TOP
@JSON
@click.pass_context
def capacity(
    ctx: click.Context,
    podspecs: tuple[str, ...],
    files: tuple[str, ...],
    more_files: tuple[str, ...],
    skip_invalid: bool,
    validate: str,
    profile: str | None,
    plugins: tuple[PluginReference, ...],
    disable: tuple[str, ...],
    limit: int | None,
    top: int,
    json_file: str | None,
) -> None:
    """Say how many more of a pod fit, where, and what runs out first.

    Pods that run count with what they request; those that wait for a node do not. The exit status is 0 if at least one
    more of each pod fits, 1 if not, 2 for bad input.
    """
    from cluster_shim.cli.capacity_view import document, show
    from cluster_shim.cli.inputs import Reading, read_cluster, read_pod, tell_of_compiling
    from cluster_shim.cli.result import check_json, write_json
    from cluster_shim.cli.terminal import working
    from cluster_shim.scheduler.configuration import configure
    from sched_core import Cluster, Engine
    from sched_core.explain import capacity as capacity_of
    from sched_core.explain.capacity import LIMIT

    files = all_files(files, more_files)
    if not files:
        raise click.UsageError("--cluster FILES is missing: the nodes to fill.")
    check_json(json_file)
    configured = configure(profile, plugins, disable)
    reading = Reading(validate == "strict", skip_invalid)
    objects = read_cluster(files, reading)
    pods = [read_pod(file, reading) for file in podspecs]
    engine = Engine(Cluster.from_objects(objects), configured.config, plugins=configured.plugins)
    tell_of_compiling(engine.kernels_cached())
    with working("counting"):
        found = [capacity_of(engine, pod, limit=limit or LIMIT) for pod in pods]
    if not write_json(json_file, document(found)):
        for each in found:
            show(each, engine.cluster.nodes.snapshot_size, top)
    ctx.exit(EXIT_FITS if all(each.fits for each in found) else EXIT_DOES_NOT_FIT)
