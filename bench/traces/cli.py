"""``stowage trace``: the options of its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cluster_shim.cli.options import options

INPUT = click.Path(path_type=Path, exists=True)
OUTPUT = click.Path(path_type=Path, dir_okay=False)
MAPPING = options(
    click.option(
        "--map",
        "given",
        multiple=True,
        metavar="FIELD=COLUMN[:UNIT]",
        help="Where a field stands, as in cpu=plan_cpu:percent; node.FIELD for the list of nodes.",
    ),
    click.option(
        "--map-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="The same as YAML: pods: and nodes:, each a mapping of FIELD to COLUMN[:UNIT].",
    ),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def trace() -> None:
    """Look at traces of pods, and make up larger ones like them."""


@trace.command()
@click.argument("file", type=INPUT)
@MAPPING
@click.option(
    "--json", "json_file", metavar="FILE|-", help="Write the numbers as JSON; - is standard output, without the table."
)
def info(**given: Any) -> None:
    """Say what a trace holds: pods, shapes, arrivals, durations, and the most that is asked for at a time.

    FILE is CSV, JSON lines (.jsonl) or a dump of Kubernetes objects (.yaml, .json).
    """
    from bench.traces.command import show_info

    show_info(**given)


@trace.command()
@click.option("--like", type=INPUT, required=True, metavar="FILE", help="The trace that is fitted.")
@click.option("--pods", type=click.IntRange(1, 50_000_000), required=True, metavar="N")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, metavar="N")
@click.option(
    "--span",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="From the first arrival to about the last.  [default: that of the trace, so that more pods come at a time]",
)
@click.option("--out", type=OUTPUT, required=True, metavar="FILE", help="CSV with the columns of the openb lists.")
@MAPPING
def generate(**given: Any) -> None:
    """Make up a trace like another one, of any size.

    Shapes, bursts of equal pods, the course of the rate and durations by shape are those of the fitted trace; what else
    depends on each other there does not here.
    """
    from bench.traces.command import make

    make(**given)
