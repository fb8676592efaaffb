"""Results as JSON: written whole or not at all, or to standard output in place of the tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from cluster_shim.cli.output import check_writable, write_atomically


def check_json(json_file: str | None) -> None:
    """Refuse a file that could not be written once the result is there."""
    if json_file and json_file != "-":
        check_writable(Path(json_file), "--json")


def write_json(json_file: str | None, result: Any) -> bool:
    """Write a result if it is wanted; return whether it went to standard output."""
    if not json_file:
        return False
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"
    if json_file == "-":
        sys.stdout.write(text)
        return True
    write_atomically(Path(json_file), text)
    return False
