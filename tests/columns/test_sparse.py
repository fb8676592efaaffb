"""SparseColumns against a dictionary of everything."""

from __future__ import annotations

import random

import pytest

from sched_core.columns.sparse import SparseColumns

ROWS, NAMES = 6, ["a", "b", "c"]


@pytest.mark.parametrize("seed", range(20))
def test_columns_and_rows_agree_with_a_table(seed: int) -> None:
    rng = random.Random(seed)
    sparse = SparseColumns()
    table = {(name, row): 0 for name in NAMES for row in range(ROWS)}
    for _ in range(60):
        row, name = rng.randrange(ROWS), rng.choice(NAMES)
        what = rng.choice(["add", "add", "subtract", "clear", "pop", "copy"])
        if what in ("add", "subtract"):
            sign, amounts = 1 if what == "add" else -1, {each: rng.randrange(3) for each in rng.sample(NAMES, 2)}
            sparse.add(amounts, row, sign)
            for each, amount in amounts.items():
                table[each, row] += sign * amount
        elif what == "clear":
            sparse.clear(row)
            table |= {(each, row): 0 for each in NAMES}
        elif what == "pop":
            assert sparse.pop(name, ROWS).tolist() == [table[name, each] for each in range(ROWS)]
            table |= {(name, each): 0 for each in range(ROWS)}
        else:
            sparse, left = sparse.copy(), sparse
            left.add({name: 1}, row)
        for each in NAMES:
            assert sparse.column(each, ROWS).tolist() == [table[each, row] for row in range(ROWS)]
        for row in range(ROWS):
            assert sparse.row(row) == {each: table[each, row] for each in NAMES if table[each, row]}
        assert sorted(sparse.names) == [each for each in NAMES if any(table[each, row] for row in range(ROWS))]


def test_sums_wrap_around_as_int64_does() -> None:
    sparse = SparseColumns()
    sparse.add({"a": 2**63 - 1}, 0)
    sparse.add({"a": 2}, 0)
    assert sparse.column("a", 1).tolist() == [-(2**63) + 1]
    sparse.add({"a": 2}, 0, -1)
    assert sparse.get("a", 0) == 2**63 - 1
