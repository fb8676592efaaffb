"""Mode ipvs with packets, in the guest's kernel: the tests of the other modes, where ipvs does the same."""

from __future__ import annotations

import pytest

from proxy_core.addresses import Family
from tests.proxy.kernel.guest import in_guest_within
from tests.proxy.packets import test_drain, test_reach, test_source
from tests.proxy.packets import test_spread as spread
from tests.proxy.packets.bed import FAMILIES
from tests.proxy.packets.stage import new_stage

SECONDS = 150.0
"""The guest has one processor, and every packet costs it dearly."""


@in_guest_within(SECONDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_is_reached_also_by_a_pod_that_reaches_itself(family: Family) -> None:
    test_reach.TIMES = 2
    with new_stage("ipvs") as stage:
        test_reach.test_every_kind_is_reached_from_everywhere(stage, family)
        test_source.test_a_pod_reaches_itself_masqueraded(stage, family, test_source.PLAIN)


@in_guest_within(SECONDS)
def test_spread() -> None:
    spread.FLOWS = 2000
    with new_stage("ipvs") as stage:
        spread.test_each_endpoint_gets_its_share(stage, "UDP")


@in_guest_within(SECONDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_ends_finishes_what_it_has_begun(family: Family) -> None:
    with new_stage("ipvs") as stage:
        test_drain.test_new_connections_avoid_what_ends_and_old_ones_stay(stage, family)
        test_drain.test_what_ends_serves_while_there_is_nothing_else(stage, family)
        test_drain.test_the_last_local_endpoint_serves_to_its_end_whatever_is_elsewhere(stage, family)
        test_drain.test_a_refused_client_of_udp_is_served_when_an_endpoint_comes(stage, family)
        for way in test_drain.WAYS:
            test_drain.test_a_client_of_udp_that_never_pauses_moves_on(stage, family, way)
