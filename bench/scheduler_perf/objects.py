"""Objects from the templates of a benchmark: read once, made for each index, checked as all objects are.

Pods of a template without actions share everything but their metadata.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from bench.scheduler_perf.gotemplate import Template, TemplateError
from bench.scheduler_perf.wire import with_wire_names
from sched_core import InvalidObjects, Node, Pod, Problem, load_documents
from sched_core.objects.records import KINDS, AnyObject

_UNNAMED = "unnamed"

BASE_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "pod-"},
    "spec": {
        "containers": [
            {
                "name": "pause",
                "image": "registry.k8s.io/pause:3.10.2",
                "ports": [{"containerPort": 80}],
                "resources": {
                    "limits": {"cpu": "100m", "memory": "500Mi"},
                    "requests": {"cpu": "100m", "memory": "500Mi"},
                },
            }
        ]
    },
}
"""The pod of ``createPods`` where no template is given."""

_RESOURCES = {"pods": "110", "cpu": "4", "memory": "32Gi"}
BASE_NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "status": {
        "capacity": _RESOURCES,
        "allocatable": _RESOURCES,
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}
"""The node of ``createNodes`` where no template is given; its name begins with ``node-<index of the operation>-``."""


class ObjectTemplate:
    """One template, by the name under which errors mention it."""

    def __init__(self, template: Template, name: str, kind: str = "") -> None:
        """Make the first object, to see that it is good; ``kind`` is the only one that is taken, if it is given.

        Raises InvalidObjects.
        """
        self._template, self.name, self._wanted = template, name, kind
        self.kind = KINDS[type(self.make(0, 1)).__name__]

    @classmethod
    def from_file(cls, path: Path, kind: str = "") -> ObjectTemplate:
        """Read a template. Raises InvalidObjects."""
        try:
            return cls(Template.from_file(path), str(path), kind)
        except TemplateError as error:
            raise InvalidObjects([Problem(str(path), "", "", str(error))]) from None

    @property
    def varies(self) -> bool:
        """Tell whether the objects differ in more than name."""
        return self._template.varies

    def make(self, index: int, count: int) -> AnyObject:
        """Return the object number ``index`` of ``count``; the caller must not change it. Raises InvalidObjects.

        A name that the template leaves open is empty.
        """
        if not self._template.varies:
            return self._constant
        try:
            return self._decode(self._template.value(index, count))
        except TemplateError as error:
            raise InvalidObjects([Problem(self.name, "", "", str(error))]) from None

    @cached_property
    def _constant(self) -> AnyObject:
        return self._decode(self._template.value(0, 1))

    def _decode(self, value: Any) -> AnyObject:
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise self._invalid("kind", f"{kind!r} is none of {', '.join(KINDS)}")
        if self._wanted and kind != self._wanted:
            raise self._invalid("kind", f"{kind!r} where {self._wanted!r} is expected")
        return decode(value, kind, self.name)

    def _invalid(self, field: str, reason: str) -> InvalidObjects:
        return InvalidObjects([Problem(self.name, "", field, reason)])


def decode(value: dict[str, Any], kind: str, name: str) -> AnyObject:
    """Decode and check one object, fill in defaults; ``name`` is where it comes from. Raises InvalidObjects.

    A missing name is allowed, and empty in the record.
    """
    value = with_wire_names(value, KINDS[kind].record)
    if value.get("apiVersion") != KINDS[kind].api_version:
        reason = f"{value.get('apiVersion')!r} is not supported for {kind}: only {KINDS[kind].api_version}"
        raise InvalidObjects([Problem(name, "", "apiVersion", reason)])
    metadata = value.get("metadata") or {}
    named = bool(metadata.get("name"))
    if not named:
        value = {**value, "metadata": {**metadata, "name": _UNNAMED}}
    loaded = load_documents([value], source=name)
    record: AnyObject = [*loaded.pods, *loaded.nodes, *loaded.namespaces, *loaded.others.get(kind, [])][0]
    if not named:
        record.metadata.name = ""
    return record


def base_pod() -> Pod:
    """Return the pod that is created where no template is given."""
    pod = decode(BASE_POD, "Pod", "the default pod")
    assert isinstance(pod, Pod)
    return pod


def base_node() -> Node:
    """Return the node that is created where no template is given."""
    node = decode(BASE_NODE, "Node", "the default node")
    assert isinstance(node, Node)
    return node
