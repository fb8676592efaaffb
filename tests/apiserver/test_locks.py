"""Locks by key: one holder at a time, in order of arrival, whoever is cancelled on the way."""

from __future__ import annotations

import asyncio

import pytest

from cluster_shim.apiserver.registry.locks import Locks
from tests.apiserver.whole import looped


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@looped
async def test_one_at_a_time_in_order() -> None:
    locks, held, most, order = Locks(), 0, 0, []

    async def hold(number: int) -> None:
        nonlocal held, most
        async with locks.hold("a"):
            held += 1
            most = max(most, held)
            order.append(number)
            await asyncio.sleep(0)
            held -= 1

    await asyncio.gather(*(hold(number) for number in range(20)))
    assert (most, order) == (1, list(range(20)))
    assert not len(locks)


@looped
async def test_other_keys_do_not_wait() -> None:
    locks = Locks()
    async with locks.hold("a"), locks.hold("b"):
        assert len(locks) == 2
    assert not len(locks)


@looped
async def test_an_error_lets_go() -> None:
    locks = Locks()
    with pytest.raises(ZeroDivisionError):
        async with locks.hold("a"):
            raise ZeroDivisionError
    async with asyncio.timeout(1), locks.hold("a"):
        pass


@pytest.mark.parametrize("had_its_turn", [False, True])
def test_who_is_cancelled_while_it_waits_stands_in_nobodys_way(had_its_turn: bool) -> None:
    @looped
    async def scenario() -> None:
        locks, got = Locks(), []

        async def hold(name: str) -> None:
            async with locks.hold("a"):
                got.append(name)

        holding = locks.hold("a")
        await holding.__aenter__()
        second, third = asyncio.create_task(hold("second")), asyncio.create_task(hold("third"))
        await settled()
        if had_its_turn:
            await holding.__aexit__(None, None, None)  # it is the second's turn now, which it does not know yet
            second.cancel()
        else:
            second.cancel()
            await settled()
            await holding.__aexit__(None, None, None)
        await asyncio.wait([second, third], timeout=1)
        assert second.cancelled()
        assert got == ["third"]
        assert not len(locks)

    scenario()
