"""Files of test cases: parameters put in, and everything that is wrong named by file, case, operation and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scheduler_perf.read import Job, read
from bench.scheduler_perf.types import CreateAny, CreateNodes, CreatePods, Sleep
from sched_core import InvalidObjects
from tests.bench.scheduler_perf.files import BASIC, POD, job, write

OPERATIONS = """\
- {opcode: createNodes, countParam: $nodes}
- {opcode: createPods, countParam: $pods, collectMetrics: true}
"""


def problems(file: Path) -> list[str]:
    """Return what is wrong with a file that must be refused, without the name of the file."""
    with pytest.raises(InvalidObjects) as refused:
        read([file])
    return [str(problem).removeprefix(f"{file}: ") for problem in refused.value.problems]


def test_parameters_take_the_place_of_their_names(tmp_path: Path) -> None:
    found = job(tmp_path, OPERATIONS, tail="    params: {nodes: 5, pods: 7.0}\n")
    assert found.operations == (
        CreateNodes(count=5, count_param="$nodes"),
        CreatePods(count=7, count_param="$pods", collect_metrics=True),
    )


def test_fields_may_be_written_in_any_case(tmp_path: Path) -> None:
    found = job(tmp_path, OPERATIONS.replace("countParam", "CountParam"), tail="    Params: {nodes: 5, pods: 7}\n")
    assert [operation.count for operation in found.operations if isinstance(operation, CreateNodes)] == [5]


def test_sets_of_pods_are_unrolled_before_operations_are_counted(tmp_path: Path) -> None:
    operations = """\
- {opcode: createPodSets, countParam: $sets, namespacePrefix: ns, createPodsOp: {opcode: createPods, countParam: $each}}
- {opcode: createPods, count: 1, collectMetrics: true}
"""
    found = job(tmp_path, operations, tail="    params: {sets: 3, each: 2}\n")
    assert [operation.namespace for operation in found.operations if isinstance(operation, CreatePods)] == [
        "ns-0", "ns-1", "ns-2", None,
    ]  # fmt: skip


def test_counts_default_to_one_object_of_any_kind_and_to_no_pods(tmp_path: Path) -> None:
    operations = """\
