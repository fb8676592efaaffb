"""Comparisons that run in the process of the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from bench.compare import command
from bench.compare.work import Inputs, Task, work


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run tasks in this process, and return the titles of those that were run."""
    titles: list[str] = []

    def here(
        tasks: Sequence[Task], inputs: Mapping[str, Inputs], code: str, jobs: int, done: Callable[..., None]
    ) -> bool:
        for task in tasks:
            titles.append(task.title)
            done(task, work(task, inputs[task.trace], code))
        return True

    monkeypatch.setattr(command, "run_local", here)
    return titles
