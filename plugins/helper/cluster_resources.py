"""What a whole cluster has left of some resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sched_core import parse_quantity, resource_amount

if TYPE_CHECKING:
    from typing import Any

    from sched_core import NodeColumns


def resource_gap(nodes: NodeColumns, classes: Any, ours: Sequence[str], wanted: Mapping[str, str | int | float]) -> str:
    """Return what the cluster lacks of the quantities ``wanted``, empty if nothing.

    Placed pods with the keys ``ours`` do not count. Nodes are gone through in their order until there is enough of a
    resource; one that has less than nothing left makes the gap larger until then.
    """
    order = nodes.order()
    placed = [number for number in (nodes.pods.find(key) for key in ours) if number is not None]
    rows, of = nodes.pods.node_of[placed], nodes.pods.class_of[placed]
    gaps = {}
    for name, quantity in sorted(wanted.items()):
        amount = resource_amount(name, parse_quantity(quantity))
        left = _left(nodes, classes, name, rows[rows >= 0], of[rows >= 0])[order]
        sums = np.cumsum(left)
        if len(sums) and sums.max() >= amount:
            continue
        gaps[name] = f"{amount - int(sums[-1]) if len(sums) else amount}{'m' if name == 'cpu' else ''}"
    return f"map[{' '.join(f'{name}:{gap}' for name, gap in gaps.items())}]" if gaps else ""


def _left(
    nodes: NodeColumns, classes: Any, name: str, rows: NDArray[np.int32], of: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return what each node has left of a resource, int64[N], as if pods of the classes ``of`` were not on ``rows``."""
    back = np.zeros(nodes.count, np.int64)
    if name == "pods":
        np.add.at(back, rows, 1)
        back += nodes.allowed_pods - nodes.pod_count
    else:
        np.add.at(back, rows, classes.usage_of(name, of))
        column = nodes.resource(name)
        back += column.allocatable - column.requested
    return back
