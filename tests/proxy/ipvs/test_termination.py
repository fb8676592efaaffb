"""Graceful termination: who may go at once, who waits with weight 0, and what happens to those who wait."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core import FakeIpvs, IpvsProxier, KernelError
from proxy_core.ipvs.kernel import (
    AddReal,
    DeleteReal,
    DeleteServer,
    EditReal,
    RealKey,
    RealServer,
    Refusal,
    ServerCommand,
    ServerKey,
    VirtualServer,
)
from tests.proxy.ipvs.cluster import SECOND, proxier
from tests.proxy.objects import endpoint, service, slice_of

MINUTE = 60 * SECOND
WEB = ServerKey("172.30.0.1", 80, "TCP")
ONE, TWO = RealKey("10.180.0.1", 8080), RealKey("10.180.0.2", 8080)


def slices(*addresses: str, protocol: str = "TCP") -> Any:
    ports = [{"name": "http", "port": 8080, "protocol": protocol}]
    return slice_of(*(endpoint(each) for each in addresses), ports=ports)


def serving(protocol: str = "TCP") -> tuple[FakeIpvs, IpvsProxier, ServerKey]:
    """Return a service with both real servers."""
    kernel = FakeIpvs()
    running = proxier(kernel)
    running.state.update(service(ports=[{"name": "http", "port": 80, "protocol": protocol}]))
    running.state.update(slices("10.180.0.1", "10.180.0.2", protocol=protocol))
    running.sync(0)
    return kernel, running, WEB._replace(protocol=protocol)


def weights(kernel: FakeIpvs, key: ServerKey = WEB) -> dict[RealKey, int]:
    return {each.key: each.weight for each in kernel.servers.real_servers[key].values()}


def leaving() -> tuple[FakeIpvs, IpvsProxier]:
    """Return a service of which the second real server waits for its connections."""
    kernel, running, key = serving()
    kernel.servers.connect(key, TWO, active=1)
    running.state.update(slices("10.180.0.1"))
    running.sync(SECOND)
    assert weights(kernel) == {ONE: 1, TWO: 0} and running.terminating == 1
    return kernel, running


@pytest.mark.parametrize(
    ("protocol", "active", "inactive", "command"),
    [
        ("TCP", 0, 0, DeleteReal),
        ("TCP", 1, 0, EditReal),
        ("TCP", 0, 1, EditReal),
        ("UDP", 1, 1, DeleteReal),
        ("SCTP", 1, 1, DeleteReal),
    ],
)
def test_who_may_go(protocol: str, active: int, inactive: int, command: type[ServerCommand]) -> None:
    kernel, running, key = serving(protocol)
    kernel.servers.connect(key, TWO, active, inactive)
    running.state.update(slices("10.180.0.1", protocol=protocol))
    running.sync(SECOND)
    (only,) = kernel.servers.ran[-1]
    expected = EditReal(key, TWO, 0) if command is EditReal else DeleteReal(key, TWO)
    assert isinstance(only, command) and only == expected
    assert running.terminating == (command is EditReal)


def test_connections_are_looked_at_once_a_minute() -> None:
    kernel, running = leaving()
    running.check_terminations(10**18)
    assert weights(kernel) == {ONE: 1, TWO: 0}
    kernel.servers.connect(WEB, TWO)
    running.check_terminations(10**18 + MINUTE - 1)
    assert weights(kernel) == {ONE: 1, TWO: 0}
    running.check_terminations(10**18 + MINUTE)
    assert weights(kernel) == {ONE: 1} and running.terminating == 0
    asked = len(kernel.servers.asked)
    running.check_terminations(10**18 + 2 * MINUTE)
    assert len(kernel.servers.asked) == asked  # nobody waits


@pytest.mark.parametrize("seconds", [2, 31])
def test_who_waits_is_left_alone_by_syncs(seconds: int) -> None:
    kernel, running = leaving()
    before = len(kernel.servers.ran)
    running.state.update(slices("10.180.0.1", "10.180.0.3"))
    running.sync(seconds * SECOND)
    (batch,) = kernel.servers.ran[before:]
    assert batch == [AddReal(WEB, RealKey("10.180.0.3", 8080))] and weights(kernel)[TWO] == 0


def test_who_comes_back_is_made_anew_and_never_taken_away_later() -> None:
    kernel, running = leaving()
    running.state.update(slices("10.180.0.1", "10.180.0.2"))
    running.sync(2 * SECOND)
    assert kernel.servers.ran[-1] == [DeleteReal(WEB, TWO), AddReal(WEB, TWO)]
    running.check_terminations(10**18)
    assert weights(kernel) == {ONE: 1, TWO: 1} and running.terminating == 0


def test_a_virtual_server_goes_at_once_with_all_who_wait() -> None:
    kernel, running = leaving()
    running.state.delete(service())
    running.sync(2 * SECOND)
    assert kernel.servers.ran[-1] == [DeleteServer(WEB)] and running.terminating == 0
    running.state.update(service())
    running.state.update(slices("10.180.0.2"))
    running.sync(3 * SECOND)
    running.check_terminations(10**18)
    assert weights(kernel) == {TWO: 1}  # one of the same name that is wanted stays


def test_who_is_gone_already_is_forgotten() -> None:
    kernel, running = leaving()
    del kernel.servers.real_servers[WEB][TWO]
    running.check_terminations(10**18)
    assert running.terminating == 0 and running.refusals == ()
    kernel, running = leaving()
    del kernel.servers.real_servers[WEB][TWO]
    running.sync(31 * SECOND)
    assert running.terminating == 0 and running.refusals == ()


def left_by_another(active: int) -> FakeIpvs:
    """Return a kernel in which an earlier proxy has left one real server to end, and another one with weight 7."""
    kernel = FakeIpvs()
    kernel.servers.servers[WEB] = VirtualServer(WEB)
    kernel.servers.real_servers[WEB] = {ONE: RealServer(ONE, 7, 3), TWO: RealServer(TWO, 0, active)}
    return kernel


@pytest.mark.parametrize("active", [0, 1])
def test_a_start_takes_over_what_waits_and_gives_the_others_their_weight_back(active: int) -> None:
    kernel = left_by_another(active)
    running = proxier(kernel)
    running.state.update(service())
    running.state.update(slices("10.180.0.1"))
    running.sync(0)
    assert weights(kernel) == ({ONE: 1, TWO: 0} if active else {ONE: 1})
    assert running.terminating == active and kernel.servers.real_servers[WEB][ONE].active == 3


def test_a_start_takes_back_who_waits_and_is_wanted() -> None:
    kernel = left_by_another(1)
    running = proxier(kernel)
    running.state.update(service())
    running.state.update(slices("10.180.0.1", "10.180.0.2"))
    running.sync(0)
    assert weights(kernel) == {ONE: 1, TWO: 1} and running.terminating == 0
    kernel.servers.real_servers[WEB][ONE] = RealServer(ONE, 5)
    running.sync(31 * SECOND)
    assert weights(kernel)[ONE] == 5  # later on a weight is its administrator's business


def test_who_comes_back_while_the_kernel_refuses_gets_its_weight_later(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, running = leaving()
    running.state.update(slices("10.180.0.1", "10.180.0.2"))
    with monkeypatch.context() as patch:
        patch.setattr(type(kernel.servers), "run", lambda _, commands: [Refusal(0, "out of memory")])
        running.sync(2 * SECOND)
    assert list(running.refusals) == ["out of memory"] and weights(kernel) == {ONE: 1, TWO: 0}
    assert running.sync(3 * SECOND).full and weights(kernel) == {ONE: 1, TWO: 1} and not running.refusals


def test_a_kernel_that_does_not_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, running = leaving()
    kernel.servers.connect(WEB, TWO)
    with monkeypatch.context() as patch:
        patch.setattr(type(kernel.servers), "reals", _no_answer)
        with pytest.raises(KernelError, match="no answer"):
            running.check_terminations(10**18)
    assert running.terminating == 1
    running.check_terminations(10**18 + MINUTE)
    assert weights(kernel) == {ONE: 1}


def _no_answer(*_: object) -> Any:
    raise KernelError("no answer")
