"""``stowage plugin``: new, check, bench and list, for those who write a scheduler plugin."""

from __future__ import annotations

from typing import Any

import click

from cluster_shim.cli.options import JSON, PluginType
from cluster_shim.scheduler.reference import PluginReference

EXIT_OK, EXIT_FAILED = 0, 1


class ArgsType(click.ParamType[dict[str, Any]]):
    """Arguments of a plugin as a JSON object."""

    name = "args"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        import msgspec

        if isinstance(value, dict):
            return value
        try:
            return msgspec.json.decode(value, type=dict[str, Any])
        except msgspec.DecodeError as reason:
            self.fail(f"'{value}' is no JSON object: {reason}.", param, ctx)


ARGS = click.option("--args", type=ArgsType(), help="The plugin's arguments, as pluginConfig would give them.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def plugin() -> None:
    """Write a scheduler plugin: a template, a check of the contract, a measurement."""


@plugin.command()
@click.argument("name")
@click.option(
    "--form", type=click.Choice(["row", "array"]), default="array", show_default=True,
    help="row: compiled, a function of one pod and one node; array: numpy over all nodes.",
)  # fmt: skip
def new(name: str, form: Any) -> None:
    """Write NAME as a plugin to start from, and its test, into this folder."""
    from cluster_shim.plugin.template import texts

    try:
        files = texts(name, form)
    except ValueError as reason:
        raise click.BadParameter(f"{reason}.", param_hint="NAME") from None
    for file in files:
        if file.exists():
            raise click.UsageError(f"'{file}' is there already; nothing was written.")
    for file, text in files.items():
        with file.open("x", encoding="utf-8") as target:
            target.write(text)
    file, test = files
    click.echo(f"{file} and {test} written. Try: stowage plugin check {file}; python -m pytest {test}")


@plugin.command()
@click.argument("reference", type=PluginType(), metavar="FILE[:Class]")
@ARGS
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, metavar="N", help="Of the clusters."
)
@click.option(
    "--limit", "limit_s", type=click.FloatRange(1), default=120.0, show_default="120", metavar="SECONDS",
    help="Give a check up that takes longer, and say where the plugin was.",
)  # fmt: skip
@JSON
@click.pass_context
def check(
    ctx: click.Context, reference: PluginReference, args: dict[str, Any] | None, seed: int, limit_s: float,
    json_file: str | None,
) -> None:  # fmt: skip
    """Check that a plugin keeps the contract, on random clusters and in a process of its own.

    Its names, signatures and types, the range of its scores, whether it always says the same, whether its forms and the
    three speeds agree, and its own columns. Labels and annotations whose keys stand in the file are on the nodes and
    pods. The exit status is 1 if a check fails, 2 if there is nothing to check.
    """
    from cluster_shim.cli.plugin_view import show_verdicts
    from cluster_shim.cli.result import check_json, write_json
    from cluster_shim.cli.terminal import working
    from cluster_shim.plugin.check import Wanted, check_plugin

    check_json(json_file)
    with working(f"checking {reference.where}"):
        verdicts = check_plugin(Wanted(reference.where, args, seed, limit_s))
    passed = not any(each.status == "failed" for each in verdicts)
    if not write_json(json_file, {"plugin": reference.where, "passed": passed, "checks": verdicts}):
        show_verdicts(reference.where, verdicts)
    ctx.exit(EXIT_OK if passed else EXIT_FAILED)


@plugin.command()
@click.argument("reference", type=PluginType(), metavar="FILE[:Class]")
@ARGS
@click.option(
    "--nodes", "sizes", type=click.IntRange(1, 5_000_000), multiple=True, metavar="N",
    help="A number of nodes; may be given several times.  [default: 1000, 10000, 100000]",
)  # fmt: skip
@JSON
def bench(
    reference: PluginReference, args: dict[str, Any] | None, sizes: tuple[int, ...], json_file: str | None
) -> None:
    """Time a plugin alone, beside in-tree ones.

    Every pod is scored on every node; a plugin without a compiled form goes through the cycle. The ratio is to
    NodeResourcesFit in the same run.
    """
    from cluster_shim.cli.inputs import tell_of_compiling
    from cluster_shim.cli.plugin_view import show_timings
    from cluster_shim.cli.result import check_json, write_json
    from cluster_shim.cli.terminal import working
    from cluster_shim.plugin.timing import SIZES, measure
    from cluster_shim.plugin.worlds import keys_in
    from cluster_shim.scheduler.load import file_of, load_plugin
    from sched_core import kernels_cached

    check_json(json_file)
    found = load_plugin(reference)
    tell_of_compiling(kernels_cached())
    with working(f"timing {reference.where}"):
        timings = measure(found, args, sizes or SIZES, keys_in(file_of(reference)))
    if not write_json(json_file, {"plugin": reference.where, "timings": timings}):
        show_timings(found, timings)


@plugin.command("list")
@JSON
def list_plugins(json_file: str | None) -> None:
    """Show the installed plugins: in-tree ones, and the entry points ``stowage.plugins`` of other packages."""
    from cluster_shim.cli.plugin_view import rows_of_installed, show_installed
    from cluster_shim.cli.result import check_json, write_json

    check_json(json_file)
    rows = rows_of_installed()
    if not write_json(json_file, rows):
        show_installed(rows)
