"""GpuShare: devices that pods share, counted in 1/1000 of a device (milli-GPU), several devices a node.

Its columns say what is free on each device of a node, its filter keeps nodes on which a pod's devices fit, and a pod
that comes takes devices: of those that fit the fullest one, the first of equals. Policies read the columns and score;
those that choose devices in another way are subclasses. Which labels and annotations are read stands in the README.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sched_core import UNRESOLVABLE, Column, Plugin, kernel, parse_quantity, pod_requests, resource_amount

if TYPE_CHECKING:
    from sched_core import Node, NodeColumns, Pod

GPU = "nvidia.com/gpu"
COUNT_ANNOTATION = "alibabacloud.com/gpu-count"
MILLI_ANNOTATION = "alibabacloud.com/gpu-milli"
MODEL_ANNOTATION = "alibabacloud.com/gpu-card-model"
MODEL_LABELS = ("nvidia.com/gpu.product", "alibabacloud.com/gpu-card-model")
WHOLE = 1000
"""One device."""
DEVICES = 8
"""So many devices a node may have, unless the arguments say otherwise."""
MOST_MODELS = 63
"""A model is a bit of an int64."""


@kernel
def is_new(taken: Any) -> bool:
    """Tell whether a pod has no devices yet."""
    for g in range(len(taken)):  # noqa: SIM110  # numba has no any() of a generator
        if taken[g] != 0:
            return False
    return True


@kernel
def take(free: Any, taken: Any, count: int, milli: int) -> None:
    """Give a pod its devices: those that it had, else the ``count`` fullest on which ``milli`` is free.

    What is free is int64[G], and so is what the pod has taken.
    """
    for _ in range(count if is_new(taken) else 0):
        best = -1
        for g in range(len(free)):
            if free[g] >= milli and taken[g] == 0 and (best < 0 or free[g] < free[best]):
                best = g
        if best >= 0:
            taken[best] = milli
    for g in range(len(free)):
        free[g] -= taken[g]


class GpuShare(Plugin):
    """Keep count of shared devices.

    Arguments: ``devices``, the most that a node has; ``nodesByRank``, names of nodes of which the first wins among
    equal scores (without it upstream's choice).
    """

    name = "GpuShare"
    reasons = ("node(s) had no GPU of a model that the pod accepts", "Insufficient free GPU devices")
    may_skip = False
    arguments: tuple[str, ...] = ("devices", "nodesByRank")

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        given = dict(args or {})
        unknown = [name for name in given if name not in self.arguments]
        if unknown:
            raise ValueError(f"no argument {unknown[0]}; there are {', '.join(self.arguments)}")
        devices = given.get("devices", DEVICES)
        if not isinstance(devices, int) or not 1 <= devices <= MOST_MODELS:
            raise ValueError(f"devices must be a number from 1 to {MOST_MODELS}, not {devices!r}")
        self.node_columns: Sequence[Column] = (
            Column("gpu_free_milli", np.int64, (devices,)),
            Column("gpu_devices"),
            Column("gpu_model"),
        )
        self.pod_columns: Sequence[Column] = (Column("gpu_milli"), Column("gpu_count"), Column("gpu_models"))
        self.placed_columns: Sequence[Column] = (Column("gpu_taken", np.int64, (devices,)),)
        self.devices = devices
        self.models: dict[str, int] = {}
        """Model -> its bit."""
        if "nodesByRank" in given:
            self._rank_of = {name: rank for rank, name in enumerate(given["nodesByRank"])}
            self.rank_nodes = self._rank_nodes

    def _rank_nodes(self, nodes: NodeColumns) -> NDArray[np.int64]:
        """Return the rank of each node; nodes that were not named come last."""
        last = len(self._rank_of)
        return np.array([self._rank_of.get(name, last) for name in nodes.names], np.int64)

    def model_bit(self, model: str) -> int:
        """Return the bit of a model, 0 for none; raises ValueError if there are too many."""
        if not model:
            return 0
        if model not in self.models and len(self.models) == MOST_MODELS:
            raise ValueError(f"there are more than {MOST_MODELS} models of GPUs")
        return 1 << self.models.setdefault(model, len(self.models))

    def model_bits(self, models: str) -> int:
        """Return the bits of models with ``|`` between them; 0 for any."""
        return sum({self.model_bit(model) for model in models.split("|")}) if models else 0

    def fill_node(self, node: Node) -> Mapping[str, Any]:
        given = node.status.allocatable or node.status.capacity
        count = resource_amount(GPU, parse_quantity(given.get(GPU, "0")))
        if count > self.devices:
            raise ValueError(f"it has {count} devices, the argument devices says at most {self.devices}")
        labels = node.metadata.labels
        model = next((labels[label] for label in MODEL_LABELS if label in labels), "")
        free = [WHOLE] * count + [0] * (self.devices - count)
        return {"gpu_free_milli": free, "gpu_devices": count, "gpu_model": self.model_bit(model)}

    def fill_pod(self, pod: Pod) -> Mapping[str, Any]:
        annotations = pod.metadata.annotations
        whole = resource_amount(GPU, pod_requests(pod, use_status=False).get(GPU, 0))
        count = _number(annotations, COUNT_ANNOTATION, whole)
        if not count:
            return {}
        milli = min(_number(annotations, MILLI_ANNOTATION, WHOLE), WHOLE)
        return {
            "gpu_count": count if milli else 0,
            "gpu_milli": milli,
            "gpu_models": self.model_bits(annotations.get(MODEL_ANNOTATION) or "|".join(accepted_models(pod))),
        }

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        fits = 0
        for g in range(len(node.gpu_free_milli)):
            fits += node.gpu_free_milli[g] >= pod.gpu_milli
        has_model = (pod.gpu_models == 0) | ((pod.gpu_models & node.gpu_model) != 0)
        bits = 0 if has_model | (pod.gpu_count == 0) else 1 | UNRESOLVABLE
        return bits | (2 if (pod.gpu_count > 0) & (fits < pod.gpu_count) else 0)

    @staticmethod
    def reserve_row(pod: Any, node: Any, args: Any) -> Any:
        take(node.gpu_free_milli, pod.gpu_taken, pod.gpu_count, pod.gpu_milli)

    @staticmethod
    def unreserve_row(pod: Any, node: Any, args: Any) -> Any:
        for g in range(len(node.gpu_free_milli)):
            node.gpu_free_milli[g] += pod.gpu_taken[g]


def accepted_models(pod: Pod) -> Sequence[str]:
    """Return the models that a pod's node selector or required node affinity names; empty: any.

    Of an affinity only a single term that lists models counts here; NodeAffinity knows all others.
    """
    selector = pod.spec.node_selector or {}
    for label in MODEL_LABELS:
        if label in selector:
            return (selector[label],)
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    if required is None or len(required.node_selector_terms) != 1:
        return ()
    for expression in required.node_selector_terms[0].match_expressions:
        if expression.key in MODEL_LABELS and expression.operator == "In":
            return expression.values
    return ()


def _number(annotations: Mapping[str, str], name: str, default: int) -> int:
    """Return the number of an annotation; raises ValueError for anything else."""
    text = annotations.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(f'annotation {name}: "{text}" is not a whole number')
    return int(text)
