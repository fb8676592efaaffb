"""kubectl, as it comes, against a server: each story is a file of commands with what they must print.

No controller runs: where something waits for one (a rollout, a condition), the story writes the status itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.transcript import play, read

STORIES = Path(__file__).parent / "stories"


@pytest.mark.parametrize("story", sorted(STORIES.glob("*.txt")), ids=lambda path: path.stem)
def test_story(story: Path, shell: dict[str, str], tmp_path: Path) -> None:
    problems = [problem for step in read(story) if (problem := play(step, shell, tmp_path))]
    assert not problems, "\n\n".join(problems)
