"""``performance-config.yaml`` files to jobs: decoded strictly, parameters put in, templates read.

A job is one workload of one test case, ready to run. Everything that is wrong is found before anything runs, and named
by file, test case, operation and field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from bench.scheduler_perf.objects import ObjectTemplate
from bench.scheduler_perf.params import Params, resolve
from bench.scheduler_perf.types import (
    NOT_SUPPORTED,
    AnyOperation,
    Case,
    CreatePods,
    CreatePodSets,
    StopCollectingMetrics,
    ThresholdMetricSelector,
    Workload,
)
from bench.scheduler_perf.wire import with_wire_names
from sched_core import InvalidObjects, Problem
from sched_core.objects.yaml_loader import KubernetesLoader

BUCKETS = ("Average", "Perc50", "Perc90", "Perc95", "Perc99")
_AT = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_KINDS_OF_PATHS = {
    "node_template_path": "Node",
    "namespace_template_path": "Namespace",
    "pod_template_path": "Pod",
    "persistent_volume_template_path": "PersistentVolume",
    "persistent_volume_claim_template_path": "PersistentVolumeClaim",
    "template_path": "",
}


class Job(NamedTuple):
    """One workload of one test case, with everything put in."""

    file: Path
    topic: str
    """The folder of the file, as upstream's results name it: without underscores."""
    case: Case
    workload: Workload
    operations: tuple[AnyOperation, ...]
    """With numbers for parameters, and a ``createPods`` for each set of ``createPodSets``."""
    templates: dict[str, ObjectTemplate]
    """By path as it stands in the file."""

    @property
    def name(self) -> str:
        """Return ``TestCase/Workload``."""
        return f"{self.case.name}/{self.workload.name}"

    @property
    def labels(self) -> frozenset[str]:
        """Return the labels of workload and test case."""
        return frozenset(self.case.labels + self.workload.labels)

    @property
    def gates(self) -> dict[str, bool]:
        """Return the feature gates that are set, those of the workload last."""
        return {**self.case.feature_gates, **self.workload.feature_gates}

    @property
    def threshold(self) -> float:
        """Return what must be exceeded, in the unit of the selected metric; 0: nothing."""
        threshold = self.workload.threshold
        return threshold.get(self.topic, 0.0) if isinstance(threshold, dict) else threshold

    @property
    def selector(self) -> ThresholdMetricSelector:
        """Return what the threshold is for."""
        return (
            self.workload.threshold_metric_selector
            or self.case.default_threshold_metric_selector
            or ThresholdMetricSelector()
        )


