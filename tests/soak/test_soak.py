"""A short soak with hardly any patience for what is gone, so that numbers change often; `make soak` is the long one."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.engine.worlds import COMPILING
from tests.soak.life import Life
from tests.soak.memory import Sample, growth
from tests.soak.scheduled import ScheduledLife

MODULES = ("sched_core.cluster", "sched_core.columns.pods", "sched_core.columns.nodes")
ALWAYS = {
    "arrive", "leave", "retry", "preempt", "update_pod", "fail", "run_elsewhere", "set_node", "drop_node", "set_object",
    "drop_object", "bind_volumes", "label_namespace", "save", "go_back", "new_templates", "check",
}  # fmt: skip


@pytest.mark.parametrize("block", range(3))
def test_any_history_equals_a_fresh_start(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods, nodes and all other objects come, go and change; snapshots are gone back to; engines begin anew."""
    for module in MODULES:
        monkeypatch.setattr(f"{module}.SLACK", 32)
    seen = Counter[str]()
    for seed in range(3 * block, 3 * block + 3):
        life = Life(seed, nodes=20, pods=120, phase=1000, check=150)
        life.live(3000)
        seen += life.seen
        seen["epochs"] += life.cluster.classes.epoch
    assert seen["epochs"] > 1
    assert min(seen[what] for what in ALWAYS) > 0, seen
    assert seen["cycle"] > 100 and seen["failed"] > 100 and (not COMPILING or seen["fused"] + seen["incremental"] > 100)


@pytest.mark.parametrize("seed", range(2))
def test_a_scheduler_is_as_its_api_server_is(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bindings and deletions fail or come late, pods wait; when all is quiet nothing is left over."""
    for module in MODULES:
        monkeypatch.setattr(f"{module}.SLACK", 32)
    life, samples = ScheduledLife(seed, nodes=20, pods=120, phase=1000, check=150), list[Sample]()
    for _ in range(3):
        life.live(500)
        samples.append(Sample.of(life))
    assert min(life.seen[step.__name__] for step in life.rates) > 0, life.seen
    assert life.seen["attempts"] > 500 and samples[-1].pod_numbers < 800 and samples[-1].classes < 800


def test_a_tiny_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few enough pods for everything that is done in another way for few."""
    for module in MODULES:
        monkeypatch.setattr(f"{module}.SLACK", 4)
    life = Life(9, nodes=4, pods=8, phase=500, check=60)
    life.live(3000)


def test_what_is_gone_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES:
        monkeypatch.setattr(f"{module}.SLACK", 32)
    life, samples = Life(8, nodes=20, pods=120, phase=1000), list[Sample]()
    for _ in range(12):
        life.live(500)
        samples.append(Sample.of(life))
    assert samples[-1].pod_numbers < 400 and samples[-1].classes < 600 and samples[-1].sets < 300
    assert not growth(samples)


def test_growth_is_told() -> None:
    def sample(events: int, resident_bytes: int, objects: int) -> Sample:
        return Sample(events, resident_bytes, objects, 0, 0, 0, 0, 0)

    steady = [sample(events, 100 << 20, 1000 + events % 7) for events in range(1, 61)]
    assert growth(steady) == {}
    leak = [sample(events, 100 << 20, 1000 + 5 * events) for events in range(1, 61)]
    assert growth(leak) == {"objects": (1050, 1250)}
    larger = [sample(events, events << 20, 1000) for events in range(1, 61)]
    assert growth(larger) == {"resident_bytes": (10 << 20, 50 << 20)}
