"""The template of a plugin: a file with a class, and its test."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Literal

Form = Literal["row", "array"]

_HEAD = '''"""{name}: say here what it prefers or refuses, and why.

stowage plugin check {file}
stowage bench scheduling --nodes 1000 --pods 5000 --plugin {file}:{name}=5
"""

from __future__ import annotations
'''
_ARRAY = '''
import numpy as np

from sched_core import Plugin, Verdicts


class {name}(Plugin):
    """Prefer nodes with a price, the cheaper the better, and refuse those that are reserved."""

    def __init__(self, args=None):
        """Take the arguments: ``pluginConfig: [{{name: {name}, args: {{label: example.com/price}}}}]``, or none."""
        super().__init__(args)
        self.label = (args or {{}}).get("label", "example.com/price")

    # Arrays have one entry for each row of `nodes`. Leave `filter` out if it only scores, and the other way round.

    def filter(self, state, pod, nodes):
        column = nodes.label("example.com/reserved")  # column.ids[row] indexes column.values; -1: no such label
        return Verdicts.refuse(column.ids >= 0, "node(s) were reserved")

    def score(self, state, pod, nodes):
        column = nodes.label(self.label)
        prices = [int(value) if value.isdecimal() else 1000 for value in column.values]
        return np.array([*prices, 1000], np.int64)[column.ids]  # a node without the label takes the last entry

    @staticmethod
    def normalize_row(score, lowest, highest):
        """Turn a raw score into 0..100, given the extremes over the nodes that would do. Compiled: no branches."""
        return (highest - score) * 100 // max(highest - lowest, 1)

    def sign_pod(self, pod):
        """Return all that `filter` and `score` read of the pod: nothing. Leave it out if they read placements."""
        return ()
'''
_ROW = '''
from sched_core import Plugin, percent


class {name}(Plugin):
    """Prefer nodes of which the pod would leave little of the cpu free."""

    reasons = ("node(s) had too many pods",)  # of filter_row, by bit

    def __init__(self, args=None):
        """Take the arguments: ``pluginConfig: [{{name: {name}, args: {{mostPods: 100}}}}]``, or none."""
        super().__init__(args)
        self.most_pods = (args or {{}}).get("mostPods", 100)

    def row_args(self, nodes):
        """Return the numbers that the functions below see as ``args``; they become constants."""
        return {{"most_pods": self.most_pods}}

    # Row functions are compiled: numbers of one pod and of one node. `a if condition else b`, no if statements.
    # Resources: 0 is cpu (in 1/1000), 1 memory and 2 ephemeral storage (in bytes).

    @staticmethod
    def filter_row(pod, node, args):
        """Return 0 if the pod may go there, else the bits of the reasons."""
        return 1 if node.pod_count >= args.most_pods else 0

    @staticmethod
    def score_row(pod, node, args):
        """Return 0..100. `percent(part, whole)` divides exactly in all speeds."""
        whole = max(node.allocatable[0], 1)
        used = min(node.requested[0] + pod.requests[0], whole)
        return percent(used, whole)
'''
_TEST = '''"""What {name} decides. Run it with: python -m pytest {test}"""

from __future__ import annotations

from {module} import {name}
from sched_core import Cluster, Engine, load_config, load_documents

CONFIG = {{
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [
        {{
            "plugins": {{
                "score": {{"disabled": [{{"name": "*"}}], "enabled": [{{"name": "{name}"}}]}},  # no other plugin scores
                "multiPoint": {{"enabled": [{{"name": "{name}"}}]}},
            }}
        }}
    ],
}}


def node(name, cpu="4", **labels):
    metadata = {{"name": name, "labels": {{f"example.com/{{key}}": value for key, value in labels.items()}}}}
    status = {{"allocatable": {{"cpu": cpu, "memory": "16Gi", "pods": "110"}}}}
    return {{"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}}


def pod(name, cpu="1"):
    containers = [{{"name": "main", "image": "app", "resources": {{"requests": {{"cpu": cpu}}}}}}]
    return {{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": name}}, "spec": {{"containers": containers}}}}


def decide(nodes, waiting):
    """Return the decision on a pod; decision.node is the node's name, decision.raw_scores and .scores tell why."""
    cluster = Cluster.from_objects(load_documents(nodes))
    engine = Engine(cluster, load_config(CONFIG), plugins={{"{name}": {name}}})
    return engine.evaluate(load_documents([waiting]).pods[0])


'''
_ARRAY_TEST = """def test_the_cheapest_node_that_is_not_reserved():
    nodes = [node("dear", price="9"), node("cheap", price="3"), node("taken", price="1", reserved="yes")]
    decision = decide([*nodes, node("unknown")], pod("web"))
    assert decision.node == "cheap"
    assert decision.scores["{name}"].min() == 0 and decision.scores["{name}"].max() == 100
"""
_ROW_TEST = """def test_the_fuller_node():
    decision = decide([node("large", cpu="8"), node("small", cpu="2")], pod("web"))
    assert decision.node == "small"
    assert dict(zip(decision.feasible, decision.scores["{name}"].tolist())) == {{"large": 12, "small": 50}}
"""


def class_and_file(name: str) -> tuple[str, str]:
    """Return the names of class and module for a name in any spelling: ``my-policy`` gives MyPolicy, my_policy.

    Raises ValueError for one that gives no identifiers.
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    module = "_".join(words).lower()
    if (
        not words
        or not module.isidentifier()
        or keyword.iskeyword(module)
        or not re.fullmatch(r"[\w -]+", name, re.ASCII)
    ):
        raise ValueError(f"'{name}' gives no name of a class: take letters, digits, '-' and '_', a letter first")
    return "".join(word[0].upper() + word[1:] for word in words), module


def texts(name: str, form: Form) -> dict[Path, str]:
    """Return the files of a new plugin and their texts; raises ValueError for a name that cannot be."""
    own, module = class_and_file(name)
    file, test = Path(f"{module}.py"), Path(f"test_{module}.py")
    body, check = (_ROW, _ROW_TEST) if form == "row" else (_ARRAY, _ARRAY_TEST)
    names = {"name": own, "module": module, "file": file, "test": test}
    return {file: (_HEAD + body).format(**names), test: (_TEST + check).format(**names)}
