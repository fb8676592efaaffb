"""Netlink: batches and their refusals, answers that belong to another call, families that are not there."""

from __future__ import annotations

import errno
from contextlib import closing

import pytest

from proxy_core.errors import KernelError
from proxy_core.kernel import genetlink
from proxy_core.kernel.links import Address, Links
from proxy_core.kernel.netlink import ACK, DUMP, REQUEST, Netlink, NetlinkError, message
from proxy_core.kernel.netns import inside

LO = 1
GET_LINK, GET_ADDRESS = 18, 22


@pytest.fixture
def links(netns: str) -> Links:
    with inside(netns):
        return Links()


def test_refusals_of_a_batch_have_the_place_of_what_is_refused(links: Links) -> None:
    """3,000 addresses are three calls; one is there twice, in the second of them."""
    wanted = [f"10.1.{number // 250}.{number % 250}" for number in range(3000)]
    wanted[1700] = wanted[3]
    with closing(links):
        refused = links.add_addresses(LO, wanted)
        assert [(place, each.errno) for place, each in refused] == [(1700, errno.EEXIST)]
        found = links.addresses("IPv4", LO)
        assert set(found) == {Address(LO, each, 32) for each in wanted}
        assert links.delete_addresses(LO, wanted[:1700]) == []
        assert links.addresses("IPv4", LO) == [Address(LO, each, 32) for each in wanted[1701:]]


def test_an_empty_batch_sends_nothing(links: Links) -> None:
    with closing(links):
        assert links.add_addresses(LO, []) == []


def test_answers_that_nobody_has_waited_for_belong_to_no_other_call(netns: str) -> None:
    with inside(netns):
        link = Netlink(0)
    with link:
        link.send(message(GET_LINK, REQUEST | DUMP, link.sequence(), bytes(16)))
        number = link.sequence()
        with pytest.raises(NetlinkError, match="nothing: No such device"):
            link.ask("nothing", message(GET_LINK, REQUEST | ACK, number, bytes(4) + b"\xff\0\0\0" + bytes(8)), number)
        number = link.sequence()
        answers = link.ask("addresses", message(GET_ADDRESS, REQUEST | DUMP, number, bytes(8)), number)
        assert {each.seq for each in answers} <= {number}


def test_a_generic_family_that_is_missing_is_named_with_its_remedy() -> None:
    with Netlink(genetlink.PROTOCOL) as link:
        assert genetlink.family_number(link, "nlctrl", "") == 16
        with pytest.raises(KernelError, match=r"the kernel has no STOWAGE: modprobe stowage \(No such file"):
            genetlink.family_number(link, "STOWAGE", "modprobe stowage")
