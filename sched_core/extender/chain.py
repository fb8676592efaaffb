"""Extenders: all of a configuration, in the order in which they are asked (upstream: scheduler.go, buildExtenders).

Ignorable ones come last. Nothing is kept between calls but the nodes as they are sent.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sched_core.cluster import Cluster
from sched_core.columns.classes import PodInfo
from sched_core.config import Extender
from sched_core.errors import ExtenderError
from sched_core.extender.bind import ask_binding
from sched_core.extender.client import Connect, ExtenderClient
from sched_core.extender.filter import Feasible, ask_filter
from sched_core.extender.preempt import ask_preemption
from sched_core.extender.prioritize import Priorities, ask_priorities
from sched_core.extender.sent import SentNodes, encode, pod_as_sent
from sched_core.framework.preemption import Candidate
from sched_core.framework.status import Status
from sched_core.objects.records import Pod


class Extenders:
    """The extenders of one engine; false if there are none."""

    def __init__(self, configs: Sequence[Extender], connect: Connect, cluster: Cluster) -> None:
        """Connect to all extenders of a configuration; raises InvalidConfig."""
        ordered = sorted(configs, key=lambda config: config.ignorable)
        self.clients = [ExtenderClient(config, connect(config)) for config in ordered]
        self._cluster, self._sent = cluster, SentNodes(cluster.nodes)
        self.filters = any(config.filter_verb for config in configs)
        """Whether any of them filters."""
        self.prioritizes = any(config.prioritize_verb for config in configs)
        """Whether any of them scores."""
        self.care_for_all = any(client.cares_for_all for client in self.clients)
        """Whether one of them is interested in every pod."""

    def __bool__(self) -> bool:
        return bool(self.clients)

    def interested(self, pod: Pod) -> list[ExtenderClient]:
        """Return the extenders that are asked about a pod."""
        return [client for client in self.clients if client.is_interested(pod)]

    def filter(self, pod: PodInfo, rows: NDArray[np.int64], statuses: MutableMapping[str, Status]) -> Feasible:
        """Return what all filters leave of the feasible ``rows`` int64[F]; note the statuses of others by node name.

        Each is asked about what the one before left. Raises ExtenderError, for ignorable extenders never.
        """
        feasible = Feasible(rows)
        asked = [client for client in self.interested(pod.pod) if client.config.filter_verb]
        if not asked:
            return feasible
        body = encode(pod_as_sent(pod))
        for client in asked:
            if not len(feasible.rows):
                break
            try:
                feasible = ask_filter(client, body, feasible, self._sent, statuses)
            except ExtenderError:
                if not client.config.ignorable:
                    raise
        return feasible

    def prioritize(self, pod: PodInfo, feasible: Feasible) -> Priorities:
        """Return what extenders add to the totals of the feasible nodes; errors add nothing."""
        return ask_priorities(self.interested(pod.pod), encode(pod_as_sent(pod)), feasible, self._sent)

    def bind(self, pod: PodInfo, node: str) -> Status | None:
        """Let an extender bind a pod; None if the Bind plugins are to do it."""
        return ask_binding(self.interested(pod.pod), pod, node)

    def preempt(self, pod: PodInfo, found: Sequence[Candidate]) -> list[Candidate] | Status:
        """Return what extenders leave of the candidates for preemption; an error is a Status."""
        return ask_preemption(self.interested(pod.pod), encode(pod_as_sent(pod)), found, self._cluster)
