"""Sections: the options of a command in its help, under headings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click


class SectionedCommand(click.Command):
    """A command with many options: its help lists them in order, under a heading for each group.

    `sections` names the option (as a parameter: ``secure_port``) with which a group begins.
    """

    def __init__(self, *args: Any, sections: Mapping[str, str], **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options with their headings."""
        groups: list[tuple[str, list[tuple[str, str]]]] = [("Options", [])]
        for parameter in self.get_params(ctx):
            if parameter.name in self._sections:
                groups.append((self._sections[parameter.name], []))
            if record := parameter.get_help_record(ctx):
                groups[-1][1].append(record)
        for heading, records in groups:
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
