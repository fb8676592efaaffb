"""The replay of a GPU-sharing trace, in plain Python: policies, fragmentation and curves, sentence by sentence.

Six policies place pods one after the other, nothing ever leaves. The only haste: what a node scores is remembered until
the node changes. Source: the artifact of "Beware of Fragmentation" (USENIX ATC 2023), restated as formulas.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

WHOLE = 1000
"""The capacity of one device, in milli-GPU."""
MOST_CPU, MOST_GPU = 128_000, 8_000
SHARE = "share"


class Pod(NamedTuple):
    """What a line of the pod list asks for."""

    name: str
    cpu: int
    memory: int
    devices: int
    milli: int
    models: str

    @property
    def total(self) -> int:
        return self.devices * self.milli

    @property
    def is_share(self) -> bool:
        return self.devices == 1 and self.milli < WHOLE

    @property
    def tag(self) -> str:
        return SHARE if self.is_share else f"{self.devices}-gpu"

    def accepts(self, model: str) -> bool:
        return not self.models or model in self.models.split("|")


@dataclass
class Node:
    """A node as it is now."""

    name: str
    cpu: int
    memory: int
    model: str
    gpus: list[int]
    tags: Counter[str] = field(default_factory=Counter)
    version: int = 0

    @property
    def idle(self) -> int:
        return sum(self.gpus)

    def fits(self, pod: Pod) -> bool:
        if pod.cpu > self.cpu or pod.memory > self.memory:
            return False
        if pod.milli == 0:
            return True
        return pod.accepts(self.model) and sum(free >= pod.milli for free in self.gpus) >= pod.devices


def read_pods(path: Path) -> list[Pod]:
    """Return the pods of a list in byte order of their names."""
    pods = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            count = int(row["num_gpu"])
            milli = min(int(row["gpu_milli"]), WHOLE) if count else 0
            models = row.get("gpu_spec") or "" if count else ""
            pods.append(Pod(row["name"], int(row["cpu_milli"]), int(row["memory_mib"]), count, milli, models))
    return sorted(pods)


def read_nodes(path: Path) -> list[Node]:
    """Return the nodes of a list that have a GPU, nothing on them."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["gpu"])]
    return [
        Node(row["sn"], int(row["cpu_milli"]), int(row["memory_mib"]), row["model"], [WHOLE] * int(row["gpu"]))
        for row in rows
    ]


def read_arrivals(path: Path, seed: int) -> tuple[list[int], list[str]]:
    """Return the order of arrival (indices into the sorted pods) and the nodes by rank."""
    with gzip.open(path) as file:
        found = json.load(file)["seeds"][str(seed)]
    return found["arrivals"], found["nodes_by_rank"]


class Typical(NamedTuple):
    """A typical pod and how often it comes."""

    share: float
    cpu: int
    milli: int
    devices: int
    models: str


def typical_pods(pods: Iterable[Pod]) -> list[Typical]:
    """Return the most frequent kinds of pods, until 95 % of all pods are of one of them."""
    kinds = Counter((pod.cpu, pod.milli, pod.devices, pod.models) for pod in pods)
    total = sum(kinds.values())
    ordered = sorted(kinds.items(), key=lambda item: (item[1], *item[0]), reverse=True)
    taken: list[tuple[Any, int]] = []
    cumulated = 0
    for kind, number in ordered:
        if cumulated >= 0.95 * total:
            break
        taken.append((kind, number))
        cumulated += number
    return [Typical((number / total) / (cumulated / total), *kind) for kind, number in taken]


