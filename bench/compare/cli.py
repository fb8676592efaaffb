"""``stowage compare``: its options. Nothing that is slow to import is imported before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.traces.cli import MAPPING
from cluster_shim.cli.options import JSON

INTERRUPTED = 130
INPUT = click.Path(path_type=Path, exists=True)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--policies",
    required=True,
    metavar="A,B,C",
    help="Policies, separated by commas: FGD, BestFit, Worth and so on, FILE.py:Class or module:Class; by time also "
    "default, LeastAllocated, MostAllocated (upstream's default profile, or with that strategy), and FILE.yaml, a "
    "KubeSchedulerConfiguration.",
)
@click.option(
    "--traces",
    multiple=True,
    required=True,
    type=INPUT,
    metavar="FILES...",
    help="Lists of pods: CSV, JSON lines (.jsonl) or dumps of Kubernetes objects (.yaml, .json). Takes all the files "
    "that follow it.",
)
@click.option(
    "--nodes",
    type=INPUT,
    required=True,
    metavar="FILE",
    help="The list of nodes, or a dump with them. By arrival those without a GPU rest.",
)
@click.option(
    "--by",
    type=click.Choice(["arrival", "time"]),
    default="arrival",
    show_default=True,
    help="arrival: pods that ask for GPUs come in an order from the seed until --ratio is reached; none leaves, none "
    "is tried again. time: pods come and leave at the times of the trace; those that find no node wait, and are tried "
    "again when something has left.",
)
@MAPPING
@click.argument("more_files", nargs=-1, type=INPUT, metavar="")
@click.option("--seeds", type=click.IntRange(1, 1000), default=10, show_default=True, metavar="N", help="From 42 on.")
@click.option(
    "--ratio",
    type=click.FloatRange(0, 100, min_open=True),
    help="By arrival: how much arrives, in parts of what all GPUs hold.  [default: 1.3]",
)
@click.option(
    "--arrivals",
    multiple=True,
    type=INPUT,
    metavar="FILE",
    help="By arrival: given orders (arrivals-TRACE.json.gz), or a folder of them, in place of drawn ones.",
)
@click.option("--baseline", metavar="POLICY", help="What the others are tested against.  [default: the first]")
@click.option(
    "--bounds/--no-bounds", default=None, help="By arrival: what no policy can beat.  [default: where scipy is there]"
)
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help="Processes.  [default: one a core]")
@click.option("--dask", metavar="tcp://HOST:PORT", help="Run on the workers of this Dask scheduler instead (an extra).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("stowage-compare"),
    show_default=True,
    metavar="DIR",
    help="Results of single runs are kept here; what is there already is not run again.",
)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write a report with figures (HTML).")
@JSON
@click.pass_context
def compare(ctx: click.Context, /, more_files: tuple[Path, ...], **given: Any) -> None:
    """Run policies on traces with several seeds, in parallel, and hold them against each other.

    After Ctrl-C what runs is finished, and the same command goes on where it was; a second Ctrl-C ends at once. A run
    is done again if its list of nodes or pods, the plugin's file or the sources of stowage have changed. The exit
    status is 130 after Ctrl-C.
    """
    from bench.compare.command import Options, run

    given["traces"] += more_files
    if not run(Options(**given)):
        ctx.exit(INTERRUPTED)
