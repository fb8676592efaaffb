"""JSON lines as columns of cells: one object a line; a column is a key, or a path of keys with dots.

Gives what `csv_columns` gives, so that everything behind it is the same for both.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.workloads.csv_columns import BLOCK, Block
from bench.workloads.csv_rows import Problems


def blocks(text: io.TextIOBase, problems: Problems) -> Iterator[list[str] | Block]:
    """Give all keys that occur as the header, then the lines in blocks; a key that a line does not have is empty."""
    header = list(dict.fromkeys(path for _, record in _records(text, None) for path in _paths(record)))
    paths = [path.split(".") for path in header]
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    text.seek(0)
    if header:
        yield header
    for number, record in _records(text, problems):
        lines.append(number)
        rows.append(tuple(_cell(record, path) for path in paths))
        if len(rows) == BLOCK:
            yield Block(lines, list(zip(*rows, strict=True)))
            lines, rows = [], []
    if rows:
        yield Block(lines, list(zip(*rows, strict=True)))
    elif not header and not problems.found:
        problems.add(0, "", "is empty")


def _records(text: io.TextIOBase, problems: Problems | None) -> Iterator[tuple[int, dict[str, Any]]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            yield number, decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            if problems is not None:
                problems.add(number, "", f"is not a JSON object: {error}")


def _paths(record: dict[str, Any], before: str = "") -> list[str]:
    found = []
    for key, value in record.items():
        found += _paths(value, f"{before}{key}.") if isinstance(value, dict) else [f"{before}{key}"]
    return found


def _cell(record: Any, path: list[str]) -> str:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return "" if record is None else record if isinstance(record, str) else str(record)
