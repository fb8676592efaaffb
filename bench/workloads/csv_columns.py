"""A CSV file with a header as columns of cells, a block of lines at a time: a million lines take seconds.

Faults are noted as `csv_rows` notes them; a line with a fault is left out. Knows nothing about what the columns mean.
"""

from __future__ import annotations

import csv
import gc
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.workloads.csv_rows import Problems

BLOCK = 1 << 15
"""Lines that are taken together."""


class Block(NamedTuple):
    """Some lines: their numbers in the file, and the cells of each column in the order of the header."""

    lines: list[int]
    cells: list[tuple[str, ...]]


@contextmanager
def open_text(path: Path, problems: Problems) -> Iterator[io.TextIOBase]:
    """Open a UTF-8 file, also one that is compressed by gzip; what cannot be read is noted, not raised.

    Meanwhile the garbage collector rests: a million lists without cycles would keep it busy for a third of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            binary = gzip.GzipFile(fileobj=raw) if packed else raw
            with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
                yield text
    except UnicodeDecodeError:
        problems.add(0, "", "is not UTF-8 text")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        problems.add(0, "", f"the gzip data is damaged: {str(error).rstrip('.')}")
    except OSError as error:
        problems.add(0, "", error.strerror or str(error))
    finally:
        if collecting:
            gc.enable()


def blocks(text: io.TextIOBase, problems: Problems) -> Iterator[list[str] | Block]:
    """Give the header, then the lines in blocks."""
    reader = csv.reader(text, strict=True)
    header: list[str] = []
    lines: list[int] = []
    rows: list[list[str]] = []
    seen = False
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            problems.add(number, "", f"is not CSV: {error}")
            return
        if not cells:
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            yield header
        elif len(cells) != len(header):
            problems.add(number, "", f"has {len(cells)} cells, the header has {len(header)}")
            seen = True
        else:
            lines.append(number)
            rows.append(cells)
            if len(rows) == BLOCK:
                yield Block(lines, list(zip(*rows, strict=True)))
                lines, rows, seen = [], [], True
    if rows:
        yield Block(lines, list(zip(*rows, strict=True)))
    elif not header:
        problems.add(0, "", "is empty")
    elif not seen:
        problems.add(0, "", "has a header and no lines")
