"""PodRequests: the worked sample of the specification, and each rule by itself.

Pods are written as they stand in YAML; expected amounts are in thousandths of cpu and bytes of memory.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sched_core.objects.pod import Pod
from sched_core.objects.quantity import parse_quantity, resource_amount
from sched_core.objects.requests import is_extended_resource, is_scalar_resource, pod_requests

MI = 2**20


def container(name: str = "c", /, **requests: str) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": requests}}


def sidecar(name: str, /, **requests: str) -> dict[str, Any]:
    return container(name, **requests) | {"restartPolicy": "Always"}


def make_pod(containers: list[Any], init: list[Any] | None = None, status: Any = None, **spec: Any) -> Pod:
    return msgspec.convert(
        {"spec": {"containers": containers, "initContainers": init or [], **spec}, "status": status or {}}, Pod
    )


def amounts(pod: Pod, **options: bool) -> dict[str, int]:
    use_status = options.pop("use_status", False)
    requests = pod_requests(pod, use_status=use_status, **options)
    return {name: resource_amount(name, nano) for name, nano in requests.items()}


@pytest.mark.parametrize(("ordinary", "total"), [("500m", 710), ("700m", 810)])
def test_init_containers_and_sidecars(ordinary: str, total: int) -> None:
    pod = make_pod(
        [container("a", cpu="250m"), container("b", cpu="300m")],
        [
            sidecar("i1", cpu="100m"),
            container("i2", cpu=ordinary),
            sidecar("i3", cpu="50m"),
        ],
        overhead={"cpu": "10m"},
    )
    assert amounts(pod) == {"cpu": total}


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        ([{"cpu": "0.5m"}, {"cpu": "0.5m"}], {"cpu": 1}),
        ([{"memory": "0.5"}, {"memory": "0.5"}], {"memory": 1}),
        ([{"cpu": "0.1m"}], {"cpu": 1}),
        ([{"cpu": "0"}], {"cpu": 0}),
        ([{}], {}),
    ],
)
def test_rounding_comes_once_after_the_sum(quantities: list[dict[str, str]], expected: dict[str, int]) -> None:
    assert amounts(make_pod([container(**each) for each in quantities])) == expected


def test_an_init_container_counts_by_resource() -> None:
    pod = make_pod([container(cpu="1", memory="1Mi")], [container("i", cpu="500m", memory="3Mi")])
    assert amounts(pod) == {"cpu": 1000, "memory": 3 * MI}


RESIZED = {
    "containerStatuses": [
        {"name": "c", "resources": {"requests": {"cpu": "2", "memory": "1Mi"}}, "allocatedResources": {"cpu": "3"}}
    ]
}


@pytest.mark.parametrize(
    ("reason", "use_status", "expected"),
    [
        ("", True, {"cpu": 3000, "memory": 5 * MI}),
        ("Deferred", True, {"cpu": 3000, "memory": 5 * MI}),
        ("Infeasible", True, {"cpu": 3000, "memory": MI}),
        ("Infeasible", False, {"cpu": 1000, "memory": 5 * MI}),
    ],
)
def test_a_resized_pod(reason: str, use_status: bool, expected: dict[str, int]) -> None:
    conditions = [{"type": "PodResizePending", "status": "True", "reason": reason}] if reason else []
    pod = make_pod([container(cpu="1", memory="5Mi")], status=RESIZED | {"conditions": conditions})
    assert amounts(pod, use_status=use_status) == expected


def test_the_status_of_a_container_without_resources_does_not_count() -> None:
    status = {"containerStatuses": [{"name": "c", "allocatedResources": {"cpu": "3"}}]}
    assert amounts(make_pod([container(cpu="1")], status=status), use_status=True) == {"cpu": 1000}


def test_the_status_of_an_ordinary_init_container_does_not_count() -> None:
    states = [{"name": name, "resources": {"requests": {"cpu": "9"}}} for name in ("i", "s")]
    ordinary = make_pod([container(cpu="1")], [container("i", cpu="2")], status={"initContainerStatuses": states})
    beside = make_pod([container(cpu="1")], [sidecar("s", cpu="2")], status={"initContainerStatuses": states})
    assert amounts(ordinary, use_status=True) == {"cpu": 2000}
    assert amounts(beside, use_status=True) == {"cpu": 10000}


def test_pod_level_requests_replace_those_of_containers_before_the_overhead() -> None:
    pod = make_pod(
        [container(cpu="1", memory="1Mi", **{"example.com/gpu": "1"})],
        resources={"requests": {"cpu": "3"}},
        overhead={"cpu": "250m"},
    )
    assert amounts(pod) == {"cpu": 3250, "memory": MI, "example.com/gpu": 1}
    assert amounts(pod, pod_level=False) == {"cpu": 1250, "memory": MI, "example.com/gpu": 1}


@pytest.mark.parametrize(("reason", "cpu"), [("", 4000), ("Infeasible", 2000)])
def test_a_pod_resized_at_pod_level(reason: str, cpu: int) -> None:
    pod = make_pod(
        [container(cpu="1")],
        resources={"requests": {"cpu": "4"}},
        status={
            "resources": {"requests": {"cpu": "2"}},
            "allocatedResources": {"cpu": "1"},
            "conditions": [{"type": "PodResizePending", "reason": reason}],
        },
    )
    assert amounts(pod, use_status=True) == {"cpu": cpu}
    assert amounts(pod) == {"cpu": 4000}


def test_defaults_are_per_container_that_lacks_the_resource() -> None:
    pod = make_pod([container("a"), container("b"), container("c", cpu="0", memory="0")], [container("i")])
    assert amounts(pod, non_missing=True) == {"cpu": 200, "memory": 400 * MI}
    assert amounts(pod) == {"cpu": 0, "memory": 0}


def test_defaults_count_for_init_containers_too() -> None:
    pod = make_pod([container(cpu="10m", memory="1Mi")], [container("i")])
    assert amounts(pod, non_missing=True) == {"cpu": 100, "memory": 200 * MI}


@pytest.mark.parametrize(
    ("pod_level", "containers", "expected"),
    [
        ({"cpu": "1"}, [{}], {"cpu": 1000, "memory": 200 * MI}),
        ({"cpu": "1"}, [{"memory": "1Mi"}, {}], {"cpu": 1000, "memory": MI}),
        ({"cpu": "1", "memory": "1Mi"}, [{}], {"cpu": 1000, "memory": MI}),
        ({"hugepages-2Mi": "2Mi"}, [{}], {"cpu": 100, "memory": 200 * MI, "hugepages-2Mi": 2 * MI}),
    ],
)
def test_with_pod_level_requests_defaults_are_only_for_what_is_missing_altogether(
    pod_level: dict[str, str], containers: list[dict[str, str]], expected: dict[str, int]
) -> None:
    pod = make_pod([container(**each) for each in containers], resources={"requests": pod_level})
    assert amounts(pod, use_status=True, non_missing=True) == expected


def test_defaults_without_pod_level_ignore_the_pod_level() -> None:
    pod = make_pod([container(memory="1Mi")], resources={"requests": {"cpu": "3"}})
    assert amounts(pod, pod_level=False, non_missing=True) == {"cpu": 100, "memory": MI}


def test_the_records_are_left_as_they_are() -> None:
    pod = make_pod([container(cpu="1")], [sidecar("s", cpu="1")], overhead={"cpu": "1"})
    before = msgspec.json.encode(pod)
    assert amounts(pod, use_status=True, non_missing=True)["cpu"] == 3000
    assert msgspec.json.encode(pod) == before
    assert parse_quantity("1") == 10**9


@pytest.mark.parametrize(
    ("name", "scalar", "extended"),
    [
        ("cpu", False, False),
        ("memory", False, False),
        ("pods", False, False),
        ("ephemeral-storage", False, False),
        ("storage", False, False),
        ("gpu", False, False),
        ("nvidia.com/gpu", True, True),
        ("hugepages-2Mi", True, False),
        ("attachable-volumes-csi", True, False),
        ("kubernetes.io/batch-cpu", True, False),
        ("deviceclass.resource.kubernetes.io/gpu", True, False),
        ("requests.example.com/gpu", False, False),
        ("Example.com/gpu", False, False),
        ("example.com/", False, False),
        ("example.com/-", False, False),
        ("a/b/c", False, False),
        ("example.com/" + "x" * 63, True, True),
        ("example.com/" + "x" * 64, False, False),
        ("x" * 244 + "/gpu", True, True),  # with "requests." in front it is 253 long
        ("x" * 245 + "/gpu", False, False),
    ],
)
def test_resource_names(name: str, scalar: bool, extended: bool) -> None:
    assert (is_scalar_resource(name), is_extended_resource(name)) == (scalar, extended)
