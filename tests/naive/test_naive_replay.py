"""The naive replay against published runs: only an oracle that agrees with them is one."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from .replay import POLICIES, Replay, read_arrivals, read_nodes, read_pods

EVENTS = 500
"""A whole run takes some seconds; its beginning tells a wrong formula as well."""
SEED = 47


def published(shared: Path, column: str, trace: str, policy: str) -> dict[int, float]:
    with gzip.open(shared / "golden" / "fgd" / f"runs-{column}.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            if (row["workload"], row["sc_policy"][3:], row["seed"]) == (trace, policy, str(SEED)):
                return {percent: float(row[str(percent)]) for percent in range(131)}
    raise LookupError(policy)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("trace", ["default", "gpuspec10"])
def test_curves_are_the_published_ones(shared: Path, trace: str, policy: str) -> None:
    lists, golden = shared / "data" / "openb", shared / "golden" / "fgd"
    order, ranked = read_arrivals(golden / f"arrivals-{trace}.json.gz", SEED)
    pods = read_pods(lists / f"openb_pod_list_{trace}.csv")
    replay = Replay(read_nodes(lists / "openb_node_list_gpu_node.csv"), pods, ranked, policy)
    replay.run(order[:EVENTS])
    alloc, frag_ratio = replay.curves()
    last = max(alloc)  # not complete
    assert last > 5
    for column, curve in (("alloc", alloc), ("frag_ratio", frag_ratio)):
        expected = published(shared, column, f"openb_pod_list_{trace}", policy)
        for percent in range(last):
            assert curve[percent] == pytest.approx(expected[percent], abs=1e-6), (column, percent)
