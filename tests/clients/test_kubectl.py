"""kubectl, as it comes, against a server: each story is a file of commands with what they must print.

The words are those of kubectl 1.36; of another version, which says some things in its own, only the exit statuses are
looked at. No controller runs: where something waits for one (a rollout, a condition), the story writes the status.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.api.target import Own
from tests.clients.transcript import play, read, run

STORIES = Path(__file__).parent / "stories"


@pytest.fixture(scope="module")
def server(program: Path) -> Iterator[Own]:
    """Return a server for each kubectl: a story can be played but once, as no controller clears its namespace."""
    with Own("none") as running:
        yield running


@pytest.mark.parametrize("story", sorted(STORIES.glob("*.txt")), ids=lambda path: path.stem)
def test_story(story: Path, shell: dict[str, str], tmp_path: Path) -> None:
    version, _ = run("kubectl version --client", shell, tmp_path)
    words = "v1.36." in version
    problems = [problem for step in read(story) if (problem := play(step, shell, tmp_path, words))]
    assert not problems, "\n\n".join(problems)
