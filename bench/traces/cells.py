"""Cells → numbers and names, a column at a time; every cell that is wrong is noted with line, column and value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from bench.workloads.csv_rows import MOST, Problems

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
PLAIN = re.compile(r"(?:[0-9]{1,18}(?:\.[0-9]+)?\n)*", re.ASCII)
"""A block of numbers without sign, exponent or anything else."""
MOST_BYTES = float(MOST * 1024)
Floats = NDArray[np.float64]


class Numbers(dict[str, float]):
    """Text → number, worked out once for each text; NaN with a reason in ``reasons`` for what is none."""

    def __init__(self, factor: float, empty: float | None, most: float, times: bool = False) -> None:
        self.factor, self.empty, self.most, self.times = factor, empty, most, times
        self.reasons: dict[str, str] = {}

    def __missing__(self, text: str) -> float:
        if len(self) > 1 << 17:  # a column of which all cells differ
            self.clear()
        value = self[text] = self._read(text)
        return value

    def _read(self, text: str) -> float:
        stripped = text.strip()
        if not stripped and self.empty is not None:
            return self.empty
        if NUMBER.fullmatch(stripped):
            value = float(stripped) * self.factor
            if value < 0:
                return self._refuse(text, "is negative")
            return value if value <= self.most else self._refuse(text, f"is more than {self.most / self.factor:g}")
        if self.times and stripped:
            moment = _moment(stripped)
            return moment if moment is not None else self._refuse(text, "is neither a number nor a date")
        return self._refuse(text, "is not a number")

    def _refuse(self, text: str, reason: str) -> float:
        self.reasons[text] = reason
        return float("nan")


def _moment(text: str) -> float | None:
    """Return the seconds from 1970 to a date, in UTC if it names no time zone; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def numbers(cells: Sequence[str], lines: Sequence[int], column: str, read: Numbers, problems: Problems) -> Floats:
    """Return a column of numbers, float64[rows]; NaN where a cell is wrong."""
    if 2 * len(set(cells)) > len(cells) and PLAIN.fullmatch("\n".join(cells) + "\n"):
        values: Floats = np.array(cells).astype(np.float64) * read.factor  # four times as fast where cells differ
        if values.max() <= read.most:
            return values
    values = np.array([read[cell] for cell in cells])
    for row in np.flatnonzero(np.isnan(values)).tolist():
        problems.add(lines[row], column, f'"{cells[row]}" {read.reasons[cells[row]]}')
    return values


class Names:
    """The names of a file, each of which may occur once."""

    def __init__(self, column: str, pattern: re.Pattern[str], what: str, problems: Problems) -> None:
        self.column, self.problems = column, problems
        self._pattern, self._what = pattern, what
        self._line_of: dict[str, int] = {}

    @property
    def all(self) -> list[str]:
        """Return the names that were taken, in their order."""
        return list(self._line_of)

    def take(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Check some names and keep those that are good."""
        first_of, fits = self._line_of, self._pattern.fullmatch
        for cell, line in zip(cells, lines, strict=True):
            if not fits(cell):
                self.problems.add(line, self.column, f'"{cell}" is not {self._what}')
            elif (first := first_of.setdefault(cell, line)) != line:
                self.problems.add(line, self.column, f'"{cell}" stands on line {first} already')
