"""What ``stowage replay openb`` does with its options: read, replay, print, write."""

from __future__ import annotations

from pathlib import Path

from bench.replay.arrivals import Arrivals, read_arrivals
from bench.replay.experiment import Experiment, run, with_devices
from bench.replay.policy import find_policy
from bench.replay.result import AT_PERCENT, Result, summarise
from bench.traces.read import read_nodes, read_pods
from bench.traces.trace import Nodes, Trace
from cluster_shim.cli.inputs import tell_of_compiling
from cluster_shim.cli.result import check_json, write_json
from cluster_shim.cli.terminal import Bar, console, literal, new_table, working
from sched_core import InvalidObjects, Problem


def replay_openb(
    nodes_csv: Path, pods_csv: Path, policy: str, ratio: float, seed: int, arrivals_file: Path | None,
    json_file: str | None,
) -> Result:  # fmt: skip
    """Replay, print and write; raises StowageError for what cannot be used."""
    check_json(json_file)
    find_policy(policy)
    with working("reading the trace"):
        nodes, trace = with_devices(read_nodes(nodes_csv)), read_pods(pods_csv)
        arrivals = None if arrivals_file is None else _arrivals(arrivals_file, nodes, trace, seed)
    with Bar("placing pods") as bar:
        outcome = run(Experiment(nodes, trace, policy, seed, ratio, arrivals), bar.of, tell_of_compiling)
    result = summarise(outcome, nodes, trace)
    if not write_json(json_file, result):
        show(result)
    return result


def _arrivals(file: Path, nodes: Nodes, trace: Trace, seed: int) -> Arrivals:
    found = read_arrivals(file, nodes, trace)
    if seed not in found:
        known = ", ".join(map(str, sorted(found)))
        raise InvalidObjects([Problem(str(file), "", "seeds", f"there is no seed {seed}; there are {known}")])
    return found[seed]


def show(result: Result) -> None:
    """Print a result."""
    out = console()
    out.print(literal(f"{result.policy}, seed {result.seed}: {result.trace}, {result.nodes:,} nodes"), style="bold")
    table = new_table("after % of capacity has arrived", *(f"{percent} %" for percent in AT_PERCENT))
    for label, values in (("allocated %", result.alloc_at), ("fragmented % of what is free", result.frag_ratio_at)):
        shown = (values.get(str(percent)) for percent in AT_PERCENT)
        table.add_row(label, *("-" if value is None else f"{value:.2f}" for value in shown))
    out.print(table)
    sizes = new_table("pods by what they ask for", "arrived", "failed", "%")
    for size in result.by_size:
        sizes.add_row(literal(size.size), f"{size.pods:,}", f"{size.failed:,}", f"{100 * size.failed / size.pods:.1f}")
    out.print(sizes)
    speed = f"{result.pods / result.seconds:,.0f} decisions/s" if result.seconds else ""
    out.print(f"{result.pods:,} pods in {result.seconds:.2f} s ({speed}); kernels {result.compile_seconds:.1f} s")
