"""Maglev's tables: even shares, the same on all nodes, and little that moves."""

from __future__ import annotations

from collections import Counter

import pytest

from proxy_core.flat.maglev import SIZES, table, table_size


def endpoints(count: int) -> list[str]:
    return [f"10.0.{number // 256}.{number % 256} . 8080" for number in range(count)]


def test_sizes_are_primes_and_grow_with_the_endpoints() -> None:
    assert all(all(size % each for each in range(2, int(size**0.5) + 1)) for size in SIZES)
    assert [table_size(count) for count in (1, 10, 11, 40, 163, 655, 2620, 9999)] == [
        251, 251, 1021, 1021, 4093, 16381, 65521, 65521,
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 3, 10, 40])
def test_shares_are_even_whatever_the_order(count: int) -> None:
    size = table_size(count)
    found = table(endpoints(count), [1] * count, size)
    assert found == table(endpoints(count)[::-1], [1] * count, size) and len(found) == size
    counts = Counter(found).values()
    assert len(counts) == count and max(counts) - min(counts) <= 1


def test_weights_are_shares() -> None:
    counts = Counter(table(endpoints(3), [1, 2, 5], 1021))
    assert [counts[each] / 1021 for each in endpoints(3)] == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.006)


@pytest.mark.parametrize(("count", "size"), [(10, 251), (40, 1021), (100, 4093)])
def test_one_endpoint_that_goes_moves_hardly_more_than_its_own_slots(count: int, size: int) -> None:
    before = table(endpoints(count), [1] * count, size)
    for gone in range(0, count, max(1, count // 5)):
        left = [each for each in endpoints(count) if each != endpoints(count)[gone]]
        after = table(left, [1] * len(left), size)
        moved = sum(a != b for a, b in zip(before, after, strict=True) if a in left)
        assert moved / size < 0.08, f"{moved} of {size} slots of others"
