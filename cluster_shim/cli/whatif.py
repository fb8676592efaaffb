"""``stowage whatif``: its options and what it does with them. What it prints is in whatif_view.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cluster_shim.cli.options import CLUSTER, JSON, PLUGINS, PROFILE, TOP, all_files
from cluster_shim.scheduler.reference import PluginReference

if TYPE_CHECKING:
    from cluster_shim.cli.inputs import Reading
    from cluster_shim.scheduler.configuration import Configured
    from sched_core import Objects, Pod
    from sched_core.explain import Scenario

EXIT_ALL_PLACED, EXIT_PENDING = 0, 1
MOST = 1_000_000


class Counted(NamedTuple):
    """So many of what a name or a file stands for."""

    number: int
    what: str


class CountedType(click.ParamType[Counted]):
    """``N=WHAT``; without ``N=`` it is one."""

    name = "counted"

    def __init__(self, what: str) -> None:
        self.what = what

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"N={self.what}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Counted:
        if isinstance(value, Counted):
            return value
        match = re.fullmatch(r"(?:([0-9]{1,7})=)?(.+)", value, re.ASCII)
        if match is None or not 1 <= int(match[1] or 1) <= MOST:
            self.fail(f"'{value}' is not of the form N={self.what} (N from 1 to {MOST:,}).", param, ctx)
        return Counted(int(match[1] or 1), match[2])


class WeightType(click.ParamType[tuple[str, int]]):
    """``PLUGIN=WEIGHT``."""

    name = "weight"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "PLUGIN=WEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([^=]+)=([0-9]{1,9})", value, re.ASCII)
        if match is None:
            self.fail(f"'{value}' is not of the form PLUGIN=WEIGHT (0 leaves the score out).", param, ctx)
        return match[1], int(match[2])


@click.command()
@CLUSTER
@PROFILE
@click.option(
    "--add-nodes",
    type=CountedType("NODE|FILE"),
    multiple=True,
    help="Add N nodes like one of the cluster, or N like each of a file.",
)
@click.option("--drain", multiple=True, metavar="NODE", help="Cordon a node; its pods need another one.")
@click.option("--remove", multiple=True, metavar="NODE", help="Take a node away; its pods need another one.")
@click.option("--add-pods", type=CountedType("FILE"), multiple=True, help="Add N pods like each of a file.")
@click.option("--new-profile", metavar="FILE", help="Decide by this configuration afterwards.")
@PLUGINS
@click.option("--weight", "weights", type=WeightType(), multiple=True, help="Change the weight of a score plugin.")
@click.option(
    "--reschedule-all",
    is_flag=True,
    help="Place every pod from scratch. Before as well, if anything else is changed, so that nothing but the change "
    "makes a difference; else before is the cluster as it stands.",
)
@TOP
@JSON
@click.pass_context
def whatif(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    more_files: tuple[str, ...],
    skip_invalid: bool,
    validate: str,
    profile: str | None,
    new_profile: str | None,
    plugins: tuple[PluginReference, ...],
    disable: tuple[str, ...],
    weights: tuple[tuple[str, int], ...],
    reschedule_all: bool,
    top: int,
    json_file: str | None,
    **changes: tuple[Any, ...],
) -> None:
    """Change a cluster on paper and compare what becomes of its pods.

    Before: the cluster as it stands, with the pods placed that wait. After: the same with all changes made, and the
    pods of drained and removed nodes placed anew. Pods of DaemonSets and of kubelets come and go with their node. What
    names a node, a file or a weight to change may be given several times. The exit status is 0 if every pod has a node
    afterwards, 1 if some are pending, 2 for bad input.
    """
    from cluster_shim.cli.inputs import Reading, read_cluster, tell_of_compiling
    from cluster_shim.cli.result import check_json, write_json
    from cluster_shim.cli.terminal import working
    from cluster_shim.cli.whatif_view import document, show
    from cluster_shim.scheduler.configuration import configure
    from sched_core import Cluster, Engine
    from sched_core.explain import Scenario, changed, compare, settle

    files = all_files(files, more_files)
    if not files:
        raise click.UsageError("--cluster FILES is missing.")
    if not any((*changes.values(), new_profile, plugins, disable, weights, reschedule_all)):
        raise click.UsageError("Nothing is to be changed: see --help for what can be.")
    check_json(json_file)
    before = after = configure(profile)
    if new_profile or plugins or disable:
        after = configure(new_profile or profile, plugins, disable)
    after = _weighted(after, weights)
    reading = Reading(validate == "strict", skip_invalid)
    objects = read_cluster(files, reading)
    scenario = _scenario(objects, files, reading, reschedule_all, changes)
    something_else = scenario != Scenario(reschedule_all=True) or after is not before
    with working("placing pods"):
        tell_of_compiling(Engine(Cluster.from_objects(objects), after.config, plugins=after.plugins).kernels_cached())
        start = changed(objects, Scenario(reschedule_all=True)) if reschedule_all and something_else else objects
        found = compare(
            settle(start, before.config, before.plugins),
            settle(changed(objects, scenario), after.config, after.plugins),
        )
    if not write_json(json_file, document(found)):
        show(found, top)
    ctx.exit(EXIT_PENDING if found.after.pending else EXIT_ALL_PLACED)


def _scenario(
    objects: Objects, files: tuple[str, ...], reading: Reading, reschedule_all: bool, changes: dict[str, Any]
) -> Scenario:
    """Look up what the options name; raises InvalidObjects."""
    from cluster_shim.cli.inputs import find_node, in_words, is_file, read_cluster
    from sched_core.explain import Scenario

    where = in_words(files)
    names = {
        option: frozenset(find_node(name, objects.nodes, where).metadata.name for name in changes[option])
        for option in ("drain", "remove")
    }
    nodes = []
    for count, what in changes["add_nodes"]:
        templates = read_cluster([what], reading).nodes if is_file(what) else [find_node(what, objects.nodes, where)]
        nodes += [(count, template) for template in templates]
    pods = _added_pods(objects, reading, changes["add_pods"])
    return Scenario(tuple(nodes), names["drain"], names["remove"], tuple(pods), reschedule_all)


def _added_pods(objects: Objects, reading: Reading, wanted: tuple[Counted, ...]) -> list[Pod]:
    from cluster_shim.cli.inputs import read_objects, refused
    from sched_core.explain import copies

    taken = {(pod.metadata.namespace, pod.metadata.name) for pod in objects.pods}
    added: list[Pod] = []
    for count, file in wanted:
        templates = read_objects([file], reading).pods
        if not templates:
            raise refused("there is no pod", where=file)
        for template in templates:
            new = copies(template, count, taken)
            taken.update((pod.metadata.namespace, pod.metadata.name) for pod in new)
            added += new
    return added


def _weighted(configured: Configured, weights: tuple[tuple[str, int], ...]) -> Configured:
    """Return a configuration with other weights; raises InvalidConfig for a plugin that scores in no profile."""
    from cluster_shim.cli.inputs import did_you_mean
    from sched_core import Cluster, Engine, InvalidConfig, Problem
    from sched_core.config import with_weight

    for name, weight in weights:
        engine = Engine(Cluster(), configured.config, plugins=configured.plugins)
        scoring = {plugin for each in engine.profiles.values() for plugin in each.weights}
        if name not in scoring:
            reason = f'plugin "{name}" scores in no profile{did_you_mean(name, sorted(scoring))}'
            raise InvalidConfig([Problem("", "--weight", "", reason)])
        configured = configured._replace(config=with_weight(configured.config, name, weight))
    return configured
