"""What stands between a pod and a node, and what would take it away: the answer of a plugin's ``explain``.

A change is data about objects, not about columns: it can be tried out on a copy of the state, and said to a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sched_core.objects.records import AnyObject, Node, Pod


class Change(NamedTuple):
    """One change that a person could make; exactly one of the fields behind ``size`` is given."""

    text: str
    """What to do, as in ``free 300m cpu on n3``."""
    size: float = 1.0
    """How big it is beside others: the share of a node's resource, the number of pods that go, else 1."""
    pod: Callable[[Pod], Pod] | None = None
    """Returns the pod as it would be; the one it is given stays as it is."""
    node: Callable[[Node], Node] | None = None
    """Returns the node as it would be."""
    evict: tuple[str, ...] = ()
    """Keys of placed pods that would go."""
    object: AnyObject | None = None
    """Another object as it would be."""

    @property
    def target(self) -> str:
        """What is changed: ``pod``, ``node``, ``pods``, or the kind of another object."""
        if self.object is not None:
            return type(self.object).__name__
        return "pod" if self.pod is not None else "node" if self.node is not None else "pods"


class Obstacle(NamedTuple):
    """One reason why a pod does not fit on a node."""

    text: str
    """What stands in the way, as in ``wants 500m cpu, 200m of 2 are free``."""
    changes: tuple[Change, ...] = ()
    """Changes of which each takes it away, the one to make first; none where no small one does."""
