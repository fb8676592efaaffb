"""How full a cluster is, resource by resource."""

from __future__ import annotations

from typing import NamedTuple

from sched_core.columns.nodes import NodeColumns


class Utilisation(NamedTuple):
    """One resource; percentages are of what is allocatable, over the nodes that have any."""

    requested: int
    """In the unit of the column: cpu in 1/1000, everything else in 1."""
    allocatable: int
    mean_percent: float
    stddev_percent: float
    """How uneven the nodes are."""

    @property
    def percent(self) -> float:
        """The share of the whole cluster."""
        return 100.0 * self.requested / self.allocatable


def utilisation(nodes: NodeColumns) -> dict[str, Utilisation]:
    """Return the utilisation of each resource that some node has, and of ``pods``."""
    alive = nodes.alive
    columns = {name: nodes.resource(name) for name in (*nodes.resources, *nodes.rare_names)}
    rows = {name: (column.requested[alive], column.allocatable[alive]) for name, column in columns.items()}
    rows["pods"] = (nodes.pod_count[alive], nodes.allowed_pods[alive])
    found = {}
    for name, (requested, allocatable) in rows.items():
        have = allocatable > 0
        if have.any():
            percent = 100.0 * requested[have] / allocatable[have]
            total = int(allocatable[have].sum())
            used = int(requested[have].sum())
            found[name] = Utilisation(used, total, float(percent.mean()), float(percent.std()))
    return found
