"""What commands take from files: a cluster, a pod; and names that are almost right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from cluster_shim.cli.terminal import Bar, notice
from sched_core import (
    InvalidObjects,
    Node,
    Objects,
    Pod,
    Problem,
    load,
)
from sched_core import pod_key as key_of

COMPILE_SECONDS = 20
"""What compiling everything takes on two cores, for the notice."""
_SUGGESTED, _LISTED = 3, 5
ENDED = ("Succeeded", "Failed")


class Reading(NamedTuple):
    """How objects are read."""

    strict: bool = True
    skip_invalid: bool = False


def read_objects(files: Sequence[str], reading: Reading) -> Objects:
    """Load objects, with progress, and say what was left out. Raises InvalidObjects."""
    with Bar("reading objects") as bar:
        loaded = load(files, skip_invalid=reading.skip_invalid, strict=reading.strict, on_progress=bar.of)
    if loaded.skipped:
        more = f" and {len(loaded.skipped) - 1:,} more problems" if len(loaded.skipped) > 1 else ""
        notice(f"skipped what is invalid: {loaded.skipped[0]}{more}")
    return loaded


def read_cluster(files: Sequence[str], reading: Reading) -> Objects:
    """Load a cluster; raises InvalidObjects, also if there is no node in it."""
    loaded = read_objects(files, reading)
    if not loaded.nodes:
        raise refused("there is no node", where=in_words(files))
    return loaded


def read_pod(file: str, reading: Reading) -> Pod:
    """Return the only pod of a file; raises InvalidObjects if there are more or less."""
    pods = read_objects([file], reading).pods
    if len(pods) != 1:
        found = f": {_some([key_of(pod) for pod in pods])}" if pods else ""
        raise refused(f"expected one pod, found {len(pods)}{found}", where=file)
    return pods[0]


def find_pod(name: str, pods: Sequence[Pod], where: str) -> Pod:
    """Return the pod of a name, or of a namespace and a name; raises InvalidObjects, with names that are similar."""
    found = [pod for pod in pods if name in (key_of(pod), pod.metadata.name)]
    if len(found) == 1:
        return found[0]
    if found:
        keys = _some([key_of(pod) for pod in found])
        raise refused(f"is the name of {len(found)} pods: {keys}; say which", f"Pod {name}", where)
    elsewhere = [key_of(pod) for pod in pods if pod.metadata.name == name.rpartition("/")[2]]
    if elsewhere:
        raise refused(f"is not there; did you mean {_some(elsewhere)}?", f"Pod {name}", where)
    known = [key_of(pod) for pod in pods] if "/" in name else [pod.metadata.name for pod in pods]
    raise refused(f"is not there{did_you_mean(name, known)}", f"Pod {name}", where)


def find_node(name: str, nodes: Sequence[Node], where: str) -> Node:
    """Return the node of a name; raises InvalidObjects, with names that are similar."""
    for node in nodes:
        if node.metadata.name == name:
            return node
    known = [node.metadata.name for node in nodes]
    raise refused(f"is not there{did_you_mean(name, known)}", f"Node {name}", where)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question with the names that are similar; else those that there are, if they are few."""
    names = list(dict.fromkeys(known))
    similar = get_close_matches(name, names, _SUGGESTED)
    if similar:
        return f"; did you mean {' or '.join(similar)}?"
    if not names:
        return "; there is none"
    return f"; there are {_some(names)}" if len(names) <= _LISTED else f"; there are {len(names):,} others"


def is_file(text: str) -> bool:
    """Tell whether an argument that may be a name is a file."""
    return text == "-" or Path(text).is_file()


def refused(reason: str, what: str = "", where: str = "", field: str = "") -> InvalidObjects:
    """Return the error of one object that cannot be used."""
    return InvalidObjects([Problem(where, what, field, reason)])


def in_words(files: Sequence[str]) -> str:
    """Return the names of a few files, and how many there are beside."""
    return _some(list(files))


def tell_of_compiling(cached: bool) -> None:
    """Say that kernels are compiled, which takes a while, unless this machine has them already."""
    if not cached:
        notice(f"compiling kernels (first run on this machine, about {COMPILE_SECONDS} s)...")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SUGGESTED
    return ", ".join(names[:_SUGGESTED]) + (f" and {more:,} more" if more > 0 else "")
