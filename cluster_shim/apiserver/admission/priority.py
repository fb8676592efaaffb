"""Priority: a pod's priority is that of its class, or of the default class; there is at most one default class."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import errors
from cluster_shim.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Attributes, Interest, Reader, forbidden

_GROUP, _CLASSES = "scheduling.k8s.io", "priorityclasses"
_OF_THE_SYSTEM = ("system-node-critical", "system-cluster-critical")
_UNDELETABLE = "this is a system priority class and cannot be deleted"
_NO_CLASS: dict[str, Any] = {"metadata": {"name": ""}, "value": 0, "preemptionPolicy": "PreemptLowerPriority"}


class Priority:
    """The plugin."""

    name = "Priority"
    interests = (Interest((CREATE, UPDATE), "", "pods"), Interest((CREATE, UPDATE, DELETE), _GROUP, _CLASSES))

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def admit(self, attributes: Attributes) -> None:
        """Give a pod the priority of its class; an update keeps it. Raises Forbidden."""
        if attributes.resource.name != "pods":
            return
        spec = attributes.new["spec"]
        if attributes.operation == UPDATE:
            before = attributes.old["spec"]
            for name in ("priority", "preemptionPolicy"):
                if name not in spec and name in before:
                    spec[name] = before[name]
            return
        found = self._class(attributes, spec.get("priorityClassName", ""))
        value = found.get("value", 0)
        if name := found["metadata"]["name"]:
            spec["priorityClassName"] = name
        if spec.get("priority", value) != value:
            message = (
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
                f"priority admission controller computed {value} from the given PriorityClass name"
            )
            raise forbidden(attributes, message)
        spec["priority"] = value
        policy = found.get("preemptionPolicy")
        if policy is None:
            return
        if spec.get("preemptionPolicy", policy) != policy:
            message = (
                f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name"
            )
            raise forbidden(attributes, message)
        spec["preemptionPolicy"] = policy

    def validate(self, attributes: Attributes) -> None:
        """Refuse a second default class, and to delete those of the system. Raises Forbidden."""
        if attributes.operation == DELETE:
            if attributes.name in _OF_THE_SYSTEM:
                raise errors.forbidden(_CLASSES, attributes.name, _UNDELETABLE, _GROUP)
            return
        if attributes.resource.name == "pods" or not attributes.new.get("globalDefault"):
            return
        default = self._default()
        if default is None:
            return
        name = default["metadata"]["name"]
        if attributes.operation == CREATE or name != attributes.new["metadata"]["name"]:
            message = f"PriorityClass {name} is already marked as default. Only one default can exist"
            raise forbidden(attributes, message)

    def _class(self, attributes: Attributes, name: str) -> dict[str, Any]:
        if not name:
            return self._default() or _NO_CLASS
        found = self._reader.get(_GROUP, _CLASSES, "", name)
        if found is None:
            raise forbidden(attributes, f"no PriorityClass with name {name} was found")
        return found

    def _default(self) -> dict[str, Any] | None:
        marked = (each for each in self._reader.list(_GROUP, _CLASSES) if each.get("globalDefault"))
        return min(marked, key=lambda each: int(each.get("value", 0)), default=None)