- {opcode: createAny, templatePath: node.yaml}
- {opcode: createPods, collectMetrics: true}
- {opcode: sleep, durationParam: $wait}
"""
    found = job(tmp_path, operations, tail="    params: {wait: 1m30s}\n")
    assert found.operations == (
        CreateAny(count=1, template_path="node.yaml"),
        CreatePods(count=0, collect_metrics=True),
        Sleep(duration="1m30s", duration_param="$wait"),
    )


def thresholds(folder: Path, text: str) -> Job:
    folder.mkdir(exist_ok=True)
    return job(folder, "- {opcode: createPods, collectMetrics: true}", tail=f"    {text}\n")


def test_thresholds_are_a_number_or_one_for_each_topic(tmp_path: Path) -> None:
    topic = tmp_path / "event_handling"
    assert thresholds(topic, "threshold: 270").threshold == 270
    assert thresholds(topic, "threshold: {eventhandling: 12.5, misc: 3}").threshold == 12.5
    assert thresholds(topic, "threshold: {misc: 3}").threshold == 0
    assert thresholds(topic, "labels: [a]").threshold == 0
    assert thresholds(topic, "labels: [a]").topic == "eventhandling"


def test_the_selector_of_the_workload_counts_before_that_of_the_case(tmp_path: Path) -> None:
    selector = "{name: SchedulingThroughput, dataBucket: Perc50}"
    operations = "- {opcode: createPods, collectMetrics: true}"
    head = f"  defaultThresholdMetricSelector: {selector}\n"
    assert job(tmp_path, operations).selector.data_bucket == "Average"
    assert job(tmp_path, operations, head=head).selector.data_bucket == "Perc50"
    own = f"    thresholdMetricSelector: {selector.replace('Perc50', 'Perc99')}\n"
    assert job(tmp_path, operations, head=head, tail=own).selector.data_bucket == "Perc99"


def test_gates_of_the_workload_come_over_those_of_the_case(tmp_path: Path) -> None:
    operations = "- {opcode: createPods, collectMetrics: true}"
    head = "  featureGates: {A: true, B: true}\n"
    assert job(tmp_path, operations, head=head, tail="    featureGates: {B: false}\n").gates == {"A": True, "B": False}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("nodeTemplatePath: node.yaml", "nodeColour: red", "Basic: workloadTemplate[0].nodeColour: unknown field"),
        ("opcode: createNodes", "opcode: eatNodes", "Basic: workloadTemplate[0].opcode: unknown opcode 'eatNodes'"),
        (
            "opcode: createNodes",
            "opcode: createResourceDriver",
            "Basic: workloadTemplate[0].opcode: 'createResourceDriver' is not supported: it needs resource claims",
        ),
        ("opcode: createNodes, ", "", "Basic: workloadTemplate[0]: object missing required field `opcode`"),
        ("collectMetrics: true", "collectMetrics: 3", "workloadTemplate[1].collectMetrics: expected `bool`, got `int`"),
        ("countParam: $pods", "countParam: pods", "Basic/tiny: workloadTemplate[1].countParam: 'pods' does not begin"),
        ("params: {nodes: 2, pods: 8}", "params: {nodes: 2}", "the workload has no parameter 'pods'"),
        ("pods: 8}", "pods: many}", "parameter 'pods' is 'many', not of the type int"),
        ("pods: 8}", "pods: -8}", "workloadTemplate[1].count: -8 is negative"),
        ("pods: 8}", "pods: 8, more: 1}", "Basic/tiny: params: more: no operation uses it"),
        ("collectMetrics: true", "skipWaitToCompletion: true", "workloadTemplate: no operation collects metrics"),
        (
            "collectMetrics: true",
            "collectMetrics: true, skipWaitToCompletion: true",
            "workloadTemplate[1].collectMetrics: does not go with skipWaitToCompletion",
        ),
        ("collectMetrics: true", "collectMetrics: true, steadyState: true", "steadyState: is not supported"),
        (
            "collectMetrics: true",
            "collectMetrics: true, persistentVolumeTemplatePath: pv.yaml",
            "needs persistentVolumeClaimTemplatePath",
        ),
        ("labels: [performance, short]", "threshold: -1", "Basic/tiny: threshold: -1 is negative"),
        ("labels: [performance, short]", "threshold: fast", "Basic: workloads[0].threshold: expected"),
        (
            "labels: [performance, short]",
            "thresholdMetricSelector: {name: heap_memory_usage}",
            "thresholdMetricSelector.name: 'heap_memory_usage' is not collected here",
        ),
        (
            "labels: [performance, short]",
            "thresholdMetricSelector: {dataBucket: Perc42}",
            "thresholdMetricSelector.dataBucket: is none of Average, Perc50",
        ),
        ("labels: [performance, short]", "colour: red", "Basic: workloads[0].colour: unknown field"),
        ("defaultPodTemplatePath: pod.yaml", "defaultPodTemplatePath: gone.yaml", "gone.yaml: cannot be read: No such"),
        ("defaultPodTemplatePath: pod.yaml", "defaultPodTemplatePath: node.yaml", "'Node' where 'Pod' is expected"),
        ("  workloads:\n", "  workloads: []\n  labels:\n", "Basic: labels[0]: expected `str`, got `object`"),
        ("- name: Basic", "- nam: Basic", "test case 0: nam: unknown field"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in BASIC
    (problem,) = problems(write(tmp_path, BASIC.replace(old, new)))
    assert expected in problem


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("{opcode: churn, mode: shake, templatePaths: [pod.yaml]}", "[0].mode: invalid enum value 'shake'"),
        ("{opcode: churn, mode: recreate, templatePaths: [pod.yaml]}", "[0].number: is needed with mode 'recreate'"),
        ("{opcode: churn, mode: create, number: -1, templatePaths: [pod.yaml]}", "[0].number: -1 is negative"),
        ("{opcode: churn, mode: create, templatePaths: []}", "[0].templatePaths: is empty"),
        ("{opcode: createAny}", "[0].templatePath: is missing"),
        ("{opcode: updateAny, templatePath: pod.yaml, updatePerSecond: -1}", "[0].updatePerSecond: -1 is negative"),
        ("{opcode: updateAny, templatePath: pod.yaml, subresources: [scale]}", "scale is not supported: only resize"),
        ("{opcode: deletePods, deletePodsPerSecond: -1}", "[0].deletePodsPerSecond: -1 is negative"),
        ("{opcode: startCollectingMetrics}", "[0].namespaces: is empty"),
        ("{opcode: barrier, stageRequirement: Eaten}", "[0].stageRequirement: invalid enum value 'Eaten'"),
        ("{opcode: sleep, duration: 5}", "[0].duration: expected `str`, got `int`"),
        ("{opcode: sleep, duration: soon}", '[0].duration: time: invalid duration "soon"'),
        (
            "{opcode: createPodSets, count: 1, createPodsOp: {opcode: createPods, countParam: x}}",
            "[0].countParam: 'x' does not begin with $",
        ),
    ],
)
def test_what_an_operation_needs_is_checked(tmp_path: Path, operation: str, expected: str) -> None:
    with pytest.raises(InvalidObjects) as refused:
        job(tmp_path, f"- {operation}\n- {{opcode: createPods, collectMetrics: true}}")
    (problem,) = refused.value.problems
    assert expected in str(problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds no list of test cases"),
        ("a: 1", "holds no list of test cases"),
        ("- [", "malformed YAML"),
        ("- 3", "test case 0: expected `object`, got `int`"),
        ("- {name: A, workloadTemplate: [], workloads: []}", "A: workloadTemplate: has no operations"),
        (BASIC + BASIC, "Basic: name: is the name of an earlier test case"),
        (
            BASIC + "  - name: tiny\n    params: {nodes: 1, pods: 1}\n",
            "Basic: workloads: two workloads are called 'tiny'",
        ),
    ],
)
def test_what_is_wrong_with_a_file_as_a_whole(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(write(tmp_path, text)))


def test_a_template_is_checked_as_every_object_is(tmp_path: Path) -> None:
    (problem,) = problems(write(tmp_path, pod=POD.replace("cpu: 1", "cpu: -1")))
    assert problem.endswith("spec.containers[0].resources.requests[cpu]: -1 is negative")
    (problem,) = problems(write(tmp_path, pod=POD.replace("spec:", "spec:\n  colour: red")))
    assert problem.endswith("spec.colour: unknown field")
    (problem,) = problems(write(tmp_path, pod=POD.replace("v1", "v2")))
    assert "'v2' is not supported for Pod: only v1" in problem
    (problem,) = problems(write(tmp_path, pod=POD.replace("kind: Pod", "kind: Pond")))
    assert "kind: 'Pond' is none of Pod, Node" in problem


def test_all_problems_of_all_files_are_reported_together(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    files = [write(first, BASIC.replace("$pods", "pods")), write(second, BASIC.replace("short]", "3]"))]
    with pytest.raises(InvalidObjects) as refused:
        read(files)
    assert [problem.file for problem in refused.value.problems] == [str(file) for file in files]
