"""The linear program behind the bounds, solved by column generation with HiGHS.

Of each shape of nodes only the totals are held: cpu, memory, devices; besides, no two pods that each need more than
half of a node share one. Shared devices are packed exactly: each follows a *pattern*, a list of shares that fit one
device. This is a relaxation of whatever a scheduler does, so its optimum is a bound for all of them.

Variables, all at least 0: ``x[t, s]``, pods of shape t on nodes of shape s that could take one; ``y[p]``, devices that
follow pattern p; ``z[s]``, nodes of shape s in use; ``u[t]``, pods that have to be served and are not, at a price at
which nothing else is worth it. Amounts are in cores, GiB and devices.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.bounds.instance import Instance, fits
from bench.traces.trace import WHOLE

CLOSE, MOST_ROUNDS, PRICE = 1e-6, 200, 100.0
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Solution(NamedTuple):
    """A proven lower bound of the cost, and what the relaxation reaches with the patterns that were generated."""

    bound: float
    value: float
    rounds: int


class Program:
    """The constraints of an instance; patterns are added while they help."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        pods, nodes = instance.pod_shapes, instance.node_shapes
        pairs = [
            (pod, node)
            for pod in np.flatnonzero(instance.count).tolist()
            for node in np.flatnonzero(instance.nodes).tolist()
            if fits(pods[pod], nodes[node])
        ]
        self.pod_of, self.node_of = np.array(pairs, np.int64).reshape(-1, 2).T
        shares = {shape.gpu_milli for shape in pods if shape.gpus == 1 and 0 < shape.gpu_milli < WHOLE}
        self.shares = np.array(sorted(shares), np.int64)
        self.pattern_node = np.zeros(0, np.int64)
        self.patterns = np.zeros((0, len(self.shares)), np.int64)
        """int64[P, shares]: how often each share is on a device."""
        for node in np.flatnonzero([shape.gpus > 0 for shape in nodes]).tolist():
            self._add(np.full(len(self.shares), node), np.diag(WHOLE // self.shares))

    def solve(self, cost: Floats, node_cost: float, forced: Ints) -> Solution | None:
        """Minimise ``cost[t]`` of each pod served and ``node_cost`` of each node in use.

        None if ``forced[t]`` pods of each shape cannot all be served, whatever the policy.
        """
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        price = PRICE * (float(np.abs(cost).max(initial=0.0)) + node_cost)
        c, upper, rows, limits = self._fixed(cost, node_cost, price, forced)
        for rounds in range(1, MOST_ROUNDS + 1):
            row, column, value = self._with_patterns(rows, len(c))
            width = len(c) + len(self.patterns)
            matrix = csr_array((value, (row, column)), shape=(len(limits), width))
            costs = np.concatenate([c, np.zeros(len(self.patterns))])
            bounds = np.column_stack([np.zeros(width), np.concatenate([upper, np.full(len(self.patterns), np.inf)])])
            done = linprog(costs, A_ub=matrix, b_ub=limits, bounds=bounds, method="highs")
            if done.status != 0:
                raise RuntimeError(f"HiGHS: {done.message}")
            gain = self._price(-done.ineqlin.marginals)
            if gain <= CLOSE * max(1.0, abs(done.fun)) or rounds == MOST_ROUNDS:
                unserved = done.x[len(c) - len(forced) : len(c)].sum()
                return None if unserved > 1e-5 else Solution(float(done.fun) - gain, float(done.fun), rounds)
        raise AssertionError("the last round returns")

    def _fixed(
        self, cost: Floats, node_cost: float, price: float, forced: Ints
    ) -> tuple[Floats, Floats, list[NDArray[np.float64]], Floats]:
        """Return costs and upper bounds of all variables but the patterns', constraints as triples, and their limits.

        Rows: cpu, memory, devices, then the pods above half of each, then shares, each by shape of nodes; then pods
        served at most and at least, by shape of pods.
        """
        instance = self.instance
        pods, shapes, pairs = len(instance.pod_shapes), len(instance.node_shapes), len(self.pod_of)
        need = self._needs()
        have = self._amounts()
        z, u = pairs + np.arange(shapes), pairs + shapes + np.arange(pods)
        pair, rows = np.arange(pairs), list[NDArray[np.float64]]()

        def put(row: Ints, column: Ints, value: Floats) -> None:
            rows.append(np.stack([row.astype(np.float64), column.astype(np.float64), value]))

        for resource in range(3):
            amount = need[resource][self.pod_of]
            put(resource * shapes + self.node_of, pair, amount)
            put(resource * shapes + np.arange(shapes), z, -have[resource])
            large = np.flatnonzero(2 * amount > have[resource][self.node_of] * (1 + 1e-9))
            put((3 + resource) * shapes + self.node_of[large], large, np.ones(len(large)))
            put((3 + resource) * shapes + np.arange(shapes), z, -np.ones(shapes))
        share = self._share_of()[self.pod_of]
        shared = np.flatnonzero(share >= 0)
        put((6 + share[shared]) * shapes + self.node_of[shared], shared, np.ones(len(shared)))
        first = (6 + len(self.shares)) * shapes
        put(first + self.pod_of, pair, np.ones(pairs))
        put(first + pods + self.pod_of, pair, -np.ones(pairs))
        put(first + pods + np.arange(pods), u, -np.ones(pods))
        limits = np.concatenate([np.zeros(first), instance.count, -forced]).astype(np.float64)
        costs = np.concatenate([cost[self.pod_of], np.full(shapes, node_cost), np.full(pods, price)])
        upper = np.concatenate([np.full(pairs, np.inf), instance.nodes, forced]).astype(np.float64)
        return costs, upper, rows, limits

    def _with_patterns(self, rows: list[NDArray[np.float64]], first: int) -> tuple[Ints, Ints, Floats]:
        """Return all constraints as row, column and value; a pattern takes a device and gives its shares."""
        shapes = len(self.instance.node_shapes)
        column = first + np.arange(len(self.patterns))
        which, share = np.nonzero(self.patterns)
        parts = [
            *rows,
            np.stack([2.0 * shapes + self.pattern_node, column, np.ones(len(column))]),
            np.stack([(6.0 + share) * shapes + self.pattern_node[which], column[which], -self.patterns[which, share]]),
        ]
        row, column_of, value = np.concatenate(parts, axis=1)
        return row.astype(np.int64), column_of.astype(np.int64), value

    def _price(self, dual: Floats) -> float:
        """Add the best pattern of each shape of nodes by the duals; return what all of them could gain at most.

        A knapsack for each shape: no more than a device, shares as valuable as their constraints are tight.
        """
        shapes = len(self.instance.node_shapes)
        if not len(self.shares):
            return 0.0
        device = dual[2 * shapes : 3 * shapes]
        worth = dual[6 * shapes : (6 + len(self.shares)) * shapes].reshape(len(self.shares), shapes)
        unit = gcd(WHOLE, *self.shares.tolist())
        sizes = self.shares // unit
        best = np.zeros((WHOLE // unit + 1, shapes))
        choice = np.full((WHOLE // unit + 1, shapes), -1)
        for room in range(1, WHOLE // unit + 1):
            fitting = int(np.searchsorted(sizes, room, side="right"))
            best[room] = best[room - 1]
            if fitting:
                values = best[room - sizes[:fitting]] + worth[:fitting]
                top = values.argmax(axis=0)
                better = values.max(axis=0) > best[room]
                best[room] = np.where(better, values.max(axis=0), best[room])
                choice[room] = np.where(better, top, -1)
        gain = np.maximum(best[-1] - device, 0.0)
        gain[[shape.gpus == 0 for shape in self.instance.node_shapes]] = 0.0
        improving = np.flatnonzero(gain > 1e-9)
        patterns = np.zeros((len(improving), len(self.shares)), np.int64)
        for number, node in enumerate(improving.tolist()):
            room = WHOLE // unit
            while room > 0:
                share = int(choice[room, node])
                if share >= 0:
                    patterns[number, share] += 1
                room -= int(sizes[share]) if share >= 0 else 1
        self._add(improving, patterns)
        devices = np.array([shape.gpus for shape in self.instance.node_shapes]) * self.instance.nodes
        return float(gain @ devices)

    def _add(self, node: Ints, patterns: Ints) -> None:
        self.pattern_node = np.concatenate([self.pattern_node, node])
        self.patterns = np.concatenate([self.patterns, patterns])

    def _needs(self) -> Floats:
        """Return cores, GiB and whole devices that each shape of pods asks for, float64[3, pods]."""
        rows = [
            (each.cpu_milli / 1000, each.memory_bytes / 2**30, each.gpus if each.gpu_milli == WHOLE else 0)
            for each in self.instance.pod_shapes
        ]
        return np.array(rows, np.float64).reshape(-1, 3).T

    def _amounts(self) -> Floats:
        """Return cores, GiB and devices of a node of each shape, float64[3, nodes]."""
        rows = [(each.cpu_milli / 1000, each.memory_bytes / 2**30, each.gpus) for each in self.instance.node_shapes]
        return np.array(rows, np.float64).reshape(-1, 3).T

    def _share_of(self) -> Ints:
        """Return which share each shape of pods asks for; -1: none, or whole devices."""
        number = {share: position for position, share in enumerate(self.shares.tolist())}
        return np.array(
            [number.get(each.gpu_milli, -1) if each.gpus == 1 else -1 for each in self.instance.pod_shapes], np.int64
        )
