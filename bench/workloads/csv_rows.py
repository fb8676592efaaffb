"""Rows of a CSV file with a header, checked cell by cell; every problem names file, line, column and value.

Knows nothing about what the columns mean.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sched_core import InvalidObjects, Problem

MOST = 1 << 40
"""The largest number that is accepted: more milli-CPU or MiB than any machine has, and in bytes still an int64."""


MOST_PROBLEMS = 200
"""So many of a file are listed; of the others it is said how many there are."""


class Problems:
    """The problems of one file, in the order of its lines."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.found = str(path), 0, list[Problem]()

    def add(self, line: int, column: str, reason: str) -> None:
        """Note a problem; line 0 is the file as a whole."""
        self.count += 1
        if self.count > MOST_PROBLEMS:
            more = f"has {self.count - MOST_PROBLEMS:,} more problems"
            self.found[MOST_PROBLEMS:] = [Problem(self.path, "", "", more)]
            return
        field = f"column {column}" if column else ""
        self.found.append(Problem(self.path, f"line {line}" if line else "", field, reason))


class Row:
    """One line. A cell that is wrong is noted, and a harmless value is returned in its place."""

    def __init__(self, line: int, cells: dict[str, str], seen: dict[str, int], problems: Problems) -> None:
        self.line, self._cells, self._seen, self._problems = line, cells, seen, problems

    def text(self, column: str) -> str:
        """Return a cell without surrounding spaces; empty if the file does not have the column."""
        return self._cells.get(column, "").strip()

    def number(self, column: str, most: int = MOST) -> int:
        """Return a whole number between 0 and ``most``."""
        text = self.text(column)
        if not re.fullmatch(r"-?[0-9]+", text, re.ASCII):
            self._note(column, "is not a whole number")
        elif text.startswith("-"):
            self._note(column, "is negative")
        elif len(text) > 20 or int(text) > most:
            self._note(column, f"is more than {most}")
        else:
            return int(text)
        return 0

    def matching(self, column: str, pattern: re.Pattern[str], what: str) -> str:
        """Return a cell that must match a pattern; ``what`` says in words what the pattern means."""
        self.check(column, pattern.fullmatch(self.text(column)) is not None, what)
        return self.text(column)

    def unique(self, column: str, pattern: re.Pattern[str], what: str) -> str:
        """Return a cell that must match a pattern and differ from those of all earlier lines."""
        text = self.matching(column, pattern, what)
        first = self._seen.setdefault(text, self.line)
        if first != self.line:
            self._note(column, f"stands on line {first} already")
        return text

    def check(self, column: str, holds: bool, what: str) -> None:
        """Note that a cell is not ``what`` unless the condition holds."""
        if not holds:
            self._note(column, f"is not {what}")

    def _note(self, column: str, reason: str) -> None:
        self._problems.add(self.line, column, f'"{self.text(column)}" {reason}')


@contextmanager
def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Iterator[Row]]:
    """Give the rows of a UTF-8 file; on leaving, raise InvalidObjects if the file or any cell was wrong."""
    problems = Problems(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield _rows(csv.reader(file, strict=True), columns, problems)
    except OSError as error:
        problems.add(0, "", error.strerror or str(error))
    except UnicodeDecodeError:
        problems.add(0, "", "is not UTF-8 text")
    if problems.found:
        raise InvalidObjects(problems.found)


def _rows(lines: Iterator[list[str]], columns: Sequence[str], problems: Problems) -> Iterator[Row]:
    header: list[str] | None = None
    seen: dict[str, int] = {}
    number = 0
    while True:
        number = lines.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            problems.add(number, "", f"is not CSV: {error}")
            return
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            missing = [column for column in columns if column not in header]
            for column in missing:
                problems.add(number, column, f"is missing; the header has {', '.join(header)}")
            if missing:
                return
        elif len(cells) != len(header):
            problems.add(number, "", f"has {len(cells)} cells, the header has {len(header)}")
        else:
            yield Row(number, dict(zip(header, cells, strict=True)), seen, problems)
    if header is None:
        problems.add(0, "", "is empty")
    elif not seen and not problems.found:
        problems.add(0, "", "has a header and no lines")
