"""``stowage verify``: the options of its commands. Nothing that is slow to import is imported before a command runs."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def verify() -> None:
    """Hold decisions and rules against recorded ones: of kube-scheduler, kube-proxy, and published policies."""


@verify.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE_OR_FOLDER...",
)
@click.option("--except", "left_out", multiple=True, metavar="FAMILY", help="Leave a family (a file's name) out.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the results as JSON; - is standard output, and the report goes to stderr.",
)
@click.pass_context
def scheduler(ctx: click.Context, paths: tuple[Path, ...], left_out: tuple[str, ...], json_file: str | None) -> None:
    """Replay files of scheduling scenarios and compare every decision with the expected one.

    Folders are searched for *.json and *.json.gz; a file's name is its family. Families that need what this version
    does not have count as not passed; --except, which may be given several times, leaves them out. The exit status is 0
    only if every scenario passed, 2 if a file cannot be used.
    """
    from bench.verify.command import run

    if not run(paths, left_out, json_file).passed:
        ctx.exit(1)


@verify.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE_OR_FOLDER..."
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(["iptables", "nftables", "ipvs", "flat"]),
    help="Render in this mode only; may be given several times.  [default: those of kube-proxy]",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the results as JSON; - is standard output, and the report goes to stderr.",
)
@click.pass_context
def proxy(ctx: click.Context, paths: tuple[Path, ...], modes: tuple[str, ...], json_file: str | None) -> None:
    """Render files of proxy scenarios and compare all rules, and every step, with kube-proxy's.

    What has no order is compared without one. In mode flat, which is no mode of kube-proxy, packets must fare as they
    do in mode nftables: 1,000 after every sync and in each family. The exit status is 0 only if every scenario passed,
    2 if a file cannot be used.
    """
    from bench.verify.proxy.command import run

    if not run(paths, modes or ("iptables", "nftables", "ipvs"), json_file).passed:
        ctx.exit(1)


@verify.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder with the lists of nodes and pods.",
)
@click.option("--policy", "policies", multiple=True, metavar="NAME", help="Only this one; may be given several times.")
@click.option(
    "--seed", "seeds", multiple=True, type=int, metavar="N", help="Only this one; may be given several times."
)
@click.option("--except", "left_out", multiple=True, metavar="TRACE", help="Leave a trace out.")
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help="Processes.  [default: as many as processors]")
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the results as JSON; - is standard output, and the report goes to stderr.",
)
@click.pass_context
def policies(
    ctx: click.Context, folder: Path, data: Path, policies: tuple[str, ...], seeds: tuple[int, ...],
    left_out: tuple[str, ...], jobs: int | None, json_file: str | None,
) -> None:  # fmt: skip
    """Replay the published runs of GPU-sharing traces and compare all columns of their curves.

    FOLDER has runs-alloc.csv, runs-frag_ratio.csv and arrivals-*.json, all of which may be compressed by gzip.
    Allocation must be equal at two decimals, fragmentation to 1e-6; Random, which chance decides, in its means over
    seeds. The exit status is 0 only if every run passed, 2 if a file cannot be used.
    """
    from bench.verify.policies.command import verify_policies

    if not verify_policies(folder, data, policies, seeds, left_out, jobs or 0, json_file).passed:
        ctx.exit(1)
