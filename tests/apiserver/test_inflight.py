"""The limit of requests in flight: totals, shares of users, who is exempt."""

from __future__ import annotations

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.inflight import InFlight
from cluster_shim.apiserver.request import RequestInfo, UserInfo
from tests.apiserver.authorization.defaults import path, resource, user

GET, CREATE = resource("get", "pods"), resource("create", "pods")
ALICE, BOB, CAROL = user("alice"), user("bob"), user("carol")


def is_refused(limit: InFlight, who: UserInfo, info: RequestInfo) -> bool:
    try:
        limit.enter(who, info)
    except APIError as error:
        assert (error.code, error.reason) == (429, "TooManyRequests")
        assert error.headers == (("Retry-After", "1"),)
        assert error.message == "Too many requests, please try again later."
        return True
    return False


def test_no_user_gets_more_than_half() -> None:
    limit = InFlight(read_only=4, mutating=2)
    tickets = [limit.enter(ALICE, GET), limit.enter(ALICE, GET)]
    assert is_refused(limit, ALICE, GET)
    assert not is_refused(limit, BOB, GET)
    tickets[0].leave()
    tickets[0].leave()  # counts once
    assert not is_refused(limit, ALICE, path("get", "/api"))
    assert is_refused(limit, ALICE, GET)


def test_the_total() -> None:
    limit = InFlight(read_only=4, mutating=2)
    for who in (ALICE, ALICE, BOB, BOB):
        limit.enter(who, GET)
    assert is_refused(limit, CAROL, GET)
    assert not is_refused(limit, CAROL, CREATE)
    assert limit.counts == (4, 1)


def test_long_requests_and_masters_are_not_refused() -> None:
    limit = InFlight(read_only=2, mutating=2)
    for _ in range(5):
        for info in (resource("watch", "pods"), resource("create", "pods", name="x", subresource="exec")):
            limit.enter(ALICE, info).leave()
            limit.enter(ALICE, info)
    assert limit.counts == (0, 0)
    for _ in range(5):
        limit.enter(user("root", "system:masters"), CREATE)
    assert is_refused(limit, ALICE, CREATE)


def test_zero_is_no_limit() -> None:
    limit = InFlight(read_only=0, mutating=0)
    assert not any(is_refused(limit, ALICE, CREATE) for _ in range(1000))


def test_nothing_is_kept_of_users_who_have_left() -> None:
    limit = InFlight()
    for number in range(1000):
        limit.enter(user(f"u{number}"), GET).leave()
    assert limit.counts == (0, 0)
    assert len(limit._read_only.by_user) == 0
