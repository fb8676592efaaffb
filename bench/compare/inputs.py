"""Everything that is replayed, read before anything runs; a fault in the last file is found before the first run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import click

from bench.compare.arrival import ArrivalInputs
from bench.compare.fingerprint import digest, file_digest
from bench.compare.timed import TimedInputs
from bench.compare.work import Inputs
from bench.replay.arrivals import read_arrivals
from bench.replay.experiment import with_devices
from bench.traces.load import Mapping, load_nodes, load_trace
from bench.traces.trace import Nodes, Trace
from sched_core import InvalidObjects, Problem

By = Literal["arrival", "time"]
ENDINGS = (".gz", ".csv", ".jsonl", ".ndjson", ".yaml", ".yml", ".json")


class Named(NamedTuple):
    """The inputs of one trace, its label, and a hash of all that they were made of."""

    label: str
    inputs: Inputs
    sha256: str


class Wanted(NamedTuple):
    """What is to be read, and how."""

    traces: Sequence[Path]
    nodes: Path
    ratio: float
    arrivals: Sequence[Path]
    by: By = "arrival"
    mapping: Mapping = Mapping({}, {})


def read_inputs(wanted: Wanted, seeds: Sequence[int]) -> Iterator[Named]:
    """Read each trace with its nodes. Raises InvalidObjects or a usage error."""
    labels = [label_of(path) for path in wanted.traces]
    double = next((label for label in labels if labels.count(label) > 1), None)
    if double is not None:
        raise click.UsageError(f"two traces are called {double}; rename one of the files.")
    nodes = load_nodes(wanted.nodes, wanted.mapping.nodes)
    common = [wanted.by, file_digest(wanted.nodes), wanted.mapping]
    for label, path in zip(labels, wanted.traces, strict=True):
        pods = load_trace(path, wanted.mapping.pods)
        if wanted.by == "time":
            yield Named(label, TimedInputs(nodes, pods), digest(common, file_digest(path)))
            continue
        _check_devices(path, pods, nodes)
        given = _arrivals_of(label, wanted.arrivals)
        arrivals = None if given is None else read_arrivals(given, with_devices(nodes), pods)
        if arrivals is not None and not set(seeds) <= set(arrivals):
            missing = ", ".join(str(seed) for seed in seeds if seed not in arrivals)
            raise click.UsageError(f"{given} has no arrivals for seed {missing}.")
        contents = [file_digest(path), "" if given is None else file_digest(given)]
        inputs = ArrivalInputs(with_devices(nodes), pods, wanted.ratio, arrivals)
        yield Named(label, inputs, digest(common, contents, wanted.ratio))


def _check_devices(path: Path, pods: Trace, nodes: Nodes) -> None:
    """Raise InvalidObjects where arrival cannot be counted in parts of all devices."""
    for where, what, has in (
        (str(path), "no pod asks for a GPU", any(shape.gpus for shape in pods.shapes)),
        (nodes.title, "no node has a GPU", any(shape.gpus for shape in nodes.shapes)),
    ):
        if not has:
            reason = f"{what}, and arrival is counted in percent of all GPUs; use --by time"
            raise InvalidObjects([Problem(where, "", "", reason)])


def label_of(path: Path) -> str:
    """Return what a trace is called: the name of its file without what all have."""
    name = path.name
    while name.endswith(ENDINGS):
        name = name[: name.rindex(".")]
    return name.removeprefix("openb_pod_list_")


def _arrivals_of(label: str, given: Sequence[Path]) -> Path | None:
    """Return the file of given arrivals of a trace."""
    if not given:
        return None
    files = [each for path in given for each in ([path] if path.is_file() else sorted(path.glob("arrivals-*.json*")))]
    found = next((file for file in files if label_of(file).removeprefix("arrivals-") == label), None)
    if found is None:
        raise click.UsageError(f"--arrivals has no file arrivals-{label}.json.gz.")
    return found
