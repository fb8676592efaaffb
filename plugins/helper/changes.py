"""Changes to nodes and pods that plugins propose in their explanations.

Each is a text and a function from an object to the changed object; the object that is given is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sched_core import Change, Toleration, amount_text, parse_quantity, replaced, resource_amount

if TYPE_CHECKING:
    from sched_core import Container, Node, NodeColumns, Pod, Taint

DROPPED = 2.0
_NAMED = 3
"""How many pods a text names at most."""


def label_node(name: str, labels: Mapping[str, str | None]) -> Change:
    """Set labels of a node, or take those away whose value is None."""

    def edit(node: Node) -> Node:
        kept = {key: value for key, value in node.metadata.labels.items() if key not in labels}
        new = {key: value for key, value in labels.items() if value is not None}
        return replaced(node, metadata=replaced(node.metadata, labels={**kept, **new}))

    parts = [f"{key}-" if value is None else f"{key}={value}" for key, value in labels.items()]
    return Change(f"label node {name} {' '.join(parts)}", float(len(labels)), node=edit)


def more_of(name: str, resource: str, short: int, allocatable: int, *, too_small: bool) -> Change:
    """Have so much more of a resource free on a node, in the unit of its column; ``pods`` is a resource here too."""
    text = amount_text(resource, short)
    given = resource_amount(resource, parse_quantity(text))

    def edit(node: Node) -> Node:
        before = resource_amount(resource, parse_quantity(node.status.allocatable.get(resource, 0)))
        amount = f"{before + given}m" if resource == "cpu" else before + given
        amounts = {**node.status.allocatable, resource: amount}
        return replaced(node, status=replaced(node.status, allocatable=amounts))

    if resource == "pods":
        room = f"make room for {short} more pod{'s' * (short != 1)} on {name}"
        return Change(room, short / max(allocatable, 1), node=edit)
    action = f"give {name} {text} more {resource}" if too_small else f"free {text} {resource} on {name}"
    return Change(action, short / max(allocatable, 1), node=edit)


def request_less(pod: Pod, resource: str, short: int, requested: int) -> tuple[Change, ...]:
    """Lower the request of a container by so much; nothing where no container requests more than that."""
    text = amount_text(resource, short)
    less = resource_amount(resource, parse_quantity(text))
    containers = enumerate(pod.spec.containers)
    position = next((index for index, each in containers if _requested(each, resource) > less), None)
    if position is None:
        return ()

    def edit(pod: Pod) -> Pod:
        containers = list(pod.spec.containers)
        container = containers[position]
        assert container.resources is not None
        left = _requested(container, resource) - less
        lower = f"{left}m" if resource == "cpu" else left
        resources = replaced(container.resources, requests={**container.resources.requests, resource: lower})
        containers[position] = replaced(container, resources=resources)
        return edited_spec(pod, containers=tuple(containers))

    return (Change(f"request {text} less {resource}", short / max(requested, 1), pod=edit),)


def _requested(container: Container, resource: str) -> int:
    requests = container.resources.requests if container.resources is not None else {}
    return resource_amount(resource, parse_quantity(requests.get(resource, 0)))


def edited_spec(pod: Pod, **fields: object) -> Pod:
    """Return a pod with other values of some fields of its spec."""
    return replaced(pod, spec=replaced(pod.spec, **fields))


def tolerate(taint: Taint) -> Change:
    """Let the pod bear a taint."""
    operator = "Equal" if taint.value else "Exists"
    toleration = Toleration(key=taint.key, operator=operator, value=taint.value, effect=taint.effect)
    text = f"add the toleration {taint_text(taint)}"
    return Change(text, pod=lambda pod: edited_spec(pod, tolerations=(*pod.spec.tolerations, toleration)))


def untaint(name: str, taint: Taint) -> Change:
    """Take a taint from a node."""

    def edit(node: Node) -> Node:
        left = tuple(each for each in node.spec.taints if taint_text(each) != taint_text(taint))
        return replaced(node, spec=replaced(node.spec, taints=left))

    return Change(f"remove the taint {taint_text(taint)} from {name}", node=edit)


def taint_text(taint: Taint) -> str:
    """Return a taint as kubectl writes it."""
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


def evict(nodes: NodeColumns, numbers: Sequence[int]) -> Change:
    """Take placed pods away, given by their numbers in the pod table."""
    keys = tuple(nodes.pods.key(number) for number in numbers)
    return Change(f"remove {named(keys)}", float(len(keys)), evict=keys)


def named(keys: Sequence[str]) -> str:
    """Return the names of a few pods, and how many there are beside."""
    shown = ", ".join(keys[:_NAMED])
    return f"{shown} and {len(keys) - _NAMED} more" if len(keys) > _NAMED else shown


def change_pod(text: str, edit: Callable[[Pod], Pod], size: float = 1.0) -> Change:
    """Change the pod itself; `DROPPED` is the size of giving up a rule altogether."""
    return Change(text, size, pod=edit)
