"""Tables of pods and nodes: units, mappings, kinds of files, and every fault with file, line and column."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from bench.traces.fields import NODE_FIELDS, POD_FIELDS, Mapped, read_mapping
from bench.traces.load import load_nodes, load_trace, mapping
from bench.traces.read import read_nodes, read_pods
from bench.traces.trace import NodeShape, PodShape
from sched_core import InvalidObjects

HEADER = "name,cpu,memory,gpu,created,deleted\n"
OPENB = "n,cpu_milli,memory_mib,num_gpu,gpu_milli"
PODS = HEADER + "b,0.5,1024,0,20,50\na,2,2048,0.25,10,\nc,0.5,1024,0,20,20\n"


def write(tmp_path: Path, text: str | bytes, name: str = "pods.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(path: Path, mapped: Mapped | None = None) -> list[str]:
    with pytest.raises(InvalidObjects) as caught:
        read_pods(path, mapped)
    return [str(problem).removeprefix(f"{path.parent}/") for problem in caught.value.problems]


def test_pods_come_in_the_order_of_their_creation_with_few_shapes(tmp_path: Path) -> None:
    trace = read_pods(write(tmp_path, PODS))
    assert list(trace.names) == ["a", "b", "c"]
    assert trace.created_s.tolist() == [0, 10, 10]
    assert trace.deleted_s.tolist() == [np.inf, 40, 10]
    assert [trace.shapes[each] for each in trace.shape_of] == [
        PodShape(2000, 2048, 1, 250),
        PodShape(500, 1024),
        PodShape(500, 1024),
    ]
    assert len(trace.shapes) == 2


@pytest.mark.parametrize(
    ("columns", "cells", "maps", "expected"),
    [
        ("n,c,m", "x,150,3", ("cpu=c:percent", "memory=m:GiB"), PodShape(1500, 3 << 30)),
        ("n,c,m", "x,0.25,0.5", ("cpu=c:64", "memory=m:1073741824"), PodShape(16_000, 1 << 29)),
        ("n,c,m", "x,1e-1,1.5", ("cpu=c", "memory=m:kB"), PodShape(100, 1500)),
        ("n,c,m,g", "x,1,1,50", ("cpu=c", "memory=m", "gpu=g:percent"), PodShape(1000, 1, 1, 500)),
        ("n,c,m,g", "x,1,1,200", ("cpu=c", "memory=m", "gpu=g:percent"), PodShape(1000, 1, 2, 1000)),
        ("n,c,m,g", "x,0.0001,0.1,", ("cpu=c", "memory=m", "gpu=g"), PodShape(1, 1)),
        (f"{OPENB},gpu_spec", "x,7,1,1,460,A|B", (), PodShape(7, 1 << 20, 1, 460, ("A", "B"))),
        (f"{OPENB},gpu_spec", "x,7,1,0,460,A", (), PodShape(7, 1 << 20)),
        (OPENB, "x,7,1,4,1000", (), PodShape(7, 1 << 20, 4, 1000)),
    ],
)  # fmt: skip
def test_units_and_mappings(
    tmp_path: Path, columns: str, cells: str, maps: tuple[str, ...], expected: PodShape
) -> None:
    where = dict(read_mapping(text, POD_FIELDS, "--map") for text in ("name=n", *maps))
    trace = read_pods(write(tmp_path, f"{columns}\n{cells}\n"), where)
    assert (trace.shapes, list(trace.names)) == ([expected], ["x"])


def test_times_are_numbers_or_dates_and_a_duration_will_do(tmp_path: Path) -> None:
    text = "cpu,memory,created,duration\n1,1,2026-01-01T00:00:10Z,5\n1,1,2026-01-01 00:00:00,\n1,1,1767225620,0\n"
    trace = read_pods(write(tmp_path, text))
    assert trace.created_s.tolist() == [0, 10, 20]
    assert trace.deleted_s.tolist() == [np.inf, 15, 20]
    assert list(trace.names) == ["pod-0000001", "pod-0000000", "pod-0000002"]


def test_a_list_without_times_comes_at_once_and_stays(tmp_path: Path) -> None:
    trace = read_pods(write(tmp_path, "name,cpu,memory\nb,1,1\na,1,1\n"))
    assert list(trace.names) == ["b", "a"]
    assert (trace.created_s.tolist(), trace.deleted_s.tolist()) == ([0, 0], [np.inf, np.inf])


def test_windows_line_ends_a_byte_order_mark_and_gzip(tmp_path: Path) -> None:
    plain = read_pods(write(tmp_path, PODS))
    windows = b"\xef\xbb\xbf" + PODS.replace("\n", "\r\n").encode() + b"\r\n"
    for path in (write(tmp_path, windows, "w.csv"), write(tmp_path, gzip.compress(windows), "w.csv.gz")):
        trace = read_pods(path)
        assert (list(trace.names), trace.shapes) == (list(plain.names), plain.shapes)


def test_json_lines_have_the_same_columns_also_deeper_ones(tmp_path: Path) -> None:
    lines = [
        {"id": "a", "ask": {"cpu": 2, "mem": "4"}, "t": 5},
        {"id": "b", "ask": {"cpu": 1.5, "mem": 4}, "t": 0, "gone": 9},
    ]
    text = "".join(json.dumps(line) + "\r\n" for line in lines)
    where = mapping(("name=id", "cpu=ask.cpu", "memory=ask.mem:MiB", "created=t", "deleted=gone")).pods
    trace = load_trace(write(tmp_path, text, "pods.jsonl"), where)
    assert list(trace.names) == ["b", "a"]
    assert trace.deleted_s.tolist() == [9, np.inf]
    assert trace.shapes[trace.shape_of[0]] == PodShape(1500, 4 << 20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "pods.csv: is empty"),
        ("\n\n", "pods.csv: is empty"),
        (HEADER, "pods.csv: has a header and no lines"),
        (b"\xff\xfe\x00", "pods.csv: is not UTF-8 text"),
        (b"\x1f\x8b\x00\x00", "pods.csv: the gzip data is damaged"),
        ("name,memory\nx,1\n", "pods.csv: line 1: column cpu: is missing (or map cpu); the header has name, memory"),
        (
            "name,cpu,memory,deleted\nx,1,1,5\n",
            "pods.csv: line 1: column creation_time: is missing (or map created), though it says when pods go",
        ),
        (PODS + "d,many,1,0,1,2\n", 'pods.csv: line 5: column cpu: "many" is not a number'),
        (PODS + "d,nan,1,0,1,2\n", 'pods.csv: line 5: column cpu: "nan" is not a number'),
        (PODS + "d,,1,0,1,2\n", 'pods.csv: line 5: column cpu: "" is not a number'),
        (PODS + "d,1_0,1,0,1,2\n", 'pods.csv: line 5: column cpu: "1_0" is not a number'),
        (PODS + "d,1,-1,0,1,2\n", 'pods.csv: line 5: column memory: "-1" is negative'),
        (PODS + "d,1,1e99,0,1,2\n", 'pods.csv: line 5: column memory: "1e99" is more than 1.1259e+15'),
        (PODS + "d,1,1,1.5,1,2\n", "pods.csv: line 5: column gpu: is neither a part of a device nor whole devices"),
        (PODS + "d,1,1,0,-3,2\n", 'pods.csv: line 5: column created: "-3" is negative'),
        (PODS + "d,1,1,0,soon,2\n", 'pods.csv: line 5: column created: "soon" is neither a number nor a date'),
        (PODS + "d,1,1,0,5,2\n", "pods.csv: line 5: column deleted: lies before the created of the line"),
        (PODS + "a,1,1,0,5,6\n", 'pods.csv: line 5: column name: "a" stands on line 3 already'),
        (PODS + ",1,1,0,5,6\n", 'pods.csv: line 5: column name: "" is not a name of at most 253 characters'),
        (PODS + "d,1,1\n", "pods.csv: line 5: has 3 cells, the header has 6"),
        (PODS + '"d,1,1\n', "pods.csv: line 5: is not CSV: unexpected end of data"),
        (PODS.replace("\n", "\r\n") + "d,x,1,0,5,6\r\n", 'pods.csv: line 5: column cpu: "x" is not a number'),
    ],
)  # fmt: skip
def test_faults_name_file_line_and_column(tmp_path: Path, text: str | bytes, expected: str) -> None:
    (problem,) = problems(write(tmp_path, text))
    assert problem.startswith(expected)


def test_a_fault_in_a_million_cells_is_found_where_cells_differ(tmp_path: Path) -> None:
    good = "".join(f"p{number},1,1,{number}\n" for number in range(40_000))
    path = write(tmp_path, "name,cpu,memory,created\n" + good + "x,1,1,-7\n" + "y,1,1,9999999999999\n")
    assert [problem.partition(": ")[2] for problem in problems(path)] == [
        'line 40002: column created: "-7" is negative',
        'line 40003: column created: "9999999999999" is more than 1e+12',
    ]


def test_of_many_faults_the_first_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    found = problems(write(tmp_path, HEADER + "".join(f"p{number},x,1,0,1,2\n" for number in range(1000))))
    assert len(found) == 201
    assert found[-1] == "pods.csv: has 800 more problems"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1]\n", "pods.jsonl: line 1: is not a JSON object"),
        ('{"cpu": 1, "memory": 1}\n\n{"cpu": 1\n', "pods.jsonl: line 3: is not a JSON object"),
        ('{"cpu": true, "memory": 1}\n', 'pods.jsonl: line 1: column cpu: "True" is not a number'),
        ('{"cpu": null, "memory": 1}\n', 'pods.jsonl: line 1: column cpu: "" is not a number'),
        ('{"memory": 1}\n', "pods.jsonl: line 1: column cpu: is missing"),
        ("\n", "pods.jsonl: is empty"),
    ],
)
def test_faults_of_json_lines(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(write(tmp_path, text, "pods.jsonl"))
    assert problem.startswith(expected)


def test_nodes_with_a_count_stand_for_many(tmp_path: Path) -> None:
    text = "name,cpu,memory,gpu,model,count\nbig,64,1024,8,A100,2\nsmall,4,512,0,,1\n"
    nodes = read_nodes(write(tmp_path, text), dict([read_mapping("memory=memory:GiB", NODE_FIELDS, "--map")]))
    assert nodes.names == ["big-0", "big-1", "small"]
    assert [nodes.shapes[each] for each in nodes.shape_of] == [
        NodeShape(64_000, 1 << 40, 8, "A100"),
        NodeShape(64_000, 1 << 40, 8, "A100"),
        NodeShape(4000, 512 << 30),
    ]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("n,1,1,0.5,,1", "line 2: column gpu: a node has whole devices"),
        ("n,1,1,0,,1.5", "line 2: column count: is not a whole number"),
        ("n,1,1,0,a b,1", 'line 2: column model: "a b" is not a list of label values'),
    ],
)
def test_faults_of_nodes(tmp_path: Path, cells: str, expected: str) -> None:
    with pytest.raises(InvalidObjects, match=expected):
        read_nodes(write(tmp_path, f"name,cpu,memory,gpu,model,count\n{cells}\n"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cpu", "is not FIELD=COLUMN"),
        ("cores=x", "is not FIELD=COLUMN"),
        ("cpu=", "names no column"),
        ("cpu=x:furlongs", 'has no unit "furlongs"; units are cores, milli, percent, or a number'),
        ("cpu=x:-1", 'has no unit "-1"'),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidObjects) as caught:
        mapping((text,))
    assert reason in str(caught.value)


def test_a_mapped_column_has_to_be_there(tmp_path: Path) -> None:
    (problem,) = problems(write(tmp_path, PODS), mapping(("cpu=cores",)).pods)
    assert problem.startswith("pods.csv: line 1: column cores: is missing (mapped to cpu); the header has name, cpu")


def test_a_mapping_file_says_the_same_and_options_go_on_top(tmp_path: Path) -> None:
    path = write(tmp_path, "pods: {cpu: 'a:milli', memory: b}\nnodes: {gpu: g}\n", "map.yaml")
    found = mapping(("cpu=c:percent", "node.memory=m:GiB"), path)
    assert (found.pods["cpu"].column, found.pods["cpu"].factor) == ("c", 10)
    assert (found.pods["memory"].column, found.nodes["gpu"].column) == ("b", "g")
    assert (found.nodes["memory"].column, found.nodes["memory"].factor) == ("m", 2**30)


@pytest.mark.parametrize("text", ["- a\n", "pod: {}\n", "pods: [a]\n", "pods: {cpu: 3}\n", "a: b: c\n"])
def test_a_mapping_file_with_something_else_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidObjects, match=r"map\.yaml"):
        mapping((), write(tmp_path, text, "map.yaml"))


def test_nothing_but_nodes_has_no_pods(tmp_path: Path) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "4"}}}
    path = write(tmp_path, json.dumps(node), "cluster.json")
    assert load_nodes(path).names == ["n"]
    with pytest.raises(InvalidObjects, match="has no pods"):
        load_trace(path)


def test_a_large_file_is_read_at_millions_of_lines_a_minute(tmp_path: Path) -> None:
    lines = "".join(f"p{number},{number % 7 + 1},1024,{number}.5,{number + 9}.25\r\n" for number in range(50_000))
    path = write(tmp_path, "name,cpu,memory,created,deleted\r\n" + lines)
    began = process_time()
    assert read_pods(path).count == 50_000
    assert process_time() - began < 5  # 0.3 s; a way that takes minutes for a million lines fails
