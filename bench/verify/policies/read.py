"""Published runs, found in a folder, and the lists that they are of, found in another.

``runs-alloc.csv`` and ``runs-frag_ratio.csv`` have a line for each trace, policy and seed, and a column for each
percent of arrival; ``arrivals-*.json`` have the order in which pods came. All of them may be compressed by gzip. A
trace's pods are the list of its name; its nodes are the list that has just the nodes of its arrivals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.replay.arrivals import Arrivals, read_arrivals
from bench.replay.experiment import with_devices
from bench.replay.policy import POLICIES
from bench.traces.read import read_nodes, read_pods
from bench.traces.trace import Nodes, Trace
from bench.workloads.csv_columns import blocks, open_text
from bench.workloads.csv_rows import Problems
from sched_core import InvalidObjects, Problem
from sched_core.objects.source import find_sources, read_source

COLUMNS = ("alloc", "frag_ratio")
KEYS = ("workload", "sc_policy", "seed")

Floats = NDArray[np.float64]


class Published(NamedTuple):
    """The curves of one run, by percent of arrival."""

    policy: str
    seed: int
    alloc: Floats
    frag_ratio: Floats


class Family(NamedTuple):
    """A trace, and its runs that were published."""

    name: str
    nodes: Nodes
    trace: Trace
    arrivals: dict[int, Arrivals]
    runs: list[Published]


class _Head(msgspec.Struct):
    trace: str
    seeds: dict[str, msgspec.Raw]


def read_published(folder: Path, data: Path, left_out: Sequence[str] = ()) -> list[Family]:
    """Read everything that is compared; raises InvalidObjects with all that is missing or wrong."""
    runs = _read_runs(folder)
    arrivals = _find_arrivals(folder)
    families, problems = [], list[Problem]()
    for name, published in runs.items():
        if name in left_out:
            continue
        pods = data / f"{name}.csv"
        if name not in arrivals:
            problems.append(Problem(str(folder), name, "", "there is no file arrivals-*.json of this trace"))
        elif not pods.is_file():
            problems.append(Problem(str(pods), "", "", "there is no list of these pods"))
        else:
            families.append(_family(name, pods, arrivals[name], data, published))
    if problems:
        raise InvalidObjects(problems)
    return families


def _family(name: str, pods: Path, arrivals: Path, data: Path, runs: list[Published]) -> Family:
    trace = read_pods(pods)
    refusals: list[InvalidObjects] = []
    for path in sorted(data.glob("*.csv")):
        if not _is_node_list(path):
            continue
        try:
            nodes = with_devices(read_nodes(path))
            found = read_arrivals(arrivals, nodes, trace)
        except InvalidObjects as refusal:
            refusals.append(refusal)
            continue
        missing = sorted({run.seed for run in runs} - found.keys())
        if missing:
            raise InvalidObjects([Problem(str(arrivals), "", "seeds", f"there is no seed {missing[0]}")])
        return Family(name, nodes, trace, found, runs)
    if refusals:
        raise refusals[0]
    raise InvalidObjects([Problem(str(data), "", "", "there is no list of nodes (a CSV with the column sn)")])


def _is_node_list(path: Path) -> bool:
    with open_text(path, Problems(path)) as text:
        return "sn" in text.readline().strip().split(",")
    return False


def _find_arrivals(folder: Path) -> dict[str, Path]:
    """Return the file of arrivals of each trace, which the file names."""
    found = {}
    for path in sorted(folder.glob("arrivals-*.json*")):
        data = read_source(find_sources([path])[0])
        if isinstance(data, Problem):
            raise InvalidObjects([data])
        try:
            found[msgspec.json.decode(data, type=_Head).trace] = path
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidObjects([Problem(str(path), "", "", f"is not a file of arrivals: {error}")]) from error
    return found


def _read_runs(folder: Path) -> dict[str, list[Published]]:
    """Return the published runs of each trace."""
    alloc, frag_ratio = (dict(_curves(_existing(folder, f"runs-{column}.csv"))) for column in COLUMNS)
    if alloc.keys() != frag_ratio.keys():
        name, policy, seed = min(alloc.keys() ^ frag_ratio.keys())
        raise InvalidObjects([Problem(str(folder), "", "", f"{name}, {policy}, seed {seed} is in one of two files")])
    runs: dict[str, list[Published]] = {}
    for (name, policy, seed), curve in sorted(alloc.items()):
        runs.setdefault(name, []).append(Published(policy, seed, curve, frag_ratio[name, policy, seed]))
    return runs


def _existing(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise InvalidObjects([Problem(str(folder), "", "", f"there is neither {name} nor {name}.gz")])


def _curves(path: Path) -> Iterator[tuple[tuple[str, str, int], Floats]]:
    problems, header = Problems(path), list[str]()
    with open_text(path, problems) as text:
        for block in blocks(text, problems):
            if isinstance(block, list):
                header = block
                wanted = [*KEYS, *map(str, range(len(block) - len(KEYS)))]
                if block != wanted:
                    problems.add(1, "", f"the header must be {', '.join(wanted[:5])}, ...")
                    break
                continue
            for line, cells in zip(block.lines, zip(*block.cells, strict=True), strict=True):
                found = _curve(line, dict(zip(header, cells, strict=True)), problems)
                if found is not None:
                    yield found
    if problems.found:
        raise InvalidObjects(problems.found)


def _curve(line: int, cells: dict[str, str], problems: Problems) -> tuple[tuple[str, str, int], Floats] | None:
    workload, policy, seed = (cells.pop(key) for key in KEYS)
    name = policy.split("-", 1)[-1]  # 06-FGD
    if name not in POLICIES:
        problems.add(line, "sc_policy", f'"{policy}" is none of {", ".join(POLICIES)}')
    elif not seed.isdecimal():
        problems.add(line, "seed", f'"{seed}" is not a whole number')
    else:
        try:
            return (workload, name, int(seed)), np.array([float(cell) for cell in cells.values()])
        except ValueError as error:
            problems.add(line, "", str(error))
    return None
