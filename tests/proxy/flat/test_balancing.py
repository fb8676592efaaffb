"""Annotations that choose how connections are shared out, and what is refused of them."""

from __future__ import annotations

from collections import Counter

import pytest

from proxy_core.flat import maglev
from proxy_core.flat.balancing import EVENLY, MOST_SLOTS, Balancing, Fault, balancing_of, slots_of
from proxy_core.model.endpoint import Endpoint
from proxy_core.model.service_port import ServicePort

PORT = ServicePort("172.30.0.1", 80, "TCP")


def ends(count: int) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(f"10.0.0.{number}:80", f"10.0.0.{number}", 80, node=f"node-{number}", zone=f"zone-{number % 2}")
        for number in range(count)
    )


@pytest.mark.parametrize(
    ("method", "weights", "expected"),
    [
        ("", "", EVENLY),
        ("random", "", EVENLY),
        ("maglev", "", Balancing(maglev=True)),
        ("", "zone-a=3, fd00::1=100 ,node-7=1", Balancing(weights=(("zone-a", 3), ("fd00::1", 100), ("node-7", 1)))),
        ("maglev", "a=2", Balancing(True, (("a", 2),))),
    ],
)
def test_what_annotations_say(method: str, weights: str, expected: Balancing) -> None:
    assert balancing_of(PORT._replace(balancing=method, weights=weights)) == expected


@pytest.mark.parametrize(
    ("method", "weights", "reason"),
    [
        ("Maglev", "", "must be random or maglev: 'Maglev'"),
        ("", "a", "must be NAME=WEIGHT"),
        ("", "a=1,", "must be NAME=WEIGHT"),
        ("", "=1", "must be NAME=WEIGHT"),
        ("", "a=1,a=2", "each name once"),
        ("", "a=0", "a weight must be a number from 1 to 100: 'a=0'"),
        ("", "a=101", "from 1 to 100"),
        ("", "a=1.5", "from 1 to 100"),
        ("", "a=²", "from 1 to 100"),
    ],
)
def test_what_is_refused(method: str, weights: str, reason: str) -> None:
    found = balancing_of(PORT._replace(balancing=method, weights=weights))
    assert isinstance(found, Fault) and reason in found.reason


def test_session_affinity_goes_with_chance_alone() -> None:
    sticky = PORT._replace(session_affinity=True)
    assert balancing_of(sticky._replace(balancing="random")) == EVENLY
    for changed in (sticky._replace(balancing="maglev"), sticky._replace(weights="a=2")):
        found = balancing_of(changed)
        assert isinstance(found, Fault) and "sessionAffinity" in found.reason


def test_weights_go_by_address_then_node_then_zone_and_in_lowest_terms() -> None:
    weights = (("10.0.0.0", 8), ("node-0", 1), ("node-1", 4), ("zone-0", 6), ("zone-1", 1))
    found = slots_of(ends(4), Balancing(weights=weights))
    assert not isinstance(found, Fault)
    assert Counter(found.values) == {"10.0.0.0 . 80": 8, "10.0.0.1 . 80": 4, "10.0.0.2 . 80": 6, "10.0.0.3 . 80": 1}
    halved = slots_of(ends(3), Balancing(weights=(("zone-0", 6), ("zone-1", 2))))
    assert not isinstance(halved, Fault) and Counter(halved.values).total() == 7


def test_there_is_an_end_to_slots() -> None:
    many = tuple(Endpoint(f"e{number}", f"e{number}", 80) for number in range(2621))
    found = slots_of(many, Balancing(maglev=True))
    assert isinstance(found, Fault) and "2620 endpoints at most: 2621" in found.reason
    found = slots_of(many, Balancing(weights=(("e1", 99), *((f"e{number}", 100) for number in range(2, 700)))))
    assert isinstance(found, Fault) and f"{MOST_SLOTS} together at most" in found.reason


def test_maglev_takes_the_table_of_its_size() -> None:
    found = slots_of(ends(4), Balancing(maglev=True))
    assert not isinstance(found, Fault) and found.by_client and len(found.values) == maglev.table_size(4)


def test_an_annotation_of_any_length_is_refused_in_a_few_words() -> None:
    for method, weights in (("", f"a={'9' * 5000}"), ("", "a" * 5000), ("m" * 5000, "")):
        found = balancing_of(PORT._replace(balancing=method, weights=weights))
        assert isinstance(found, Fault) and len(found.reason) < 250
