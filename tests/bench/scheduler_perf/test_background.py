"""Operations in the background: due when Go's tickers would tick."""

from __future__ import annotations

from functools import partial

from bench.scheduler_perf.background import Background, Ticker, at_rate


class Clock:
    """A clock that is set by hand."""

    now = 1000

    def __call__(self) -> int:
        return self.now


def test_ticks_come_at_a_fixed_distance_and_missed_ones_are_left_out() -> None:
    clock = Clock()
    ticker = Ticker(clock, 100)
    assert ticker.next() == 1100
    clock.now = 1105
    assert ticker.next() == 1200
    clock.now = 1570
    assert ticker.next() == 1500
    assert ticker.next() == 1600


def test_steps_are_taken_when_they_are_due() -> None:
    clock, background, done = Clock(), Background(), list[int]()
    going = at_rate(clock, 10**7, [partial(done.append, number) for number in range(3)])
    background.add(going)
    assert (background.next_due, done) == (1100, [])
    assert not background.serve(1099)
    clock.now = 1100
    assert background.serve(clock.now)
    assert (background.next_due, done) == (1200, [0])
    clock.now = 1650
    background.serve(clock.now)
    assert done == [0, 1]
    assert background.is_running(going)
    clock.now = 1700
    background.serve(clock.now)
    assert not background.is_running(going)
    assert (background.next_due, done) == (None, [0, 1, 2])


def test_several_operations_go_on_beside_each_other() -> None:
    clock, background, done = Clock(), Background(), list[str]()
    background.add(at_rate(clock, 10**7, [partial(done.append, "slow")]))
    background.add(at_rate(clock, 5 * 10**7, [partial(done.append, "fast")] * 3))
    for now in range(1000, 1200, 10):
        clock.now = now
        background.serve(now)
    assert done == ["fast", "fast", "fast", "slow"]
