"""Every kind of problem that the loader finds, once, with its whole text."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sched_core.errors import InvalidObjects, Problem
from sched_core.objects.load import load, load_documents

KNOWN_SUFFIXES = "(n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3)"


def pod(**spec: Any) -> dict[str, Any]:
    containers = {"containers": [{"name": "c"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": containers | spec}


def container(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "c", **fields}])


def requests(**quantities: Any) -> dict[str, Any]:
    return container(resources={"requests": quantities})


def node(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, **fields}


def problems(*documents: Any) -> list[Problem]:
    with pytest.raises(InvalidObjects) as caught:
        load_documents(documents)
    return list(caught.value.problems)


NODE_AFFINITY = "spec.affinity.nodeAffinity."
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def node_affinity(*terms: Any) -> dict[str, Any]:
    return pod(affinity={"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}})


def expression(operator: str, *values: str, key: str = "k") -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def field_expression(operator: str, *values: str, key: str = "metadata.name") -> dict[str, Any]:
    return {"matchFields": [{"key": key, "operator": operator, "values": list(values)}]}


def spread(**fields: Any) -> dict[str, Any]:
    good = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    return pod(topologySpreadConstraints=[good | fields])


EARLY = "the JSON ends too early"
YAML = "malformed YAML"
TERM = f"{NODE_AFFINITY}{REQUIRED}.nodeSelectorTerms[0]"
REQUESTS = "spec.containers[0].resources.requests"
SPREAD = "spec.topologySpreadConstraints[0]"


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        # quantities
        (
            requests(cpu="1Zi"),
            f"{REQUESTS}[cpu]",
            f"'1Zi' is not a quantity: expected a number with an optional suffix {KNOWN_SUFFIXES}",
        ),
        (requests(cpu="-1"), f"{REQUESTS}[cpu]", "-1 is negative"),
        (requests(cpu="9300P"), f"{REQUESTS}[cpu]", "9300P is absurd: beyond 2**63 - 1 in units of 1/1000"),
        (requests(memory="10E"), f"{REQUESTS}[memory]", "10E is absurd: beyond 2**63 - 1"),
        (requests(cpu=True), f"{REQUESTS}[cpu]", "expected integer or number or string, got boolean"),
        (
            pod(containers=[{"name": n, "resources": {"requests": {"memory": "4E"}}} for n in "abc"]),
            "spec",
            "the pod's requests for memory together are absurd: beyond 2**63 - 1",
        ),
        (
            requests(gpu="1"),
            f"{REQUESTS}[gpu]",
            "'gpu' is not a resource of containers: cpu, memory, ephemeral-storage, hugepages-<size> or a name with a "
            "domain, such as example.com/gpu",
        ),
        (
            requests(**{"example.com/": 1}),
            f"{REQUESTS}[example.com/]",
            "'example.com/' is not a name of an extended resource",
        ),
        (
            requests(**{"kubernetes.io/": 1}),
            f"{REQUESTS}[kubernetes.io/]",
            "'kubernetes.io/' is not a qualified name",
        ),
        (
            requests(**{"example.com/gpu": "0.5"}),
            f"{REQUESTS}[example.com/gpu]",
            "an extended resource is requested in whole units",
        ),
        (
            container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}),
            f"{REQUESTS}[cpu]",
            "2 is more than the limit of 1500m",
        ),
        (
            pod(initContainers=[{"name": "i", "resources": {"limits": {"cpu": "x"}}}]),
            "spec.initContainers[0].resources.limits[cpu]",
            f"'x' is not a quantity: expected a number with an optional suffix {KNOWN_SUFFIXES}",
        ),
        (pod(overhead={"cpu": "-1"}), "spec.overhead[cpu]", "-1 is negative"),
        (
            pod(resources={"requests": {"example.com/gpu": "1"}}),
            "spec.resources.requests[example.com/gpu]",
            "'example.com/gpu' cannot be requested at pod level: only cpu, memory and hugepages-<size>",
        ),
        (
            requests(cpu="2") | {"spec": requests(cpu="2")["spec"] | {"resources": {"requests": {"cpu": "1"}}}},
            "spec.resources.requests[cpu]",
            "1 is less than what the containers request together",
        ),
        (
            pod() | {"status": {"containerStatuses": [{"name": "c", "allocatedResources": {"cpu": "-1"}}]}},
            "status.containerStatuses[0].allocatedResources[cpu]",
            "-1 is negative",
        ),
        (
            pod() | {"status": {"initContainerStatuses": [{"name": "c", "resources": {"requests": {"cpu": "-1"}}}]}},
            "status.initContainerStatuses[0].resources.requests[cpu]",
            "-1 is negative",
        ),
        (
            pod() | {"status": {"resources": {"requests": {"cpu": "-1"}}}},
            "status.resources.requests[cpu]",
            "-1 is negative",
        ),
        (pod() | {"status": {"allocatedResources": {"cpu": "-1"}}}, "status.allocatedResources[cpu]", "-1 is negative"),
        # containers and ports
        (pod(containers=[]), "spec.containers", "a pod needs at least one container"),
        (pod(containers=[{}]), "spec.containers[0].name", "is missing"),
        (
            container(ports=[{"containerPort": 65536}]),
            "spec.containers[0].ports[0].containerPort",
            "65536 is not a port: 0 to 65535",
        ),
        (
            container(ports=[{"containerPort": 1}, {"hostPort": -1}]),
            "spec.containers[0].ports[1].hostPort",
            "-1 is not a port: 0 to 65535",
        ),
        (
            container(ports=[{"protocol": "tcp"}]),
            "spec.containers[0].ports[0].protocol",
            "'tcp' is not supported: TCP, UDP, SCTP",
        ),
        # tolerations
        (
            pod(tolerations=[{"key": "a", "operator": "Lt"}]),
            "spec.tolerations[0].operator",
            "'Lt' is not supported: Equal, Exists",
        ),
        (
            pod(tolerations=[{"operator": "Exists", "value": "v"}]),
            "spec.tolerations[0].value",
            "must be empty when the operator is Exists",
        ),
        (pod(tolerations=[{}]), "spec.tolerations[0].operator", "must be Exists when the key is empty"),
        (
            pod(tolerations=[{"key": "a", "effect": "Never"}]),
            "spec.tolerations[0].effect",
            "'Never' is not supported: NoSchedule, PreferNoSchedule, NoExecute",
        ),
        (
            pod(tolerations=[{"key": "a", "tolerationSeconds": 1}]),
            "spec.tolerations[0].effect",
            "must be NoExecute when tolerationSeconds is set",
        ),
        # node affinity
        (node_affinity(), f"{NODE_AFFINITY}{REQUIRED}.nodeSelectorTerms", "needs at least one term"),
        (node_affinity(expression("In")), f"{TERM}.matchExpressions[0].values", "In needs at least one value"),
        (node_affinity(expression("Exists", "v")), f"{TERM}.matchExpressions[0].values", "Exists takes no values"),
        (node_affinity(expression("Gt", "1", "2")), f"{TERM}.matchExpressions[0].values", "Gt needs exactly one value"),
        (
            node_affinity(expression("Equals", "1")),
            f"{TERM}.matchExpressions[0].operator",
            "'Equals' is not supported: In, NotIn, Exists, DoesNotExist, Gt, Lt",
        ),
        (node_affinity(expression("")), f"{TERM}.matchExpressions[0].operator", "is missing"),
        (node_affinity(expression("Exists", key="")), f"{TERM}.matchExpressions[0].key", "is missing"),
        (
            node_affinity(expression("Exists", key="a b")),
            f"{TERM}.matchExpressions[0].key",
            "'a b' is not a label name",
        ),
        (
            node_affinity(field_expression("In", "a", key="metadata.uid")),
            f"{TERM}.matchFields[0].key",
            "'metadata.uid' is not supported: metadata.name",
        ),
        (
            node_affinity(field_expression("Exists")),
            f"{TERM}.matchFields[0].operator",
            "'Exists' is not supported: In, NotIn",
        ),
        (
            node_affinity(field_expression("In", "a", "b")),
            f"{TERM}.matchFields[0].values",
            "In needs exactly one value here",
        ),
        (
            pod(affinity={"nodeAffinity": {PREFERRED: [{"weight": 101, "preference": expression("Exists")}]}}),
            f"{NODE_AFFINITY}{PREFERRED}[0].weight",
            "101 is not a weight: 1 to 100",
        ),
        # pod affinity
        (
            pod(affinity={"podAffinity": {REQUIRED: [{"labelSelector": {}}]}}),
            f"spec.affinity.podAffinity.{REQUIRED}[0].topologyKey",
            "is missing",
        ),
        (
            pod(
                affinity={"podAntiAffinity": {REQUIRED: [{"topologyKey": "z", "labelSelector": expression("Gt", "1")}]}}
            ),
            f"spec.affinity.podAntiAffinity.{REQUIRED}[0].labelSelector.matchExpressions[0].operator",
            "'Gt' is not supported: In, NotIn, Exists, DoesNotExist",
        ),
        (
            pod(affinity={"podAffinity": {PREFERRED: [{"weight": 0, "podAffinityTerm": {"topologyKey": "z"}}]}}),
            f"spec.affinity.podAffinity.{PREFERRED}[0].weight",
            "0 is not a weight: 1 to 100",
        ),
        (
            pod(
                affinity={
                    "podAntiAffinity": {
                        PREFERRED: [
                            {
                                "weight": 1,
                                "podAffinityTerm": {"topologyKey": "z", "namespaceSelector": expression("NotIn")},
                            }
                        ]
                    }
                }
            ),
            f"spec.affinity.podAntiAffinity.{PREFERRED}[0].podAffinityTerm.namespaceSelector.matchExpressions[0].values",
            "NotIn needs at least one value",
        ),
        # topology spread
        (spread(maxSkew=0), f"{SPREAD}.maxSkew", "0 is not greater than 0"),
        (spread(topologyKey=""), f"{SPREAD}.topologyKey", "is missing"),
        (
            spread(whenUnsatisfiable="Maybe"),
            f"{SPREAD}.whenUnsatisfiable",
            "'Maybe' is not supported: DoNotSchedule, ScheduleAnyway",
        ),
        (spread(minDomains=0), f"{SPREAD}.minDomains", "0 is not greater than 0"),
        (
            spread(minDomains=1, whenUnsatisfiable="ScheduleAnyway"),
            f"{SPREAD}.minDomains",
            "goes only with whenUnsatisfiable DoNotSchedule",
        ),
        (spread(nodeTaintsPolicy="No"), f"{SPREAD}.nodeTaintsPolicy", "'No' is not supported: Honor, Ignore"),
        (
            spread(labelSelector=expression("DoesNotExist", "v")),
            f"{SPREAD}.labelSelector.matchExpressions[0].values",
            "DoesNotExist takes no values",
        ),
        (
            pod(topologySpreadConstraints=spread()["spec"]["topologySpreadConstraints"] * 2),
            "spec.topologySpreadConstraints[1]",
            "constraints must differ in topologyKey or whenUnsatisfiable",
        ),
        # other fields of a pod
        (pod(priority=2**31), "spec.priority", "expected integer <= 2147483647"),
        (
            pod(preemptionPolicy="Always"),
            "spec.preemptionPolicy",
            "'Always' is not supported: Never, PreemptLowerPriority",
        ),
        (pod(nodeSelector={"a": "1", "b": 2}), "spec.nodeSelector[b]", "expected string, got integer"),
        (pod(tolerations={}), "spec.tolerations", "expected list, got object"),
        (pod(hostNetwork="yes"), "spec.hostNetwork", "expected boolean, got string"),
        (
            container(ports=[{"containerPort": 1.5}]),
            "spec.containers[0].ports[0].containerPort",
            "expected integer, got number",
        ),
        (pod(foo=1), "spec.foo", "unknown field"),
        (container(resources={"request": {}}), "spec.containers[0].resources.request", "unknown field"),
        (pod() | {"Status": {}}, "Status", "unknown field"),
        # versions
        (pod() | {"apiVersion": "v2"}, "apiVersion", "'v2' is not supported for Pod: only v1"),
    ],
)
def test_a_pod_is_refused(document: dict[str, Any], field: str, reason: str) -> None:
    assert problems(document) == [Problem("<memory>", "Pod default/a", field, reason)]


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        (node(status={"allocatable": {"cpu": "-1"}}), "status.allocatable[cpu]", "-1 is negative"),
        (node(status={"capacity": {"pods": "1e19"}}), "status.capacity[pods]", "1e19 is absurd: beyond 2**63 - 1"),
        (
            node(spec={"taints": [{"key": "a", "effect": "Never"}]}),
            "spec.taints[0].effect",
            "'Never' is not supported: NoSchedule, PreferNoSchedule, NoExecute",
        ),
        (node(spec={"taints": [{"key": "a"}]}), "spec.taints[0].effect", "is missing"),
        (node(spec={"taints": [{"effect": "NoExecute"}]}), "spec.taints[0].key", "is missing"),
        (
            node(spec={"taints": [{"key": "a", "value": v, "effect": "NoSchedule"} for v in "xy"]}),
            "spec.taints[1]",
            "taints must differ in key or effect",
        ),
        (node(status={"images": [{"sizeBytes": -1}]}), "status.images[0].sizeBytes", "must not be negative"),
        (node(spec={"unschedulable": 1}), "spec.unschedulable", "expected boolean, got integer"),
    ],
)
def test_a_node_is_refused(document: dict[str, Any], field: str, reason: str) -> None:
    assert problems(document) == [Problem("<memory>", "Node n", field, reason)]


@pytest.mark.parametrize(
    ("kind", "name", "label", "reason"),
    [
        (
            "Node",
            "a_b",
            "Node a_b",
            "'a_b' is not a DNS subdomain: lower case letters, digits, '-' or '.' only, "
            "with a letter or digit at both ends",
        ),
        (
            "Namespace",
            "a.b",
            "Namespace a.b",
            "'a.b' is not a DNS label: lower case letters, digits, '-' only, with a letter or digit at both ends",
        ),
        ("Node", "x" * 254, f"Node {'x' * 254}", "a name of 254 characters is too long: at most 253"),
        ("Node", "", "document 1", "is missing"),
    ],
)
def test_a_name_is_refused(kind: str, name: str, label: str, reason: str) -> None:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    assert problems(document) == [Problem("<memory>", label, "metadata.name", reason)]


@pytest.mark.parametrize(
    ("document", "label", "field", "reason"),
    [
        ({}, "document 1", "kind", "is missing"),
        ({"kind": "Pod"}, "document 1", "apiVersion", "is missing"),
        ({"kind": "Pod", "metadata": {"name": "x"}}, "Pod default/x", "apiVersion", "is missing"),
        ({"apiVersion": "v1", "kind": 5}, "document 1", "kind", "expected string, got integer"),
        ({"apiVersion": "v1", "kind": "Node", "metadata": []}, "document 1", "metadata", "expected object, got list"),
        ({"apiVersion": "v1", "kind": "List", "items": {}}, "document 1", "items", "expected list, got object"),
        ({"apiVersion": "v1", "kind": "List", "items": [[]]}, "items[0]", "", "expected an object, got list"),
        (
            {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "NodeList", "items": [{}]}]},
            "items[0].items[0]",
            "metadata.name",
            "is missing",
        ),
        ("null", "document 1", "", "expected an object, got null"),
        ("[]", "document 1", "", "expected an object, got list"),
        ("", "document 1", "", "is empty"),
        ("[" * 100_000, "document 1", "", "is nested too deeply"),
        (b'{"kind": "\xff"}', "document 1", "", "is not text in UTF-8: byte 10"),
    ],
)
def test_a_document_is_refused(document: Any, label: str, field: str, reason: str) -> None:
    assert problems(document) == [Problem("<memory>", label, field, reason)]


def test_all_problems_of_an_object_are_named() -> None:
    document = container(resources={"requests": {"cpu": "x", "memory": "-1"}}, ports=[{"hostPort": -1}])
    assert [problem.field for problem in problems(document)] == [
        f"{REQUESTS}[cpu]",
        f"{REQUESTS}[memory]",
        "spec.containers[0].ports[0].hostPort",
    ]
    document = pod(foo=1, bar=2) | {"baz": 3}
    assert {problem.field for problem in problems(document)} == {"spec.foo", "spec.bar", "baz"}


def test_a_duplicate_names_both_places(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.json"
    yaml = "{{apiVersion: v1, kind: Node, metadata: {{name: {}}}}}\n"
    first.write_text(yaml.format("x") + "---\n" + yaml.format("n"))
    items = [{"metadata": {"name": name}} for name in "yn"]
    second.write_text(json.dumps({"apiVersion": "v1", "kind": "NodeList", "items": items}))
    with pytest.raises(InvalidObjects) as caught:
        load([first, second, second])
    assert list(caught.value.problems) == [
        Problem(str(second), "Node n", "", f"exists twice: items[1] here, first in {first}, document 2"),
        Problem(str(second), "Node y", "", "exists twice: items[0] here, first in items[0]"),
        Problem(str(second), "Node n", "", f"exists twice: items[1] here, first in {first}, document 2"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "position", "reason"),
    [
        ("a.json", b"", "", "is empty"),
        ("a.yaml", b" \n\n", "", "is empty"),
        ("a.yaml", b"# nothing\n---\n", "", "holds no objects"),
        ("a.json", b'{"apiVersion":"v1",\n "kind":', "document 1", f"{EARLY}: expecting value (line 2, column 9)"),
        ("a.json", b'{"kind": "Po', "document 1", f"{EARLY}: unterminated string starting at (line 1, column 10)"),
        ("a.json", b'{"a": 1}\n{"a" 1}', "document 2", "malformed JSON: expecting ':' delimiter (line 2, column 6)"),
        ("a.json", b"kind: Pod", "document 1", "malformed JSON: expecting value (line 1, column 1)"),
        ("a.json", b'{"kind": \x00}', "", "is binary: byte 9 is zero"),
        ("a.yaml", b"\xff\xfek\x00", "", "is not text in UTF-8: byte 0"),
        (
            "a.yaml",
            b"# x\n---\na: [1\nb: 2\n",
            "document 1",
            f"{YAML}: did not find expected ',' or ']' (line 4, column 2)",
        ),
        ("a.yaml", b"a: 1\nb: 2\na: 3\n", "document 1", "malformed YAML: key 'a' is set twice (line 3, column 1)"),
        ("a.yaml", b"a: &a [*a]", "document 1", "malformed YAML: it contains itself or is nested too deeply"),
        ("a.yaml", b"- 1\n", "document 1", "expected an object, got list"),
        ("a.yaml", b"text", "document 1", "expected an object, got string"),
        (
            "a.yaml",
            b"a: !!python/none 1",
            "document 1",
            f"{YAML}: could not determine a constructor for the tag 'tag:yaml.org,2002:python/none' (line 1, column 4)",
        ),
        (
            "a.gz",
            gzip.compress(b"x", mtime=0)[:-3],
            "",
            "the gzip data is damaged: Compressed file ended before the end-of-stream marker was reached",
        ),
    ],
)
def test_a_file_is_refused(tmp_path: Path, name: str, content: bytes, position: str, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidObjects) as caught:
        load([path])
    found = [problem for problem in caught.value.problems if problem.field == ""]
    assert found == [Problem(str(path), position, "", reason)]


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    path = tmp_path / "bomb.yaml"
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    path.write_text("\n".join(["a0: &a0 [x]", *lines]))
    with pytest.raises(InvalidObjects) as caught:
        load([path])
    reason = "malformed YAML: its aliases blow it up beyond all bounds"
    assert list(caught.value.problems) == [Problem(str(path), "document 1", "", reason)]


def test_a_broken_document_does_not_hide_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: [\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\n")
    objects = load([path], skip_invalid=True)
    assert [each.metadata.name for each in objects.nodes] == ["n"]
    assert [problem.object for problem in objects.skipped] == ["document 1"]


def test_missing_files_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("x")
    with pytest.raises(InvalidObjects) as caught:
        load([tmp_path / "missing.json", tmp_path / "empty"])
    assert list(caught.value.problems) == [
        Problem(str(tmp_path / "missing.json"), "", "", "cannot be read: No such file or directory"),
        Problem(str(tmp_path / "empty"), "", "", "the folder holds no .json, .yaml or .yml files"),
    ]