class _Refused(Exception):
    """A field that cannot be used; ``where`` is its path within the test case."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(reason)
        self.where, self.reason = where, reason


def read(files: Sequence[Path]) -> list[Job]:
    """Read files of test cases into jobs, in their order. Raises InvalidObjects with everything that is wrong."""
    jobs: list[Job] = []
    problems: list[Problem] = []
    for file in files:
        topic = file.resolve().parent.name.replace("_", "")
        templates: dict[str, ObjectTemplate] = {}
        for case in _cases(file, problems):
            for workload in case.workloads:
                where = f"{case.name}/{workload.name}"
                try:
                    jobs.append(Job(file, topic, case, workload, _operations(case, workload), templates))
                    _check(jobs[-1])
                    _read_templates(jobs[-1], templates)
                except _Refused as refused:
                    problems.append(Problem(str(file), where, refused.where, refused.reason))
                except InvalidObjects as error:
                    problems += [each for each in error.problems if each not in problems]
    if problems:
        raise InvalidObjects(problems)
    return jobs


def _cases(file: Path, problems: list[Problem]) -> Iterator[Case]:
    """Decode the test cases of a file; what is wrong goes to ``problems``."""
    try:
        loaded = yaml.load(file.read_text(encoding="utf-8"), KubernetesLoader)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(str(file), "", "", f"cannot be read: {getattr(error, 'strerror', None) or error}"))
        return
    except yaml.YAMLError as error:
        problems.append(Problem(str(file), "", "", f"malformed YAML: {' '.join(str(error).split())}"))
        return
    if not isinstance(loaded, list) or not loaded:
        problems.append(Problem(str(file), "", "", "holds no list of test cases"))
        return
    names: set[str] = set()
    for number, value in enumerate(loaded):
        name = value.get("name") if isinstance(value, dict) else None
        label = name if isinstance(name, str) and name else f"test case {number}"
        try:
            case = _case(value)
            if case.name in names:
                raise _Refused("name", "is the name of an earlier test case")
        except _Refused as refused:
            problems.append(Problem(str(file), label, refused.where, refused.reason))
            continue
        names.add(case.name)
        yield case


def _case(value: Any) -> Case:
    if isinstance(value, dict):
        operations = next((item for key, item in value.items() if str(key).lower() == "workloadtemplate"), None)
        for index, operation in enumerate(operations if isinstance(operations, list) else []):
            _decode(operation, AnyOperation, f"workloadTemplate[{index}]")
    case: Case = _decode(value, Case, "")
    if not case.workload_template:
        raise _Refused("workloadTemplate", "has no operations")
    if not case.workloads:
        raise _Refused("workloads", "has no workloads")
    names = [workload.name for workload in case.workloads]
    for name in names:
        if names.count(name) > 1:
            raise _Refused("workloads", f"two workloads are called {name!r}")
    return case


def _decode(value: Any, shape: Any, where: str) -> Any:
    """Decode a part of a test case; an unknown opcode or field is refused by name."""
    if isinstance(value, dict) and shape == AnyOperation:
        opcode = next((item for key, item in value.items() if str(key).lower() == "opcode"), None)
        if opcode in NOT_SUPPORTED:
            raise _Refused(f"{where}.opcode", f"{opcode!r} is not supported: it needs resource claims")
    try:
        return msgspec.convert(with_wire_names(value, shape), shape)
    except msgspec.ValidationError as error:
        match = _AT.match(str(error))
        assert match is not None
        path = ".".join(part for part in (where, match[2] or "") if part).replace(".[", "[")
        reason = match[1]
        if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", reason, re.DOTALL):
            raise _Refused(f"{path}.{unknown[1]}".lstrip("."), "unknown field") from None
        if unknown := re.fullmatch(r"Invalid value '(.*)'", reason, re.DOTALL):
            raise _Refused(path, f"unknown opcode {unknown[1]!r}") from None
        raise _Refused(path, reason[:1].lower() + reason[1:]) from None


def _operations(case: Case, workload: Workload) -> tuple[AnyOperation, ...]:
    """Put the parameters of a workload into the operations, and unroll the sets of pods."""
    params = Params(workload.params)
    unrolled: list[AnyOperation] = []
    for index, operation in enumerate(case.workload_template):
        try:
            resolved = resolve(operation, params)
            if not isinstance(resolved, CreatePodSets):
                unrolled.append(resolved)
                continue
            pods = resolve(resolved.create_pods_op, params)
            assert isinstance(pods, CreatePods)
            names = [f"{resolved.namespace_prefix}-{number}" for number in range(resolved.count or 0)]
            unrolled += [msgspec.structs.replace(pods, namespace=name) for name in names]
        except ValueError as error:
            field, _, reason = str(error).partition(": ")
            raise _Refused(f"workloadTemplate[{index}].{field}", reason) from None
    if unused := params.unused():
        raise _Refused("params", f"{', '.join(unused)}: no operation uses {'it' if len(unused) == 1 else 'them'}")
    return tuple(unrolled)


def _check(job: Job) -> None:
    measured = any(
        isinstance(each, StopCollectingMetrics) or (isinstance(each, CreatePods) and each.collect_metrics)
        for each in job.operations
    )
    if not measured:
        raise _Refused("workloadTemplate", "no operation collects metrics")
    if job.threshold < 0:
        raise _Refused("threshold", f"{job.threshold:g} is negative")
    if job.selector.name != "SchedulingThroughput":
        raise _Refused("thresholdMetricSelector.name", f"{job.selector.name!r} is not collected here")
    if job.selector.data_bucket not in BUCKETS:
        raise _Refused("thresholdMetricSelector.dataBucket", f"is none of {', '.join(BUCKETS)}")


def _read_templates(job: Job, templates: dict[str, ObjectTemplate]) -> None:
    paths = [(job.case.default_pod_template_path, "Pod")]
    for operation in job.operations:
        paths += [(getattr(operation, name, None), kind) for name, kind in _KINDS_OF_PATHS.items()]
        paths += [(path, "") for path in getattr(operation, "template_paths", ())]
    for path, kind in paths:
        if path and path not in templates:
            templates[path] = ObjectTemplate.from_file(job.file.parent / path, kind)
