"""The list of problems that grows while a configuration is read, and upstream's words for them.

The wordings are those of apimachinery's field errors (util/validation/field/errors.go). This module decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sched_core.errors import Problem

CONFIGURATION = "KubeSchedulerConfiguration"


def child(path: str, name: str) -> str:
    """Return the path of a field of the object at ``path`` (empty: the whole configuration)."""
    return f"{path}.{name}" if path else name


def shown(value: Any) -> str:
    """Return a value as upstream prints it in an error: compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


class Findings:
    """Collect problems of one configuration; ``file`` is where it was read from."""

    def __init__(self, file: str, what: str = CONFIGURATION) -> None:
        self.file, self.what = file, what
        self.problems: list[Problem] = []

    def add(self, path: str, reason: str) -> None:
        """Record a problem in words of one's own."""
        self.problems.append(Problem(self.file, self.what, path, reason))

    def invalid(self, path: str, value: Any, detail: str) -> None:
        """Record a value that makes no sense."""
        self.add(path, f"Invalid value: {shown(value)}: {detail}")

    def required(self, path: str, detail: str = "") -> None:
        """Record a value that is missing."""
        self.add(path, f"Required value: {detail}" if detail else "Required value")

    def duplicate(self, path: str, value: Any) -> None:
        """Record a value that may stand only once."""
        self.add(path, f"Duplicate value: {shown(value)}")

    def forbidden(self, path: str, detail: str) -> None:
        """Record a field that must not be set here."""
        self.add(path, f"Forbidden: {detail}")

    def not_supported(self, path: str, value: Any, supported: Iterable[str]) -> None:
        """Record a value that is none of the allowed ones."""
        self.add(path, f"Unsupported value: {shown(value)}: supported values: {', '.join(map(shown, supported))}")
