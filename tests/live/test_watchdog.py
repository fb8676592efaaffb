"""Calls into plugins that do not come back: ended in a scheduler that goes on, with what ends them as the reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_shim.scheduler.configuration import configure
from cluster_shim.scheduler.reference import parse_reference
from cluster_shim.scheduler.watchdog import CallHangs, CallTookTooLong, watching
from sched_core import Cluster, Engine, Scheduler
from tests.scheduler.api import Api, node, pod

LIMIT_S = 0.4
STUCK = """
import time

from sched_core import Plugin, kernel


class Stuck(Plugin):
    def score(self, state, pod, nodes):
        if pod.key.endswith("bad"):
            self.wait()
        return nodes.pod_count.clip(0, 100)

    def wait(self):
        while True:
            {wait}
"""


def call_in(file: Path, text: str) -> Callable[..., None]:
    """Return the function ``call`` of a text, as if a file had it."""
    scope: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), scope)
    call: Callable[..., None] = scope["call"]
    return call


@pytest.fixture(params=["pass", "time.sleep(0.01)", "sorted(range(1000))"])
def stuck(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "stuck.py"
    file.write_text(STUCK.format(wait=request.param), encoding="utf-8")
    return file


def test_the_pod_stays_pending_with_the_reason_and_the_others_are_bound(stuck: Path) -> None:
    configured = configure(None, [parse_reference(f"{stuck}:Stuck")])
    api = Api()
    scheduler = Scheduler(api, configured.config, plugins=configured.plugins)
    for name in ("a", "b"):
        scheduler.apply(node(name), 0)
    api.create(scheduler, pod("one"), pod("bad"), pod("two"))
    with watching(configured.files, LIMIT_S):
        scheduler.run(1)
    assert sorted(name for name, _ in api.said("bind")) == ["one", "two"]
    (note,) = api.notes("FailedScheduling")
    assert note.startswith(f'running Score plugins: plugin "Stuck" failed with: {stuck}:1')  # in line 14 or 15
    assert note.endswith(f" in wait: it is still running after {LIMIT_S:g} s")
    assert scheduler.cluster.nodes.pod_count.sum() == 2 and not api.said("delete")


def test_a_run_is_ended(stuck: Path) -> None:
    configured = configure(None, [parse_reference(f"{stuck}:Stuck")])
    cluster = Cluster()
    for name in ("a", "b"):
        cluster.add_node(node(name))
    engine = Engine(cluster, configured.config, plugins=configured.plugins)
    with watching(configured.files, LIMIT_S, CallHangs), pytest.raises(CallHangs, match="it is still running after"):
        engine.schedule_many([pod("one"), pod("bad"), pod("two")])
    assert engine.cluster.nodes.pod_count.sum() == 1


def test_many_short_calls_are_none_that_takes_long(tmp_path: Path) -> None:
    file = tmp_path / "short.py"
    call = call_in(file, "import time\n\n\ndef call():\n    time.sleep(0.02)\n")
    ends = time.monotonic() + 3 * LIMIT_S
    with watching([file], LIMIT_S):
        while time.monotonic() < ends:
            call()


def test_what_is_no_plugin_may_take_its_time(tmp_path: Path) -> None:
    with watching([tmp_path / "other.py"], 0.05):
        time.sleep(0.3)
    assert not any(each.name == "plugin watchdog" for each in threading.enumerate())


def test_the_engine_is_not_left_in_the_middle(tmp_path: Path) -> None:
    """A call that is in code of the engine most of the time is ended where it is not."""
    file = tmp_path / "busy.py"
    text = (
        "def call(nodes):\n    while True:\n        for _ in range(100):\n            pass\n"
        "        for _ in range(10):\n            nodes.label('x')\n            nodes.order()\n"
    )
    call, cluster = call_in(file, text), Cluster()
    cluster.add_node(node("a"))
    for _ in range(8):
        with pytest.raises(CallTookTooLong) as found, watching([file], 0.2):
            call(cluster.nodes)
        assert str(found.traceback[-1].path) == str(file)


def test_code_that_catches_it_is_ended_again(tmp_path: Path) -> None:
    file = tmp_path / "stubborn.py"
    text = (
        "def call(seen):\n    while len(seen) < 2:\n        try:\n            while True:\n                pass\n"
        "        except Exception as reason:\n            seen.append(reason)\n"
    )
    call, seen = call_in(file, text), list[Exception]()
    with watching([file], 0.1):
        call(seen)
    assert [isinstance(each, CallTookTooLong) for each in seen] == [True, True]
