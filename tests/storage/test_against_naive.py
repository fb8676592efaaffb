"""Any sequence of writes, compactions and restarts: every driver answers as a list of all that was written does."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cluster_shim.storage.history import Limits
from cluster_shim.storage.store import Changed, Compacted, Entry, Event, KeyExists
from tests.naive.store import NaiveStore
from tests.storage.drivers import LOCAL, Make, etcd_at
from tests.storage.etcd_server import Etcd

KEYS = st.sampled_from(
    [
        f"/registry/{kind}/{name}"
        for kind in ("a", "a/x", "ab")
        for name in ("1", "2", "21", "3/1", "é", "￿", "\U0001f600")
    ]
)
PREFIXES = st.sampled_from(
    ["", "/registry/", "/registry/a/", "/registry/ab/", "/registry/a/3/", "/registry/a/2", "/x/"]
)
VALUES = st.binary(max_size=20)


class Twin(RuleBasedStateMachine):
    """A store and its naive twin."""

    make: Make
    limits = Limits(events=60, bytes=20_000)
    survives = True
    wipe: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.heard: list[Event] = []
        self.store: Any

    @initialize()
    def begin(self) -> None:
        type(self).wipe()
        self._start()
        self.naive = NaiveStore(self.store.revision)

    def _start(self) -> None:
        async def start() -> None:
            self.store = type(self).make(self.folder, limits=self.limits)
            await self.store.start()

        self.runner.run(start())
        self.store.subscribe("", self.heard.extend)

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    async def _write(self, key: str, value: bytes | None) -> Entry:
        now = self.store.get(key)
        if now is None:
            written = await self.store.create(key, value or b"")
        elif value is None:
            written = await self.store.delete(key, now.revision)
        else:
            written = await self.store.update(key, value, now.revision)
        assert isinstance(written, Entry)
        return written

    @rule(writes=st.lists(st.tuples(KEYS, st.none() | VALUES), min_size=1, max_size=12))
    def write(self, writes: list[tuple[str, bytes | None]]) -> None:
        """Write several keys at once; of one key more than once, one write wins."""

        async def together() -> list[Any]:
            return await asyncio.gather(*(self._write(*each) for each in writes), return_exceptions=True)

        before = set(self.naive.state("", self.naive.revision))
        results = self.runner.run(together())
        done = []
        for (key, value), result in zip(writes, results, strict=True):
            if isinstance(result, Entry):
                gone = value is None and key in before
                done.append((result.revision, key, None if gone else value or b""))
            else:
                assert isinstance(result, (KeyExists, Changed))
        assert len(done) == len({key for key, _ in writes})
        for revision, key, value in sorted(done):
            self.naive.write(revision, key, value)

    @rule(key=KEYS, off=st.integers(-2, 2))
    def write_with_a_revision_that_is_not_that_of_now(self, key: str, off: int) -> None:
        now = self.store.get(key)
        wrong = (now.revision if now else self.store.revision) + off
        if now is not None and off == 0:
            return
        for attempt in (self.store.update(key, b"no", wrong), self.store.delete(key, wrong)):
            with pytest.raises(Changed) as error:
                self.runner.run(attempt)
            assert error.value.current is now

    @rule(prefix=PREFIXES, start=st.just("") | KEYS, limit=st.integers(0, 4), back=st.integers(0, 80))
    def read(self, prefix: str, start: str, limit: int, back: int) -> None:
        revision = self.store.revision - back
        if revision < self.naive.start:
            return
        if revision < self.store.oldest:
            with pytest.raises(Compacted):
                self.store.range(prefix, start, limit, revision)
            return
        page = self.store.range(prefix, start, limit, revision if back else 0)
        expected = [item for item in self.naive.state(prefix, revision).items() if item[0] >= start]
        shown = expected[:limit] if limit else expected
        assert [(each.key, (each.value, each.revision, each.created)) for each in page.entries] == shown
        assert (page.remaining, page.revision) == (len(expected) - len(shown), revision)

    @rule(prefix=PREFIXES, back=st.integers(0, 80))
    def look_back(self, prefix: str, back: int) -> None:
        after = max(self.store.revision - back, self.naive.start)
        if after < self.store.oldest:
            with pytest.raises(Compacted):
                self.store.events(prefix, after)
            return
        events = self.store.events(prefix, after)
        expected = self.naive.events(prefix, after)
        shown = [(each.entry.revision, each.entry.key, None if each.is_delete else each.entry.value) for each in events]
        assert shown == [tuple(each) for each in expected]
        for event in events:
            before = self.naive.state("", event.entry.revision - 1).get(event.entry.key)
            was = event.previous
            assert before == (was and (was.value, was.revision, was.created))

    @rule(back=st.integers(0, 30))
    def compact(self, back: int) -> None:
        before, revision = self.store.oldest, max(self.naive.start, self.store.revision - back)
        self.runner.run(self.store.compact(revision))
        assert self.store.oldest == max(before, revision)

    @precondition(lambda self: self.survives)
    @rule()
    def restart(self) -> None:
        self.runner.run(self.store.close())
        self._start()

    @invariant()
    def now_is_the_same(self) -> None:
        if not hasattr(self, "naive"):
            return
        state = self.naive.state("", self.naive.revision)
        assert {key: (each.value, each.revision, each.created) for key, each in self.store.entries.items()} == state
        assert self.store.revision == self.naive.revision
        assert [(each.entry.revision, each.entry.key) for each in self.heard] == [
            (each.revision, each.key) for each in self.naive.writes
        ]


def compare(make: Make, examples: int = 30, survives: bool = True, wipe: Callable[[], None] = lambda: None) -> None:
    members = {"make": staticmethod(make), "survives": survives, "wipe": staticmethod(wipe)}
    run_state_machine_as_test(
        type("Machine", (Twin,), members),
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize("driver", ["volatile", "wal", "wal-with-snapshots", "sqlite"])
def test_a_driver_answers_as_its_naive_twin(driver: str) -> None:
    compare(LOCAL[driver], survives=driver != "volatile")


def test_etcd_answers_as_its_naive_twin(etcd: Etcd) -> None:
    compare(etcd_at(etcd.urls), examples=8, wipe=etcd.wipe)
