"""Traces and clusters from files of any kind: tables, JSON lines, object dumps; and mappings from options and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from bench.traces.fields import NODE_FIELDS, POD_FIELDS, Field, Mapped, read_mapping
from bench.traces.objects import SUFFIXES, read_objects
from bench.traces.read import read_nodes, read_pods
from bench.traces.trace import Nodes, Trace
from sched_core import InvalidObjects, Problem

NODE = "node."
"""What the fields of nodes begin with in a mapping."""


class Mapping(NamedTuple):
    """Where the fields of pods and of nodes stand."""

    pods: Mapped
    nodes: Mapped


def mapping(given: Sequence[str], file: Path | None = None) -> Mapping:
    """Return the mapping of a YAML file (``pods:`` and ``nodes:``, field to COLUMN[:UNIT]) with options on top.

    Options are FIELD=COLUMN[:UNIT], and node.FIELD=... for the list of nodes. Raises InvalidObjects.
    """
    found = Mapping({}, {})
    if file is not None:
        for section, fields, into in (("pods", POD_FIELDS, found.pods), ("nodes", NODE_FIELDS, found.nodes)):
            for name, place in _section(file, section).items():
                _add(f"{name}={place}", fields, str(file), into)
    for text in given:
        if text.startswith(NODE):
            _add(text.removeprefix(NODE), NODE_FIELDS, "--map", found.nodes)
        else:
            _add(text, POD_FIELDS, "--map", found.pods)
    return found


def load_trace(path: Path, where: Mapped | None = None) -> Trace:
    """Read the pods of a file. Raises InvalidObjects, also if there is none."""
    trace = read_objects([str(path)])[1] if _is_objects(path) else read_pods(path, where)
    if not trace.count:
        raise InvalidObjects([Problem(str(path), "", "", "has no pods")])
    return trace


def load_nodes(path: Path, where: Mapped | None = None) -> Nodes:
    """Read the nodes of a file. Raises InvalidObjects, also if there is none."""
    nodes = read_objects([str(path)])[0] if _is_objects(path) else read_nodes(path, where)
    if not nodes.count:
        raise InvalidObjects([Problem(str(path), "", "", "has no nodes")])
    return nodes


def _is_objects(path: Path) -> bool:
    return path.is_dir() or path.name.endswith(SUFFIXES)


def _add(text: str, fields: tuple[Field, ...], source: str, into: Mapped) -> None:
    name, place = read_mapping(text, fields, source)
    into[name] = place


def _section(file: Path, section: str) -> dict[str, str]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InvalidObjects([Problem(str(file), "", "", reason)]) from error
    if not isinstance(content, dict) or not set(content) <= {"pods", "nodes"}:
        raise InvalidObjects([Problem(str(file), "", "", "is not a mapping with the keys pods and nodes")])
    found = content.get(section) or {}
    if not isinstance(found, dict) or not all(isinstance(place, str) for place in found.values()):
        raise InvalidObjects([Problem(str(file), section, "", "is not a mapping of fields to COLUMN[:UNIT]")])
    return found
