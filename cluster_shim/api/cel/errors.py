"""What can be wrong with an expression: when it is read, and when it is evaluated.

::

    CelError
    ├── CompileError    syntax or types; its text shows the place, as cel-go's does
    └── EvaluationError a value is not what an operation needs: no such key, division by zero, …
        └── CostExceeded   the evaluation would take longer than it may
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_WIDE = 0x80


class CelError(Exception):
    """Anything wrong with an expression."""


class Issue(NamedTuple):
    """One fault of an expression, at an offset (in characters) of its text."""

    offset: int
    text: str


class CompileError(CelError):
    """An expression that cannot be used."""

    def __init__(self, source: str, issues: Sequence[Issue]) -> None:
        super().__init__("\n".join(_show(source, each) for each in issues))
        self.issues = tuple(issues)


class EvaluationError(CelError):
    """An evaluation that came to no value."""


class CostExceeded(EvaluationError):
    """An evaluation that was broken off."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


NO_OVERLOAD = "no such overload"


def _show(source: str, issue: Issue) -> str:
    before = source[: issue.offset]
    line = before.count("\n")
    column = issue.offset - (before.rfind("\n") + 1)
    lines = source.split("\n")
    shown = lines[line] if line < len(lines) else ""
    text = f"ERROR: <input>:{line + 1}:{column + 1}: {issue.text}"
    if not source:
        return f"ERROR: <input>:1:0: {issue.text}"  # the end of nothing lies before its beginning
    mark = "".join("．" if ord(each) >= _WIDE else "." for each in shown[:column])
    mark += "." * (column - len(shown[:column]))
    pointer = "＾" if column < len(shown) and ord(shown[column]) >= _WIDE else "^"
    tabs = shown.replace("\t", " ")
    return f"{text}\n | {tabs}\n | {mark}{pointer}"
