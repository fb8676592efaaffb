"""Options that several commands have: the cluster, the configuration, how objects are read, and where results go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from cluster_shim.scheduler.reference import PluginReference, parse_reference


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return one decorator in place of several, in their order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


class PluginType(click.ParamType[PluginReference]):
    """A plugin in one of the ways of `cluster_shim.scheduler.reference`; a file must be there."""

    name = "plugin"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "PLUGIN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> PluginReference:
        if isinstance(value, PluginReference):
            return value
        try:
            reference = parse_reference(value)
        except ValueError as reason:
            self.fail(str(reason), param, ctx)
        if reference.file is not None and not reference.file.is_file():
            self.fail(f"there is no file '{reference.file}'.", param, ctx)
        return reference


CLUSTER = options(
    click.option(
        "--cluster",
        "files",
        multiple=True,
        metavar="FILES...",
        help="Nodes, pods and what belongs to them: files, folders, or - for standard input.",
    ),
    click.option("--skip-invalid", is_flag=True, help="Leave out objects that cannot be used, and say how many."),
    click.option(
        "--validate",
        type=click.Choice(["strict", "ignore"]),
        default="strict",
        show_default=True,
        help="Refuse unknown fields, or ignore them.",
    ),
    click.argument("more_files", nargs=-1, metavar=""),
)
PROFILE = click.option(
    "--profile",
    metavar="FILE",
    help="A KubeSchedulerConfiguration.  [default: the default profile, every node considered for every pod]",
)
PLUGINS = options(
    click.option(
        "--plugin",
        "plugins",
        type=PluginType(),
        multiple=True,
        help="Add a plugin: FILE.py:Class=WEIGHT, module:Class=WEIGHT or the NAME=WEIGHT of an installed one.",
    ),
    click.option(
        "--disable",
        multiple=True,
        metavar="NAME",
        help="Take a plugin out: where those of --plugin score or filter, else everywhere.",
    ),
)
JSON = click.option(
    "--json", "json_file", metavar="FILE|-", help="Write the results as JSON; - is standard output, without the tables."
)
TOP = click.option(
    "--top", type=click.IntRange(0), default=10, show_default=True, metavar="N", help="Show so many rows of a table."
)


def all_files(files: tuple[str, ...], more_files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files of ``--cluster`` and those that follow it; a usage error for files without the option."""
    if more_files and not files:
        raise click.UsageError(f"Got unexpected argument '{more_files[0]}'; files of objects need --cluster.")
    return files + more_files
