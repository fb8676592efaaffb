"""Options that several commands have: the cluster, the configuration, how objects are read, and where results go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return one decorator in place of several, in their order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


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
