"""The command ``stowage``: finds sub-commands, loads the one that is called, turns errors into exit statuses.

It has no sub-commands of its own and does not import the engine: commands are entry points of the group
``stowage.commands``, so that ``stowage --help`` and ``--version`` answer at once.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import traceback
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import click

COMMANDS = "stowage.commands"
"""The group of entry points whose values are click commands."""

INTERRUPTED = 130
"""The exit status of a program that SIGINT ended, as shells report it."""


def main() -> None:
    """Run the command ``stowage`` with the arguments of the process, and exit."""
    try:
        try:
            stowage(prog_name="stowage")
        finally:
            sys.stdout.flush()  # here, where a closed pipe can still be caught
    except BrokenPipeError:
        # Python flushes stdout once more when it ends; give it a place where that works.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


class Refused(click.ClickException):
    """An error of the engine in the form that click prints on stderr."""

    exit_code = 2


class EntryPointGroup(click.Group):
    """A group whose commands are the entry points of the group COMMANDS, loaded when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_entries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _entries().get(cmd_name)
        if entry is None:
            return None
        command: click.Command = entry.load()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            # click looks for similar names among commands that are registered, and here none is.
            raise click.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(entry)) for name, entry in sorted(_entries().items())])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nInterrupted", err=True)  # on a line of its own, after the terminal's ^C
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if not _is_stowage_error(error):
                raise
            if os.environ.get("STOWAGE_DEBUG") == "1":
                traceback.print_exc()
            raise Refused(str(error)) from error


def _is_stowage_error(error: Exception) -> bool:
    """Tell whether one of the cores raised an error on purpose, without importing a core for it."""
    for module, base in (("sched_core.errors", "StowageError"), ("proxy_core.errors", "ProxyError")):
        errors = sys.modules.get(module)
        if errors is not None and isinstance(error, getattr(errors, base)):
            return True
    return False


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=COMMANDS)}


def _summary(entry: EntryPoint) -> str:
    """Read the first line of a command's docstring from its source, without importing it; empty if there is none."""
    try:
        spec = importlib.util.find_spec(entry.module)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        return ""
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == entry.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


@click.group(cls=EntryPointGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stowage", message="%(prog)s %(version)s")
def stowage() -> None:
    """The decisions of kube-scheduler 1.36, and the rules of kube-proxy 1.36, as a command."""
