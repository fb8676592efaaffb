"""Plugins with one thing wrong each, and what the check of them says."""

from __future__ import annotations

HEAD = """import numpy as np

from sched_core import SUCCESS, Column, Plugin, Verdicts


class Mine(Plugin):
"""
SCORE = "    def score(self, state, pod, nodes):\n        {}\n"
SIGNED = "    def sign_pod(self, pod):\n        return ()\n"
ROW = "    @staticmethod\n    def score_row(pod, node, args):\n        {}\n"
COLUMNS = """    node_columns = (Column("seats"),)
    def fill_node(self, node):
        return {"seats": 40}
    @staticmethod
    def score_row(pod, node, args):
        return max(node.seats, 0)
    @staticmethod
    def reserve_row(pod, node, args):
        node.seats -= 2
    @staticmethod
    def unreserve_row(pod, node, args):
        node.seats += {}
"""

WRONG = {
    "does not parse": ("    def score(self\n", "loads", "mine.py:7: SyntaxError"),
    "imports what is missing": ("    import torch\n", "loads", "mine.py:7: ModuleNotFoundError"),
    "misspelt": ("    def scores(self, state, pod, nodes):\n        pass\n", "names", "mine.py:7: scores is no method"),
    "upstream's spelling": ("    def PreScore(self, *a):\n        pass\n", "names", "did you mean pre_score?"),
    "nothing": ("    pass\n", "names", "it has no extension point"),
    "half of a pair": (
        "    def filter(self, s, p, n): ...\n    def add_pod(self, *a): ...\n",
        "names",
        "needs remove_pod",
    ),
    "no parameters": ("    def score(self, pod):\n        pass\n", "signatures", "cannot be called with 3 arguments"),
    "row method of self": (
        "    def score_row(self, pod, node, args):\n        pass\n",
        "signatures",
        "must be a @static",
    ),
    "does not start": (
        "    def __init__(self, args):\n        args['x']\n" + SCORE.format("pass"),
        "arguments",
        "; --args gives arguments",
    ),
    "raises": (SCORE.format("return nodes.no_such_column"), "array form", "mine.py:8: score raised AttributeError"),
    "wrong shape": (SCORE.format("return np.zeros(3)"), "array form", "not one number for each row of nodes"),
    "not a number": (
        SCORE.format("return nodes.pod_count / np.zeros(nodes.count)"),
        "array form",
        "not finite, in row 0",
    ),
    "no verdicts": (
        "    def filter(self, s, p, n):\n        return True\n",
        "array form",
        "returned bool, not Verdicts",
    ),
    "out of range": (SCORE.format("return nodes.pod_count + 99"), "score range", "Mine"),
    "random": (
        SCORE.format("return np.random.default_rng().integers(0, 100, nodes.count)"),
        "determinism",
        "in two ways",
    ),
    "meddles": (SCORE.format("nodes.requested += 1; return nodes.pod_count * 0"), "no side effects", "nodes.requested"),
    "signs too little": (
        SCORE.format("return nodes.pod_count * 0 + len(pod.key) % 7") + SIGNED,
        "signature of pods",
        "have one signature and different answers",
    ),
    "signs what depends on placements": (
        SCORE.format("return nodes.pod_count.clip(0, 100)") + SIGNED,
        "signature of pods",
        "its answers change when pods are placed",
    ),
    "two forms that differ": (
        "    def filter(self, s, pod, nodes):\n        return Verdicts.refuse(nodes.pod_count > 2, 'many')\n"
        "    reasons = ('many',)\n    @staticmethod\n    def filter_row(pod, node, args):\n"
        "        return 1 if node.pod_count > 1 else 0\n",
        "row = array",
        "whether it fits on n",
    ),
    "no such column": (ROW.format("return node.no_such"), "arguments", "mine.py:9"),
    "columns do not come back": (COLUMNS.replace("+= {}", "+= 1"), "own columns", "seats is not what"),
}
"""What is wrong -> body of the class, the check that fails, a part of what it says."""
