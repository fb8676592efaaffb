"""``stowage replay``: the options of its commands. Nothing that is slow to import is imported before a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cluster_shim.cli.options import JSON

LIST = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def replay() -> None:
    """Let the pods of a trace arrive, and see how a policy places them."""


@replay.command()
@click.option("--nodes", "nodes_csv", type=LIST, required=True, help="The list of nodes; those without a GPU rest.")
@click.option("--pods", "pods_csv", type=LIST, required=True, help="The list of pods.")
@click.option(
    "--policy",
    required=True,
    metavar="NAME|FILE.py:Class",
    help="Random, DotProd, GpuClustering, GpuPacking, BestFit, FGD, or a plugin of your own (also module:Class).",
)
@click.option(
    "--ratio",
    type=click.FloatRange(0.01, 100),
    default=1.3,
    show_default=True,
    metavar="R",
    help="What the pods ask for in all, in parts of what all GPUs hold: pods come again, or are left out.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=42, show_default=True, metavar="N")
@click.option(
    "--arrivals",
    "arrivals_file",
    type=LIST,
    help="A file with the order of arrival and the ranks of nodes of the seed, in place of our own; it has its ratio.",
)
@JSON
def openb(**given: Any) -> None:
    """Replay a trace in the openb format (Alibaba's cluster-trace-gpu-v2023) with one of the published policies.

    Pods come one after the other, none leaves, and none that fits nowhere is tried again.
    """
    from bench.replay.command import replay_openb

    replay_openb(**given)
