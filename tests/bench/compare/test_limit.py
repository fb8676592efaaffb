"""What no policy can beat: the distance from it, and how it is said."""

from __future__ import annotations

from bench.compare.limit import LIMITS, distance, limit_lines

ANY, SERVED, NODES = LIMITS


def test_distance_is_the_mean_of_the_seeds_that_have_both() -> None:
    bounds = {42: 90.0, 43: 80.0, 44: 70.0}
    assert distance(ANY, bounds, {42: 85.0, 43: 79.0, 45: 1.0}) == 3
    assert distance(NODES, {42: 10.0}, {42: 14.0}) == 4
    assert distance(SERVED, bounds, {}) is None


def test_until_when_pods_are_served_is_a_range() -> None:
    bounds = {"allocated_served": 96.5, "served_percent_least": 94.0, "served_percent_most": 96.0, "nodes": 441.66}
    assert limit_lines(bounds, [42, 43]) == [
        "allocated, if all pods are served until 94 to 96 % (by seed) have arrived: at most 96.50 % on the average",
        "nodes for what has arrived at 50 %: at least 441.7 on the average",
    ]
    one = limit_lines(bounds | {"served_percent_least": 96.0}, [42])
    assert one[0] == "allocated, if all pods are served until 96 % have arrived: at most 96.50 %"
    assert limit_lines({}, [42, 43]) == []
