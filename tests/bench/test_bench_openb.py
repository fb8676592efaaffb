"""The reader of lists in the openb format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.workloads import openb
from sched_core import InvalidObjects

NODE_HEADER = "sn,cpu_milli,memory_mib,gpu,model\n"
POD_HEADER = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos\n"
NODES = NODE_HEADER + "n0,64000,262144,2,P100\nn1,32000,131072,0,\nn2,64000,262144,2,P100\n"
PODS = (
    POD_HEADER
    + "p0,6000,12288,1,460,,LS\np1,12000,16384,1,1000,P100|T4,LS\np2,500,100,0,0,,BE\np3,6000,12288,1,460,,BE\n"
)


def read(tmp_path: Path, nodes: str | bytes = NODES, pods: str | bytes = PODS) -> openb.Trace:
    for name, content in (("nodes.csv", nodes), ("pods.csv", pods)):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return openb.read_trace(tmp_path / "nodes.csv", tmp_path / "pods.csv")


def problems(tmp_path: Path, nodes: str | bytes = NODES, pods: str | bytes = PODS) -> list[str]:
    with pytest.raises(InvalidObjects) as caught:
        read(tmp_path, nodes, pods)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_equal_lines_share_a_template(tmp_path: Path) -> None:
    trace = read(tmp_path)
    assert list(trace.nodes.names) == ["n0", "n1", "n2"]
    assert trace.nodes.template_of.tolist() == [0, 1, 0]
    assert trace.pods.template_of.tolist() == [0, 1, 2, 0]
    assert trace.nodes.template_of.dtype == trace.pods.template_of.dtype == np.int32


def test_resources_and_models(tmp_path: Path) -> None:
    trace = read(tmp_path)
    node, plain = trace.nodes.templates
    assert node.status.allocatable == {"cpu": "64000m", "memory": "262144Mi", "pods": "110", "nvidia.com/gpu": "2"}
    assert node.metadata.labels[openb.MODEL_LABEL] == "P100"
    assert openb.MODEL_LABEL not in plain.metadata.labels
    whole = trace.pods.templates[1].spec
    assert whole.containers[0].resources is not None
    assert whole.containers[0].resources.requests == {"cpu": "12000m", "memory": "16384Mi", "nvidia.com/gpu": "1"}
    assert whole.affinity is not None and whole.affinity.node_affinity is not None
    required = whole.affinity.node_affinity.required_during_scheduling_ignored_during_execution
    assert required is not None
    (term,) = required.node_selector_terms
    (expression,) = term.match_expressions
    assert (expression.key, expression.operator, expression.values) == (openb.MODEL_LABEL, "In", ("P100", "T4"))


def test_a_part_of_a_gpu_is_a_whole_one_and_counted(tmp_path: Path) -> None:
    trace = read(tmp_path)
    resources = trace.pods.templates[0].spec.containers[0].resources
    assert resources is not None and resources.requests["nvidia.com/gpu"] == "1"
    assert trace.shared_gpu_pods == 2


def test_what_a_pod_asks_for_of_a_gpu_is_an_annotation(tmp_path: Path) -> None:
    """Only of a part of one: 1000 and more is all of it."""
    trace = read(tmp_path, pods=POD_HEADER + "p0,1,1,1,460,,\np1,1,1,1,1000,,\np2,1,1,1,2000,,\np3,1,1,0,460,,\n")
    found = [template.metadata.annotations for template in trace.pods.templates]
    assert found == [{openb.MILLI_ANNOTATION: "460"}, {}, {}]


def test_windows_line_ends_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    nodes = b"\xef\xbb\xbf" + NODES.replace("\n", "\r\n").encode() + b"\r\n"
    assert read(tmp_path, nodes).nodes.template_of.tolist() == [0, 1, 0]


def test_columns_may_stand_in_any_order_and_gpu_spec_may_be_missing(tmp_path: Path) -> None:
    trace = read(tmp_path, pods="gpu_milli,num_gpu,name,memory_mib,cpu_milli\n0,0,p0,128,100\n")
    resources = trace.pods.templates[0].spec.containers[0].resources
    assert resources is not None and resources.requests == {"cpu": "100m", "memory": "128Mi"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x,1.5,1,0,", 'column cpu_milli: "1.5" is not a whole number'),
        ("x,,1,0,", 'column cpu_milli: "" is not a whole number'),
        ("x,1,-1,0,", 'column memory_mib: "-1" is negative'),
        ("x,1,1,99999999999999999999999,", "is more than 1099511627776"),
        ("x,1,1,٣,", "is not a whole number"),
        ("x,1,1,0,no model!", 'column model: "no model!" is not a label value'),
        ("No_Name,1,1,0,", 'column sn: "No_Name" is not the name of an object'),
        (",1,1,0,", 'column sn: "" is not the name of an object'),
        ("x,1,1,0", "has 4 cells, the header has 5"),
        ("n0,1,1,0,", 'column sn: "n0" stands on line 2 already'),
        ('"x,1,1,0,', "is not CSV"),
    ],
)
def test_faults_of_a_line(tmp_path: Path, line: str, expected: str) -> None:
    (problem,) = problems(tmp_path, NODE_HEADER + f"n0,1,1,0,\n{line}\n")
    assert problem.startswith("nodes.csv: line 3: ")
    assert expected in problem


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x,1,1,1,-1,,", 'column gpu_milli: "-1" is negative'),
        ("x,1,1,1,1000,A||B,", 'column gpu_spec: "A||B" is not a list of label values'),
    ],
)
def test_faults_of_a_pod(tmp_path: Path, line: str, expected: str) -> None:
    (problem,) = problems(tmp_path, pods=POD_HEADER + line + "\n")
    assert problem == f"pods.csv: line 2: {expected}, separated by |" or problem == f"pods.csv: line 2: {expected}"


def test_all_faults_of_a_file_are_listed(tmp_path: Path) -> None:
    found = problems(tmp_path, NODE_HEADER + "a,x,-1,0,\nb,1,1,y,\n")
    assert [problem.split(":")[1] for problem in found] == [" line 2", " line 2", " line 3"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "nodes.csv: is empty"),
        (b"\n\n", "nodes.csv: is empty"),
        (NODE_HEADER.encode(), "nodes.csv: has a header and no lines"),
        (b"\xff\xfe\x00", "nodes.csv: is not UTF-8 text"),
        (b"sn,gpu\n", "nodes.csv: line 1: column cpu_milli: is missing; the header has sn, gpu"),
    ],
)
def test_faults_of_a_file(tmp_path: Path, content: bytes, expected: str) -> None:
    assert problems(tmp_path, content)[0] == expected


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidObjects, match="No such file"):
        openb.read_trace(tmp_path / "gone.csv", tmp_path / "gone.csv")


def test_the_production_lists_are_read(shared: Path) -> None:
    folder = shared / "data" / "openb"
    trace = openb.read_trace(folder / "openb_node_list_gpu_node.csv", folder / "openb_pod_list_default.csv")
    assert (len(trace.nodes.names), len(trace.pods.names)) == (1213, 8152)
    assert trace.shared_gpu_pods > 2000
