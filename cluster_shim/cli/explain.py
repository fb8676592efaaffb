"""``stowage explain``: its options and what it does with them. What it prints is in explain_view.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from cluster_shim.cli.options import CLUSTER, JSON, PLUGINS, PROFILE, TOP, all_files
from cluster_shim.scheduler.reference import PluginReference

if TYPE_CHECKING:
    from cluster_shim.cli.inputs import Reading
    from sched_core import Engine, Objects, Pod

EXIT_FITS, EXIT_DOES_NOT_FIT = 0, 1


@click.command()
@click.argument("pod")
@CLUSTER
@PROFILE
@PLUGINS
@click.option("--node", metavar="NAME", default="", help="Show this node in full, and what would let the pod fit.")
@TOP
@click.option(
    "--fixes",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    metavar="N",
    help="Look for the smallest change on so many nodes.",
)
@click.option(
    "--annotations", is_flag=True, help="The annotations of kube-scheduler-simulator as JSON, in place of the tables."
)
@JSON
@click.pass_context
def explain(
    ctx: click.Context,
    pod: str,
    files: tuple[str, ...],
    more_files: tuple[str, ...],
    skip_invalid: bool,
    validate: str,
    profile: str | None,
    plugins: tuple[PluginReference, ...],
    disable: tuple[str, ...],
    node: str,
    top: int,
    fixes: int,
    annotations: bool,
    json_file: str | None,
) -> None:
    """Say why a pod goes to its node, or what keeps it from all of them.

    POD is a name, namespace/name, or a file with one pod. Every node is looked at. A pod that runs already is explained
    as if it waited for a node again. The exit status is 0 if the pod fits, 1 if it does not, 2 for bad input.
    """
    from cluster_shim.cli.explain_view import document, show
    from cluster_shim.cli.inputs import Reading, find_node, in_words, tell_of_compiling
    from cluster_shim.cli.result import check_json, write_json
    from cluster_shim.scheduler.configuration import configure
    from sched_core import Cluster, Engine, kernels_cached
    from sched_core.explain import explain as explain_pod
    from sched_core.explain import simulator_annotations

    files = all_files(files, more_files)
    check_json(json_file)
    configured = configure(profile, plugins, disable)
    asked = _read(pod, files, Reading(validate == "strict", skip_invalid))
    if node:
        find_node(node, asked.objects.nodes, in_words(files) or pod)
    cluster = Cluster.from_objects(asked.objects)
    engine = Engine(cluster, configured.config, speed="cycle", plugins=configured.plugins)
    tell_of_compiling(kernels_cached())
    _nominate(engine, asked)
    found = explain_pod(engine, asked.pod, fixes=fixes, node=node)
    if annotations:
        write_json(json_file or "-", simulator_annotations(engine, asked.pod, found))
    elif not write_json(json_file, document(found, asked.note)):
        show(found, asked.note, node, top)
    ctx.exit(EXIT_FITS if found.node is not None else EXIT_DOES_NOT_FIT)


class Asked(NamedTuple):
    """The pod to explain and the cluster without it."""

    pod: Pod
    objects: Objects
    note: str


def _read(name: str, files: tuple[str, ...], reading: Reading) -> Asked:
    """Find the pod, in a file of its own or among the pods of the cluster, and take it out of the cluster."""
    from dataclasses import replace

    from cluster_shim.cli.inputs import ENDED, find_pod, in_words, is_file, read_cluster, read_pod
    from sched_core import pod_key
    from sched_core.explain import pending

    if not files:
        raise click.UsageError("--cluster FILES is missing: the nodes that the pod could go to.")
    objects = read_cluster(files, reading)
    pod = read_pod(name, reading) if is_file(name) else find_pod(name, objects.pods, in_words(files))
    key = pod_key(pod)
    others = replace(objects, pods=[each for each in objects.pods if pod_key(each) != key])
    if pod.status.phase in ENDED:
        note = f"{key} has ended ({pod.status.phase}); it is explained as if it waited for a node again"
    elif pod.spec.node_name:
        note = f"{key} runs on {pod.spec.node_name}; it is explained as if it waited for a node again and did not run"
    else:
        return Asked(pod, others, "")
    return Asked(pending(pod), others, note)


def _nominate(engine: Engine, asked: Asked) -> None:
    """Let the nominations of the other pods that wait count."""
    for pod in asked.objects.pods:
        if pod.status.nominated_node_name and not pod.spec.node_name:
            engine.nominate(pod, pod.status.nominated_node_name)
