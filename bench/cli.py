"""``stowage bench``: the options of its commands. Nothing that is slow to import is imported before a command runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from bench.scheduling.options import (
    ENGINES,
    MOST_NODES,
    MOST_PODS,
    MOST_ZONES,
    NODES,
    PODS,
    SEED,
    WORKLOAD,
    ZONES,
    Options,
    WorkloadType,
)
from cluster_shim.cli.options import PLUGINS, PROFILE, options

INTERRUPTED = 130
FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def bench() -> None:
    """Measure scheduler, proxy and API server: synthetic clusters, real lists, own objects."""


SYNTHETIC = options(
    click.option(
        "--nodes",
        type=click.IntRange(1, MOST_NODES),
        metavar="N",
        help=f"Nodes of the synthetic cluster.  [default: {NODES}]",
    ),
    click.option(
        "--pods", type=click.IntRange(1, MOST_PODS), metavar="N", help=f"Pods to schedule.  [default: {PODS}]"
    ),
    click.option(
        "--zones",
        type=click.IntRange(1, MOST_ZONES),
        metavar="N",
        help=f"Zones of the synthetic cluster.  [default: {ZONES}]",
    ),
    click.option("--workload", type=WorkloadType(), help=f"What the pods are.  [default: {WORKLOAD}]"),
    click.option(
        "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help=f"Seed of cluster and pods.  [default: {SEED}]"
    ),
)
OBJECTS = options(
    click.option(
        "--from",
        "from_files",
        multiple=True,
        metavar="FILES...",
        help="Node and pod objects: files, folders, or - for standard input.",
    ),
    click.option("--skip-invalid", is_flag=True, help="Leave out objects that cannot be used, and say how many."),
    click.option(
        "--validate",
        type=click.Choice(["strict", "ignore"]),
        help="Refuse unknown fields, or ignore them.  [default: strict]",
    ),
    click.argument("more_files", nargs=-1, metavar=""),
)
TRACE = options(
    click.option("--trace", type=click.Choice(["openb"]), help="Lists of nodes and pods in this format."),
    click.option("--nodes-csv", type=EXISTING, help="The list of nodes."),
    click.option("--pods-csv", type=EXISTING, help="The list of pods."),
)
ENGINE = options(
    PROFILE,
    click.option(
        "--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="Which of the three speeds."
    ),
    PLUGINS,
)
OUTPUT = options(
    click.option(
        "--json",
        "json_file",
        metavar="FILE|-",
        help="Write the results as JSON; - is standard output, and the table goes to stderr.",
    ),
    click.option("--report", type=FILE, help="Write a report with figures (one HTML file)."),
    click.option(
        "--compare", type=EXISTING, multiple=True, help="A result of an earlier run (--json) to hold this one against."
    ),
)


@bench.command()
@SYNTHETIC
@OBJECTS
@TRACE
@ENGINE
@OUTPUT
@click.pass_context
def scheduling(ctx: click.Context, /, more_files: tuple[str, ...], **given: Any) -> None:
    """Schedule many pods and say how fast and how well.

    Without --from and --trace, cluster and pods are made up from the seed. --plugin, --disable, --from and --compare
    may be given several times; --from takes all the files that follow it.
    """
    if more_files and not given["from_files"]:
        raise click.UsageError(f"Got unexpected argument '{more_files[0]}'; files of objects need --from.")
    given["from_files"] += more_files
    options = Options(**given)
    options.check()
    from bench.scheduling.command import run

    if run(options).interrupted:
        ctx.exit(INTERRUPTED)


@bench.command()
@click.option(
    "--report", type=FILE, default=Path("stowage-report.html"), show_default=True, help="The report to write."
)
@click.pass_context
def demo(ctx: click.Context, report: Path) -> None:
    """Run the main job: 50,000 pods onto 10,000 nodes, then a made-up GPU cluster in the openb format."""
    from bench.demo import run

    if run(report):
        ctx.exit(INTERRUPTED)


@bench.command()
@click.option("--update", type=EXISTING, help="A Markdown file whose table, between two markers, is replaced.")
def table(update: Path | None) -> None:
    """Measure the four workloads that have a bar, and write the table of the README."""
    from bench.table import run

    run(update)


class RegexType(click.ParamType["re.Pattern[str]"]):
    """A regular expression."""

    name = "regex"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "REGEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> re.Pattern[str]:
        try:
            return re.compile(value)
        except re.error as error:
            self.fail(f"'{value}' is not a regular expression: {error}.", param, ctx)


@bench.command("scheduler-perf")
@click.argument("files", nargs=-1, required=True, type=EXISTING, metavar="FILE...")
@click.option("--name", type=RegexType(), help="Run workloads whose name, TestCase/Workload, has a match.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="LABELS",
    help="Run workloads with these labels: a,-b is with a and without b (!b is -b). May be given several times.",
)
@click.option("--list", "list_only", is_flag=True, help="Show what would run, and run nothing.")
@click.option(
    "--repeat",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Run each workload N times, and report the run with the median throughput.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, min_open=True),
    default=600.0,
    show_default="600",
    metavar="SECONDS",
    help="Give a workload up that waits for pods while none is scheduled for so long.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the results as upstream's dataItems; - is standard output, and the table goes to stderr.",
)
@click.option("--update", type=EXISTING, help="A Markdown file whose table, between two markers, is replaced.")
@click.pass_context
def scheduler_perf(ctx: click.Context, /, **given: Any) -> None:
    """Run upstream's benchmark: performance-config.yaml files with their templates, as they stand.

    The exit status is 1 if a threshold is missed or measured pods are not all scheduled, 2 if a file cannot be used,
    130 after Ctrl-C, with the results so far.
    """
    from bench.scheduler_perf.command import Options, run

    outcome = run(Options(**given))
    if outcome.interrupted:
        ctx.exit(INTERRUPTED)
    if not outcome.passed:
        ctx.exit(1)


@bench.command("api")
@click.option(
    "--kubeconfig",
    type=EXISTING,
    help="Measure the server of this file, whichever it is, and leave the objects there; else one of ours is started.",
)
@click.option("--nodes", type=click.IntRange(1, 100_000), default=10_000, show_default=True, metavar="N")
@click.option("--pods", type=click.IntRange(1, 1_000_000), default=100_000, show_default=True, metavar="N")
@click.option("--connections", type=click.IntRange(1, 1000), default=8, show_default=True, metavar="N")
@click.option("--watchers", type=click.IntRange(1, 10_000), default=100, show_default=True, metavar="N")
@click.option("--changes", type=click.IntRange(1), default=10_000, show_default=True, help="That watchers are told of.")
@click.option("--changes-per-second", type=click.IntRange(1), default=1000, show_default=True, metavar="N")
@click.option("--gets", type=click.IntRange(1), default=50_000, show_default=True, metavar="N")
@click.option(
    "--durability",
    type=click.Choice(["commit", "interval", "none"]),
    default="commit",
    show_default=True,
    help="Of the server that is started.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - for standard output.")
@click.option("--update", type=EXISTING, help="Put the table between the markers of this file.")
def api(**given: Any) -> None:
    """Fill an API server with nodes and pods, and measure how it takes and gives them.

    Over TLS, from this process: creates, binds, gets, lists, watchers, memory and a start from disk.
    """
    from bench.api.command import Options, run

    run(Options(**given))


@bench.command("proxy")
@click.option(
    "--services",
    type=click.IntRange(1, 500_000),
    multiple=True,
    default=(10_000,),
    show_default="10000",
    metavar="N",
    help="Services of type ClusterIP with one port each; given several times, the report draws a curve.",
)
@click.option(
    "--endpoints", type=click.IntRange(1, 1000), default=10, show_default=True, metavar="N", help="Of each service."
)
@click.option(
    "--mode",
    "modes",
    type=click.Choice(["flat", "nftables", "iptables", "ipvs"]),
    multiple=True,
    default=("flat", "nftables", "iptables"),
    show_default="flat, nftables, iptables",
    help="May be given several times.",
)
@click.option(
    "--changes",
    type=click.IntRange(5, 100_000),
    default=100,
    show_default=True,
    metavar="N",
    help="Changes of one endpoint each; fewer are made if they take more than 30 s.",
)
@click.option(
    "--iptables-variant",
    type=click.Choice(["legacy", "nft"]),
    default="legacy",
    show_default=True,
    help="Which programs of iptables are run.",
)
@click.option("--render-only", is_flag=True, help="Write nothing into a kernel: the time that rendering takes alone.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, metavar="N")
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the results as JSON; - is standard output, and the table goes to stderr.",
)
@click.option("--report", type=FILE, help="Write a report with figures (one HTML file).")
@click.option("--update", type=EXISTING, help="A Markdown file whose table, between two markers, is replaced.")
@click.pass_context
def proxy(ctx: click.Context, /, **given: Any) -> None:
    """Load services into a kernel, change them, and open connections through them.

    Each mode runs in a process and a network namespace of its own, as root; ipvs needs a kernel that has it. The exit
    status is 1 if a mode could not be measured, 130 after Ctrl-C, with the results so far.
    """
    from bench.proxy.command import Options, run

    outcome = run(Options(**given))
    if outcome.interrupted:
        ctx.exit(INTERRUPTED)
    if outcome.refusals:
        ctx.exit(1)