class Fragmentation:
    """F of a node: how much of its idle GPU capacity typical pods cannot use."""

    def __init__(self, typical: Sequence[Typical]) -> None:
        self.typical, self._known = typical, dict[Any, float]()

    def of(self, cpu: int, gpus: Sequence[int], model: str) -> float:
        key = (cpu, tuple(sorted(gpus)), model)
        if key not in self._known:
            self._known[key] = self._work_out(cpu, gpus, model)
        return self._known[key]

    def _work_out(self, cpu: int, gpus: Sequence[int], model: str) -> float:
        idle = sum(gpus)
        both = lacks_gpu = lacks_cpu = fits_left = fits_right = other_model = 0.0
        for share, wanted_cpu, milli, count, models in self.typical:
            has_cpu = cpu >= wanted_cpu
            has_gpu = sum(free >= milli for free in gpus) >= count
            if milli == 0:
                if has_cpu:
                    fits_left += share * idle
                else:
                    fits_right += share * idle
            elif models and model not in models.split("|"):
                other_model += share * idle
            elif has_gpu and has_cpu:
                lacks_gpu += share * sum(free for free in gpus if free < milli)
            elif has_gpu:
                lacks_cpu += share * idle
            elif has_cpu:
                lacks_gpu += share * idle
            else:
                both += share * idle
        return ((((both + lacks_gpu) + lacks_cpu) + fits_left) + fits_right) + other_model


Scored = tuple[int, list[int]]
"""What a node scores, and the devices that the pod would get there."""


def lowest_whole(pod: Pod, node: Node) -> list[int]:
    """Return the first completely free devices."""
    return [index for index, free in enumerate(node.gpus) if free == WHOLE][: pod.devices]


def best_devices(pod: Pod, node: Node) -> list[int]:
    """Return the fullest device that has room; for whole devices the first free ones."""
    if not pod.is_share:
        return lowest_whole(pod, node)
    return [min((free, index) for index, free in enumerate(node.gpus) if free >= pod.milli)[1]]


def dot_prod(pod: Pod, node: Node) -> Scored:
    product = ((node.cpu / MOST_CPU) * (pod.cpu / MOST_CPU) + (node.idle / MOST_GPU) * (pod.total / MOST_GPU)) / 2
    return int(100 * (1 - product)), best_devices(pod, node)


def gpu_clustering(pod: Pod, node: Node) -> Scored:
    if pod.total == 0:
        return 0, []
    base = 25 * (MOST_GPU - node.idle) // MOST_GPU
    tags = {tag for tag, number in node.tags.items() if number}
    if pod.tag in tags:
        base += 75 if len(tags) == 1 else 50
    elif not tags:
        base += 25
    return base, best_devices(pod, node)


