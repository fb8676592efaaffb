"""The loader: what it takes, in which order, and what it makes of it."""

from __future__ import annotations

import gc
import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sched_core.errors import InvalidObjects, Problem
from sched_core.objects.load import load, load_documents
from sched_core.objects.requests import pod_requests


def make(kind: str = "Pod", name: str = "a", **fields: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    if kind == "Pod":
        base["spec"] = {"containers": [{"name": "c"}]}
    return base | fields


def bare(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("apiVersion", "kind")}


def write(path: Path, *documents: Any) -> Path:
    path.write_text("\n".join(json.dumps(each) for each in documents))
    return path


def names(records: list[Any]) -> list[str]:
    return [record.metadata.name for record in records]


NODE_JSON = '{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}"}}}}'
NODE_YAML = "apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n"


def test_kinds_are_sorted_out_in_the_order_of_the_input() -> None:
    objects = load_documents(
        [
            make("Node", "n2"),
            make("Pod", "p1"),
            make("Node", "n1"),
            make("Service", "s"),
            make("Namespace", "default"),
            make("StorageClass", "fast", apiVersion="storage.k8s.io/v1", provisioner="x"),
            make("Deployment", "d", apiVersion="apps/v1"),
            make("ConfigMap", "c", data={}),
            make("ConfigMap", "c"),
            make("Pod", "p0"),
            make("Node", "n", apiVersion="example.com/v1"),  # somebody else's kind of that name
        ]
    )
    assert names(objects.nodes) == ["n2", "n1"]
    assert names(objects.pods) == ["p1", "p0"]
    assert names(objects.namespaces) == ["default"]
    assert {kind: names(records) for kind, records in objects.others.items()} == {
        "Service": ["s"],
        "StorageClass": ["fast"],
    }
    assert objects.ignored == {"Deployment": 1, "ConfigMap": 2, "Node": 1}
    assert objects.skipped == []


def test_lists_of_all_sorts() -> None:
    objects = load_documents(
        [
            {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [bare(make(name="a")), make(name="b")]},
            {
                "apiVersion": "v1",
                "kind": "List",
                "items": [
                    make("Node", "n1"),
                    {"apiVersion": "v1", "kind": "NodeList", "items": [bare(make("Node", "n2"))]},
                    {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": []}]},
                    make(name="c"),
                ],
            },
            {"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [{"metadata": {"name": "d"}}]},
            {"apiVersion": "v1", "kind": "List", "items": None},
        ]
    )
    assert names(objects.pods) == ["a", "b", "c"]
    assert names(objects.nodes) == ["n1", "n2"]
    assert objects.ignored == {"Deployment": 1}


@pytest.mark.parametrize(
    "content",
    [
        NODE_JSON.format(name="x") + NODE_JSON.format(name="y"),
        NODE_JSON.format(name="x") + "\n" + NODE_JSON.format(name="y") + "\n",
        "\ufeff" + NODE_JSON.format(name="x").replace(",", ",\n") + "\n---\n" + NODE_JSON.format(name="y"),
        f"# two\n---\n{NODE_YAML.format(name='x')}---  \n# nothing\n---\n{NODE_YAML.format(name='y')}",
        f"{NODE_YAML.format(name='x')}--- # next\n" + NODE_JSON.format(name="y"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_several_documents_in_a_file(tmp_path: Path, content: str, packed: bool) -> None:
    path = tmp_path / "objects"  # the content decides what it is
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    assert names(load([path]).nodes) == ["x", "y"]


def test_yaml_may_look_like_json(tmp_path: Path) -> None:
    path = tmp_path / "objects.YAML"
    path.write_text(
        "\n{apiVersion: v1, kind: Node, metadata: {name: x}}\n"
        '---\n{"apiVersion":"v1",\t"kind":"Node","metadata":{"name":"y"}}'
    )
    assert names(load([path]).nodes) == ["x", "y"]


def test_folders_are_read_in_all_depths_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write(tmp_path / "b" / "2.json", make("Node", "b2"))
    (tmp_path / "b" / "1.yml").write_text(NODE_YAML.format(name="b1"))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(json.dumps(make("Node", "c")).encode()))
    (tmp_path / "a.YAML").write_text(NODE_YAML.format(name="a"))
    (tmp_path / "README.md").write_text("not for us")
    assert names(load([tmp_path]).nodes) == ["a", "b1", "b2", "c"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO(b'{"apiVersion":"v1","kind":"Node","metadata":{"name":"N"}}')
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=data))
    with pytest.raises(InvalidObjects) as caught:
        load(["-"])
    assert caught.value.problems[0][:3] == ("<stdin>", "Node N", "metadata.name")


def test_yaml_is_read_as_kubernetes_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text(
        "base: &base {zone: a, tier: x}\n"
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: n\n  creationTimestamp: 2026-01-01T00:00:00Z\n"
        "  labels:\n    <<: *base\n    tier: y\n    time: 1:30\n    day: 2026-01-01\n    text: =\n    empty:\n"
        "status:\n  allocatable: {cpu: 0.5, memory: 1e3, pods: 010, ephemeral-storage: 1_000}\n"
    )
    node = load([path], strict=False).nodes[0]  # `base` is no field of a node
    labels = {"zone": "a", "tier": "y", "time": "1:30", "day": "2026-01-01", "text": "=", "empty": ""}
    assert node.metadata.labels == labels
    assert node.metadata.creation_timestamp == "2026-01-01T00:00:00Z"
    assert node.status.allocatable == {"cpu": 0.5, "memory": "1e3", "pods": 8, "ephemeral-storage": 1000}


def test_null_is_a_field_that_is_not_there() -> None:
    pod = make(status=None, metadata={"name": "a", "labels": {"x": None}, "annotations": None})
    pod["spec"] |= {"nodeSelector": None, "affinity": {"nodeAffinity": None}, "tolerations": None}
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": None}, "limits": None}
    record = load_documents([pod]).pods[0]
    assert record.metadata.labels == {"x": ""}
    assert record.metadata.annotations == {}
    assert record.spec.node_selector is None
    assert record.spec.tolerations == ()
    assert record.spec.affinity is not None and record.spec.affinity.node_affinity is None
    assert pod_requests(record, use_status=False) == {"cpu": 0}


def test_namespace_is_default_for_namespaced_kinds_only() -> None:
    objects = load_documents([make(), make("Node"), make("Service"), make(metadata={"name": "a", "namespace": "b"})])
    assert [pod.metadata.namespace for pod in objects.pods] == ["default", "b"]
    assert objects.nodes[0].metadata.namespace == ""
    assert objects.others["Service"][0].metadata.namespace == "default"


def test_generated_names_are_counted() -> None:
    documents = [make(metadata={"generateName": name}) for name in ("a-", "b-", "a-")]
    assert names(load_documents(documents).pods) == ["a-00000", "b-00000", "a-00001"]


def test_unknown_fields_may_be_let_through() -> None:
    pod = make(extra=1)
    pod["spec"]["containers"][0] |= {"imag": "x", "resources": {"requests": {"cpu": "1"}}}
    record = load_documents([pod], strict=False).pods[0]
    assert pod_requests(record, use_status=False) == {"cpu": 10**9}


def test_requests_default_to_limits() -> None:
    pod = make()
    pod["spec"]["containers"][0]["resources"] = {
        "limits": {"example.com/gpu": 2, "cpu": "2"},
        "requests": {"cpu": "1"},
    }
    record = load_documents([pod]).pods[0]
    assert pod_requests(record, use_status=False) == {"example.com/gpu": 2 * 10**9, "cpu": 10**9}


def test_requests_at_pod_level_default_to_those_of_containers_then_to_limits() -> None:
    pod = make()
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1500m", "hugepages-2Mi": "2Mi"}}
    pod["spec"]["resources"] = {"limits": {"cpu": "4", "memory": "1Gi", "hugepages-2Mi": "4Mi"}}
    record = load_documents([pod]).pods[0]
    assert record.spec.resources is not None
    assert record.spec.resources.requests == {"cpu": "1500000000n", "memory": "1Gi", "hugepages-2Mi": "4Mi"}


def test_ports_of_a_pod_in_the_hosts_network_are_host_ports() -> None:
    pod = make()
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 9000}]
    pod["spec"] |= {"hostNetwork": True, "initContainers": [{"name": "i", "ports": ports}]}
    pod["spec"]["containers"][0]["ports"] = ports
    spec = load_documents([pod]).pods[0].spec
    for container in (*spec.containers, *spec.init_containers):
        assert [port.host_port for port in container.ports] == [80, 9000]


def test_allocatable_defaults_to_capacity() -> None:
    with_both = make("Node", "b", status={"capacity": {"cpu": "4"}, "allocatable": {"cpu": "3"}})
    objects = load_documents([make("Node", "a", status={"capacity": {"cpu": "4"}}), with_both])
    assert [node.status.allocatable for node in objects.nodes] == [{"cpu": "4"}, {"cpu": "3"}]


def test_what_the_api_accepts_is_not_refused() -> None:
    term = {"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["-5"]}]}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]}
    pod = make()
    pod["spec"] |= {
        "affinity": {"nodeAffinity": preferred},
        "nodeSelector": {},
        "tolerations": [{"operator": "Exists"}],
    }
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "0.0001", "memory": "8E", "example.com/gpu": 1}}
    assert len(load_documents([pod]).pods) == 1


def test_bad_objects_are_skipped_when_asked(tmp_path: Path) -> None:
    good, bad = make(name="good"), make(name="Bad")
    path = write(tmp_path / "a.json", {"apiVersion": "v1", "kind": "List", "items": [bad, good, 7, make("Node", "n")]})
    objects = load([path, tmp_path / "missing"], skip_invalid=True)
    assert names(objects.pods) == ["good"]
    assert names(objects.nodes) == ["n"]
    assert [(problem.file, problem.object) for problem in objects.skipped] == [
        (str(path), "Pod default/Bad"),
        (str(path), "items[2]"),
        (str(tmp_path / "missing"), ""),
    ]


def test_all_problems_are_raised_together(tmp_path: Path) -> None:
    first = write(tmp_path / "a.json", make(name="A"), make(name="b", spec={}))
    second = write(tmp_path / "b.json", make("Node", "N"))
    with pytest.raises(InvalidObjects) as caught:
        load([first, second])
    assert [problem[:3] for problem in caught.value.problems] == [
        (str(first), "Pod default/A", "metadata.name"),
        (str(first), "Pod default/b", "spec.containers"),
        (str(second), "Node N", "metadata.name"),
    ]
    assert str(caught.value).startswith("3 problems in the objects\n")


def test_names_may_repeat_in_other_namespaces_and_kinds() -> None:
    documents = [make(), make(metadata={"name": "a", "namespace": "other"}), make("Node"), make("Service")]
    assert len(load_documents(documents).pods) == 2


def test_json_in_memory_is_taken_as_bytes_or_text() -> None:
    text = json.dumps(make("Node", "x")) + json.dumps(make("Node", "y"))
    assert names(load_documents([text, json.dumps(make("Node", "z")).encode()]).nodes) == ["x", "y", "z"]
    with pytest.raises(InvalidObjects) as caught:
        load_documents([make("Node", "N")], source="the API")
    assert caught.value.problems[0].file == "the API"


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    items = [make("Node", f"n{number}") for number in range(5000)]
    big = write(tmp_path / "big.json", {"apiVersion": "v1", "kind": "List", "items": items})
    small = write(tmp_path / "small.json", make())
    calls: list[tuple[int, int]] = []
    load([big, small], on_progress=lambda done, total: calls.append((done, total)))
    sizes = big.stat().st_size, small.stat().st_size
    assert [total for _, total in calls] == [sum(sizes)] * len(calls)
    assert [done for done, _ in calls] == [0, sizes[0] * 4096 // 5000, sizes[0], sum(sizes)]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(InvalidObjects):
            load_documents([{}])
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_a_problem_reads_as_a_line() -> None:
    problem = Problem("a.yaml", "Pod default/web-0", "spec.containers[0].name", "is missing")
    assert str(problem) == "a.yaml: Pod default/web-0: spec.containers[0].name: is missing"
