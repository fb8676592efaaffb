"""What is sent to extenders and what they answer, with Go's field names (kube-scheduler/extender/v1 types.go).

Objects of the API travel as ``Raw``: they are encoded once and put where they belong. Types of answers have Go's names,
because errors show them.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from sched_core.config.decode import Int64

_INITIALS = ("uid", "pdb")


def go_name(attribute: str) -> str:
    """Return the name of a field in Go: ``pod_uid`` is ``PodUID``."""
    return "".join(part.upper() if part in _INITIALS else part.capitalize() for part in attribute.split("_"))


class NodesAsked(Struct):
    """The node objects that an extender is asked about (core/v1 NodeList)."""

    items: list[Raw]
    metadata: dict[str, str] = {}


class ExtenderArgs(Struct, rename=go_name):
    """A question about nodes: as objects, or as names if the extender knows the objects."""

    pod: Raw
    nodes: NodesAsked | None
    node_names: list[str] | None


class ExtenderBindingArgs(Struct, rename=go_name):
    """The order to bind a pod."""

    pod_name: str
    pod_namespace: str
    pod_uid: str
    node: str


class Victims(Struct, rename=go_name):
    """The victims on a node, as objects."""

    pods: list[Raw]
    num_pdb_violations: int


class MetaPod(Struct, rename=go_name, forbid_unknown_fields=True):
    """A pod by its uid."""

    uid: str = ""


class MetaVictims(Struct, rename=go_name, forbid_unknown_fields=True):
    """The victims on a node by their uids."""

    pods: Annotated[tuple[MetaPod | None, ...], Meta(extra={"go": "[]*v1.MetaPod"})] | None = None
    num_pdb_violations: Int64 = 0


class ExtenderPreemptionArgs(Struct, rename=go_name):
    """A question about candidates for preemption: victims as objects, or as uids if the extender knows the objects."""

    pod: Raw
    node_name_to_victims: dict[str, Victims] | None
    node_name_to_meta_victims: dict[str, MetaVictims] | None


FailedNodesMap = Annotated[dict[str, str], Meta(extra={"go": "v1.FailedNodesMap"})]


class NodeList(Struct, rename="camel", forbid_unknown_fields=True):
    """The node objects of an answer, not decoded any further."""

    items: Annotated[tuple[Any, ...], Meta(extra={"go": "[]v1.Node"})] | None = None
    metadata: Any = None
    kind: Any = None
    api_version: Any = None


class ExtenderFilterResult(Struct, rename=go_name, forbid_unknown_fields=True):
    """The answer of a filter."""

    nodes: NodeList | None = None
    node_names: tuple[str, ...] | None = None
    failed_nodes: FailedNodesMap | None = None
    failed_and_unresolvable_nodes: FailedNodesMap | None = None
    error: str = ""


class HostPriority(Struct, rename=go_name, forbid_unknown_fields=True):
    """The score of one node."""

    host: str = ""
    score: Int64 = 0


HostPriorityList = Annotated[tuple[HostPriority, ...], Meta(extra={"go": "v1.HostPriorityList"})]


class ExtenderPreemptionResult(Struct, rename=go_name, forbid_unknown_fields=True):
    """The answer about candidates for preemption."""

    node_name_to_meta_victims: (
        Annotated[dict[str, MetaVictims | None], Meta(extra={"go": "map[string]*v1.MetaVictims"})] | None
    ) = None


class ExtenderBindingResult(Struct, rename=go_name, forbid_unknown_fields=True):
    """The answer about a binding."""

    error: str = ""
