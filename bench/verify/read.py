"""Files of scenarios: found, unpacked, and checked for their form before anything is replayed.

The objects in them are not looked at here: they go to the loader of `sched_core` when their scenario is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Raw, Struct

from sched_core import InvalidObjects, Problem
from sched_core.objects.source import find_sources, read_source

Json: TypeAlias = dict[str, Any]

SUFFIXES = (".json.gz", ".json")


class Step(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A change to the cluster before the pod of index ``before``; exactly one of the other fields is given."""

    before: int
    add_node: Json | None = None
    update_node: Json | None = None
    delete_node: str | None = None
    delete_pod: str | None = None


class Scenario(Struct, frozen=True):
    """A cluster, the pods to place, and what is expected for each of them.

    With the kind ``sequence`` the cluster changes on the way, and pods go to the very nodes that kube-scheduler takes.
    """

    name: str
    objects: list[Raw]
    pods: list[Raw]
    expect: list[Json]
    kind: Literal["", "sequence"] = ""
    detail: Literal["", "brief"] = ""
    config: Json | None = None
    steps: list[Step] = []


class QueueStep(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What happens to the queue, ``at`` milliseconds after its start."""

    at: int
    op: Literal["add", "update", "delete", "pop", "fail", "error", "bind", "wait"]
    object: Json | None = None
    pod: str = ""
    node: str = ""
    plugins: list[str] = []
    pending_plugins: list[str] = []


class Queue(Struct, frozen=True):
    """A script of events for the scheduling queue, and where the pods are after each step."""

    name: str
    start: str
    steps: list[QueueStep]
    expect: list[Json]


class Family(NamedTuple):
    """The scenarios of all files of one name."""

    name: str
    scenarios: list[Scenario | Queue]


class _Kind(Struct):
    kind: str = ""


def find_files(paths: Sequence[Path]) -> list[Path]:
    """List the files behind paths, each once; folders are searched in all depths.

    Raises InvalidObjects for a folder without any.
    """
    files: dict[Path, Path] = {}
    problems = []
    for path in paths:
        found = [path]
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.name.endswith(SUFFIXES) and each.is_file())
            if not found:
                problems.append(Problem(str(path), "", "", "the folder holds no .json or .json.gz files"))
        for each in found:
            files.setdefault(each.resolve(), each)
    if problems:
        raise InvalidObjects(problems)
    return list(files.values())


def family_of(file: Path) -> str:
    """Return the family of a file: its name without the suffixes."""
    for suffix in SUFFIXES:
        if file.name.endswith(suffix):
            return file.name.removesuffix(suffix)
    return file.name


def read(files: Sequence[Path]) -> list[Family]:
    """Read all files and check their form; raises InvalidObjects with what is wrong with each."""
    families: dict[str, Family] = {}
    problems: list[Problem] = []
    for file in files:
        name = family_of(file)
        family = families.setdefault(name, Family(name, []))
        for found in _scenarios(file):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                family.scenarios.append(found)
    if problems:
        raise InvalidObjects(problems)
    return list(families.values())


def _scenarios(file: Path) -> Iterator[Scenario | Queue | Problem]:
    """Yield the scenarios of a file, or what is wrong with them."""
    data = read_source(find_sources([file])[0])
    if isinstance(data, Problem):
        yield data
        return
    try:
        documents = msgspec.json.decode(data, type=list[Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        yield Problem(str(file), "", "", f"is not a JSON list of scenarios: {error}")
        return
    if not documents:
        yield Problem(str(file), "", "", "holds no scenarios")
    for number, document in enumerate(documents):
        try:
            scenario = _scenario(document)
            faults = list(_faults(scenario))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield Problem(str(file), f"scenario [{number}]", "", str(error))
            continue
        yield from (Problem(str(file), f"scenario {scenario.name}", field, reason) for field, reason in faults)
        if not faults:
            yield scenario


def _scenario(document: Raw) -> Scenario | Queue:
    """Decode a scenario according to its kind; raises msgspec.DecodeError."""
    if msgspec.json.decode(document, type=_Kind).kind == "queue":
        return msgspec.json.decode(document, type=Queue)
    return msgspec.json.decode(document, type=Scenario)


def _faults(scenario: Scenario | Queue) -> Iterator[tuple[str, str]]:
    """Yield what no type says: field and reason."""
    wanted, of = (scenario.steps, "steps") if isinstance(scenario, Queue) else (scenario.pods, "pods")
    if not wanted:
        yield of, "is empty"
    if len(scenario.expect) != len(wanted):
        yield "expect", f"has {len(scenario.expect)} entries for {len(wanted)} {of}"
    if isinstance(scenario, Queue):
        yield from _script_faults(scenario)
        return
    for number, entry in enumerate(scenario.expect):
        if not isinstance(entry.get("pod"), str):
            yield f"expect[{number}].pod", "is missing"
    for number, step in enumerate(scenario.steps):
        changes = (step.add_node, step.update_node, step.delete_node, step.delete_pod)
        if sum(change is not None for change in changes) != 1:
            yield f"steps[{number}]", "needs one of addNode, updateNode, deleteNode, deletePod"
        for node in (step.add_node, step.update_node):
            if node is not None and node.get("kind") != "Node":
                yield f"steps[{number}]", "the object is no Node"
        if not 0 <= step.before < len(scenario.pods):
            yield f"steps[{number}].before", f"there is no pod {step.before}"


def _script_faults(script: Queue) -> Iterator[tuple[str, str]]:
    """Yield what no type says about a script."""
    try:
        aware = datetime.fromisoformat(script.start).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        yield "start", f"{script.start!r} is no time with a time zone"
    wanted: dict[str, tuple[str, ...]] = {
        "add": ("object",), "update": ("object",), "fail": ("pod",), "error": ("pod",), "bind": ("pod", "node"),
    }  # fmt: skip
    for number, step in enumerate(script.steps):
        for field in wanted.get(step.op, ()):
            if not getattr(step, field):
                yield f"steps[{number}].{field}", "is missing"
        if step.op == "delete" and bool(step.pod) == bool(step.node):
            yield f"steps[{number}]", "needs one of pod, node"
        if number and step.at < script.steps[number - 1].at:
            yield f"steps[{number}].at", "is before the step before"
