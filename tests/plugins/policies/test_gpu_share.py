"""GpuShare: what it reads of objects, which nodes it refuses, and which devices pods take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plugins.policies.fgd import FGD
from plugins.policies.gpu_share import GpuShare
from plugins.policies.typical_pods import TypicalPod, as_arguments, read_typical_pods, tables, typical_pods
from sched_core import UNRESOLVABLE
from tests.engine.worlds import node, node_record, pod, records

GPU = "nvidia.com/gpu"


def read_pod(annotations: dict[str, str] | None = None, gpus: int = 1, **spec: Any) -> dict[str, Any]:
    made = pod("p", {GPU: str(gpus)} if gpus else None, **spec)
    made["metadata"]["annotations"] = annotations or {}
    return dict(GpuShare().fill_pod(records([made])[0]))


def test_whole_devices_are_requested_as_usual() -> None:
    assert read_pod(gpus=4) == {"gpu_count": 4, "gpu_milli": 1000, "gpu_models": 0}
    assert read_pod(gpus=0) == {}


def test_a_part_of_a_device_is_an_annotation() -> None:
    assert read_pod({"alibabacloud.com/gpu-milli": "460"})["gpu_milli"] == 460
    assert read_pod({"alibabacloud.com/gpu-milli": "2000"})["gpu_milli"] == 1000
    alone = read_pod({"alibabacloud.com/gpu-milli": "460", "alibabacloud.com/gpu-count": "1"}, gpus=0)
    assert alone == {"gpu_count": 1, "gpu_milli": 460, "gpu_models": 0}
    assert read_pod({"alibabacloud.com/gpu-milli": "0"})["gpu_count"] == 0


@pytest.mark.parametrize("text", ["half", "-1", "1.5", "", "9" * 10])
def test_an_annotation_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'annotation alibabacloud.com/gpu-milli: ".*" is not a whole number'):
        read_pod({"alibabacloud.com/gpu-milli": text})


def test_models_stand_in_an_annotation_a_selector_or_an_affinity() -> None:
    label = "nvidia.com/gpu.product"
    terms = [{"matchExpressions": [{"key": label, "operator": "In", "values": ["A", "B"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert read_pod({"alibabacloud.com/gpu-card-model": "A|B"})["gpu_models"] == 0b11
    assert read_pod(nodeSelector={label: "A"})["gpu_models"] == 0b1
    assert read_pod(affinity={"nodeAffinity": required})["gpu_models"] == 0b11
    other = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms * 2}}
    assert read_pod(affinity={"nodeAffinity": other})["gpu_models"] == 0  # NodeAffinity's business


def test_a_node_has_its_devices_and_their_model() -> None:
    share = GpuShare()
    found = share.fill_node(node_record(node("n", {GPU: "2"}, labels={"nvidia.com/gpu.product": "T4"})))
    assert found == {"gpu_free_milli": [1000, 1000, 0, 0, 0, 0, 0, 0], "gpu_devices": 2, "gpu_model": 1}
    assert share.fill_node(node_record(node("n")))["gpu_devices"] == 0
    large = node_record(node("n", {GPU: "16"}))
    with pytest.raises(ValueError, match="it has 16 devices, the argument devices says at most 8"):
        share.fill_node(large)
    assert GpuShare({"devices": 16}).fill_node(large)["gpu_free_milli"] == [1000] * 16


@pytest.mark.parametrize(
    ("args", "needle"),
    [
        ({"device": 8}, "no argument device; there are devices, nodesByRank"),
        ({"devices": 0}, "devices must be a number from 1 to 63"),
        ({"devices": "8"}, "devices must be a number from 1 to 63"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(args: dict[str, Any], needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        GpuShare(args)


def test_more_models_than_bits_are_refused() -> None:
    share = GpuShare()
    assert share.model_bits("|".join(f"M{number}" for number in range(63))) == (1 << 63) - 1
    with pytest.raises(ValueError, match="more than 63 models"):
        share.model_bit("one more")


def rows(free: list[int], count: int, milli: int, model: int = 1, models: int = 0) -> tuple[Any, Any]:
    columns = {"gpu_free_milli": np.array(free), "gpu_devices": sum(each > 0 for each in free), "gpu_model": model}
    wanted = {"gpu_count": count, "gpu_milli": milli, "gpu_models": models, "gpu_taken": np.zeros(len(free), np.int64)}
    return SimpleNamespace(**wanted), SimpleNamespace(**columns)


@pytest.mark.parametrize(
    ("free", "count", "milli", "models", "bits"),
    [
        ([1000, 400], 1, 400, 0, 0),
        ([1000, 400], 2, 400, 0, 0),
        ([1000, 400], 2, 401, 0, 2),
        ([1000, 999], 2, 1000, 0, 2),
        ([0, 0], 0, 0, 0b10, 0),
        ([1000, 1000], 1, 10, 0b10, 1 | UNRESOLVABLE),
        ([1000, 1000], 1, 10, 0b11, 0),
        ([0, 0], 1, 10, 0b10, 3 | UNRESOLVABLE),
    ],
)
def test_the_filter_wants_devices_with_room_and_a_model(
    free: list[int], count: int, milli: int, models: int, bits: int
) -> None:
    assert GpuShare.filter_row(*rows(free, count, milli, models=models), None) == bits


@pytest.mark.parametrize(
    ("free", "count", "milli", "taken"),
    [
        ([1000, 400, 300, 400], 1, 350, [0, 350, 0, 0]),
        ([1000, 400, 1000, 1000], 2, 1000, [1000, 0, 1000, 0]),
        ([1000, 400, 300, 1000], 2, 300, [0, 300, 300, 0]),
        ([1000, 400], 0, 0, [0, 0]),
        ([100, 100], 1, 350, [0, 0]),
    ],
)
def test_pods_take_the_fullest_devices_and_give_them_back(
    free: list[int], count: int, milli: int, taken: list[int]
) -> None:
    pod_row, node_row = rows(free, count, milli)
    GpuShare.reserve_row(pod_row, node_row, None)
    assert pod_row.gpu_taken.tolist() == taken
    assert (node_row.gpu_free_milli + pod_row.gpu_taken).tolist() == free
    GpuShare.unreserve_row(pod_row, node_row, None)
    assert node_row.gpu_free_milli.tolist() == free


def test_a_pod_that_comes_back_takes_what_it_had() -> None:
    pod_row, node_row = rows([1000, 1000], 1, 500)
    pod_row.gpu_taken[1] = 500
    GpuShare.reserve_row(pod_row, node_row, None)
    assert node_row.gpu_free_milli.tolist() == [1000, 500]


def test_typical_pods_are_the_most_frequent_kinds() -> None:
    kinds = {(1, 0, 0, ""): 1, (2, 500, 1, ""): 2, (2, 500, 1, "A"): 2, (9, 1000, 1, ""): 15}
    assert typical_pods(kinds) == [
        TypicalPod(0.75 / 0.95, 9, 1000, 1),
        TypicalPod(0.1 / 0.95, 2, 500, 1, "A"),  # among equals the larger first
        TypicalPod(0.1 / 0.95, 2, 500, 1),
    ]


def test_typical_pods_as_arguments() -> None:
    given = typical_pods({(1, 0, 0, ""): 1, (2, 500, 1, "A|B"): 3})
    plugin = FGD({"typicalPods": as_arguments(given)})
    assert plugin.typical == given
    assert tables(plugin.typical, plugin.model_bits).models.tolist() == [0b11, 0]
    assert read_typical_pods([{"share": 3}, {"share": 1}])[0].share == 0.75


@pytest.mark.parametrize(
    ("given", "needle"),
    [
        ([], "typicalPods must be a list of pods"),
        ({}, "typicalPods must be a list of pods"),
        ([{"cpu": 1}], r"typicalPods\[0\] must be a mapping with some of share, cpuMilli"),
        ([{"share": 0}], r"typicalPods\[0\]: share must be a number above 0"),
        ([{}, {"cpuMilli": "1"}], r"typicalPods\[1\]: share must be a number above 0, the others whole numbers"),
        ([{"gpuMilli": 500}], r"typicalPods\[0\]: gpuMilli and gpuCount go together"),
    ],
)
def test_typical_pods_that_make_no_sense_are_refused(given: Any, needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        FGD({"typicalPods": given})