def gpu_packing(pod: Pod, node: Node) -> Scored:
    if pod.total == 0:
        return 0, []
    devices, number = best_devices(pod, node), len(node.gpus)
    if all(free == WHOLE for free in node.gpus):
        return max(33 - number, number), devices
    chosen = sorted(free for free in node.gpus if free >= pod.milli)[: pod.devices]
    whole = chosen.count(WHOLE)
    if whole:
        return max(50 - whole, 33), devices
    return max(100 - sum(free * 100 // WHOLE for free in chosen) // 10, 50), devices


def best_fit(pod: Pod, node: Node) -> Scored:
    left = (node.cpu - pod.cpu) / MOST_CPU * 0.5 + (node.idle - pod.total) / MOST_GPU * 0.5
    return int((1 - left) * 100), best_devices(pod, node)


def fgd(fragmentation: Fragmentation) -> Callable[[Pod, Node], Scored]:
    """Return the score by fragmentation gradient descent."""

    def score(pod: Pod, node: Node) -> Scored:
        before = fragmentation.of(node.cpu, node.gpus, node.model)
        choices = [lowest_whole(pod, node)]
        if pod.is_share:
            choices = [[index] for index, free in enumerate(node.gpus) if free >= pod.milli]
        best: Scored = (-1, [])
        for devices in choices:
            after = list(node.gpus)
            for index in devices:
                after[index] -= pod.milli
            change = (before - fragmentation.of(node.cpu - pod.cpu, after, node.model)) / 1000
            value = int(100 * (1 / (1 + math.exp(-change))))
            if value > best[0]:
                best = value, devices
        return best

    return score


def at_random(generator: random.Random) -> Callable[[Pod, Node], Scored]:
    """Return a score that is another one each time, and a device by chance."""

    def score(pod: Pod, node: Node) -> Scored:
        devices = lowest_whole(pod, node)
        if pod.is_share:
            devices = [generator.choice([index for index, free in enumerate(node.gpus) if free >= pod.milli])]
        return generator.randrange(1 << 60), devices

    return score


POLICIES = ("DotProd", "GpuClustering", "GpuPacking", "BestFit", "FGD")


class Replay:
    """One experiment. After `run`, the lists have an entry for each event."""

    def __init__(self, nodes: list[Node], pods: list[Pod], nodes_by_rank: Sequence[str], policy: str, seed: int = 0):
        rank = {name: number for number, name in enumerate(nodes_by_rank)}
        self.nodes = sorted(nodes, key=lambda node: rank[node.name])
        self.pods = pods
        self.fragmentation = Fragmentation(typical_pods(pods))
        self.capacity = sum(node.idle for node in nodes)
        self.score: Callable[[Pod, Node], Scored] = {
            "Random": at_random(random.Random(seed)),
            "DotProd": dot_prod,
            "GpuClustering": gpu_clustering,
            "GpuPacking": gpu_packing,
            "BestFit": best_fit,
            "FGD": fgd(self.fragmentation),
        }[policy]
        self.remembers = policy != "Random"
        self.known: dict[Any, list[tuple[int, Scored | None]]] = {}
        self.names: list[str] = []
        self.arrived: list[int] = []
        self.used: list[int] = []
        self.frag_ratio: list[float] = []
        self.devices: list[list[int]] = []

    def run(self, arrivals: Iterable[int]) -> None:
        """Let pods arrive, one after the other."""
        arrived = used = 0
        part = {node.name: self.fragmentation.of(node.cpu, node.gpus, node.model) for node in self.nodes}
        idle = self.capacity
        for index in arrivals:
            pod = self.pods[index]
            arrived += pod.total
            node, devices = self.choose(pod)
            if node is not None:
                self.place(pod, node, devices)
                used, idle = used + pod.total, idle - pod.total
                part[node.name] = self.fragmentation.of(node.cpu, node.gpus, node.model)
            self.names.append("" if node is None else node.name)
            self.devices.append(devices)
            self.arrived.append(arrived)
            self.used.append(used)
            self.frag_ratio.append(100 * math.fsum(part.values()) / idle if idle else 0.0)

    def choose(self, pod: Pod) -> tuple[Node | None, list[int]]:
        """Return the node with the highest score, the one with the smallest rank among several."""
        known = self.known.setdefault(pod[1:], [(-1, None)] * len(self.nodes))
        chosen: Node | None = None
        best: Scored = (-1, [])
        for number, node in enumerate(self.nodes):
            version, scored = known[number]
            if version != node.version or not self.remembers:
                scored = self.score(pod, node) if node.fits(pod) else None
                known[number] = node.version, scored
            if scored is not None and scored[0] > best[0]:
                chosen, best = node, scored
        return chosen, best[1]

    def place(self, pod: Pod, node: Node, devices: list[int]) -> None:
        """Take what a pod asks for from a node."""
        node.cpu -= pod.cpu
        node.memory -= pod.memory
        for index in devices:
            node.gpus[index] -= pod.milli
        if pod.total:
            node.tags[pod.tag] += 1
        node.version += 1

    def curves(self) -> tuple[dict[int, float], dict[int, float]]:
        """Return allocation and fragmentation by percent of arrival, as they were published."""
        unit = self.capacity / 1000 * 10
        allocated: dict[int, list[float]] = {}
        fragmented: dict[int, list[float]] = {}
        for arrived, used, ratio in zip(self.arrived, self.used, self.frag_ratio, strict=True):
            percent = round(arrived / unit)
            allocated.setdefault(percent, []).append(round(used / unit, 2))
            fragmented.setdefault(percent, []).append(round(ratio, 2))
        return (
            {percent: round(math.fsum(values) / len(values) * 100) / 100 for percent, values in allocated.items()},
            {percent: math.fsum(values) / len(values) for percent, values in fragmented.items()},
        )
