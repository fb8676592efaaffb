"""Print what becomes of a few random histories at every speed: `python -m tests.engine.digest`.

The output must not depend on whether kernels are compiled (see test_without_compiling).
"""

from __future__ import annotations

import json
import random
from typing import Any

from sched_core import Speed
from tests.engine.neighbours import neighbourhood
from tests.engine.worlds import World, node, play, pod, random_world, records

SPEEDS: tuple[Speed, ...] = ("cycle", "fused", "incremental", "auto")


def histories() -> list[World]:
    """Return small histories: any feature, many classes of one profile, several blocks, and amounts beyond float64."""
    rng = random.Random(1)
    return [
        random_world(rng, nodes=12, classes=12, pods=50, events=6, named=True),
        random_world(rng, nodes=20, classes=90, pods=110, plain=True, profiles=["default-scheduler"]),
        random_world(rng, nodes=135, classes=3, pods=12, roomy=True, plain=True),
        neighbourhood(rng, nodes=9, classes=12, pods=50, events=4),
        World(
            [node(f"n{number}", memory=str(2**55 + rng.randrange(9))) for number in range(8)],
            records([pod(f"p{number}", {"memory": str(rng.randrange(2**50))}) for number in range(20)]),
            [],
        ),
    ]


def digest() -> list[dict[str, Any]]:
    """Return nodes, failures and usage of each history, for each speed."""
    found = []
    for world in histories():
        for speed in SPEEDS:
            result, used = play(world, speed)
            failures = {str(position): list(failure) for position, failure in result.failures.items()}
            found.append(
                {"speed": speed, "used": used, "nodes": result.nodes, "failures": failures, "usage": result.usage}
            )
    return found


if __name__ == "__main__":
    print(json.dumps(digest()))
