"""CarbonAware: the cleanest zone of the hour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins.examples.carbon_aware import HOUR_NS, ZONE, CarbonAware
from sched_core import PluginError, Speed
from tests.plugins.examples.alone import engine_of, scores, waiting
from tests.plugins.tiny import Json, Tiny, node

SERIES = {"coal": [500] * 24, "sun": [300] * 12 + [100] * 12}


def world() -> Tiny:
    zones = {"coal": "coal", "sun": "sun", "unknown": "elsewhere"}
    return Tiny(*(node(name, labels={ZONE: zone}) for name, zone in zones.items()), node("nowhere"))


@pytest.mark.parametrize("args", [{"zones": SERIES}, "file"])
def test_the_answer_follows_the_hours(args: Json | str, tmp_path: Path) -> None:
    if isinstance(args, str):
        file = tmp_path / "carbon.json"
        file.write_text(json.dumps(SERIES), encoding="utf-8")
        args = {"file": str(file)}
    engine = engine_of(world(), CarbonAware, args)
    (profile,) = engine.profiles.values()
    expected = {"coal": 0, "sun": 100, "unknown": 0, "nowhere": 0}
    raw = []
    for hour in (0, 11, 12, 23, 24):
        profile.handle._running.now = hour * HOUR_NS + 5  # as a scheduler's clock
        assert scores(engine, waiting()) == expected
        decision = engine.evaluate(waiting())
        raw.append(dict(zip(decision.feasible, decision.raw_scores["CarbonAware"].tolist(), strict=True))["sun"])
    assert raw == [300, 300, 100, 100, 300]


@pytest.mark.parametrize("speed", ["cycle", "auto"])
def test_pods_go_elsewhere_at_another_hour(speed: Speed) -> None:
    tiny = Tiny(*(node(zone, labels={ZONE: zone}) for zone in "abc"))
    engine = engine_of(tiny, CarbonAware, None, speed)
    (profile,) = engine.profiles.values()
    chosen = []
    for hour in (1, 9, 20):
        profile.handle._running.now = hour * HOUR_NS
        (row,) = engine.schedule_many([waiting(f"at-{hour}")]).node_of.tolist()
        chosen.append(tiny.nodes.names[row])
    assert chosen == ["c", "b", "c"]


@pytest.mark.parametrize("series", [[1] * 23, [1.5] * 24, [-1] * 24])
def test_a_series_that_is_none(series: list[float]) -> None:
    with pytest.raises(PluginError, match="zone a: 24 whole numbers are needed"):
        engine_of(world(), CarbonAware, {"zones": {"a": series}})
